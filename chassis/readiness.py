"""Is this process able to do its work? Checked by `/readyz`: database, broker, reference data, and no flood of parked keys."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from chassis.broker import Broker
from chassis.clock import monotonic
from chassis.consumer import Inbox
from chassis.database import Database

CHECK_SECONDS = 3.0
KEEP_SECONDS = 5.0


class NotHeard(Exception):
    """Nothing has come yet from a topic whose state the service needs for any of its work."""


class Readiness:
    """The checks of one process. The broker's answer is kept for KEEP_SECONDS, since asking opens a connection."""

    def __init__(self, database: Database, broker: Broker, topic: str, inbox: Inbox, needs: Sequence[str] = ()) -> None:
        self._database = database
        self._broker = broker
        self._topic = topic
        self._inbox = inbox
        self._needs = sorted(needs)
        self._heard = not needs
        self._broker_answer: tuple[float, str | None] | None = None

    async def checks(self) -> dict[str, str | None]:
        """Each check by name; None = good, else a code of what is wrong."""
        return {
            "database": await _outcome(self._ask_database()),
            "broker": await self._broker_state(),
            "parking": "parking_flood" if self._inbox.flooded else None,
            "reference": await _outcome(self._ask_reference()),
        }

    async def _ask_reference(self) -> None:
        """What the service cannot work without has arrived: once heard, it is in its own tables for good."""
        if self._heard:
            return
        async with self._database.reading() as connection:
            missing = await connection.fetch(
                "SELECT topic FROM unnest($1::text[]) AS topic WHERE NOT EXISTS "
                "(SELECT 1 FROM stream_position p WHERE p.topic = topic.topic AND p.sequence > 0)",
                self._needs,
            )
        if missing:
            raise NotHeard(", ".join(row["topic"] for row in missing))
        self._heard = True

    async def _ask_database(self) -> None:
        async with self._database.reading() as connection:
            await connection.fetchval("SELECT sequence FROM stream_position LIMIT 1")

    async def _broker_state(self) -> str | None:
        if self._broker_answer is None or monotonic() - self._broker_answer[0] > KEEP_SECONDS:
            self._broker_answer = (monotonic(), await _outcome(self._ask_broker()))
        return self._broker_answer[1]

    async def _ask_broker(self) -> None:
        if not await self._broker.end_offsets([self._topic]):
            raise LookupError("topic missing")


async def _outcome(question: Coroutine[Any, Any, None]) -> str | None:
    try:
        await asyncio.wait_for(question, CHECK_SECONDS)
    except TimeoutError:
        return "timeout"
    except Exception as error:
        return type(error).__name__
    return None
