"""Case conferences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.store.tables import Table, insert_of, plain


class ConferenceRow(Table, table=True):
    """One conference: called, then held or cancelled. Lists stand in JSON objects by what they list."""

    __tablename__ = "conference"
    __table_args__ = (Index("conference_of_case", "case_id", desc("called_at"), desc("conference_id")),)

    conference_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    state: str
    scheduled_at: datetime
    called_by: dict[str, Any] = Field(sa_type=JSONB)
    called_at: datetime
    invited: list[Any] = Field(sa_type=JSONB)
    agenda: list[Any] = Field(sa_type=JSONB)
    held_at: datetime | None
    attended: list[Any] = Field(sa_type=JSONB)
    attendees: list[Any] = Field(sa_type=JSONB)
    absent: list[Any] = Field(sa_type=JSONB)
    decisions: list[Any] = Field(sa_type=JSONB)
    tasks: list[Any] = Field(sa_type=JSONB)
    minutes_note_id: UUID | None
    recorded_by: dict[str, Any] | None = Field(sa_type=JSONB)
    recorded_at: datetime | None
    version: int


_SAVE = f"{insert_of(ConferenceRow)} ON CONFLICT (conference_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ConferenceRow.model_fields if name != "conference_id"
)


async def save_conference(db: Connection, row: Mapping[str, Any]) -> None:
    """Write a conference as it is now."""
    await db.execute(_SAVE, [plain(row)])


async def find_conference(db: Connection, conference_id: UUID) -> dict[str, Any] | None:
    """One conference."""
    row = await db.fetchrow("SELECT * FROM conference WHERE conference_id = $1", conference_id)
    return None if row is None else dict(row)


async def conferences_of(
    db: Connection, case_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """A case's conferences over all rounds, newest first, from before `after`."""
    rows = await db.fetch(
        """
        SELECT * FROM conference
        WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (called_at, conference_id) < ($2, $3::uuid))
        ORDER BY called_at DESC, conference_id DESC LIMIT $4
        """,
        case_id,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [dict(row) for row in rows]
