"""What assistance announces: the plan, visits, and the road to closure (D-4.5.1, D-5.3.2)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload
from contracts.vocabulary import Actor, Level

TOPIC = "assistance.events"


class PlanOpened(Payload):
    """Safety is confirmed, so the plan shell exists; the conference fills it by S9."""

    TYPE = "plan.opened.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    plan_id: UUID
    level: Level
    opened_at: datetime
    response_no: int | None = None


class PlanAgreed(Payload):
    """S9: the case conference agreed the plan. `measures` are catalogue codes with the department that owns each."""

    TYPE = "plan.agreed.v1"
    TOPIC = TOPIC

    case_id: UUID
    plan_id: UUID
    measures: dict[str, str] = {}
    by: Actor
    at: datetime


class VisitRecorded(Payload):
    """A visit to the child: S10 when it is the first after safety; the last two must be satisfactory for closure."""

    TYPE = "visit.recorded.v1"
    TOPIC = TOPIC

    case_id: UUID
    visit_id: UUID
    post: str
    visited_at: datetime
    child_seen: bool
    in_person: bool
    satisfactory: bool
    by: Actor
    note_id: UUID | None = None


class ClosureRequested(Payload):
    """The village proposes to close (civil affairs for a restricted case); starts S12.

    `concurrences` are the parties that must agree before the decision: `police`, `responsible_leader`.
    """

    TYPE = "closure.requested.v1"
    TOPIC = TOPIC

    case_id: UUID
    closure_id: UUID
    reason: str
    by: Actor
    at: datetime
    response_no: int | None = None
    concurrences: tuple[str, ...] = ()


class ClosureRefused(Payload):
    """The decision was no; `open_items` are the guard's codes that stood open, or empty when a person declined."""

    TYPE = "closure.refused.v1"
    TOPIC = TOPIC

    case_id: UUID
    closure_id: UUID
    open_items: tuple[str, ...] = ()
    by: Actor
    at: datetime


class CaseClosed(Payload):
    """销号: the case is closed on the ledger; nothing is deleted. Open clocks end, departments and reporter are told.

    `response_no` is the round that closed: an announcement that arrives after a reopening must not close the new round.
    """

    TYPE = "case.closed.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    closure_id: UUID
    reason: Literal[
        "GOAL_MET",
        "TRANSFERRED",
        "AGED_OUT",
        "UNFOUNDED",
        "DECEASED",
        "DUPLICATE_MERGED",
        "CONSULTATION_ONLY",
    ]
    highest_level: Level
    proposed_by: Actor
    decided_by: tuple[Actor, ...]
    at: datetime
    response_no: int | None = None
