"""Empties the outbox into Kafka in order, without gaps and without waiting for anybody's long transaction.

A window is every row whose transaction is visible in the current snapshot and was not in the saved one: rows of
transactions begun since, and rows of the few that were still running when the last snapshot was saved. Per key, id order
is commit order, because writers hold the key's lock; so a window sent in id order keeps each key's order. The cursor is
saved after every message of the window was acknowledged, fenced by the owner's epoch: a relay that lost its lock can only
send something twice, which consumers drop by sequence. Any send error throws the producer away and starts the window
again: message k + 1 never passes a failed k.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import structlog

from chassis import metrics
from chassis.broker import Broker, Producer
from chassis.database import Database
from chassis.faults import BrokerUnavailable, is_infrastructure
from chassis.transaction import Connection
from contracts.envelope import RawEvent

PAGE = 1000
IDLE_POLL_SECONDS = 0.25
STANDBY_POLL_SECONDS = 2.0
BACKOFF_SECONDS_MAX = 10.0
SEND_DEADLINE_SECONDS = 30.0

_WINDOW = """
SELECT id, event_id, type, topic, key, sequence, occurred_at, correlation_id, causation_id, traceparent, value,
       recorded_at
FROM (
    SELECT * FROM outbox
    WHERE shard = $1 AND xid >= pg_snapshot_xmax($2::text::pg_snapshot) AND xid < pg_snapshot_xmax($3::text::pg_snapshot)
      AND pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
    UNION ALL
    SELECT * FROM outbox
    WHERE shard = $1 AND xid = ANY(ARRAY(SELECT pg_snapshot_xip($2::text::pg_snapshot)))
      AND pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
) AS w
ORDER BY id
"""
_ANYTHING = """
SELECT EXISTS (
    SELECT 1 FROM outbox WHERE shard = $1 AND xid >= pg_snapshot_xmax(c.seen)
) OR EXISTS (
    SELECT 1 FROM outbox WHERE shard = $1 AND xid = ANY(ARRAY(SELECT pg_snapshot_xip(c.seen)))
) FROM (SELECT coalesce(snapshot, '1:1:'::pg_snapshot) AS seen FROM relay_cursor WHERE shard = $1) AS c
"""
_NOTHING_SEEN = "1:1:"

log = structlog.get_logger()


class Fenced(Exception):
    """Another process took the shard over; this one must not save its cursor."""


class ForeignCursor(Exception):
    """The database was restored into another cluster: its transaction ids mean nothing there. Run `relay-reset`."""


class Relay:
    """The relay of one shard in one process. Only the holder of the shard's session lock sends."""

    def __init__(self, name: str, database: Database, broker: Broker, topics: Sequence[str], shard: int = 0) -> None:
        self._name = name
        self._database = database
        self._broker = broker
        self._topics = tuple(topics)
        self._shard = shard
        self._wake = asyncio.Event()
        self._producer: Producer | None = None

    def nudge(self) -> None:
        """Look now: events were committed in this process."""
        self._wake.set()

    async def run(self) -> None:
        """Own the shard when possible and relay for ever; stand by otherwise."""
        backoff = IDLE_POLL_SECONDS
        while True:
            try:
                async for _ in self.owned():
                    backoff = IDLE_POLL_SECONDS
            except Exception as error:
                if not is_infrastructure(error) and not isinstance(error, Fenced):
                    raise
                log.warning("relay.paused", error=type(error).__name__)
            await self.drop_producer()
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)

    async def owned(self) -> AsyncGenerator[int, None]:
        """Take the shard's lock and relay window after window; yields how many each one sent. Ends on any error."""
        direct = await self._database.direct(f"{self._name} relay")
        try:
            # This connection writes the cursor only: losing a save in a crash repeats a window, so it need not wait
            # for the disk.
            await direct.execute("SET synchronous_commit = off")
            while not await direct.fetchval("SELECT pg_try_advisory_lock(hashtext('relay'), $1)", self._shard):
                yield 0
                await asyncio.sleep(STANDBY_POLL_SECONDS)
            epoch = await self.take_over(direct)
            while True:
                sent = await self.relay_window(direct, epoch)
                yield sent
                if not sent:
                    await self._rest()
        finally:
            await direct.close(timeout=5)

    async def take_over(self, direct: Connection) -> int:
        """Start a new epoch, and decide from which snapshot: the saved one, or the beginning when the broker's log is new.

        Raises ForeignCursor when the cursor was made in another database cluster.
        """
        row = await direct.fetchrow(
            """
            UPDATE relay_cursor SET epoch = epoch + 1 WHERE shard = $1
            RETURNING epoch, cluster_id, acked, system_identifier,
                      (SELECT system_identifier FROM pg_control_system()) AS here
            """,
            self._shard,
        )
        if row is None:
            raise ForeignCursor(f"no cursor for shard {self._shard}")
        if row["system_identifier"] not in (None, row["here"]):
            raise ForeignCursor("the relay cursor belongs to another database cluster")
        cluster = await self._broker.cluster_id()
        ends = await self._broker.end_offsets(self._topics)
        lost = any(ends.get(place, 0) <= offset for place, offset in row["acked"].items())
        if row["cluster_id"] is not None and (row["cluster_id"] != cluster or lost):
            log.error("relay.refill", reason="the broker lost its log", cluster=cluster)
            metrics.RELAY_REFILLS_TOTAL.inc()
            await direct.execute("UPDATE relay_cursor SET snapshot = NULL, acked = '{}' WHERE shard = $1", self._shard)
        await direct.execute(
            "UPDATE relay_cursor SET cluster_id = $2, system_identifier = $3 WHERE shard = $1",
            self._shard,
            cluster,
            row["here"],
        )
        return int(row["epoch"])

    async def relay_window(self, direct: Connection, epoch: int) -> int:
        """Send everything that became visible since the saved snapshot, then save the current one. Returns the count."""
        woken = self._wake.is_set()
        self._wake.clear()
        if not woken and not await direct.fetchval(_ANYTHING, self._shard):
            return 0
        sent = 0
        acked: dict[str, int] = {}
        async with direct.transaction(isolation="repeatable_read", readonly=True):
            frame = await direct.fetchrow(
                "SELECT coalesce(snapshot::text, $2) AS saved, pg_current_snapshot()::text AS current "
                "FROM relay_cursor WHERE shard = $1",
                self._shard,
                _NOTHING_SEEN,
            )
            assert frame is not None
            page: list[RawEvent] = []
            oldest = None
            async for row in direct.cursor(_WINDOW, self._shard, frame["saved"], frame["current"], prefetch=PAGE):
                oldest = oldest or row["recorded_at"]
                page.append(_raw(self._name, row))
                if len(page) == PAGE:
                    acked.update(await self._send(page))
                    sent += len(page)
                    page = []
            if page:
                acked.update(await self._send(page))
                sent += len(page)
        if sent:
            await self._save(direct, epoch, frame["current"], acked)
            metrics.RELAY_SENT_TOTAL.labels(self._topics[0]).inc(sent)
        return sent

    async def _save(self, direct: Connection, epoch: int, snapshot: str, acked: dict[str, int]) -> None:
        status = await direct.execute(
            "UPDATE relay_cursor SET snapshot = $3::text::pg_snapshot, acked = acked || $4::jsonb, saved_at = now() "
            "WHERE shard = $1 AND epoch = $2",
            self._shard,
            epoch,
            snapshot,
            acked,
        )
        if status != "UPDATE 1":
            raise Fenced

    async def _send(self, page: Sequence[RawEvent]) -> dict[str, int]:
        if self._producer is None:
            self._producer = await self._broker.producer()
        try:
            return await asyncio.wait_for(self._producer.send(page), SEND_DEADLINE_SECONDS)
        except Exception as error:
            await self.drop_producer()
            raise BrokerUnavailable(type(error).__name__) from error

    async def drop_producer(self) -> None:
        """Throw the producer away; the next send builds a fresh one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.close(), 5)
            except Exception as error:
                log.info("relay.producer_close", error=type(error).__name__)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_POLL_SECONDS)
        except TimeoutError:
            return


def _raw(source: str, row: Any) -> RawEvent:
    return RawEvent(
        id=row["event_id"],
        type=row["type"],
        source=source,
        topic=row["topic"],
        key=row["key"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        traceparent=row["traceparent"],
        value=row["value"].encode(),
    )


async def oldest_unsent_seconds(connection: Connection, shard: int = 0) -> float:
    """Age of the oldest event not yet relayed; 0 when none waits. Takes what the cursor has not seen."""
    age = await connection.fetchval(
        """
        SELECT extract(epoch FROM now() - min(o.recorded_at))::float8 FROM outbox o, relay_cursor c
        WHERE c.shard = $1 AND o.shard = $1
          AND o.xid >= pg_snapshot_xmin(coalesce(c.snapshot, '1:1:'::pg_snapshot))
          AND NOT pg_visible_in_snapshot(o.xid, coalesce(c.snapshot, '1:1:'::pg_snapshot))
        """,
        shard,
    )
    return float(age or 0.0)


async def refill(connection: Connection, shard: int = 0) -> int:
    """Send the whole outbox again: consumers drop what they applied. Returns how many events will be sent."""
    await connection.execute("UPDATE relay_cursor SET snapshot = NULL, acked = '{}' WHERE shard = $1", shard)
    return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE shard = $1", shard))


async def reset(connection: Connection, shard: int = 0) -> None:
    """After a restore into a new cluster: forget the foreign cursor and send everything again."""
    await connection.execute(
        "UPDATE relay_cursor SET snapshot = NULL, acked = '{}', system_identifier = NULL WHERE shard = $1", shard
    )
