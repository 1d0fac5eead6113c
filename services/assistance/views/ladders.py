"""What a reader sees of the guardian ladder: where each guardian stands, what may come next, what is in force and owed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.domain.ladder import Ladder, Taken, allowed_documents, disobeyed, rung
from services.assistance.domain.orders import Standing, standing
from services.assistance.domain.rounds import Round
from services.assistance.views.coded import Coded, coded


class CheckView(BaseModel):
    """A compliance check. `due_at` empty: made without a plan; `complied` empty: still owed."""

    check_id: UUID
    due_at: datetime | None
    complied: bool | None
    breached_order: bool
    checked_at: datetime | None
    checked_by: Actor | None
    late_seconds: int
    note_id: UUID | None


class SessionView(BaseModel):
    """One session of ordered family education."""

    held_at: datetime
    attended: bool
    recorded_by: Actor


class StepView(BaseModel):
    """A step taken, with its paper and its checks. `jump_reason`: why steps before it were left out."""

    ladder_step_id: UUID
    response_no: int
    guardian_id: UUID | None
    step: Coded
    document: Coded
    document_number: str | None
    issuer: str
    issued_on: datetime
    reason: Coded
    response: Coded
    jump_reason: str | None
    owner: str
    state: Literal["done", "in_force", "pending", "ended"]
    in_force_until: datetime | None
    ended_at: datetime | None
    end_cause: str | None
    court_due_at: datetime | None
    provider: str | None
    starts_on: datetime | None
    sessions_planned: int | None
    sessions: list[SessionView]
    checks: list[CheckView]
    note_id: UUID | None
    recorded_by: Actor
    recorded_at: datetime


class GuardianView(BaseModel):
    """Where one guardian stands. `allowed`: the papers that may be recorded next; empty id: the only guardian."""

    guardian_id: UUID | None
    rung: Coded | None
    disobeyed: bool
    allowed: list[Coded]


class InterviewView(BaseModel):
    """An interview with a guardian; what was said is a note."""

    interview_id: UUID
    guardian_id: UUID | None
    held_at: datetime
    setting: str
    present: list[str]
    response: Coded
    note_id: UUID
    recorded_by: Actor


class CapacityView(BaseModel):
    """A guardianship-capacity assessment: rating by domain, and the conclusion."""

    assessment_id: UUID
    guardian_id: UUID | None
    assessed_at: datetime
    ratings: dict[str, str]
    conclusion: Coded
    note_id: UUID
    recorded_by: Actor


class JumpReviewView(BaseModel):
    """A review of a jump to G4; `decision` empty: still owed."""

    review_id: UUID
    response_no: int
    grounds: list[str]
    due_at: datetime
    decision: Literal["proceed", "not_now"] | None
    malice: bool
    decided_by: Actor | None
    decided_at: datetime | None


class LadderView(BaseModel):
    """The ladder of a case over all rounds. `orders_in_force`, `pending` and `checks_owed` keep it from being closed."""

    case_id: UUID
    case_number: str
    response_no: int
    guardians: list[GuardianView]
    orders_in_force: list[Coded]
    pending: list[Coded]
    checks_owed: list[Coded]
    steps: list[StepView]
    reviews: list[JumpReviewView]
    interviews: list[InterviewView]
    capacity_assessments: list[CapacityView]
    available_actions: list[str]
    version: int


Rows = Iterable[Mapping[str, Any]]


def ladder(
    round_: Round,
    known: Ladder,
    steps: Sequence[Mapping[str, Any]],
    checks: Rows,
    reviews: Rows,
    interviews: Rows,
    capacities: Rows,
    now: datetime,
    policy: Policy,
    actions: Sequence[str],
) -> LadderView:
    """The ladder for a reader, from its rows and from what the rules make of them."""
    stands: Standing = standing(known.taken, now)
    by_step: dict[UUID, list[CheckView]] = {}
    for row in checks:
        by_step.setdefault(row["ladder_step_id"], []).append(CheckView(**row))
    return LadderView(
        case_id=round_.case_id,
        case_number=round_.case_number,
        response_no=round_.response_no,
        guardians=[_guardian(known, one, policy) for one in _guardians(known.taken)],
        orders_in_force=[coded(policy, "ladder_document", code) for code in stands.orders],
        pending=[coded(policy, "ladder_document", code) for code in stands.pending],
        checks_owed=[coded(policy, "ladder_step", code) for code in stands.checks],
        steps=[_step(row, by_step.get(row["ladder_step_id"], []), policy) for row in steps],
        reviews=[JumpReviewView(**row) for row in reviews],
        interviews=[
            InterviewView(**{**row, "response": coded(policy, "guardian_response", row["response"])})
            for row in interviews
        ],
        capacity_assessments=[
            CapacityView(**{**row, "conclusion": coded(policy, "capacity_conclusion", row["conclusion"])})
            for row in capacities
        ],
        available_actions=list(actions),
        version=round_.version,
    )


def _guardians(taken: Sequence[Taken]) -> tuple[UUID | None, ...]:
    return tuple(dict.fromkeys(one.guardian_id for one in taken)) or (None,)


def _guardian(known: Ladder, guardian_id: UUID | None, policy: Policy) -> GuardianView:
    reached, steps = rung(known.taken, guardian_id, policy), policy.guardian_ladder.steps
    return GuardianView(
        guardian_id=guardian_id,
        rung=coded(policy, "ladder_step", steps[reached].id) if reached >= 0 else None,
        disobeyed=reached >= 0 and disobeyed(known.taken, guardian_id, steps[reached].id),
        allowed=[
            coded(policy, "ladder_document", code) for code in allowed_documents(known, guardian_id, None, policy)
        ],
    )


def _step(row: Mapping[str, Any], checks: list[CheckView], policy: Policy) -> StepView:
    labels = {
        "step": coded(policy, "ladder_step", row["step"]),
        "document": coded(policy, "ladder_document", row["document"]),
        "reason": coded(policy, "ladder_reason", row["reason"]),
        "response": coded(policy, "guardian_response", row["response"]),
    }
    return StepView(**{**row, **labels, "checks": checks})
