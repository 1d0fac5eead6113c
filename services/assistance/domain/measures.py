"""A measure as a task: its states, who may take it to which, and what each special kind asks before it is done.

Kinds of the catalogue with more than an owner (policy `assistance.catalogue`): papers that follow emergency help, joint
responsibility for a return to school (D-4.5.9), escorts signed for on both sides (D-5.4.2, D-5.4.3), medical rounds that
come again (D-5.6.3), money with an approval trail (D-5.8.1), and work a provider does for the owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from contracts.policy import Label
from contracts.policy.assistance import Entry
from contracts.vocabulary import Actor

State = Literal["requested", "accepted", "granted", "refused", "completed", "cancelled", "stopped"]
Act = Literal["accept", "grant", "refuse", "complete", "cancel", "stop"]
Side = Literal["handed_over", "received"]
RUNNING: frozenset[State] = frozenset({"requested", "accepted", "granted"})
COARSE: Mapping[State, Literal["open", "done", "ended"]] = {
    "requested": "open",
    "accepted": "open",
    "granted": "open",
    "completed": "done",
    "refused": "ended",
    "cancelled": "ended",
    "stopped": "ended",
}
"""What closure counts: open, done, or ended without."""
Outcome = Literal[
    "achieved", "partly_achieved", "not_needed", "not_eligible", "refused_by_family", "moved_away", "replaced"
]
"""How a measure ended, said in one act by its owner."""
GUARDIAN = "guardian"
"""A responsible party without an account: the village, civil affairs or the owner writes down what was signed."""
GOVERNMENT = "township_government"
WITNESSES = frozenset({"village_committee", "civil_affairs"})


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a round. `parties` and `receipts` map who must sign to who did; `due_at` is the nearest clock.

    `papers_due_at`: emergency help was given, papers follow. `unresolved_at`: the longer limit passed and the township's
    order is the way on. `provider_state`: what the provider said, until the owner confirms it.
    """

    measure_id: UUID
    case_id: UUID
    response_no: int
    code: str
    owner_department: str
    requested_at: datetime
    requested_by: Mapping[str, Any]
    owner_reason: str | None = None
    beneficiary: str = "child"
    child_id: UUID | None = None
    goal: str | None = None
    state: State = "requested"
    emergency: bool = False
    due_at: datetime | None = None
    late_seconds: int = 0
    reason: str | None = None
    outcome: str | None = None
    note_id: UUID | None = None
    finished_at: datetime | None = None
    finished_by: Mapping[str, Any] | None = None
    parties: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    receipts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    every_days: int | None = None
    rounds_done: int = 0
    papers_due_at: datetime | None = None
    papers_at: datetime | None = None
    unresolved_at: datetime | None = None
    ordered_at: datetime | None = None
    provider: str | None = None
    provider_state: str | None = None
    version: int = 1

    @property
    def running(self) -> bool:
        return self.state in RUNNING


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an act is refused, and what the same person may do instead."""

    rule: str
    text: Label
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts: the department, and whether it coordinates this case (civil affairs, else the government in its place)."""

    actor: Actor
    coordinates: bool

    @property
    def department(self) -> str | None:
        return self.actor.department


@dataclass(frozen=True, slots=True)
class _Rule:
    from_: frozenset[State]
    to: State
    by: frozenset[str]
    reason: bool = False


_FRESH: frozenset[State] = frozenset({"requested", "accepted"})
_RULES: Mapping[str, _Rule] = {
    "accept": _Rule(frozenset({"requested"}), "accepted", frozenset({"owner"})),
    "grant": _Rule(_FRESH, "granted", frozenset({"owner"})),
    "refuse": _Rule(_FRESH, "refused", frozenset({"owner"}), reason=True),
    "complete": _Rule(RUNNING, "completed", frozenset({"owner", "coordinator"})),
    "cancel": _Rule(_FRESH, "cancelled", frozenset({"requester", "coordinator"}), reason=True),
    "stop": _Rule(frozenset({"granted"}), "stopped", frozenset({"owner", "coordinator"}), reason=True),
}


def _parts(measure: Measure, who: Who) -> set[str]:
    mine = {"owner"} if who.department == measure.owner_department else set()
    asked = {"requester"} if who.department == measure.requested_by.get("department") else set()
    return mine | asked | ({"coordinator"} if who.coordinates else set())


def concerns(measure: Measure, who: Who) -> bool:
    """Whether somebody has a part in this measure."""
    return bool(_parts(measure, who)) or who.department in measure.parties or _orders(measure, who)


def _orders(measure: Measure, who: Who) -> bool:
    return measure.unresolved_at is not None and who.department == GOVERNMENT


def available(measure: Measure, who: Who, entry: Entry) -> tuple[str, ...]:
    """Everything this person may do with the measure as it stands."""
    parts = _parts(measure, who)
    found = [act for act, rule in _RULES.items() if measure.state in rule.from_ and rule.by & parts]
    if not measure.running:
        return ()
    if "complete" in found and missing(measure, entry, paid=True):
        found.remove("complete")
    if any(_may_sign(measure, party, who) for party, said in measure.parties.items() if said is None):
        found.append("confirm")
    if entry.receipt is not None:
        found += [side for side in ("handed_over", "received") if _receipt_problem(measure, side, who) is None]
    if "owner" in parts:
        found += ["record_round"] if measure.every_days is not None else []
        found += ["papers"] if measure.papers_due_at is not None and measure.papers_at is None else []
        found += ["assign"] if measure.provider is None else []
        found += ["confirm_provider"] if (measure.provider_state or "").startswith("reported") else []
        found += ["withdraw_provider"] if measure.provider is not None else []
    if _orders(measure, who) and measure.ordered_at is None:
        found.append("order")
    return tuple(found)


def missing(measure: Measure, entry: Entry, *, paid: bool) -> tuple[str, ...]:
    """What a measure still lacks before it may be called done."""
    unsigned = [party for party, said in measure.parties.items() if said is None]
    lacking = [f"party:{party}" for party in unsigned if entry.owners_joint]
    if entry.with_ and len(unsigned) == len(measure.parties):
        lacking.append("party:" + "|".join(entry.with_))
    if entry.receipt is not None:
        lacking += [f"receipt:{side}" for side in ("handed_over", "received") if side not in measure.receipts]
    if measure.papers_due_at is not None and measure.papers_at is None:
        lacking.append("papers")
    if entry.approval_trail and not paid:
        lacking.append("payment")
    if (measure.provider_state or "confirmed") != "confirmed":
        lacking.append("provider")
    return tuple(lacking)


def act_on(
    measure: Measure,
    act: str,
    who: Who,
    entry: Entry,
    at: datetime,
    *,
    reason: str | None = None,
    outcome: str | None = None,
    paid: bool = False,
) -> Measure | Refusal:
    """The measure after the act, or why not. Late stays late: the first act that answers the clock says by how much."""
    rule = _RULES[act]
    allowed = available(measure, who, entry)
    if measure.state not in rule.from_:
        return Refusal("wrong_state", Label(zh="措施当前状态不允许此操作", en="not in this state"), allowed)
    if not rule.by & _parts(measure, who):
        return Refusal("not_the_owner", Label(zh="应由承担部门办理", en="belongs to another department"), allowed)
    if rule.reason and reason is None:
        return Refusal("reason_missing", Label(zh="须说明原因", en="a reason is required"), allowed)
    lacking = missing(measure, entry, paid=paid) if act == "complete" else ()
    if lacking:
        return Refusal(
            "not_complete", Label(zh="尚缺：" + "、".join(lacking), en="missing: " + ", ".join(lacking)), allowed
        )
    changed = replace(measure, state=rule.to, reason=reason or measure.reason, outcome=outcome or measure.outcome)
    if not changed.running:
        changed = replace(changed, finished_at=at, finished_by=who.actor.model_dump())
    if not answers(act, entry):
        return changed
    due_at = None if changed.running else measure.due_at
    return replace(changed, late_seconds=measure.late_seconds + late(measure, at), due_at=due_at)


def answers(act: str, entry: Entry) -> bool:
    """Whether an act ends the owner's clock. A return to school is answered by attendance alone, a schedule never by a
    grant; whatever ends the measure ends its clock."""
    return act not in {"accept", "grant"} or (act == "grant" and entry.target is None and not entry.schedule)


def late(measure: Measure, at: datetime) -> int:
    """Whole seconds past the due time."""
    return 0 if measure.due_at is None else max(0, int((at - measure.due_at).total_seconds()))


def finish(
    measure: Measure, outcome: Outcome, who: Who, entry: Entry, at: datetime, *, paid: bool
) -> Measure | Refusal:
    """The measure ended with this outcome from wherever it stands: done, refused by the owner, or withdrawn."""
    if not {"owner", "coordinator"} & _parts(measure, who):
        return Refusal("not_the_owner", Label(zh="应由承担部门办理", en="belongs to another department"))
    if not measure.running:
        return Refusal("measure_finished", Label(zh="该措施已办结", en="The measure is finished"))
    if outcome in {"achieved", "partly_achieved"}:
        return act_on(measure, "complete", who, entry, at, outcome=outcome, paid=paid)
    declined: State = "refused" if outcome in {"not_eligible", "refused_by_family"} else "cancelled"
    ended = replace(
        measure,
        state="stopped" if measure.state == "granted" else declined,
        reason=outcome,
        outcome=outcome,
        finished_at=at,
        finished_by=who.actor.model_dump(),
    )
    return replace(ended, late_seconds=measure.late_seconds + late(measure, at))


# Special kinds -------------------------------------------------------------------------------------------------------


def _may_sign(measure: Measure, party: str, who: Who) -> bool:
    if party == GUARDIAN:
        return who.department in WITNESSES | {measure.owner_department}
    return who.department == party


def sign(measure: Measure, party: str, who: Who, at: datetime, note_id: UUID | None) -> Measure | Refusal:
    """A responsible party confirms its share; the guardian's is a signed paper, so it comes as a note, and two shares are
    never confirmed by one person."""
    if not measure.running or party not in measure.parties:
        return Refusal("no_such_party", Label(zh="该措施没有此责任方", en="the measure has no such party"))
    if measure.parties[party] is not None:
        return Refusal("already_confirmed", Label(zh="已确认", en="confirmed already"))
    if not _may_sign(measure, party, who):
        return Refusal("not_the_party", Label(zh="不能代该责任方确认", en="you cannot confirm for this party"))
    if party == GUARDIAN and note_id is None:
        return Refusal(
            "note_missing", Label(zh="须附监护人签字记录", en="the guardian's signature is recorded in a note")
        )
    if any(said and _same(said["by"], who.actor) for said in measure.parties.values()):
        return Refusal("second_person", Label(zh="须由另一人确认", en="another person must confirm"))
    said = {"by": who.actor.model_dump(), "at": at, "note_id": str(note_id) if note_id else None}
    return replace(measure, parties={**measure.parties, party: said})


def _receipt_problem(measure: Measure, side: str, who: Who) -> Refusal | None:
    if not measure.running or side in measure.receipts:
        return Refusal("already_signed", Label(zh="该方已签收", en="this side has signed"))
    givers = {measure.owner_department, *measure.parties}
    other = next(iter(measure.receipts.values()), None)
    if side == "handed_over" and who.department not in givers:
        return Refusal("not_the_escort", Label(zh="应由护送方签字", en="the escort signs for the hand-over"))
    if side == "received" and "handed_over" not in measure.receipts:
        return Refusal("not_handed_over", Label(zh="须先由护送方签字", en="the escort signs first"))
    if other is not None and (_same(other["by"], who.actor) or other["by"].get("department") == who.department):
        return Refusal("second_person", Label(zh="交接双方须为不同单位的不同人员", en="giver and receiver differ"))
    return None


def receipt(measure: Measure, side: Side, who: Who, at: datetime, body: str, note_id: UUID | None) -> Measure | Refusal:
    """One side of the hand-over signs: first the escort, then, of another department, whoever received the child or holds
    the receiving body's paper. `body` is the code of the receiving institution or department."""
    problem = _receipt_problem(measure, side, who)
    if problem is not None:
        return problem
    said = {"by": who.actor.model_dump(), "at": at, "body": body, "note_id": str(note_id) if note_id else None}
    return replace(measure, receipts={**measure.receipts, side: said})


def _same(one: Mapping[str, Any], other: Actor) -> bool:
    return (one.get("staff") or one.get("account")) == (other.staff or other.account)


def with_papers(measure: Measure, at: datetime) -> Measure:
    """The papers of emergency help that was given first have come."""
    return replace(measure, papers_at=at, late_seconds=measure.late_seconds + late(measure, at), due_at=None)


def record_round(measure: Measure, done_at: datetime) -> Measure:
    """A round was made; the next is due `every_days` later. Rounds missed are not piled up."""
    assert measure.every_days is not None
    return replace(
        measure,
        state="granted",
        rounds_done=measure.rounds_done + 1,
        late_seconds=measure.late_seconds + late(measure, done_at),
        due_at=done_at + timedelta(days=measure.every_days),
    )
