"""Grants and break-glass reviews."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A permission as requested, or as given at once. In the order of the table's columns."""

    grant_id: UUID
    case_id: UUID
    account: str
    fields: Sequence[str]
    reason: str
    state: str
    requested_by: dict[str, Any]
    requested_at: datetime
    decided_by: dict[str, Any] | None
    decided_at: datetime | None
    expires_at: datetime | None


async def add_grant(db: Connection, grant: NewGrant) -> None:
    """Keep a permission or a request for one."""
    await db.execute("INSERT INTO access_grant VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", *astuple(grant))


async def find_grant(db: Connection, family_id: UUID, grant_id: UUID) -> dict[str, Any] | None:
    """A permission of a family's case."""
    row = await db.fetchrow(
        "SELECT g.* FROM access_grant g JOIN case_file c USING (case_id) WHERE g.grant_id = $1 AND c.family_id = $2",
        grant_id,
        family_id,
    )
    return None if row is None else dict(row)


async def decide_grant(
    db: Connection, grant_id: UUID, state: str, by: dict[str, Any], at: datetime, expires_at: datetime | None
) -> None:
    """Grant or refuse a request."""
    await db.execute(
        "UPDATE access_grant SET state = $2, decided_by = $3, decided_at = $4, expires_at = $5 WHERE grant_id = $1",
        grant_id,
        state,
        by,
        at,
        expires_at,
    )


@dataclass(frozen=True, slots=True)
class NewReview:
    """A break-glass reading to be reviewed. In the order of the table's columns."""

    review_id: UUID
    case_id: UUID
    township: str
    opened_by: dict[str, Any]
    opened_at: datetime
    fields: Sequence[str]
    reason: str
    due_at: datetime


async def add_review(db: Connection, review: NewReview) -> None:
    """Keep a reading for review."""
    await db.execute("INSERT INTO access_review VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')", *astuple(review))


async def find_review(db: Connection, case_id: UUID, review_id: UUID) -> dict[str, Any] | None:
    """A review of a case."""
    row = await db.fetchrow("SELECT * FROM access_review WHERE review_id = $1 AND case_id = $2", review_id, case_id)
    return None if row is None else dict(row)


async def decide_review(db: Connection, review_id: UUID, state: str, by: dict[str, Any], at: datetime) -> None:
    """Record what the supervisor found."""
    await db.execute(
        "UPDATE access_review SET state = $2, decided_by = $3, decided_at = $4 WHERE review_id = $1",
        review_id,
        state,
        by,
        at,
    )
