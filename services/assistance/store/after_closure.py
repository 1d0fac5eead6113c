"""Who is told of a closure, and the review after a case."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.store.tables import Table, insert_of, plain


class ClosingNoticeRow(Table, table=True):
    """One line of the list of those who must hear of a closure."""

    __tablename__ = "closing_notice"

    closure_id: UUID = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    case_id: UUID = Field(index=True)
    state: str
    reason: str | None
    note_id: UUID | None
    told_at: datetime | None
    told_by: dict[str, Any] | None = Field(sa_type=JSONB)


class AfterCaseReviewRow(Table, table=True):
    """What the township learnt from a case that was ever RED. One per round."""

    __tablename__ = "after_case_review"
    __table_args__ = (
        Index("after_case_review_of_round", "case_id", "response_no", unique=True),
        Index("after_case_review_queue", "due_at", "review_id", postgresql_where="recorded_at IS NULL"),
    )

    review_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    closure_id: UUID
    opened_at: datetime
    due_at: datetime
    lessons: list[Any] = Field(sa_type=JSONB)
    attended: list[Any] = Field(sa_type=JSONB)
    note_id: UUID | None
    held_at: datetime | None
    late_seconds: int
    recorded_by: dict[str, Any] | None = Field(sa_type=JSONB)
    recorded_at: datetime | None


_ADD_NOTICES = insert_of(ClosingNoticeRow)
_ADD_REVIEWS = f"{insert_of(AfterCaseReviewRow)} ON CONFLICT (case_id, response_no) DO NOTHING"


async def add_notices(db: Connection, rows: Sequence[ClosingNoticeRow]) -> None:
    """Keep who must hear of a closure."""
    await db.execute(_ADD_NOTICES, [plain(row.model_dump()) for row in rows])


async def notices_of(db: Connection, closure_id: UUID) -> list[dict[str, Any]]:
    """Who must hear of a closure, and who has."""
    rows = await db.fetch(
        "SELECT * FROM closing_notice WHERE closure_id = $1 ORDER BY recipient, reference", closure_id
    )
    return [dict(row) for row in rows]


async def last_closed(db: Connection, case_id: UUID) -> UUID | None:
    """The newest proposal of a case that closed it."""
    found: UUID | None = await db.fetchval(
        "SELECT closure_id FROM closure WHERE case_id = $1 AND state = 'closed' ORDER BY decided_at DESC LIMIT 1",
        case_id,
    )
    return found


async def tell(db: Connection, row: ClosingNoticeRow) -> bool:
    """Record that somebody was told, or why not. False: nobody of that kind is on the list."""
    found = await db.fetchval(
        """
        UPDATE closing_notice SET state = $4, reason = $5, note_id = $6, told_at = $7, told_by = $8
        WHERE closure_id = $1 AND recipient = $2 AND reference = $3 RETURNING true
        """,
        row.closure_id,
        row.recipient,
        row.reference,
        row.state,
        row.reason,
        row.note_id,
        row.told_at,
        row.told_by,
    )
    return bool(found)


async def open_review(db: Connection, row: AfterCaseReviewRow) -> None:
    """A review is owed; a round that closed before and was opened again has its one already."""
    await db.execute(_ADD_REVIEWS, [plain(row.model_dump())])


async def reviews_after(db: Connection, case_id: UUID) -> list[dict[str, Any]]:
    """The reviews of a case, oldest first."""
    rows = await db.fetch("SELECT * FROM after_case_review WHERE case_id = $1 ORDER BY opened_at", case_id)
    return [dict(row) for row in rows]


async def record_review(
    db: Connection, review_id: UUID, held: Mapping[str, Any], by: Mapping[str, Any], at: datetime
) -> None:
    """Keep what a review found: `lessons`, `attended`, `note_id`, `held_at`, `late_seconds`."""
    await db.execute(
        """
        UPDATE after_case_review SET lessons = $2, attended = $3, note_id = $4, held_at = $5, late_seconds = $6,
               recorded_by = $7, recorded_at = $8
        WHERE review_id = $1 AND recorded_at IS NULL
        """,
        review_id,
        held["lessons"],
        held["attended"],
        held["note_id"],
        held["held_at"],
        held["late_seconds"],
        by,
        at,
    )
