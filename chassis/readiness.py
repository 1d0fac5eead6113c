"""Is this process able to do its work? Checked by `/readyz`: database, broker, and no flood of parked keys."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from chassis.broker import Broker
from chassis.clock import monotonic
from chassis.consumer import Inbox
from chassis.database import Database

CHECK_SECONDS = 3.0
KEEP_SECONDS = 5.0


class Readiness:
    """The checks of one process. The broker's answer is kept for KEEP_SECONDS, since asking opens a connection."""

    def __init__(self, database: Database, broker: Broker, topic: str, inbox: Inbox) -> None:
        self._database = database
        self._broker = broker
        self._topic = topic
        self._inbox = inbox
        self._broker_answer: tuple[float, str | None] | None = None

    async def checks(self) -> dict[str, str | None]:
        """Each check by name; None = good, else a code of what is wrong."""
        return {
            "database": await _outcome(self._ask_database()),
            "broker": await self._broker_state(),
            "parking": "parking_flood" if self._inbox.flooded else None,
        }

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
