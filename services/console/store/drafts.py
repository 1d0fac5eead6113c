"""Drafts of the desk: what an operator has typed and not yet sent. Only sealed text is kept, and for a day at most."""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from chassis.transaction import Connection
from services.console.store.tables import Table

MOMENT = sa.DateTime(timezone=True)
KEPT = timedelta(hours=24)


class DraftRow(Table, table=True):
    """One call that somebody is taking down. It belongs to an account, not to a seat."""

    __tablename__ = "draft"

    id: UUID = Field(primary_key=True)
    account: str = Field(index=True)
    sealed: bytes
    started_at: datetime = Field(sa_type=MOMENT, index=True)
    saved_at: datetime = Field(sa_type=MOMENT)


async def save(db: Connection, id_: UUID, account: str, sealed: bytes) -> DraftRow | None:
    """Keep what is typed now. None when the id is somebody else's."""
    row = await db.fetchrow(
        "INSERT INTO draft (id, account, sealed, started_at, saved_at) VALUES ($1, $2, $3, app_now(), app_now()) "
        "ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, saved_at = excluded.saved_at "
        "WHERE draft.account = excluded.account RETURNING *",
        id_,
        account,
        sealed,
    )
    return DraftRow(**row) if row else None


async def of_account(db: Connection, account: str) -> list[DraftRow]:
    """The drafts of an account that are still good, the first begun first."""
    rows = await db.fetch(
        "SELECT * FROM draft WHERE account = $1 AND started_at > app_now() - $2::interval ORDER BY started_at, id",
        account,
        KEPT,
    )
    return [DraftRow(**row) for row in rows]


async def discard(db: Connection, id_: UUID, account: str) -> None:
    """Delete a draft."""
    await db.execute("DELETE FROM draft WHERE id = $1 AND account = $2", id_, account)


async def forget_old(db: Connection) -> int:
    """Delete what is older than a day, sent or not. Returns how many."""
    gone = await db.fetch("DELETE FROM draft WHERE started_at <= app_now() - $1::interval RETURNING 1", KEPT)
    return len(gone)
