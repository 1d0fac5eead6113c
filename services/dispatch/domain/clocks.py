"""Clocks: which steps a response has, who owes them, and when each is due (policy `sla`, `notices` N-9).

A limit is counted from the step's own anchor, never from the moment code ran. S4, the police call-out and the task
start at dispatch; the rest of the opening steps start when the report was received; later steps start with the act
that anchors them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.policy import Limit, Policy, WorkingCalendar, elapsed
from contracts.policy.conditions import Condition
from contracts.policy.limits import ZonedLimit
from services.dispatch.domain.counting import TASK, Counted, Move, counted, rule_of
from services.dispatch.domain.notices import GuardianNotice, guardian_notice
from services.dispatch.domain.routing import ASSIST, LEAD, ChildCase, Routing

RESCORE, REASSESSMENT, RETURN_DECISION, SUPERVISION, GUARDIAN_NOTICE = (
    "rescore",
    "reassessment",
    "return_decision",
    "supervision",
    "N-9",
)
MANUAL_NOTICE, WELFARE_CHECK = "N-11", "welfare_check"
"""A notice that people give to a body outside, the part of S7 no machine meets; the police's check after failed visits."""
OPENING_STEPS = ("S2", "S3", "S4", "S5a", "S5b", "S5c", "S5p", "S6", "S7", "S8", "S9", "S13")
PER_RECIPIENT = ("S4", TASK)
HOTLINE, VILLAGE, CIVIL_AFFAIRS, POLICE = "hotline", "village_committee", "civil_affairs", "police"
POST_DEPARTMENTS = {"grid_member": VILLAGE, "child_director": VILLAGE}
"""Posts that own a step, with the department that answers for them."""

_OWNERS = {
    "S2": HOTLINE, "S3": HOTLINE, "S5a": "grid_member", "S5b": "child_director", "S5p": POLICE, "S7": CIVIL_AFFAIRS,
    "S8": VILLAGE, "S9": CIVIL_AFFAIRS, "S10": "grid_member", "S11": VILLAGE, "S12": CIVIL_AFFAIRS,
    RESCORE: CIVIL_AFFAIRS, REASSESSMENT: CIVIL_AFFAIRS, RETURN_DECISION: CIVIL_AFFAIRS, MANUAL_NOTICE: CIVIL_AFFAIRS,
    WELFARE_CHECK: POLICE,
}  # fmt: skip
"""Steps not listed (S5c, S6) are owed by the case lead."""
_OWED_TO_PEOPLE = ("S13", GUARDIAN_NOTICE)
"""Feedback and the guardian's notice: police where they lead the case, otherwise civil affairs."""

Key = tuple[str, str | None]
"""A step, and the recipient where each has its own."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the clocks depend on. `level` is the report's (its highest child's); `zone` of the place, None if unknown.

    `dispatched` is None until the referrals have gone out: steps anchored there are then not armed yet.
    """

    level: str
    received: datetime
    dispatched: datetime | None
    children: tuple[ChildCase, ...]
    routing: Routing
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """One running clock.

    `owner` is a department or post code or `hotline`; `department` is the department that answers, None for the
    hotline. `anchored_at` is the anchor for ever; `counted_from` is where the present limit started (the moment of a
    level change, if that brought the deadline forward). `due` is UTC. `provisional`: see `Due`.

    `rule` is the policy key of the limit counted from `anchored_at`, `safe_until` the hand-over that came before its end.
    `moves` is everything that changed the deadline since, in order; `recounted_at` when the holidays of its year came.
    """

    step: str
    recipient: str | None
    owner: str
    department: str | None
    tier: str
    anchor: str
    anchored_at: datetime
    counted_from: datetime
    due: datetime
    provisional: bool
    rule: str = ""
    safe_until: datetime | None = None
    moves: tuple[Move, ...] = ()
    recounted_at: datetime | None = None

    @property
    def key(self) -> Key:
        """Identity within one response."""
        return (self.step, self.recipient)


@dataclass(frozen=True, slots=True)
class Plan:
    """The opening clocks of a response. `not_created`: step → restricted, conflict_of_interest or outside_township."""

    deadlines: tuple[Deadline, ...]
    not_created: Mapping[str, str]
    guardian_notice: GuardianNotice

    def due(self, step: str, recipient: str | None = None) -> datetime | None:
        """When a step is due, or None where it does not exist."""
        return next((d.due for d in self.deadlines if d.key == (step, recipient)), None)

    @property
    def calendar_provisional(self) -> tuple[str, ...]:
        """Steps whose deadline counts days of a year whose holidays are not loaded."""
        return tuple(dict.fromkeys(d.step for d in self.deadlines if d.provisional))


def arm(response: Response, policy: Policy, calendar: WorkingCalendar) -> Plan:
    """Every clock that starts with the report or its dispatch, and the reason for each that does not exist."""
    not_created = {step: reason for step in OPENING_STEPS if (reason := _why_not(step, response, policy))}
    notice = guardian_notice(response.children, response.level, response.received, policy, calendar)
    holders = task_holders(response.routing)
    deadlines: list[Deadline] = []
    for step in (*OPENING_STEPS, TASK):
        anchored_at = response.dispatched if anchor_of(step, policy) == "dispatched" else response.received
        if step in not_created or anchored_at is None:
            continue
        due = due_for(step, anchored_at, response, policy, calendar)
        if due is not None:
            recipients = holders if step in PER_RECIPIENT else (None,)
            deadlines += [_deadline(step, recipient, anchored_at, due, response, policy) for recipient in recipients]
    if notice.due is not None:
        due = Counted(notice.due, notice.provisional, rule_of(GUARDIAN_NOTICE, response.level, policy))
        deadlines.append(_deadline(GUARDIAN_NOTICE, None, response.received, due, response, policy))
    return Plan(tuple(deadlines), not_created, notice)


def arm_step(
    step: str,
    anchored_at: datetime,
    response: Response,
    policy: Policy,
    calendar: WorkingCalendar,
    recipient: str | None = None,
) -> Deadline:
    """A clock that a later act starts: S10, S11, S12, `rescore`, `reassessment`, `return_decision`.

    Also S4 or the task of one recipient that joins later. Raises LookupError where the step has no limit at this level.
    """
    due = due_for(step, anchored_at, response, policy, calendar)
    if due is None:
        raise LookupError(f"{step} has no limit at level {response.level}")
    return _deadline(step, recipient, anchored_at, due, response, policy)


def screened_out(reason: str, policy: Policy) -> dict[str, str]:
    """A contact that opens no case has no clock: every opening step with the reason (consultation, not_a_minor)."""
    return {step: reason for step in policy.steps if step in OPENING_STEPS}


def task_holders(routing: Routing) -> tuple[str, ...]:
    """The departments with a task of their own: lead and assist."""
    return tuple(referral.department for referral in routing.referrals if referral.role in (LEAD, ASSIST))


# Which steps exist -----------------------------------------------------------------------------------------------


def _why_not(step: str, response: Response, policy: Policy) -> str | None:
    """The reason a step is left out. S4 belongs to the referral, not the case, so a transfer keeps it."""
    if response.routing.outside and step != "S4":
        kept = policy.risk.outside_township_handling.known_at_intake.steps
        return None if step in kept else "outside_township"
    left_out = policy.compiled.steps[step].not_created
    if left_out is not None and any_child(left_out, response):
        return "restricted" if response.routing.restricted else "conflict_of_interest"
    if step == "S5p" and POLICE in response.routing.blocked:
        return "conflict_of_interest"
    return None


def any_child(condition: Condition, response: Response) -> bool:
    """Whether a condition holds for any child at the level of the whole report, which its deadlines follow."""
    return any(condition.holds(child.circumstances.at(response.level)) for child in response.children)


# When they are due -----------------------------------------------------------------------------------------------


def due_for(
    step: str, start: datetime, response: Response, policy: Policy, calendar: WorkingCalendar
) -> Counted | None:
    """When a step is due if its limit starts at `start`. None where it does not exist at this level."""
    ruled = _ruled(step, response, policy)
    if ruled is None:
        return None
    known: list[datetime] = []
    if step in policy.steps and policy.steps[step].earlier_of_fact == "safe_until":
        hand_overs = (child.circumstances.safe_until for child in response.children)
        known = [moment.astimezone(UTC) for moment in hand_overs if moment is not None]
    rule, limit = ruled
    return counted(step, rule, limit, start, min(known, default=None), calendar)


def limit_of(step: str, response: Response, policy: Policy) -> Limit | None:
    """The limit in force for a step, None where it has none at this level."""
    ruled = _ruled(step, response, policy)
    return None if ruled is None else ruled[1]


def _ruled(step: str, response: Response, policy: Policy) -> tuple[str, Limit] | None:
    """Policy key and limit in force for a step; an unknown zone gets the shortest one (D-1.1)."""
    level = response.level
    if step in policy.other_clocks:
        return rule_of(step, level, policy), policy.other_clocks[step][1][level]
    if step == TASK:
        step = "S9"
    conditions = policy.compiled.steps[step]
    if conditions.created is not None and not any_child(conditions.created, response):
        return None
    if conditions.instead is not None and conditions.instead_step and any_child(conditions.instead, response):
        step = conditions.instead_step
    limit = policy.step_limit(step, level)
    if isinstance(limit, ZonedLimit):
        zone = _zone_of(limit, response.zone)
        return rule_of(step, level, policy, zone), limit.by_zone[zone]
    return None if limit is None else (rule_of(step, level, policy), limit)


def _zone_of(limit: ZonedLimit, zone: str | None) -> str:
    return zone if zone in limit.by_zone else min(limit.by_zone, key=lambda code: elapsed(limit.by_zone[code]))


def anchor_of(step: str, policy: Policy) -> str:
    """The anchor code of a step (policy `clocks.anchors`); a decision on a return is anchored at `returned`."""
    if step in policy.other_clocks:
        return policy.other_clocks[step][0]
    return policy.steps["S9" if step == TASK else step].anchor


# Who owes them ---------------------------------------------------------------------------------------------------


def _deadline(
    step: str, recipient: str | None, anchored_at: datetime, due: Counted, response: Response, policy: Policy
) -> Deadline:
    owner, department, tier = owner_of(step, recipient, response.routing, policy)
    start = anchored_at.astimezone(UTC)
    return Deadline(
        step=step,
        recipient=recipient,
        owner=owner,
        department=department,
        tier=tier,
        anchor=anchor_of(step, policy),
        anchored_at=start,
        counted_from=start,
        due=due.at,
        provisional=due.provisional,
        rule=due.rule,
        safe_until=due.safe_until,
    )


def owner_of(step: str, recipient: str | None, routing: Routing, policy: Policy) -> tuple[str, str | None, str]:
    """Owner of a step, the department that answers for it (None: the hotline), and the tier.

    Where the village has no role (restricted, or its own conflict of interest) its steps go up to the township; where
    civil affairs is blocked, the coordinator's substitute takes its steps.
    """
    if recipient is not None:
        return recipient, recipient, "village" if recipient == VILLAGE else "township"
    lead = routing.case_lead or CIVIL_AFFAIRS
    owner = _OWNERS.get(step, lead)
    if step in _OWED_TO_PEOPLE:
        owner = POLICE if lead == POLICE else CIVIL_AFFAIRS
    tier = policy.steps[step].tier if step in policy.steps else "township"
    if POST_DEPARTMENTS.get(owner, owner) == VILLAGE and not routing.takes_part(VILLAGE):
        owner, tier = _instead_of_the_village(step, lead, routing, policy), "township"
    if owner == CIVIL_AFFAIRS and CIVIL_AFFAIRS in routing.blocked:
        owner = str(policy.routing.conflict_of_interest.coordinator_if_blocked["department"])
    return owner, None if owner == HOTLINE else POST_DEPARTMENTS.get(owner, owner), tier


def _instead_of_the_village(step: str, lead: str, routing: Routing, policy: Policy) -> str:
    if VILLAGE in routing.blocked:
        return policy.routing.conflict_of_interest.duties_of_group_and_village_if_village_blocked
    return lead if step == "S10" else CIVIL_AFFAIRS
