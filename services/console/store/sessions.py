"""Sessions of people at the pages. The cookie holds what finds and opens a session; the table alone opens nothing."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from chassis.transaction import Connection
from services.console.store.tables import Table

MOMENT = sa.DateTime(timezone=True)


class SessionRow(Table, table=True):
    """One signed-in person at one browser. The access token is sealed with a key that only the cookie knows."""

    __tablename__ = "session"

    finder: bytes = Field(primary_key=True, description="SHA-256 of the cookie's first half")
    sealed_token: bytes
    account: str = Field(index=True)
    language: str
    created_at: datetime = Field(sa_type=MOMENT)
    expires_at: datetime = Field(sa_type=MOMENT, index=True)


async def add(db: Connection, row: SessionRow) -> None:
    """Keep a new session."""
    await db.execute(
        "INSERT INTO session (finder, sealed_token, account, language, created_at, expires_at) "
        "VALUES ($1, $2, $3, $4, app_now(), $5)",
        row.finder,
        row.sealed_token,
        row.account,
        row.language,
        row.expires_at,
    )


async def find(db: Connection, finder: bytes) -> tuple[bytes, datetime, str] | None:
    """Sealed token, end and language of a session that is still good; None = signed out, expired or never there."""
    row = await db.fetchrow(
        "SELECT sealed_token, expires_at, language FROM session WHERE finder = $1 AND expires_at > app_now()", finder
    )
    return (row["sealed_token"], row["expires_at"], row["language"]) if row else None


async def living(db: Connection, finders: Sequence[bytes]) -> set[bytes]:
    """Which of these sessions are still good."""
    rows = await db.fetch("SELECT finder FROM session WHERE finder = ANY($1) AND expires_at > app_now()", finders)
    return {row["finder"] for row in rows}


async def speak(db: Connection, finder: bytes, language: str) -> None:
    """Remember the language chosen."""
    await db.execute("UPDATE session SET language = $2 WHERE finder = $1", finder, language)


async def end(db: Connection, finder: bytes) -> None:
    """Sign out."""
    await db.execute("DELETE FROM session WHERE finder = $1", finder)


async def forget_expired(db: Connection) -> int:
    """Delete what has expired. Returns how many."""
    gone = await db.fetch("DELETE FROM session WHERE expires_at <= app_now() RETURNING 1")
    return len(gone)
