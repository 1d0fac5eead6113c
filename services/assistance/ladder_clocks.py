"""The clocks of the guardian ladder: compliance checks, the court's limit, the end of orders, reviews of a jump."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.clock import derived_id
from chassis.transaction import Deadline
from contracts.access import COORDINATOR, VILLAGE
from contracts.policy import Policy, elapsed
from services.assistance.clocks import DUE_SOON, OVERDUE, REPEAT, task_clock
from services.assistance.domain.ladder import village_barred
from services.assistance.domain.orders import WARNING_LETTER, reminder_at
from services.assistance.domain.rounds import Round
from services.assistance.store.ladders import ComplianceCheckRow, JumpReviewRow, LadderStepRow

SUPERVISOR, LEADER, POLICE = "civil_affairs_supervisor", "responsible_leader", "police"
EXPIRED = "expired"
G4_REVIEW = "G4_REVIEW"
"""What a review of a jump to G4 is called in `TaskFired.code`."""


def check_clock(check: ComplianceCheckRow, step: LadderStepRow, round_: Round, policy: Policy) -> Deadline:
    """A compliance check: called to mind the day before, late from its due time on, every day until it is made."""
    assert check.due_at is not None, "only planned checks have a clock"
    rhythm = policy.guardian_ladder.checks
    # Village and police both look after the parties of a warning letter (L-DV 17).
    both = [VILLAGE] if step.document == WARNING_LETTER and not village_barred(round_) else []
    return task_clock(
        check.check_id,
        round_,
        "compliance_check",
        check.check_id,
        step.step,
        step.owner,
        step.issued_on,
        check.due_at,
        stages=[(check.due_at - elapsed(rhythm.remind_before), DUE_SOON), (check.due_at, OVERDUE)],
        targets={DUE_SOON: both, OVERDUE: [COORDINATOR, *both], REPEAT: [COORDINATOR, SUPERVISOR, *both]},
        repeat=elapsed(rhythm.repeat_every),
        ladder_step_id=str(step.ladder_step_id),
    )


def paper_clocks(step: LadderStepRow, round_: Round, policy: Policy) -> list[Deadline]:
    """The clocks of the paper itself: the court's limit, the reminder before an order ends, and its end."""
    found: list[Deadline] = []
    paper = policy.guardian_ladder.document(step.document)
    if step.court_due_at is not None:
        found.append(
            task_clock(
                court_clock_id(step.ladder_step_id),
                round_,
                "order",
                step.ladder_step_id,
                step.document,
                step.owner,
                step.issued_on,
                step.court_due_at,
                kind="court_decision",
                targets={OVERDUE: (COORDINATOR, LEADER), REPEAT: (COORDINATOR, LEADER)},
            )
        )
    until = step.in_force_until
    if until is None or paper is None:
        return found
    found.append(_end_clock(step, round_, until, "order_expiry", [(until, EXPIRED)], ()))
    remind = reminder_at(paper, until, policy)
    if remind is not None:
        told = (POLICE,) if village_barred(round_) else (POLICE, VILLAGE)
        found.append(_end_clock(step, round_, until, "order_reminder", [(remind, DUE_SOON)], told))
    return found


def _end_clock(
    step: LadderStepRow,
    round_: Round,
    until: datetime,
    kind: str,
    stages: Sequence[tuple[datetime, str]],
    told: Sequence[str],
) -> Deadline:
    return task_clock(
        derived_id(step.ladder_step_id, kind),
        round_,
        "order",
        step.ladder_step_id,
        step.document,
        COORDINATOR,
        step.issued_on,
        until,
        kind=kind,
        stages=stages,
        targets={DUE_SOON: told},
        repeat=None,
    )


def court_clock_id(ladder_step_id: UUID) -> UUID:
    """The clock of the court's decision on an application."""
    return derived_id(ladder_step_id, "court_decision")


def ids_of_paper(ladder_step_id: UUID) -> tuple[UUID, ...]:
    """Every clock a paper may have: they end with it."""
    return tuple(derived_id(ladder_step_id, kind) for kind in ("court_decision", "order_expiry", "order_reminder"))


def review_clock_id(review_id: UUID, due_at: datetime) -> UUID:
    """The clock of a review; one that is widened gets another."""
    return derived_id(review_id, due_at.isoformat())


def review_clock(review: JumpReviewRow, round_: Round) -> Deadline:
    """A review that is owed; the coordinator sees to it, and the leader hears when it is late."""
    return task_clock(
        review_clock_id(review.review_id, review.due_at),
        round_,
        "order",
        review.review_id,
        G4_REVIEW,
        COORDINATOR,
        review.opened_at,
        review.due_at,
        kind="jump_review",
        targets={DUE_SOON: (POLICE,), OVERDUE: (POLICE, LEADER), REPEAT: (POLICE, LEADER)},
    )
