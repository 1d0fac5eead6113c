"""The reference: asyncpg and aiokafka alone doing the same writes, without outbox, inbox, contracts, HTTP or rules.

The real run's row counts and row sizes per report and table are measured in the databases afterwards; the bare pipeline
then writes as many rows of the same size into plain tables, one process per service, linked by Kafka in the same way. It
is what the hardware gives to anybody; the ratio is what the product's promises cost.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.kafka import Kafka

CONCURRENCY = 16
BATCH = 500
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Writes:
    """What one report costs one table: rows, and bytes per row."""

    table: str
    rows: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One process of the bare pipeline. `source` None = the writer that starts the chain."""

    name: str
    dsn: str
    writes: tuple[Writes, ...]
    source: str | None
    target: str | None
    event_bytes: int


async def measured_writes(dsn: str, reports: int, *, without: frozenset[str] = frozenset()) -> tuple[Writes, ...]:
    """Rows inserted per report and table since the database was made, with their average size."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await asyncio.sleep(1.5)
        tables = await connection.fetch("SELECT relname, n_tup_ins FROM pg_stat_user_tables WHERE n_tup_ins > 0")
        found = []
        for row in tables:
            table = row["relname"]
            if table in without or row["n_tup_ins"] < reports // 2:
                continue
            size = await connection.fetchval(
                f'SELECT avg(pg_column_size(t.*))::int FROM (SELECT * FROM "{table}" LIMIT 500) t'
            )
            found.append(Writes(table, row["n_tup_ins"] / reports, int(size or 100)))
        return tuple(found)
    finally:
        await connection.close()


async def run(stages: Sequence[Stage], bootstrap: str, reports: int) -> float:
    """Reports per second through the whole bare pipeline."""
    prefix = f"bare-{uuid4().hex[:8]}."
    topics = sorted({stage.target for stage in stages if stage.target} | {s.source for s in stages if s.source})
    await Kafka(bootstrap, prefix=prefix).ensure_topics(topics, 4)
    processes = []
    for stage in stages:
        specification = json.dumps({**asdict(stage), "bootstrap": bootstrap, "prefix": prefix, "reports": reports})
        processes.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bench.bare", specification, cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
        )
    for process in processes:
        assert process.stdout is not None
        await process.stdout.readline()
    started = time.perf_counter()
    go = asyncio.create_task(_tell(bootstrap, prefix))
    statuses = await asyncio.gather(*(process.wait() for process in processes))
    await go
    assert not any(statuses), statuses
    return reports / (time.perf_counter() - started)


async def _tell(bootstrap: str, prefix: str) -> None:
    await Kafka(bootstrap, prefix=prefix).ensure_topics(["go"], 1)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(f"{prefix}go", b"go")
    await producer.stop()


async def _stage(spec: dict[str, object]) -> None:
    writes = [Writes(**w) for w in cast("list[dict[str, Any]]", spec["writes"])]
    pool = await asyncpg.create_pool(
        str(spec["dsn"]), min_size=1, max_size=CONCURRENCY, server_settings={"synchronous_commit": "on"}
    )
    for w in writes:
        await pool.execute(f'CREATE TABLE IF NOT EXISTS "bare_{w.table}" (id uuid PRIMARY KEY, key uuid, body bytea)')
    producer = AIOKafkaProducer(bootstrap_servers=str(spec["bootstrap"]), acks="all", enable_idempotence=True)
    await producer.start()
    if spec["source"] is None:
        await _write_chain(spec, writes, pool, producer)
    else:
        await _follow(spec, writes, pool, producer)
    await producer.stop()
    await pool.close()


async def _write_chain(
    spec: dict[str, object], writes: list[Writes], pool: "asyncpg.Pool[asyncpg.Record]", producer: AIOKafkaProducer
) -> None:
    await Kafka(str(spec["bootstrap"]), prefix=str(spec["prefix"])).ensure_topics(["go"], 1)
    gate = AIOKafkaConsumer(
        f"{spec['prefix']}go", bootstrap_servers=str(spec["bootstrap"]), auto_offset_reset="earliest", group_id=None
    )
    await gate.start()
    print("ready", flush=True)
    await gate.getone()
    await gate.stop()
    left = iter(range(int(str(spec["reports"]))))
    body = b"x" * int(str(spec["event_bytes"]))

    async def writer() -> None:
        for _ in left:
            key = uuid4()
            async with pool.acquire() as connection, connection.transaction():
                await _insert(connection, writes, [key])
            await producer.send_and_wait(f"{spec['prefix']}{spec['target']}", body, key=key.bytes)

    await asyncio.gather(*(writer() for _ in range(CONCURRENCY)))


async def _follow(
    spec: dict[str, object], writes: list[Writes], pool: "asyncpg.Pool[asyncpg.Record]", producer: AIOKafkaProducer
) -> None:
    consumer = AIOKafkaConsumer(
        f"{spec['prefix']}{spec['source']}",
        bootstrap_servers=str(spec["bootstrap"]),
        group_id=f"{spec['prefix']}{spec['name']}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    print("ready", flush=True)
    seen, wanted = 0, int(str(spec["reports"]))
    body = b"x" * int(str(spec["event_bytes"]))
    while seen < wanted:
        batches = await consumer.getmany(timeout_ms=500, max_records=BATCH)
        keys = [UUID(bytes=record.key) for records in batches.values() for record in records]
        if not keys:
            continue
        async with pool.acquire() as connection, connection.transaction():
            await _insert(connection, writes, keys)
        if spec["target"]:
            sent = [await producer.send(f"{spec['prefix']}{spec['target']}", body, key=key.bytes) for key in keys]
            await asyncio.gather(*sent)
        await consumer.commit()
        seen += len(keys)
    await consumer.stop()


async def _insert(connection: Any, writes: list[Writes], keys: Sequence[UUID]) -> None:
    for w in writes:
        count = max(1, round(w.rows * len(keys)))
        await connection.execute(
            f'INSERT INTO "bare_{w.table}" SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[])',
            [uuid4() for _ in range(count)],
            [keys[n % len(keys)] for n in range(count)],
            [b"x" * w.bytes] * count,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("specification")
    uvloop.run(_stage(json.loads(parser.parse_args().specification)))
