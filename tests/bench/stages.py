"""Each engine stage alone, on real Postgres and real Kafka: how many events or deadlines per second one process moves."""

import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from chassis.broker import MemoryBroker
from chassis.clock import new_uuid7
from chassis.kafka import Kafka
from chassis.service import Process
from chassis.testing import running
from chassis.transaction import Cause, Deadline
from contracts.envelope import RawEvent
from tests.integration.engine.toy import TOY, Added, clock

EVENTS = 40_000
KEYS = 4_000
DEADLINES_DUE = 50_000
DEADLINES_ARMED = 200_000


async def relay(bootstrap: str) -> float:
    """Events per second from a filled outbox into Kafka, every acknowledgement awaited."""
    async with running(TOY) as app:
        await _fill_outbox(app.process, EVENTS)
        broker = Kafka(bootstrap, prefix=f"bench-{new_uuid7().hex}.")
        await broker.ensure_topics([TOY.topic], 4)
        process = Process(TOY, app.process.runtime.settings, app.database, broker)
        sent, started = 0, time.perf_counter()
        async with aclosing(process.relay.owned()) as windows:
            async for count in windows:
                sent += count
                if sent >= EVENTS:
                    break
        elapsed = time.perf_counter() - started
        await process.relay.drop_producer()
        return sent / elapsed


async def _fill_outbox(process: Process, events: int) -> None:
    async with process.runtime.database.reading() as db:
        await db.execute(
            """
            INSERT INTO outbox (event_id, type, topic, key, sequence, occurred_at, correlation_id, value)
            SELECT gen_random_uuid(), 'total.changed.v1', 'toy.events', 'k' || (n % $2), n / $2 + 1, now(), 'c',
                   '{"total": 1, "pad": "' || repeat('x', 580) || '"}'
            FROM generate_series(0, $1 - 1) AS n
            """,
            events,
            KEYS,
        )


async def consumer(bootstrap: str) -> float:
    """Events per second from Kafka into the database: position, one effect and one own event each."""
    async with running(TOY) as app:
        broker = Kafka(bootstrap, prefix=f"bench-{new_uuid7().hex}.")
        await broker.ensure_topics([TOY.topic, Added.TOPIC], 4)
        producer = await broker.producer()
        value = Added(amount=1).model_dump_json().encode()
        events = [
            RawEvent(
                new_uuid7(),
                Added.TYPE,
                "bench",
                Added.TOPIC,
                f"k{n % KEYS}",
                n // KEYS + 1,
                datetime.now(UTC),
                "c",
                value,
            )
            for n in range(EVENTS // 2)
        ]
        await producer.send(events)
        await producer.close()
        process = Process(TOY, app.process.runtime.settings, app.database, broker)
        assert process.intake is not None
        await process.intake.step()
        applied, started = 0, time.perf_counter()
        while applied < EVENTS // 2 - 500:
            applied += await process.intake.step()
        elapsed = time.perf_counter() - started
        await process.intake.close()
        return applied / elapsed


async def deadlines() -> float:
    """Stages fired per second when many are due at once among many more armed, event and next stage in one commit."""
    async with running(TOY, broker=MemoryBroker()) as app:
        for start in range(0, DEADLINES_ARMED, 10_000):
            async with app.database.transaction(Cause(new_uuid7(), "bench")) as tx:
                keys = [f"k{start + n}" for n in range(10_000)]
                await tx.lock(keys)
                tx.arm(
                    *(_due(tx.now, clock(tx, key, "S", 10 if start < DEADLINES_DUE else 90_000, None)) for key in keys)
                )
        async with app.database.reading() as db:
            await db.execute("VACUUM ANALYZE deadline")
        await app.set_clock(await app.database.now() + timedelta(seconds=11))
        fired, started = 0, time.perf_counter()
        timers = app.process.timers
        assert timers is not None
        while count := await timers.fire_due():
            fired += count
        return fired / (time.perf_counter() - started)


def _due(now: datetime, deadline: Deadline) -> Deadline:
    """The same clock with its last stage only, so that one firing per deadline is counted."""
    return Deadline(
        deadline.id,
        deadline.key,
        deadline.kind,
        now,
        deadline.due_at,
        ((deadline.due_at, "breach"),),
        None,
        "bench",
        {},
    )
