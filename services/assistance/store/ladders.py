"""The guardian ladder: steps with their papers, compliance checks, interviews, capacity assessments, jump reviews.

Document numbers stay here; events carry none. Free text lies in the vault, as notes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.ladder import Check, Ladder, Review, Taken
from services.assistance.domain.rounds import Round
from services.assistance.store.tables import Table, insert_of, plain


class LadderStepRow(Table, table=True):
    """One step taken with a guardian, and its paper. `owner`: who owes the checks."""

    __tablename__ = "ladder_step"
    __table_args__ = (Index("ladder_step_of_case", "case_id", "issued_on"),)

    ladder_step_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    guardian_id: UUID | None
    step: str
    document: str
    document_number: str | None
    issuer: str
    issued_on: datetime
    reason: str
    response: str
    refused: bool
    moves: bool
    jump_reason: str | None
    owner: str
    state: str
    in_force_until: datetime | None
    ended_at: datetime | None
    end_cause: str | None
    urgent: bool
    court_due_at: datetime | None
    provider: str | None
    starts_on: datetime | None
    sessions_planned: int | None
    sessions: list[Any] = Field(sa_type=JSONB)
    note_id: UUID | None
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime


class ComplianceCheckRow(Table, table=True):
    """Whether the guardian keeps to a step: planned (`due_at`), and what was found (`complied`)."""

    __tablename__ = "compliance_check"
    __table_args__ = (Index("compliance_check_of_case", "case_id", "ladder_step_id"),)

    check_id: UUID = Field(primary_key=True)
    ladder_step_id: UUID
    case_id: UUID
    due_at: datetime | None
    complied: bool | None
    breached_order: bool
    checked_at: datetime | None
    checked_by: dict[str, Any] | None = Field(sa_type=JSONB)
    late_seconds: int
    note_id: UUID | None


class InterviewRow(Table, table=True):
    """An interview with a guardian (约谈, D-4.4.2); what was said is a note."""

    __tablename__ = "guardian_interview"
    __table_args__ = (Index("guardian_interview_of_case", "case_id", "held_at"),)

    interview_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    guardian_id: UUID | None
    held_at: datetime
    setting: str
    present: list[Any] = Field(sa_type=JSONB)
    response: str
    note_id: UUID
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime


class CapacityRow(Table, table=True):
    """A guardianship-capacity assessment (D-4.4.3): ratings by domain, conclusion, and a note."""

    __tablename__ = "capacity_assessment"
    __table_args__ = (Index("capacity_assessment_of_case", "case_id", "assessed_at"),)

    assessment_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    guardian_id: UUID | None
    assessed_at: datetime
    ratings: dict[str, Any] = Field(sa_type=JSONB)
    conclusion: str
    note_id: UUID
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime


class JumpReviewRow(Table, table=True):
    """A review whether the ladder may be left for G4: what called for it, and what was decided. One per round."""

    __tablename__ = "jump_review"

    review_id: UUID = Field(primary_key=True)
    case_id: UUID = Field(index=True)
    response_no: int
    grounds: list[Any] = Field(sa_type=JSONB)
    opened_at: datetime
    due_at: datetime
    decision: str | None
    malice: bool
    note_id: UUID | None
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None


_ADD_STEPS, _ADD_CHECKS = insert_of(LadderStepRow), insert_of(ComplianceCheckRow)
_ADD_INTERVIEWS, _ADD_CAPACITIES, _ADD_REVIEWS = (
    insert_of(InterviewRow),
    insert_of(CapacityRow),
    insert_of(JumpReviewRow),
)

Rows = list[dict[str, Any]]


# Reading ------------------------------------------------------------------------------------------------------------


async def steps_of(db: Connection, case_ids: Iterable[UUID]) -> Rows:
    """The steps of these cases over all rounds, oldest first."""
    return await _of_cases(db, "ladder_step", "issued_on, recorded_at, ladder_step_id", case_ids)


async def checks_of(db: Connection, case_ids: Iterable[UUID]) -> Rows:
    """The compliance checks of these cases, planned and made, by due time."""
    return await _of_cases(db, "compliance_check", "coalesce(due_at, checked_at), check_id", case_ids)


async def interviews_of(db: Connection, case_id: UUID) -> Rows:
    """The interviews of a case, newest first."""
    return await _of_cases(db, "guardian_interview", "held_at DESC, interview_id", [case_id])


async def capacities_of(db: Connection, case_id: UUID) -> Rows:
    """The guardianship-capacity assessments of a case, newest first."""
    return await _of_cases(db, "capacity_assessment", "assessed_at DESC, assessment_id", [case_id])


async def reviews_of(db: Connection, case_ids: Iterable[UUID]) -> Rows:
    """The jump reviews of these cases, oldest first."""
    return await _of_cases(db, "jump_review", "opened_at, review_id", case_ids)


async def _of_cases(db: Connection, table: str, order: str, case_ids: Iterable[UUID]) -> Rows:
    rows = await db.fetch(
        f"SELECT * FROM {table} WHERE case_id = ANY($1::uuid[]) ORDER BY {order}",  # noqa: S608  our own names
        list(case_ids),
    )
    return [dict(row) for row in rows]


def taken(steps: Iterable[Mapping[str, Any]], checks: Iterable[Mapping[str, Any]]) -> tuple[Taken, ...]:
    """Stored steps as the rules read them."""
    by_step: dict[UUID, list[Check]] = {}
    for row in checks:
        found = Check(row["check_id"], row["due_at"], row["complied"], row["checked_at"])
        by_step.setdefault(row["ladder_step_id"], []).append(found)
    return tuple(
        Taken(
            ladder_step_id=row["ladder_step_id"],
            guardian_id=row["guardian_id"],
            step=row["step"],
            document=row["document"],
            issued_on=row["issued_on"],
            moves=row["moves"],
            jump_reason=row["jump_reason"],
            refused=row["refused"],
            state=row["state"],
            in_force_until=row["in_force_until"],
            checks=tuple(by_step.get(row["ladder_step_id"], ())),
        )
        for row in steps
    )


async def load_taken(db: Connection, case_id: UUID) -> tuple[Taken, ...]:
    """The steps of a case over all rounds, with their checks."""
    return taken(await steps_of(db, [case_id]), await checks_of(db, [case_id]))


async def load_ladder(db: Connection, round_: Round) -> Ladder:
    """All that the ladder's rules ask about a case."""
    reviews = [row for row in await reviews_of(db, [round_.case_id]) if row["response_no"] == round_.response_no]
    helped = await db.fetchval(
        """
        SELECT EXISTS (SELECT 1 FROM measure
                       WHERE case_id = $1 AND response_no = $2 AND step NOT IN ('refused', 'cancelled'))
        """,
        round_.case_id,
        round_.response_no,
    )
    return Ladder(
        taken=await load_taken(db, round_.case_id),
        children=round_.children,
        reviews=tuple(Review(row["decision"], row["malice"]) for row in reviews),
        helped=bool(helped),
    )


# Writing ------------------------------------------------------------------------------------------------------------


async def add_step(db: Connection, row: LadderStepRow, checks: Sequence[ComplianceCheckRow]) -> None:
    """Keep a step and its planned checks. Raises UniqueViolationError when it is kept already."""
    await db.execute(_ADD_STEPS, [plain(row.model_dump())])
    await add_checks(db, checks)


async def add_checks(db: Connection, rows: Sequence[ComplianceCheckRow]) -> None:
    """Keep checks. Raises UniqueViolationError for one that is kept already."""
    await db.execute(_ADD_CHECKS, [plain(row.model_dump()) for row in rows])


async def answer_check(db: Connection, row: ComplianceCheckRow) -> None:
    """Record what a planned check found."""
    await db.execute(
        """
        UPDATE compliance_check
        SET complied = $2, breached_order = $3, checked_at = $4, checked_by = $5, late_seconds = $6, note_id = $7
        WHERE check_id = $1 AND complied IS NULL
        """,
        row.check_id,
        row.complied,
        row.breached_order,
        row.checked_at,
        row.checked_by,
        row.late_seconds,
        row.note_id,
    )


async def end_step(db: Connection, ladder_step_id: UUID, cause: str, at: datetime) -> bool:
    """End an order or proceeding. False: it had ended before."""
    ended = await db.fetchval(
        """
        UPDATE ladder_step SET state = 'ended', end_cause = $2, ended_at = $3
        WHERE ladder_step_id = $1 AND state IN ('in_force', 'pending') RETURNING true
        """,
        ladder_step_id,
        cause,
        at,
    )
    return bool(ended)


async def add_session(db: Connection, ladder_step_id: UUID, session: Mapping[str, Any]) -> None:
    """Record a session of ordered family education."""
    await db.execute(
        "UPDATE ladder_step SET sessions = sessions || jsonb_build_array($2::jsonb) WHERE ladder_step_id = $1",
        ladder_step_id,
        dict(session),
    )


async def add_interview(db: Connection, row: InterviewRow) -> None:
    """Keep an interview. Raises UniqueViolationError when it is kept already."""
    await db.execute(_ADD_INTERVIEWS, [plain(row.model_dump())])


async def add_capacity(db: Connection, row: CapacityRow) -> None:
    """Keep a capacity assessment. Raises UniqueViolationError when it is kept already."""
    await db.execute(_ADD_CAPACITIES, [plain(row.model_dump())])


async def open_reviews(db: Connection, rows: Sequence[JumpReviewRow]) -> None:
    """Open reviews."""
    await db.execute(_ADD_REVIEWS, [plain(row.model_dump()) for row in rows])


async def widen_review(db: Connection, review_id: UUID, grounds: Sequence[str], due_at: datetime) -> None:
    """More calls for the review than before: it is owed again, whatever was decided."""
    await db.execute(
        """
        UPDATE jump_review SET grounds = $2, due_at = $3, decision = NULL, decided_by = NULL, decided_at = NULL
        WHERE review_id = $1
        """,
        review_id,
        list(grounds),
        due_at,
    )


async def decide_review(
    db: Connection, review_id: UUID, decision: str, malice: bool, note_id: UUID, by: Mapping[str, Any], at: datetime
) -> None:
    """Record what a review decided."""
    await db.execute(
        """
        UPDATE jump_review SET decision = $2, malice = $3, note_id = $4, decided_by = $5, decided_at = $6
        WHERE review_id = $1
        """,
        review_id,
        decision,
        malice,
        note_id,
        by,
        at,
    )
