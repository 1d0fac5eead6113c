"""A case and its rounds, and how each event changes them.

A round is one response, from the report that opened it to its closure; a reopening starts the next and keeps the
earlier ones. Events of several services reach us in any order between topics, so whichever comes first creates the round.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    FeedbackGiven,
    ReferralAct,
    ReferralCompleted,
    ReferralIssued,
    ReferralRevoked,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.intake import ChildrenMerged, ReportReceived
from contracts.policy import Policy, load_policy, policy_versions
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from contracts.vocabulary import Fact, ReportDigest

ORDERS = ("warning_letter_in_force", "protection_order_in_force")
"""The facts that say an order or warning letter is in force."""
RECEIPT = "receiving_authority_receipt"

TaskState = Literal["open", "done", "returned"]
Feedback = Literal["owed", "given", "impossible"]


@dataclass(frozen=True, slots=True)
class Task:
    """One department's referral. `outcome` is the code it ended with. `safety_only`: closure waits for it, but it gives
    the department no role, and so no sight of a restricted case.
    """

    department: str
    role: str
    state: TaskState = "open"
    outcome: str | None = None
    safety_only: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """What closure, ladder and placement ask about a child, from its latest assessment.

    `age` is in years on the day of receipt (None: not known), `orders` are those in force by the facts. `ever_fired`
    keeps every rule that fired in this round: what was done to a child is not undone by its being safe now.
    """

    child_id: UUID
    age: int | None
    orders: tuple[str, ...]
    level: str = ""
    concerns: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    fired: tuple[str, ...] = ()
    ever_fired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """One response of a case, as far as assistance and closure need it.

    `level` is empty until scoring spoke. `seen_at`, `written_at`: the last time the child was seen in person, and the last
    signed written assessment. `concerns_at`: when each concern was first referred. `duplicate_of`: the
    case of the same child that goes on in its place. `version` counts what people decide here.
    """

    case_id: UUID
    response_no: int
    case_number: str
    response_id: UUID | None = None
    township: str = ""
    village: str | None = None
    group_code: str | None = None
    restricted: bool = False
    conflict_unit: str | None = None
    transfer_out: bool = False
    case_lead: str | None = None
    level: str = ""
    highest_level: str = ""
    computed_level: str = ""
    score: int | None = None
    fired: tuple[str, ...] = ()
    children: tuple[Child, ...] = ()
    policy_version: str = ""
    started_at: datetime | None = None
    last_report_at: datetime | None = None
    safety_confirmed_at: datetime | None = None
    safety_basis: str | None = None
    seen_at: datetime | None = None
    written_at: datetime | None = None
    tasks: Mapping[UUID, Task] = field(default_factory=dict)
    reports: Mapping[UUID, Feedback] = field(default_factory=dict)
    concerns_at: Mapping[str, datetime] = field(default_factory=dict)
    plan_id: UUID | None = None
    plan_level: str | None = None
    plan_opened_at: datetime | None = None
    plan_agreed_at: datetime | None = None
    conference_at: datetime | None = None
    attendees: tuple[str, ...] = ()
    state: Literal["open", "closed"] = "open"
    closed_at: datetime | None = None
    duplicate_of: UUID | None = None
    version: int = 1

    @property
    def departments(self) -> dict[str, str]:
        """Every department with a part in the round, and its role."""
        parts = (task for task in self.tasks.values() if task.state != "returned" and not task.safety_only)
        return {task.department: task.role for task in parts}


@dataclass(frozen=True, slots=True)
class Case:
    """All rounds of a case, oldest first; the last is the one that runs or ran last."""

    case_id: UUID
    rounds: tuple[Round, ...] = ()

    @property
    def current(self) -> Round:
        """The newest round. Raises IndexError for a case nobody reported."""
        return self.rounds[-1]

    def numbered(self, response_no: int, case_number: str) -> Round:
        """The round of that number, new if there is none yet."""
        found = (known for known in self.rounds if known.response_no == response_no)
        return next(found, None) or Round(self.case_id, response_no, case_number)

    def put(self, changed: Round) -> "Case":
        """The case with this round in its place."""
        others = [known for known in self.rounds if known.response_no != changed.response_no]
        return replace(self, rounds=tuple(sorted([*others, changed], key=lambda known: known.response_no)))

    def of_referral(self, act: ReferralAct) -> Round:
        """The round a referral belongs to; the current one for a referral nobody announced."""
        found = (known for known in self.rounds if act.referral_id in known.tasks)
        return next(found, None) or (self.rounds[-1] if self.rounds else self.numbered(1, act.case_number))


def policy_of(round_: Round) -> Policy:
    """The policy version the round runs under."""
    return load_policy(round_.policy_version or policy_versions()[-1])


def later(known: datetime | None, at: datetime) -> datetime:
    """The later of two moments."""
    return at if known is None or at > known else known


def earlier(known: datetime | None, at: datetime) -> datetime:
    """The earlier of two moments."""
    return at if known is None or at < known else known


# Reports and levels --------------------------------------------------------------------------------------------------


def with_report(case: Case, data: ReportReceived) -> Case:
    """A report came in on this round."""
    before = _reported(case.numbered(data.response_no, data.case_number), data.report)
    return case.put(
        replace(
            before,
            township=data.report.township,
            village=before.village or data.report.place.village,
            group_code=before.group_code or data.report.place.group,
        )
    )


def _reported(before: Round, report: ReportDigest) -> Round:
    """A report owes its reporter an answer before the case may be closed. One that was attached while the case closed
    opens the round again: nobody who closed it knew of the report."""
    fresh = report.report_id not in before.reports
    return replace(
        before,
        started_at=earlier(before.started_at, report.received_at),
        last_report_at=later(before.last_report_at, report.received_at),
        reports={report.report_id: "owed", **before.reports},
        state="open" if fresh else before.state,
        closed_at=None if fresh else before.closed_at,
    )


def with_risk(case: Case, data: RiskAssessed, policy: Policy) -> Case:
    """The level in force, and what the instrument says now: score, rules that hold, ages, orders in force."""
    before = case.numbered(data.response_no, data.case_number)
    if data.report is not None:
        before = _reported(before, data.report)
    return case.put(
        replace(
            before,
            level=data.report_level,
            highest_level=policy.highest(level for level in (before.highest_level, data.report_level) if level),
            computed_level=data.computed_level,
            score=max(child.score for child in data.children),
            fired=tuple(sorted({code for child in data.children for code in child.fired})),
            children=tuple(_child(child, before.children) for child in data.children),
            restricted=before.restricted or data.restricted,
            policy_version=data.policy_version,
        )
    )


def _child(assessed: ChildAssessment, before: tuple[Child, ...]) -> Child:
    age = assessed.facts.get("age")
    known = type(age) is int and assessed.facts.get("age_estimated") is not True
    orders = tuple(order for order in ORDERS if assessed.facts.get(order) is True)
    earlier = {code for child in before if child.child_id == assessed.child_id for code in child.ever_fired}
    return Child(
        child_id=assessed.child_id,
        age=int(age) if known and age is not None else None,
        orders=orders,
        level=assessed.level,
        concerns=assessed.concerns,
        facts=dict(assessed.facts),
        answers=dict(assessed.answers),
        fired=assessed.fired,
        ever_fired=tuple(sorted(earlier.union(assessed.fired))),
    )


def with_merge(case: Case, data: ChildrenMerged) -> Case:
    """Two records turned out to be one child: this case may be the one that ends. Taken back, it is no duplicate."""
    if not case.rounds:
        return case
    return case.put(replace(case.current, duplicate_of=None if data.undone else data.duplicate_of))


# Response and referrals --------------------------------------------------------------------------------------------


def with_response(case: Case, data: ResponseOpened, policy: Policy) -> Case:
    """The fan-out: where the case is, who leads, and every department's task."""
    before = case.numbered(data.response_no, data.case_number)
    return case.put(
        replace(
            before,
            response_id=data.response_id,
            township=data.township,
            village=data.place.village,
            group_code=data.place.group,
            restricted=before.restricted or data.restricted,
            conflict_unit=data.conflict_unit,
            transfer_out=data.transfer_out,
            case_lead=data.case_lead,
            level=before.level or data.level,
            highest_level=policy.highest(level for level in (before.highest_level, data.level) if level),
            started_at=earlier(before.started_at, data.received_at),
            policy_version=before.policy_version or data.policy_version,
            tasks=_issued(before.tasks, data.referrals),
            concerns_at={**dict.fromkeys(data.concerns, data.dispatched_at), **before.concerns_at},
        )
    )


def with_revision(case: Case, data: ResponseRevised, policy: Policy) -> Case:
    """New or raised referrals. A department whose role rose after it was done has work again."""
    before = next((known for known in case.rounds if known.response_id == data.response_id), None)
    if before is None:
        return case
    return case.put(
        replace(
            before,
            restricted=before.restricted or data.restricted,
            case_lead=data.case_lead,
            highest_level=policy.highest(level for level in (before.highest_level, data.level) if level),
            tasks=_issued(_withdrawn(before.tasks, data.withdrawn), data.referrals),
            concerns_at={**dict.fromkeys(data.concerns, data.revised_at), **before.concerns_at},
        )
    )


def _issued(tasks: Mapping[UUID, Task], referrals: tuple[ReferralIssued, ...]) -> dict[UUID, Task]:
    result = dict(tasks)
    for referral in referrals:
        known = result.get(referral.referral_id)
        if known is None or (known.role, known.safety_only) != (referral.role, referral.safety_only):
            result[referral.referral_id] = Task(referral.department, referral.role, safety_only=referral.safety_only)
    return result


def _withdrawn(tasks: Mapping[UUID, Task], referrals: tuple[UUID, ...]) -> dict[UUID, Task]:
    """A referral that dispatch took back is no task and no sight of the case any more."""
    return {one: replace(task, state="returned") if one in referrals else task for one, task in tasks.items()}


def with_return(case: Case, data: ReturnDecided) -> Case:
    """An upheld return ends one task and starts another."""
    before = case.of_referral(data)
    if not data.upheld:
        return case
    tasks = dict(before.tasks)
    tasks[data.referral_id] = Task(data.department, data.role, "returned")
    return case.put(replace(before, tasks=_issued(tasks, (data.issued,) if data.issued else ())))


def with_completion(case: Case, data: ReferralCompleted) -> Case:
    """A department finished its task."""
    before = case.of_referral(data)
    known = before.tasks.get(data.referral_id)
    safety_only = known is not None and known.safety_only
    done = Task(data.department, data.role, "done", data.outcome, safety_only)
    return case.put(replace(before, tasks={**before.tasks, data.referral_id: done}))


def with_revocation(case: Case, data: ReferralRevoked) -> Case:
    """Dispatch took a referral back."""
    before = case.of_referral(data)
    return case.put(replace(before, tasks=_withdrawn(before.tasks, (data.referral_id,))))


# Acts that closure counts --------------------------------------------------------------------------------------------


def with_arrival(case: Case, data: ArrivalReported) -> Case:
    """A tier arrived; a sighting when the child was there."""
    before = case.of_referral(data)
    return case.put(replace(before, seen_at=later(before.seen_at, data.arrived_at))) if data.child_seen else case


def with_safety(case: Case, data: SafetyConfirmed) -> Case:
    """S6, the anchor of the observation period. Confirmed again (after a new incident), it counts from then."""
    before = case.numbered(data.response_no, data.case_number)
    confirmed = later(before.safety_confirmed_at, data.confirmed_at)
    seen_at = before.seen_at if data.basis == RECEIPT else later(before.seen_at, data.confirmed_at)
    return case.put(replace(before, safety_confirmed_at=confirmed, safety_basis=data.basis, seen_at=seen_at))


def with_assessment(case: Case, data: AssessmentRecorded) -> Case:
    """S8 was signed."""
    before = case.of_referral(data)
    return case.put(replace(before, written_at=later(before.written_at, data.at)))


def with_feedback(case: Case, data: FeedbackGiven) -> Case:
    """The reporter was told, or cannot be told."""
    before = case.of_referral(data)
    done: Feedback = "given" if data.possible else "impossible"
    return case.put(replace(before, reports={**before.reports, data.report_id: done}))
