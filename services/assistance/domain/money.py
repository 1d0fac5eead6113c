"""Money of the township's budget: a line is never overdrawn, and every step is another person's (D-5.8.1).

Amounts are fen, whole numbers above zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.policy import Label
from contracts.policy.assistance import Disbursement as Rules
from contracts.vocabulary import Actor
from services.assistance.domain.measures import Refusal

State = Literal["requested", "approved", "refused", "paid", "returned"]
Act = Literal["approve", "refuse", "pay", "return"]
HOLDS: frozenset[State] = frozenset({"approved", "paid"})
"""States in which the amount is taken from the line."""
_STEPS: Mapping[Act, tuple[frozenset[State], State]] = {
    "approve": (frozenset({"requested"}), "approved"),
    "refuse": (frozenset({"requested"}), "refused"),
    "pay": (frozenset({"approved"}), "paid"),
    "return": (frozenset({"approved", "paid"}), "returned"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A budget line of one year. `committed` is approved or paid and not returned; never above `amount`, never below 0."""

    line_id: UUID
    township: str
    year: int
    code: str
    amount: int
    committed: int
    version: int

    @property
    def left(self) -> int:
        return self.amount - self.committed


@dataclass(frozen=True, slots=True)
class Disbursement:
    """Money for one measure. `payee_reference` is finance's own reference; `trail` maps each state to who and when."""

    disbursement_id: UUID
    case_id: UUID
    case_number: str
    response_no: int
    measure_id: UUID
    township: str
    line_id: UUID
    amount: int
    payee_reference: str
    state: State
    due_at: datetime | None
    trail: Mapping[str, Mapping[str, Any]]
    reason: str | None
    requested_at: datetime
    version: int


def available(found: Disbursement, actor: Actor, rules: Rules) -> tuple[Act, ...]:
    """What this person may do with the money as it stands."""
    return tuple(act for act in _STEPS if _refusal(found, act, actor, rules) is None)


def _refusal(found: Disbursement, act: Act, actor: Actor, rules: Rules) -> Refusal | None:
    from_, _ = _STEPS[act]
    if found.state not in from_:
        return Refusal("wrong_state", Label(zh="当前状态不允许此操作", en="not in this state"))
    may = {"approve": rules.approve_by, "refuse": rules.approve_by, "pay": (rules.pay_by,), "return": (rules.pay_by,)}
    if actor.department not in may[act]:
        return Refusal("not_your_step", Label(zh="不属于您的环节", en="this step is another department's"))
    if rules.other_person_each_step and act != "return" and _acted(found, actor):
        return Refusal("second_person", Label(zh="每一环节须由不同人员办理", en="each step is another person's"))
    return None


def _acted(found: Disbursement, actor: Actor) -> bool:
    who = actor.staff or actor.account
    return who in {step["by"].get("staff") or step["by"].get("account") for step in found.trail.values()}


def act_on(
    found: Disbursement, line: Line, act: Act, actor: Actor, at: datetime, rules: Rules, reason: str | None = None
) -> tuple[Disbursement, Line] | Refusal:
    """The money and its line after the step, or why not. An approval takes the amount from the line, a return gives it
    back."""
    refusal = _refusal(found, act, actor, rules)
    if refusal is not None:
        allowed = available(found, actor, rules)
        return replace(refusal, allowed=allowed)
    if act in {"refuse", "return"} and reason is None:
        return Refusal("reason_missing", Label(zh="须说明原因", en="a reason is required"))
    if act == "approve" and found.amount > line.left:
        return Refusal(
            "line_exceeded", Label(zh="超出预算科目余额", en="more than the budget line has left"), ("refuse",)
        )
    _, state = _STEPS[act]
    trail = {**found.trail, state: {"by": actor.model_dump(), "at": at}}
    held = (state in HOLDS) - (found.state in HOLDS)
    moved = replace(line, committed=line.committed + held * found.amount) if held else line
    return replace(found, state=state, trail=trail, reason=reason, version=found.version + 1), moved


def set_amount(line: Line, amount: int) -> Line | Refusal:
    """The line with another year amount: not below what is committed."""
    if amount < line.committed:
        return Refusal("below_committed", Label(zh="不得低于已承诺金额", en="not below what is committed"))
    return replace(line, amount=amount, version=line.version + 1)
