"""Hints for open pages: something changed, look again. Ids and codes, kept for an hour; the page asks its owner anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from chassis.transaction import Connection
from services.console.store.tables import Table

KEPT = "1 hour"


class HintRow(Table, table=True):
    """One thing that changed. `organisations` are those whose queues it touches; empty = only those who see all cases."""

    __tablename__ = "hint"

    id: int = Field(sa_type=sa.BigInteger, primary_key=True)
    kind: str
    case_id: UUID | None
    level: str | None
    organisations: list[str] = Field(sa_type=ARRAY(sa.Text))
    at: datetime = Field(sa_type=sa.DateTime(timezone=True), index=True)


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that changed, to be written or to be sent. What it may be told to depends on the case as it is now:
    whether it is restricted, which unit is kept out of it, and the child's group."""

    kind: str
    case_id: UUID | None
    level: str | None
    organisations: tuple[str, ...]
    id: int = 0
    restricted: bool = False
    conflict_unit: str | None = None
    group: str | None = None


async def add(db: Connection, hints: Sequence[Hint]) -> None:
    """Write hints in the commit of what they are about."""
    if hints:
        await db.executemany(
            "INSERT INTO hint (kind, case_id, level, organisations, at) VALUES ($1, $2, $3, $4, app_now())",
            [(hint.kind, hint.case_id, hint.level, list(hint.organisations)) for hint in hints],
        )


async def since(db: Connection, after: int, limit: int) -> list[Hint]:
    """Hints after an id, oldest first.

    Two commits may show their ids out of order; the reader therefore asks again a little behind (see web/live.py).
    """
    return [_hint(row) for row in await db.fetch(_TOLD.format("h.id > $1", "LIMIT $2"), after, limit)]


async def lately(db: Connection, seconds: float) -> list[Hint]:
    """Hints of the last seconds: a page was made before its line was open."""
    wanted = _TOLD.format("h.at > app_now() - make_interval(secs => $1)", "")
    return [_hint(row) for row in await db.fetch(wanted, seconds)]


_TOLD = """
SELECT h.*, coalesce(r.restricted, false) AS restricted, r.conflict_unit, r.group_code
FROM hint h LEFT JOIN LATERAL (
    SELECT restricted, conflict_unit, group_code FROM fact_round
    WHERE fact_round.case_id = h.case_id ORDER BY response_no DESC LIMIT 1
) r ON true
WHERE {} ORDER BY h.id {}
"""


def _hint(row: Any) -> Hint:
    return Hint(
        row["kind"],
        row["case_id"],
        row["level"],
        tuple(row["organisations"]),
        row["id"],
        row["restricted"],
        row["conflict_unit"],
        row["group_code"],
    )


async def kept(db: Connection) -> tuple[int, int]:
    """Ids of the oldest and the newest hint kept, (0, 0) without any: who saw something else must look at everything."""
    (row,) = await db.fetch("SELECT coalesce(min(id), 0) AS oldest, coalesce(max(id), 0) AS newest FROM hint")
    return row["oldest"], row["newest"]


async def forget(db: Connection) -> None:
    """Delete what is older than an hour."""
    await db.execute(f"DELETE FROM hint WHERE at < app_now() - interval '{KEPT}'")  # noqa: S608 - a constant
