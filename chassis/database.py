"""The service's own Postgres: one pool, time from the server, durable commits.

`synchronous_commit` is switched on per session, so a 2xx answer means the commit reached the disk whatever the server's
default. Everything has a limit: pool, statement time, lock wait, idle transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
import orjson

from chassis import metrics
from chassis.clock import monotonic
from chassis.transaction import Cause, Connection, Transaction

STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
IDLE_TRANSACTION_TIMEOUT_MS = 60_000
CONNECT_TIMEOUT_SECONDS = 10.0

SESSION = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_TIMEOUT_MS),
    "jit": "off",
    # Short statements over many keys: on solid-state disks an index look-up per key beats reading a whole table.
    "random_page_cost": "1.1",
}


def plain(value: object) -> str:
    """What orjson cannot write by itself: ids as read from the database are a subclass of UUID."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: orjson.dumps(value, default=plain).decode(),
        decoder=orjson.loads,
    )


class Database:
    """A pool of connections to one service's database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str, wake: list[Callable[[], None]]) -> None:
        self._pool = pool
        self._dsn = dsn
        self._wake = wake

    @classmethod
    async def open(cls, dsn: str, *, name: str, pool_max: int = 12) -> "Database":
        """Connect. Raises OSError or asyncpg errors when the server cannot be reached."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=pool_max,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=STATEMENT_TIMEOUT_MS / 1000,
            init=_prepare,
            server_settings={**SESSION, "application_name": name},
        )
        return cls(pool, dsn, [])

    async def close(self) -> None:
        """Close idle connections at once and busy ones after their work, at most ten seconds."""
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit that wrote events or deadlines (in process; correctness never depends on it)."""
        self._wake.append(wake)

    @asynccontextmanager
    async def transaction(self, cause: Cause | None = None) -> AsyncIterator[Transaction]:
        """One transaction: commits at the end, rolls back on any exception. The only commit in the product."""
        wakes = False
        async with self._acquired() as connection, connection.transaction():
            now: datetime = await connection.fetchval("SELECT app_now()")
            tx = Transaction(connection, now, cause)
            yield tx
            wakes = await tx.flush()
        if wakes:
            for wake in self._wake:
                wake()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection for read queries outside a transaction."""
        async with self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        started = monotonic()
        async with self._pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as held:
            metrics.POOL_WAIT_SECONDS.observe(monotonic() - started)
            yield cast(Connection, held)

    async def now(self) -> datetime:
        """The database's time, UTC."""
        async with self.reading() as connection:
            value: datetime = await connection.fetchval("SELECT app_now()")
            return value

    async def direct(self, name: str) -> Connection:
        """A connection of its own, outside the pool, for session locks. The caller closes it."""
        connection = await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=STATEMENT_TIMEOUT_MS / 1000,
            server_settings={**SESSION, "application_name": name, "idle_in_transaction_session_timeout": "0"},
        )
        await _prepare(connection)
        return connection
