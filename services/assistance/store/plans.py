"""Goals of a plan and the versions it went through."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.rounds import Round
from services.assistance.store.tables import Table, insert_of, plain


class GoalRow(Table, table=True):
    """One goal: the head of need it belongs to; its text is a note."""

    __tablename__ = "plan_goal"
    __table_args__ = (Index("plan_goal_of_case", "case_id", "response_no"),)

    goal_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    head: str
    child_id: UUID | None
    note_id: UUID | None
    set_at: datetime
    review_at: datetime
    outcome: str
    reviewed_at: datetime | None
    reviewed_by: dict[str, Any] | None = Field(sa_type=JSONB)
    review_note_id: UUID | None


class PlanVersionRow(Table, table=True):
    """One version of a plan: agreed, amended or reviewed, by whom, and what it held then."""

    __tablename__ = "plan_version"

    case_id: UUID = Field(primary_key=True)
    response_no: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    kind: str
    conference_id: UUID | None
    measures: dict[str, Any] = Field(sa_type=JSONB)
    goals: dict[str, Any] = Field(sa_type=JSONB)
    by: dict[str, Any] = Field(sa_type=JSONB)
    at: datetime


_ADD_GOALS, _ADD_VERSION = insert_of(GoalRow), insert_of(PlanVersionRow)


async def add_goals(db: Connection, rows: Sequence[GoalRow]) -> None:
    """Keep new goals."""
    if rows:
        await db.execute(_ADD_GOALS, [plain(row.model_dump()) for row in rows])


async def goals_of(db: Connection, round_: Round) -> list[dict[str, Any]]:
    """All goals of a round, oldest first."""
    rows = await db.fetch(
        "SELECT * FROM plan_goal WHERE case_id = $1 AND response_no = $2 ORDER BY set_at, head, goal_id",
        round_.case_id,
        round_.response_no,
    )
    return [dict(row) for row in rows]


async def review_goal(
    db: Connection,
    goal_id: UUID,
    outcome: str,
    review_at: datetime,
    by: Mapping[str, Any],
    at: datetime,
    note: UUID | None,
) -> None:
    """Record how a goal stands."""
    await db.execute(
        """
        UPDATE plan_goal SET outcome = $2, review_at = $3, reviewed_by = $4, reviewed_at = $5, review_note_id = $6
        WHERE goal_id = $1
        """,
        goal_id, outcome, review_at, by, at, note,
    )  # fmt: skip


async def versions_of(db: Connection, round_: Round) -> list[dict[str, Any]]:
    """The versions of the plan of a round, newest first."""
    rows = await db.fetch(
        "SELECT * FROM plan_version WHERE case_id = $1 AND response_no = $2 ORDER BY number DESC",
        round_.case_id,
        round_.response_no,
    )
    return [dict(row) for row in rows]


async def add_version(
    db: Connection,
    round_: Round,
    kind: str,
    measures: Mapping[str, str],
    goals: Mapping[str, str],
    by: Mapping[str, Any],
    at: datetime,
    conference_id: UUID | None = None,
) -> int:
    """Keep the plan as it is now as its next version. Returns the number. The case is locked by the caller."""
    number: int = await db.fetchval(
        "SELECT coalesce(max(number), 0) + 1 FROM plan_version WHERE case_id = $1 AND response_no = $2",
        round_.case_id,
        round_.response_no,
    )
    row = PlanVersionRow(
        case_id=round_.case_id, response_no=round_.response_no, number=number, kind=kind, conference_id=conference_id,
        measures=dict(measures), goals=dict(goals), by=dict(by), at=at,
    )  # fmt: skip
    await db.execute(_ADD_VERSION, [plain(row.model_dump())])
    return number
