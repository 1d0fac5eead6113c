"""The level in force: settled against a new result, and changed by people (policy `automation`, `manual_change`). Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contracts.policy import Label, Policy


@dataclass(frozen=True, slots=True)
class Settled:
    """The level in force after an assessment. Lowering is only ever proposed (policy `automation`)."""

    level: str
    change: Literal["raised", "unchanged", "lowering_proposed"]


def settle_level(in_force: str, computed: str, policy: Policy) -> Settled:
    """A higher computed level takes force at once; a lower one is a proposal for two persons."""
    difference = policy.rank(computed) - policy.rank(in_force)
    if difference > 0:
        return Settled(computed, "raised")
    return Settled(in_force, "lowering_proposed" if difference < 0 else "unchanged")


def is_rescreen_month(on: date, policy: Policy) -> bool:
    """Whether the township-wide rescreen of all open cases falls into this month (policy `reassessment.batch`)."""
    return on.month in policy.risk.reassessment.batch.months


# Level changes people ask for ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as far as the rule needs them."""

    account: str
    department: str | None
    posts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LevelRequest:
    """A person asks for another level. `fired` are the rules that hold now; `approver` is the second person, if any.

    `propose_only`: the proposal is checked before a second person is asked. `within_step_limit`: the current step's
    deadline has not passed.
    """

    current: str
    wanted: str
    fired: frozenset[str]
    proposer: Person
    approver: Person | None = None
    has_reason: bool = False
    has_best_interest_note: bool = False
    child_seen: bool = False
    within_step_limit: bool = False
    conflict_units: frozenset[str] = frozenset()
    propose_only: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """The change may take effect (or, with `propose_only`, be put to the second person)."""

    level: str
    direction: Literal["raise", "lower"]


@dataclass(frozen=True, slots=True)
class Refused:
    """The change is not allowed: the rule that forbids it and its text."""

    rule: str
    reason: Label


SUPERVISOR_POST, SUPERVISING_DEPARTMENT = "civil_affairs_supervisor", "civil_affairs"


def decide_level_change(request: LevelRequest, policy: Policy) -> Allowed | Refused:
    """Manual change (policy `risk.manual_change`): raising is free, lowering is narrow; the first refusal wins."""
    if request.wanted not in policy.ranks or request.current not in policy.ranks:
        return Refused("unknown_level", Label(zh="没有这个等级", en="There is no such level."))
    difference = policy.rank(request.wanted) - policy.rank(request.current)
    if difference == 0:
        return Refused("unchanged", Label(zh="等级没有变化", en="The level is already that."))
    if difference > 0:
        return Allowed(request.wanted, "raise")
    for rule, refuses, reason in _LOWERING_RULES:
        if refuses(request, policy):
            return Refused(rule, reason)
    return Allowed(request.wanted, "lower")


def _too_many_levels(request: LevelRequest, policy: Policy) -> bool:
    steps = policy.rank(request.current) - policy.rank(request.wanted)
    return steps > policy.risk.manual_change.lower.levels_at_once


def _below_an_override(request: LevelRequest, policy: Policy) -> bool:
    return any(
        rule.id in request.fired and policy.rank(request.wanted) < policy.rank(rule.to)
        for rule in policy.risk.overrides
    )


def _by_a_conflicted_unit(request: LevelRequest, _: Policy) -> bool:
    persons = [person for person in (request.proposer, request.approver) if person is not None]
    return any(person.department in request.conflict_units for person in persons)


def _alone(request: LevelRequest, _: Policy) -> bool:
    if request.propose_only:
        return False
    return request.approver is None or request.approver.account == request.proposer.account


def _not_by_the_supervisor(request: LevelRequest, _: Policy) -> bool:
    """The second person is the civil affairs supervisor; another post of that name elsewhere does not count."""
    approver = request.approver
    if request.propose_only or approver is None:
        return False
    return approver.department != SUPERVISING_DEPARTMENT or SUPERVISOR_POST not in approver.posts


_LOWERING_RULES: tuple[tuple[str, Callable[[LevelRequest, Policy], bool], Label], ...] = (
    (
        "conflicted_unit",
        _by_a_conflicted_unit,
        Label(zh="利益冲突单位的人员不得降级", en="Nobody of a conflicted unit may lower the level."),
    ),
    (
        "override_holds",
        _below_an_override,
        Label(zh="红级直判条件仍然成立，不得降级", en="An override still holds; the level cannot go below it."),
    ),
    (
        "one_level_at_once",
        _too_many_levels,
        Label(zh="每次只能降一级", en="The level may be lowered by one step only."),
    ),
    (
        "child_not_seen",
        lambda request, _: not request.child_seen,
        Label(zh="尚未见到未成年人，不得降级", en="The child has not been seen yet."),
    ),
    (
        "step_limit_passed",
        lambda request, _: not request.within_step_limit,
        Label(zh="当前步骤已超时，不得降级", en="The current step's time limit has passed."),
    ),
    (
        "reason_missing",
        lambda request, _: not request.has_reason,
        Label(zh="须填写书面理由", en="A written reason is needed."),
    ),
    (
        "best_interest_missing",
        lambda request, _: not request.has_best_interest_note,
        Label(zh="须填写最有利于未成年人的说明", en="A best-interest note is needed."),
    ),
    (
        "second_person",
        _alone,
        Label(zh="降级须由另一人批准", en="A second person must approve the lowering."),
    ),
    (
        "supervisor",
        _not_by_the_supervisor,
        Label(zh="批准人须为民政办主管", en="The approver must be the civil affairs supervisor."),
    ),
)
