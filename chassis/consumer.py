"""Takes events from the broker and applies them: positions, effects and own events in one commit; the offset after.

A poll's worth of events is applied in one transaction. When anything in it fails deterministically, the same events are
applied one by one, and the one that fails alone parks its key. Infrastructure errors never park: the batch is kept and
tried again with backoff, so nothing is skipped and no offset moves. Many keys parked in a row mean a bad deploy, not bad
events: the consumer then stops and the service becomes unready.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import structlog

from chassis import inbox, metrics, parking
from chassis.broker import Broker, Consumer, Delivery
from chassis.clock import wall_clock
from chassis.database import Database
from chassis.faults import BrokerUnavailable, NotYet, is_infrastructure
from chassis.inbox import Position, Stream, Verdict
from chassis.transaction import Transaction
from contracts.envelope import (
    Event,
    InvalidPayload,
    Payload,
    RawEvent,
    Undecodable,
    current_type,
    decode,
    read_envelope,
)

BATCH = 500
POLL_SECONDS = 0.5
BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 10.0
FLOOD_KEYS = 20

Handler = Callable[[Sequence[Event], Transaction], Awaitable[None]]

__all__ = ["Handler", "Inbox", "Intake", "NotYet"]

log = structlog.get_logger()


class Inbox:
    """Applies events to one service's database. Knows nothing of the broker, so replays and retries use it too."""

    def __init__(self, database: Database, handlers: Mapping[type[Payload], Handler]) -> None:
        self._database = database
        self._handlers = {payload.TYPE: handler for payload, handler in handlers.items()}
        self._types = {payload.TYPE: payload for payload in handlers}
        self._families = {_family(type_name) for type_name in self._types}
        self.parked_in_a_row = 0

    @property
    def flooded(self) -> bool:
        """So many keys parked without one success between that the fault is ours."""
        return self.parked_in_a_row >= FLOOD_KEYS

    async def apply(self, events: Sequence[RawEvent]) -> None:
        """Apply events in order. Raises infrastructure errors, after which the same call may be repeated."""
        if not events:
            return
        try:
            gaps_closed = await self._apply_together(events)
            self.parked_in_a_row = 0
        except Exception as error:
            if is_infrastructure(error):
                raise
            gaps_closed = []
            for event in events:
                gaps_closed += await self._apply_alone(event)
        for topic, key in gaps_closed:
            await self.drain(topic, key, by="gap closed")

    async def _apply_alone(self, event: RawEvent) -> list[Stream]:
        try:
            gaps_closed = await self._apply_together([event])
            self.parked_in_a_row = 0
            return gaps_closed
        except Exception as error:
            if is_infrastructure(error):
                raise
            await self._block(event, error)
            return []

    async def _block(self, event: RawEvent, error: Exception) -> None:
        log.error("inbox.parked", topic=event.topic, key=event.key, type=event.type, error=type(error).__name__)
        async with self._database.transaction() as tx:
            stream = (event.topic, event.key)
            positions = await inbox.load_positions(tx.db, [stream])
            await parking.park(tx.db, [event], "failed", error)
            positions[stream].blocked = True
            await inbox.save_positions(tx.db, positions)
        self.parked_in_a_row += 1

    async def _apply_together(self, events: Sequence[RawEvent]) -> list[Stream]:
        """One transaction for all. Returns blocked streams whose missing event was among them."""
        async with self._database.transaction() as tx:
            positions = await inbox.load_positions(tx.db, ((e.topic, e.key) for e in events))
            gap_at = await _gaps(tx, positions)
            accepted: list[RawEvent] = []
            counts: dict[Verdict, list[RawEvent]] = {verdict: [] for verdict in Verdict}
            closed: list[Stream] = []
            for event in events:
                stream = (event.topic, event.key)
                verdict = inbox.judge(event.sequence, positions[stream])
                if verdict is Verdict.BEHIND and stream in gap_at and event.sequence == positions[stream].sequence + 1:
                    verdict = Verdict.APPLY
                    closed.append(stream)
                counts[verdict].append(event)
                if verdict is Verdict.APPLY:
                    accepted.append(event)
                    positions[stream].sequence = event.sequence
                elif verdict is Verdict.GAP:
                    positions[stream].blocked = True
                    gap_at.add(stream)
            await self._handle(accepted, tx)
            if counts[Verdict.GAP]:
                await parking.park(tx.db, counts[Verdict.GAP], "gap")
            if counts[Verdict.BEHIND]:
                await parking.park(tx.db, counts[Verdict.BEHIND], "behind")
            await inbox.save_positions(tx.db, positions)
        _count(counts)
        return closed

    async def _handle(self, events: Sequence[RawEvent], tx: Transaction) -> None:
        handled = [event for event in events if self._is_ours(event)]
        if not handled:
            return
        await tx.lock(event.key for event in handled)
        for batch in inbox.rounds(handled):
            by_type: dict[str, list[Event]] = {}
            for raw in batch:
                by_type.setdefault(current_type(raw.type), []).append(decode(raw, self._types))
            for type_name, of_type in by_type.items():
                await self._handlers[type_name](of_type, tx)

    def _is_ours(self, event: RawEvent) -> bool:
        """Types without a handler are none of this service's business, but an unknown version of a handled one is."""
        if current_type(event.type) in self._handlers:
            return True
        if _family(event.type) in self._families:
            raise InvalidPayload(f"{event.type}: version not understood here")
        return False

    async def drain(self, topic: str, key: str, *, by: str) -> int:
        """Apply what is parked of a stream, in order, until one fails again. Returns how many were applied."""
        applied = 0
        while True:
            async with self._database.transaction() as tx:
                stream = (topic, key)
                positions = await inbox.load_positions(tx.db, [stream])
                sequence = positions[stream].sequence + 1
                # An event that was parked ahead of a gap may have come again and been applied with the one it waited for.
                await parking.resolve_applied(tx.db, topic, key, positions[stream].sequence, by)
                event = await parking.next_parked(tx.db, topic, key, sequence)
                if event is None:
                    waiting = await tx.db.fetchval(
                        "SELECT count(*) FROM parked WHERE topic = $1 AND key = $2 AND resolved_at IS NULL", topic, key
                    )
                    positions[stream].blocked = waiting > 0
                    await inbox.save_positions(tx.db, positions)
                    return applied
                try:
                    async with tx.db.transaction():
                        await self._handle([event], tx)
                except Exception as error:
                    if is_infrastructure(error):
                        raise
                    failure: Exception | None = error
                else:
                    failure = None
                    positions[stream].sequence = sequence
                    await parking.resolve(tx.db, topic, key, sequence, "applied", by)
                    await inbox.save_positions(tx.db, positions)
            if failure is not None:
                await self._block(event, failure)
                return applied
            applied += 1

    async def skip(self, topic: str, key: str, *, reason: str, by: str) -> bool:
        """Give up the event that blocks a stream and go on behind it. False when nothing blocks it."""
        async with self._database.transaction() as tx:
            stream = (topic, key)
            positions = await inbox.load_positions(tx.db, [stream])
            sequence = positions[stream].sequence + 1
            if await parking.next_parked(tx.db, topic, key, sequence) is None:
                return False
            await parking.resolve(tx.db, topic, key, sequence, "skipped", by, reason)
            positions[stream].sequence = sequence
            await inbox.save_positions(tx.db, positions)
        await self.drain(topic, key, by=by)
        return True

    async def keep_undecodable(self, delivery: Delivery, error: Undecodable) -> None:
        """Keep a message that has no usable envelope, and count it towards a flood."""
        log.error("inbox.undecodable", topic=delivery.topic, partition=delivery.partition, offset=delivery.offset)
        async with self._database.transaction() as tx:
            await parking.park_undecodable(tx.db, delivery, error)
        self.parked_in_a_row += 1


class Intake:
    """The loop between the broker and the inbox."""

    def __init__(
        self, group: str, topics: Sequence[str], broker: Broker, inbox_: Inbox, *, linger_seconds: float = 0.0
    ) -> None:
        self._group = group
        self._linger_seconds = linger_seconds
        self._topics = tuple(topics)
        self._broker = broker
        self._inbox = inbox_
        self._consumer: Consumer | None = None

    async def run(self) -> None:
        """Consume for ever. Ends only on a flood (stays, idle and unready) or when the broker's client stalls (raises)."""
        backoff = BACKOFF_SECONDS_MIN
        while True:
            try:
                await self.step()
                backoff = BACKOFF_SECONDS_MIN
            except BrokerUnavailable as error:
                log.warning("consumer.broker_unavailable", error=str(error))
                await self.close()
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)
            if self._inbox.flooded:
                log.critical("consumer.flooded", parked_in_a_row=self._inbox.parked_in_a_row)
                await self.close()
                await asyncio.Event().wait()

    async def step(self, wait_seconds: float = POLL_SECONDS, *, limit: int = BATCH, commit: bool = True) -> int:
        """Poll once and apply what came; returns how many messages. Retries infrastructure errors of the database.

        Without `commit` the offsets stay where they were, as when a process dies between the database and the broker.
        """
        if self._consumer is None:
            self._consumer = await self._broker.consumer(self._group, self._topics)
        deliveries = await self._consumer.poll(limit, wait_seconds)
        if deliveries and self._linger_seconds and wait_seconds and len(deliveries) < limit:
            await asyncio.sleep(self._linger_seconds)
            deliveries = [*deliveries, *await self._consumer.poll(limit - len(deliveries), 0)]
        if not deliveries:
            self._show_lag(())
            return 0
        events: list[RawEvent] = []
        for delivery in deliveries:
            try:
                events.append(read_envelope(delivery.topic, delivery.key, delivery.headers, delivery.value))
            except Undecodable as error:
                await self._persist(partial(self._inbox.keep_undecodable, delivery, error), ())
        await self._persist(partial(self._inbox.apply, events), events)
        if commit:
            await self._consumer.commit(deliveries)
        return len(deliveries)

    def _show_lag(self, unapplied: Sequence[RawEvent]) -> None:
        """Age of the oldest event in hand per topic; 0 where nothing waits."""
        now = wall_clock()
        ages = dict.fromkeys(self._topics, 0.0)
        for event in unapplied:
            ages[event.topic] = max(ages.get(event.topic, 0.0), (now - event.time).total_seconds())
        for topic, age in ages.items():
            metrics.CONSUMER_LAG_SECONDS.labels(topic).set(age)

    async def _persist(self, work: Callable[[], Awaitable[None]], events: Sequence[RawEvent]) -> None:
        backoff = BACKOFF_SECONDS_MIN
        while True:
            self._show_lag(events)
            try:
                return await work()
            except Exception as error:
                if not is_infrastructure(error):
                    raise
                log.warning("consumer.paused", error=type(error).__name__, seconds=backoff)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)

    async def close(self) -> None:
        """Leave the group."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.close()


def _family(type_name: str) -> str:
    return type_name.rpartition(".v")[0]


async def _gaps(tx: Transaction, positions: Mapping[Stream, Position]) -> set[Stream]:
    """Of the blocked streams, those blocked by a missing event rather than by a failed one."""
    blocked = [stream for stream, position in positions.items() if position.blocked]
    if not blocked:
        return set()
    rows = await tx.db.fetch(
        """
        SELECT w.topic, w.key FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w(topic, key, sequence)
        WHERE NOT EXISTS (SELECT 1 FROM parked p WHERE p.topic = w.topic AND p.key = w.key
                          AND p.sequence = w.sequence + 1 AND p.resolved_at IS NULL)
        """,
        [topic for topic, _ in blocked],
        [key for _, key in blocked],
        [positions[stream].sequence for stream in blocked],
    )
    return {(row["topic"], row["key"]) for row in rows}


def _count(counts: Mapping[Verdict, Sequence[RawEvent]]) -> None:
    for event in counts[Verdict.APPLY]:
        metrics.CONSUMER_APPLIED_TOTAL.labels(event.topic).inc()
    for event in counts[Verdict.DUPLICATE]:
        metrics.CONSUMER_DUPLICATES_TOTAL.labels(event.topic).inc()
    for event in counts[Verdict.GAP]:
        metrics.CONSUMER_GAPS_TOTAL.labels(event.topic).inc()
