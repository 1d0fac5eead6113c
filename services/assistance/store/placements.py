"""Placements of children, what is owed to those of unknown identity, and reviews of temporary guardianships.

Where a placement is, is an organisation's code or a note in the vault, never an address.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.placement import Placement, State
from services.assistance.store.tables import Table, insert_of, plain


class PlacementRow(Table, table=True):
    """One placement of one child, from its proposal to its end. A move ends one and starts the next."""

    __tablename__ = "placement"
    __table_args__ = (
        Index("placement_of_case", "case_id", "proposed_at"),
        Index("placement_current", "child_id", unique=True, postgresql_where="state = 'started'"),
        Index("placement_waiting", "child_id", unique=True, postgresql_where="state IN ('proposed', 'approved')"),
    )

    placement_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    child_id: UUID
    kind: str
    reason: str
    state: str
    emergency: bool
    place: str | None
    address_note_id: UUID | None
    unavailable: dict[str, Any] = Field(sa_type=JSONB)
    apart_reason: str | None
    medical_note_id: UUID | None
    separate_room: bool
    staff_checked: bool
    relative_of_suspected: bool
    police_clear: bool | None
    police_checked_by: dict[str, Any] | None = Field(sa_type=JSONB)
    police_checked_at: datetime | None
    temporary_guardianship: bool
    guardianship_id: UUID | None
    guardianship_since: datetime | None
    note_id: UUID | None
    proposed_by: dict[str, Any] = Field(sa_type=JSONB)
    proposed_at: datetime
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None
    started_at: datetime | None
    moved_from: UUID | None
    hand_over: dict[str, Any] | None = Field(sa_type=JSONB)
    acceptance_note_id: UUID | None
    accepted_at: datetime | None
    home_assessment_note_id: UUID | None
    home_assessed_safe: bool
    permanent_since: datetime | None
    ended_at: datetime | None
    end_cause: str | None
    end_note_id: UUID | None
    return_hand_over: dict[str, Any] | None = Field(sa_type=JSONB)


class FollowUpRow(Table, table=True):
    """A search or registration owed to a child of unknown identity (D-4.6.3). One of a code per child."""

    __tablename__ = "placement_follow_up"
    __table_args__ = (Index("placement_follow_up_once", "case_id", "child_id", "code", unique=True),)

    follow_up_id: UUID = Field(primary_key=True)
    case_id: UUID
    child_id: UUID
    code: str
    owner: str
    opened_at: datetime
    due_at: datetime
    done_at: datetime | None
    done_by: dict[str, Any] | None = Field(sa_type=JSONB)
    late_seconds: int
    note_id: UUID | None


class GuardianshipReviewRow(Table, table=True):
    """A review of a temporary guardianship, and what it decided."""

    __tablename__ = "guardianship_review"

    review_id: UUID = Field(primary_key=True)
    case_id: UUID = Field(index=True)
    guardianship_id: UUID
    due_at: datetime
    reviewed_at: datetime
    outcome: str
    late_seconds: int
    note_id: UUID
    reviewed_by: dict[str, Any] = Field(sa_type=JSONB)


_ADD_PLACEMENTS = insert_of(PlacementRow)
_SAVE_PLACEMENTS = f"{_ADD_PLACEMENTS} ON CONFLICT (placement_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in PlacementRow.model_fields if name != "placement_id"
)
_ADD_FOLLOW_UPS = f"{insert_of(FollowUpRow)} ON CONFLICT (case_id, child_id, code) DO NOTHING"
_ADD_REVIEWS = insert_of(GuardianshipReviewRow)


async def placements_of(db: Connection, case_id: UUID) -> list[PlacementRow]:
    """All placements of a case's children, oldest first."""
    rows = await db.fetch("SELECT * FROM placement WHERE case_id = $1 ORDER BY proposed_at, placement_id", case_id)
    return [PlacementRow(**dict(row)) for row in rows]


async def placement_case(db: Connection, placement_id: UUID) -> UUID | None:
    """The case a placement belongs to."""
    found: UUID | None = await db.fetchval("SELECT case_id FROM placement WHERE placement_id = $1", placement_id)
    return found


def as_known(rows: Iterable[PlacementRow]) -> tuple[Placement, ...]:
    """Stored placements as the rules read them."""
    return tuple(
        Placement(
            placement_id=row.placement_id,
            child_id=row.child_id,
            kind=row.kind,
            reason=row.reason,
            state=cast(State, row.state),
            emergency=row.emergency,
            place=row.place,
            started_at=row.started_at,
            ended_at=row.ended_at,
            end_cause=row.end_cause,
            guardianship_id=row.guardianship_id,
            guardianship_since=row.guardianship_since,
            relative_of_suspected=row.relative_of_suspected,
            police_clear=row.police_clear,
            medically_cleared=row.medical_note_id is not None,
            handed_over=row.hand_over is not None,
            accepted_in_writing=row.acceptance_note_id is not None,
            home_assessed_safe=row.home_assessed_safe,
            permanent_since=row.permanent_since,
        )
        for row in rows
    )


async def load_placements(db: Connection, case_id: UUID) -> tuple[Placement, ...]:
    """All placements of a case's children as the rules read them, oldest first."""
    return as_known(await placements_of(db, case_id))


async def placements_of_cases(db: Connection, case_ids: Sequence[UUID]) -> dict[UUID, tuple[Placement, ...]]:
    """By case, all placements of its children as the rules read them, oldest first; cases without one are left out."""
    rows = await db.fetch(
        "SELECT * FROM placement WHERE case_id = ANY($1::uuid[]) ORDER BY proposed_at, placement_id", list(case_ids)
    )
    found: dict[UUID, list[PlacementRow]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(PlacementRow(**dict(row)))
    return {case_id: as_known(placements) for case_id, placements in found.items()}


async def add_placements(db: Connection, rows: Sequence[PlacementRow]) -> None:
    """Keep proposals. Raises UniqueViolationError when a child has one waiting already."""
    await db.execute(_ADD_PLACEMENTS, [plain(row.model_dump()) for row in rows])


async def save_placements(db: Connection, *rows: PlacementRow) -> None:
    """Write placements as they are now, in this order: what ends before what starts."""
    for row in rows:
        await db.execute(_SAVE_PLACEMENTS, [plain(row.model_dump())])


# What is owed -------------------------------------------------------------------------------------------------------


async def follow_ups_of(db: Connection, case_id: UUID) -> list[dict[str, Any]]:
    """What is owed to the children of a case, by due time."""
    rows = await db.fetch("SELECT * FROM placement_follow_up WHERE case_id = $1 ORDER BY due_at, code", case_id)
    return [dict(row) for row in rows]


async def add_follow_ups(db: Connection, rows: Sequence[FollowUpRow]) -> None:
    """Keep what is owed; a code that a child has already stays as it is."""
    await db.execute(_ADD_FOLLOW_UPS, [plain(row.model_dump()) for row in rows])


async def finish_follow_up(
    db: Connection, follow_up_id: UUID, at: datetime, by: Mapping[str, Any], late_seconds: int, note_id: UUID | None
) -> None:
    """Record that a search or registration is done."""
    await db.execute(
        """
        UPDATE placement_follow_up SET done_at = $2, done_by = $3, late_seconds = $4, note_id = $5
        WHERE follow_up_id = $1 AND done_at IS NULL
        """,
        follow_up_id,
        at,
        by,
        late_seconds,
        note_id,
    )


async def reviews_of_guardianships(db: Connection, case_id: UUID) -> list[dict[str, Any]]:
    """The reviews of a case's temporary guardianships, oldest first."""
    rows = await db.fetch("SELECT * FROM guardianship_review WHERE case_id = $1 ORDER BY reviewed_at", case_id)
    return [dict(row) for row in rows]


async def add_guardianship_review(db: Connection, row: GuardianshipReviewRow) -> None:
    """Keep a review. Raises UniqueViolationError when it is kept already."""
    await db.execute(_ADD_REVIEWS, [plain(row.model_dump())])
