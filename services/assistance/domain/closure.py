"""When a case may be closed: every item of policy `closure.all_of`, and what each closing reason needs or makes moot.

The guard is asked twice, when closure is proposed and when it is decided, so nothing that happens in between is missed.

What a reason makes moot, and why that is safe for the child:
- UNFOUNDED skips the observation period (policy). All else stays: the visits are how one learns that nothing is wrong.
- DUPLICATE_MERGED (policy: observation). The child stays protected by the case merged into, which must be open and at
  least as high; so level, visits, sightings, placement, score, orders and views are judged there. Feedback, tasks and
  summary belong to this case and stay.
- TRANSFERRED: the receiving authority's acknowledgement carries the level, the watching and any order. Open tasks,
  feedback, views and summary stay.
- AGED_OUT: risk and visits pass to the service named in the hand-over; nobody who may still be under 18 is in the case.
  Orders in force, high-risk duties, a recent sighting and the person's views stay.
- DECEASED: what asks about a living child falls away; never while the case has another child. A pending crime case
  still needs its monitor.
- GOAL_MET, CONSULTATION_ONLY skip nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.access import COORDINATOR, VILLAGE
from contracts.policy import Label, Policy
from services.assistance.domain.plan import oldest_possible_age
from services.assistance.domain.rounds import RECEIPT, Feedback, Round

Reason = Literal[
    "GOAL_MET", "TRANSFERRED", "AGED_OUT", "UNFOUNDED", "DECEASED", "DUPLICATE_MERGED", "CONSULTATION_ONLY"
]
ANSWERED_BY_ASSESSMENT = frozenset({"Y3"})
"""Floors that speak of the report, not of the child now: a mandated reporter's suspicion. The written assessment signed
after the last report answers it; otherwise no case a teacher ever reported could be closed."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit as closure counts it; `by` is the visitor's staff id, or account."""

    visit_id: UUID
    visited_at: datetime
    child_seen: bool
    in_person: bool
    satisfactory: bool
    by: str = ""

    @property
    def saw(self) -> bool:
        """Somebody saw the child with their own eyes."""
        return self.child_seen and self.in_person


@dataclass(frozen=True, slots=True)
class Survivor:
    """The case that a duplicate is merged into."""

    open: bool
    level: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything the guard weighs. `ever` is the highest level of all rounds, `visits` are this round's, oldest first;
    `open_measures` are catalogue codes of the plan, `owed` other work that nobody has ended (`check:G1`, `search:...`).

    `orders` are papers in force and `pending` proceedings of the guardian ladder; `unsettled` is what the placements lack,
    None where no child was ever placed; `failed_since`: an attempt to visit failed after the last visit.
    """

    round: Round
    ever: str
    visits: tuple[Visit, ...] = ()
    open_measures: tuple[str, ...] = ()
    survivor: Survivor | None = None
    owed: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    unsettled: tuple[str, ...] | None = None
    failed_since: bool = False


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the proposer states, for the second person to check.

    `universal_service`: department that took over in writing. `named_monitor`: staff or organisation that watches
    pending proceedings. `placement`: the child was placed and is now permanently there, or home since `home_since`.
    """

    universal_service: str | None = None
    named_monitor: str | None = None
    receiving_authority_ack: UUID | None = None
    independent_checks: int = 0
    pending: tuple[str, ...] = ()
    placement: Literal["permanent", "home"] | None = None
    home_since: datetime | None = None
    merged_into: UUID | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal to close. Notes are ids of texts in the vault."""

    reason: Reason
    summary: UUID | None = None
    child_view: UUID | None = None
    guardian_view: UUID | None = None
    hand_over: HandOver = HandOver()


@dataclass(frozen=True, slots=True)
class Question:
    """One look at the guard: the ledger, the request, now, and the policy."""

    ledger: Ledger
    request: Request
    now: datetime
    policy: Policy

    def number(self, code: str, name: str) -> int:
        """A number of one of the policy's closure rules."""
        return self.policy.closure.item(code).number(name)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A condition that does not hold, with codes that say what is missing: `referral:police`, `visits:1`."""

    code: str
    detail: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist. `skipped`: the closing reason makes it moot."""

    code: str
    text: Label
    skipped: bool
    detail: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Nothing is missing here."""
        return not self.detail


# The conditions: each answers with what is missing ---------------------------------------------------------------


def _level(q: Question) -> Sequence[str]:
    level = q.ledger.round.level
    lowest, next_up = (entry.code for entry in sorted(q.policy.levels, key=lambda entry: entry.rank)[:2])
    fine = level == lowest or (level == next_up and q.request.hand_over.universal_service is not None)
    return () if fine else (f"level:{level or 'unknown'}",)


def _observation(q: Question) -> Sequence[str]:
    confirmed = q.ledger.round.safety_confirmed_at
    if confirmed is None:
        return ("safety_not_confirmed",)
    days = q.policy.closure.item("observation").days_by_level
    until = confirmed + timedelta(days=days.get(q.ledger.ever, max(days.values())))
    return () if q.now >= until else (f"until:{until.isoformat()}",)


def _visits(q: Question) -> Sequence[str]:
    count = q.number("visits", "count")
    last = q.ledger.visits[-count:]
    if len(last) < count:
        return (f"visits:{len(last)}",)
    failed = ("failed_attempt",) if q.ledger.failed_since else ()
    return (*(f"unsatisfactory:{visit.visit_id}" for visit in last if not visit.satisfactory), *failed)


def _child_seen(q: Question) -> Sequence[str]:
    seen_at = q.ledger.round.seen_at
    if seen_at is None:
        return ("never_seen",)
    fresh = q.now - seen_at <= timedelta(days=q.number("child_seen", "days"))
    return () if fresh else (f"seen:{seen_at.isoformat()}",)


def _no_open_task(q: Question) -> Sequence[str]:
    roles = {role.code for role in q.policy.routing.roles if role.task}
    tasks = q.ledger.round.tasks.values()
    open_tasks = [f"referral:{task.department}" for task in tasks if task.state == "open" and task.role in roles]
    return (
        *sorted(open_tasks),
        *(f"measure:{code}" for code in sorted(q.ledger.open_measures)),
        *sorted(q.ledger.owed),
    )


def _no_order(q: Question) -> Sequence[str]:
    """An order in force keeps the case open; a named monitor covers pending proceedings only."""
    stated = {f"order:{order}" for child in q.ledger.round.children for order in child.orders}
    orders = sorted(stated | {f"order:{order}" for order in q.ledger.orders})
    hand_over = q.request.hand_over
    known = (*hand_over.pending, *q.ledger.pending)
    pending = [] if hand_over.named_monitor else [f"pending:{kind}" for kind in dict.fromkeys(known)]
    return (*orders, *pending)


def _placement(q: Question) -> Sequence[str]:
    """Recorded placements speak for themselves. Without any, only a child that was taken to a safe place, or is said to
    have been placed, has a placement to settle."""
    if q.ledger.unsettled is not None:
        return q.ledger.unsettled
    hand_over = q.request.hand_over
    if hand_over.placement is None:
        return ("not_stated",) if q.ledger.round.safety_basis == "safe_place" else ()
    if hand_over.placement == "permanent":
        return ()
    if hand_over.home_since is None:
        return ("home_since",)
    long_enough = q.now - hand_over.home_since >= timedelta(days=q.number("placement", "days"))
    return () if long_enough else (f"home_since:{hand_over.home_since.isoformat()}",)


def _score(q: Question) -> Sequence[str]:
    now = q.ledger.round
    if now.score is None:
        return ("not_assessed",)
    high = [f"score:{now.score}"] if now.score >= q.number("score", "score_below") else []
    return (*high, *(f"rule:{code}" for code in _holding(now, q.policy)))


def _holding(now: Round, policy: Policy) -> list[str]:
    """Overrides and floors that hold. Plus-one rules (O6, O8) tell of the past and are neither."""
    answered = now.written_at is not None and (now.last_report_at is None or now.written_at >= now.last_report_at)
    codes = {rule.code for rule in (*policy.compiled.overrides, *policy.compiled.floors)}
    return [code for code in now.fired if code in codes and not (answered and code in ANSWERED_BY_ASSESSMENT)]


def _views(q: Question) -> Sequence[str]:
    missing = [] if q.request.child_view or q.request.reason == "DECEASED" else ["child_view"]
    return (*missing, *([] if q.request.guardian_view else ["guardian_view"]))


def _feedback(q: Question) -> Sequence[str]:
    owed: Feedback = "owed"
    return tuple(sorted(f"report:{report}" for report, state in q.ledger.round.reports.items() if state == owed))


def _summary(q: Question) -> Sequence[str]:
    return () if q.request.summary else ("summary",)


def _high_risk(q: Question) -> Sequence[str]:
    if q.ledger.ever not in {"red", "orange"}:
        return ()
    visited = any(visit.saw for visit in q.ledger.visits)
    missing = [] if visited or q.request.reason == "DECEASED" else ["in_person_visit"]
    return (*missing, *([] if q.ledger.round.written_at else ["written_assessment"]))


def _receiving_authority(q: Question) -> Sequence[str]:
    known = q.request.hand_over.receiving_authority_ack is not None or q.ledger.round.safety_basis == RECEIPT
    return () if known else ("acknowledgement",)


def _hand_over(q: Question) -> Sequence[str]:
    return () if q.request.hand_over.universal_service else ("universal_service",)


def _all_of_age(q: Question) -> Sequence[str]:
    started = q.ledger.round.started_at or q.now
    children = q.ledger.round.children
    if not children:
        return ("age_unknown",)
    young = [c for c in children if oldest_possible_age(c, started, q.now) < q.policy.minor_under_age]
    unknown = [f"age_unknown:{child.child_id}" for child in children if child.age is None]
    return (*(f"under_age:{child.child_id}" for child in young), *unknown)


def _independent_checks(q: Question) -> Sequence[str]:
    """Two looks at the child by different people; what the guardian says is none. Looks that were recorded as visits count
    by themselves, others (a school's, a doctor's) as the proposer states them for the second person to check."""
    checks = max(q.request.hand_over.independent_checks, len({visit.by for visit in q.ledger.visits if visit.saw}))
    return () if checks >= INDEPENDENT_CHECKS else (f"checks:{checks}",)


def _only_child(q: Question) -> Sequence[str]:
    others = len(q.ledger.round.children) - 1
    return () if others == 0 else (f"other_children:{others}",)


def _merged_case(q: Question) -> Sequence[str]:
    survivor = q.ledger.survivor
    stated, known = q.request.hand_over.merged_into, q.ledger.round.duplicate_of
    if stated in {None, q.ledger.round.case_id} or survivor is None:
        return ("merged_into",)
    if known is not None and stated != known:
        return (f"merged_into:{known}",)
    if not survivor.open:
        return ("merged_case_closed",)
    ranks = q.policy.ranks
    lower = ranks.get(survivor.level, -1) < ranks.get(q.ledger.round.level, -1)
    return (f"merged_case_level:{survivor.level}",) if lower else ()


INDEPENDENT_CHECKS = 2
"""Policy `closure.reasons` UNFOUNDED: two independent checks, not only the guardian's word."""

Check = Callable[[Question], Sequence[str]]
CONDITIONS: Mapping[str, tuple[Check, Label]] = {
    "level": (_level, Label(zh="蓝级，或黄级并已书面移交普惠服务", en="BLUE, or YELLOW handed over in writing")),
    "observation": (_observation, Label(zh="安全确认后的观察期已满", en="observation period after safety is over")),
    "visits": (_visits, Label(zh="最近两次走访均满意", en="the last two visits were satisfactory")),
    "child_seen": (_child_seen, Label(zh="近十日内见到未成年人", en="the child was seen in the last ten days")),
    "no_open_task": (_no_open_task, Label(zh="转介与帮扶任务均已办结", en="no referral or measure is open")),
    "no_order": (_no_order, Label(zh="无生效的告诫书、保护令；未决案件有专人跟踪", en="no order in force; pending cases have a monitor")),
    "placement": (_placement, Label(zh="安置已稳定或回家满三十日", en="placement permanent, or home for thirty days")),
    "score": (_score, Label(zh="评分低于20且无直判、保底条件", en="score below 20 and no override or floor holds")),
    "views": (_views, Label(zh="已记录未成年人和监护人意见", en="the child's and guardian's views are recorded")),
    "feedback": (_feedback, Label(zh="已向报告人反馈或无法反馈", en="the reporter was told, or cannot be")),
    "summary": (_summary, Label(zh="已写销号小结", en="the summary is written")),
    "high_risk_visit_and_assessment": (
        _high_risk, Label(zh="曾为红、橙级：已实地走访并有书面评估", en="ever RED or ORANGE: visited in person and assessed")),
}  # fmt: skip
"""Every item of policy `closure.all_of`, in its order."""

NEEDS: Mapping[str, Mapping[str, tuple[Check, Label]]] = {
    "TRANSFERRED": {
        "receiving_authority": (
            _receiving_authority, Label(zh="接收方已确认", en="the receiving authority acknowledged"))},
    "AGED_OUT": {
        "aged_out": (_all_of_age, Label(zh="全部对象已满18周岁", en="everybody in the case is 18")),
        "hand_over": (_hand_over, Label(zh="已移交", en="handed over"))},
    "UNFOUNDED": {
        "independent_checks": (_independent_checks, Label(zh="两次独立核查", en="two independent checks"))},
    "DECEASED": {
        "only_child": (_only_child, Label(zh="本案没有其他未成年人", en="no other child is in the case"))},
    "DUPLICATE_MERGED": {
        "merged_case": (
            _merged_case, Label(zh="并入的个案在办且等级不低", en="the case merged into is open and no lower"))},
}  # fmt: skip
"""What a reason asks beyond the list (policy `closure.reasons.needs`)."""

_ABOUT_THE_FUTURE = frozenset({"level", "observation", "visits", "placement", "score"})
MOOT: Mapping[str, frozenset[str]] = {
    "UNFOUNDED": frozenset({"observation"}),
    "DUPLICATE_MERGED": _ABOUT_THE_FUTURE | {"child_seen", "no_order", "views", "high_risk_visit_and_assessment"},
    "TRANSFERRED": _ABOUT_THE_FUTURE | {"child_seen", "no_order", "high_risk_visit_and_assessment"},
    "AGED_OUT": _ABOUT_THE_FUTURE,
    "DECEASED": _ABOUT_THE_FUTURE | {"child_seen"},
}
"""What a reason skips; the head of this module says why that is safe."""


def checklist(ledger: Ledger, request: Request, now: datetime, policy: Policy) -> tuple[Item, ...]:
    """Every condition for closing with this reason, in the policy's order, and what each still lacks."""
    question = Question(ledger, request, now, policy)
    moot = MOOT.get(request.reason, frozenset())
    wanted = {**CONDITIONS, **NEEDS.get(request.reason, {})}
    return tuple(
        Item(code, text, code in moot, () if code in moot else tuple(check(question)))
        for code, (check, text) in wanted.items()
    )


def closure_open_items(ledger: Ledger, request: Request, now: datetime, policy: Policy) -> tuple[OpenItem, ...]:
    """What still forbids closing. Empty: the case may be closed."""
    return tuple(OpenItem(item.code, item.detail) for item in checklist(ledger, request, now, policy) if not item.ok)


# Who -----------------------------------------------------------------------------------------------------------------


def proposing_department(round_: Round) -> str:
    """The village proposes; civil affairs where the village has no access or no village is known."""
    barred = round_.restricted or round_.conflict_unit == VILLAGE or round_.village is None
    return COORDINATOR if barred else VILLAGE


def concurrences(ledger: Ledger) -> tuple[str, ...]:
    """Who must agree beside proposer and decider: police when they led, the township leader when it was ever RED."""
    police = ("police",) if ledger.round.case_lead == "police" else ()
    leader = ("responsible_leader",) if ledger.ever == "red" else ()
    return police + leader
