"""The archive of events, and the two questions the folding asks of the facts it made before."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from contracts.envelope import Event
from services.console.store.facts import FACTS

BATCH = 500


async def add(db: Connection, events: Sequence[Event]) -> None:
    """Keep the events as they came."""
    await db.executemany(
        "INSERT INTO archive (event_id, type, topic, key, at, value) VALUES ($1, $2, $3, $4, $5, $6)",
        [(e.id, e.type, e.topic, e.key, e.time, e.data.model_dump(mode="json")) for e in events],
    )


async def newest_rounds(db: Connection, cases: Sequence[UUID]) -> dict[UUID | None, int]:
    """The newest round known of each case."""
    rows = await db.fetch(
        "SELECT case_id, max(response_no) AS number FROM fact_round WHERE case_id = ANY($1::uuid[]) GROUP BY case_id",
        cases,
    )
    return {row["case_id"]: row["number"] for row in rows}


async def organisations_of(db: Connection, cases: Sequence[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The organisations that have a referral in each case."""
    rows = await db.fetch(
        "SELECT case_id, array_agg(DISTINCT organisation) AS organisations FROM fact_referral "
        "WHERE case_id = ANY($1::uuid[]) AND organisation IS NOT NULL GROUP BY case_id",
        cases,
    )
    return {row["case_id"]: tuple(row["organisations"]) for row in rows}


async def in_order(db: Connection) -> AsyncIterator[list[Any]]:
    """The whole archive in the order of arrival, in batches."""
    last = 0
    while rows := await db.fetch("SELECT * FROM archive WHERE id > $1 ORDER BY id LIMIT $2", last, BATCH):
        yield rows
        last = rows[-1]["id"]


async def empty_facts(db: Connection) -> None:
    """Forget everything folded so far; the archive stays."""
    await db.execute(f"TRUNCATE {', '.join(str(table.__tablename__) for table in FACTS)}")
