"""`python -m services.console rebuild`: the read model made anew from the archive, in one commit.

Until the commit, pages read the old facts; events that arrive meanwhile wait. Use it after a change of the folding.
"""

import argparse
import sys
from typing import Any

from chassis.clock import new_uuid7
from chassis.database import Database
from chassis.service import Command
from chassis.transaction import Cause, Connection
from contracts.catalogue import TYPES
from contracts.envelope import Event
from services.console.folding import FOLDS
from services.console.handlers import fold
from services.console.store import archive


async def rebuild(database: Database) -> int:
    """Fold the whole archive again. Returns the number of events."""
    id_ = new_uuid7()
    folded = 0
    async with database.transaction(Cause(id_, str(id_), None)) as tx:
        # Handlers write the archive; with it locked, no event slips in between the old facts and the new.
        await tx.db.execute("LOCK TABLE archive IN EXCLUSIVE MODE")
        await archive.empty_facts(tx.db)
        async for rows in archive.in_order(tx.db):
            for row in rows:
                await _again(tx.db, row)
                folded += 1
    return folded


async def _again(db: Connection, row: Any) -> None:
    payload = TYPES[row["type"]]
    if payload not in FOLDS:
        return
    event = Event(
        id=row["event_id"],
        type=row["type"],
        source="archive",
        topic=row["topic"],
        key=row["key"],
        time=row["at"],
        data=payload.model_validate(row["value"]),
        sequence=0,
        correlation_id=str(row["event_id"]),
    )
    await fold(db, [event])


async def _run(_: argparse.Namespace, settings: Any) -> int:
    database = await Database.open(settings.database_url, name="console-rebuild")
    try:
        folded = await rebuild(database)
    finally:
        await database.close()
    sys.stdout.write(f"{folded} events folded\n")
    return 0


COMMAND = Command(arguments=lambda _: None, run=_run)
