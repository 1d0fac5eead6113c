"""Rescreens in the store: one per township and month."""

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.risk_scoring.store.tables import RescreenRow
from services.risk_scoring.store.writing import insert, plain

_ADD = f"{insert(RescreenRow)} ON CONFLICT (township, period) DO NOTHING"


async def add_rescreen(db: Connection, row: RescreenRow) -> RescreenRow:
    """Keep a rescreen, or find the one this township has had in that month."""
    await db.execute(_ADD, [plain(row.model_dump())])
    found = await of_month(db, row.township, row.period)
    assert found is not None, "it was just written"
    return found


async def of_month(db: Connection, township: str, period: str) -> RescreenRow | None:
    """A township's rescreen of a month."""
    found = await db.fetchrow("SELECT * FROM rescreen WHERE township = $1 AND period = $2", township, period)
    return None if found is None else RescreenRow(**dict(found))


async def rescreen(db: Connection, rescreen_id: UUID) -> RescreenRow | None:
    """One rescreen."""
    found = await db.fetchrow("SELECT * FROM rescreen WHERE rescreen_id = $1", rescreen_id)
    return None if found is None else RescreenRow(**dict(found))


async def rescreens(db: Connection, township: str, after: tuple[str, UUID] | None, limit: int) -> list[dict[str, Any]]:
    """A township's rescreens, newest month first."""
    rows = await db.fetch(
        """
        SELECT * FROM rescreen
        WHERE township = $1 AND ($2::text IS NULL OR (period, rescreen_id) < ($2, $3::uuid))
        ORDER BY period DESC, rescreen_id DESC LIMIT $4
        """,
        township,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [dict(row) for row in rows]


async def unfinished(db: Connection) -> list[RescreenRow]:
    """Rescreens that have cases left."""
    rows = await db.fetch("SELECT * FROM rescreen WHERE finished_at IS NULL ORDER BY started_at, rescreen_id")
    return [RescreenRow(**dict(row)) for row in rows]


async def advance(db: Connection, rescreen_id: UUID, done: int, raised: int, lower: int, tasks: int) -> None:
    """Count a batch."""
    await db.execute(
        """
        UPDATE rescreen SET done = done + $2, raised = raised + $3, lower = lower + $4, tasks = tasks + $5
        WHERE rescreen_id = $1
        """,
        rescreen_id, done, raised, lower, tasks,
    )  # fmt: skip


async def finish(db: Connection, rescreen_id: UUID, at: datetime) -> None:
    """Nothing is left to do."""
    await db.execute(
        "UPDATE rescreen SET finished_at = $2 WHERE rescreen_id = $1 AND finished_at IS NULL", rescreen_id, at
    )
