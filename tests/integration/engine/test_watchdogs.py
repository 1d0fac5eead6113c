"""Invariant 8: a process that can no longer do its work ends aloud, so that its supervisor starts a fresh one."""

import asyncio
import os

import pytest

from chassis.clock import monotonic, new_uuid7
from chassis.kafka import STALL_SECONDS, Kafka, Stalled
from chassis.service import serve
from chassis.settings import Settings
from chassis.testing import drop_database, free_port, fresh_database, running
from tests.integration.engine.test_broker_port import event
from tests.integration.engine.toy import TOY

LONG_AGO = -10 * STALL_SECONDS


def kafka() -> Kafka:
    return Kafka(os.environ["TEST_KAFKA_BOOTSTRAP_SERVERS"], prefix=f"dog-{new_uuid7().hex}.")


async def test_messages_that_wait_while_none_comes_end_the_consumer() -> None:
    broker = kafka()
    await broker.ensure_topics(["t"], 1)
    producer, consumer = await broker.producer(), await broker.consumer("g", ["t"])
    await producer.send([event("t", "k", 1)])
    assert len([d for _ in range(20) for d in await consumer.poll(10, 0.2)]) == 1
    consumer._consumer.pause(*consumer._consumer.assignment())
    await producer.send([event("t", "k", 2)])
    consumer._progress_at = consumer._checked_at = monotonic() + LONG_AGO
    with pytest.raises(Stalled):
        await consumer.poll(10, 0.1)
    await consumer.close()
    await producer.close()


async def test_a_quiet_topic_is_no_stall() -> None:
    broker = kafka()
    await broker.ensure_topics(["t"], 1)
    consumer = await broker.consumer("g", ["t"])
    await consumer.poll(10, 0.1)
    consumer._progress_at = consumer._checked_at = monotonic() + LONG_AGO
    assert await consumer.poll(10, 0.1) == []
    await consumer.close()


async def test_a_group_coordinator_that_ended_ends_the_consumer() -> None:
    broker = kafka()
    await broker.ensure_topics(["t"], 1)
    consumer = await broker.consumer("g", ["t"])
    await consumer.poll(10, 0.1)
    coordinator = consumer._consumer._coordinator
    alive, ended = coordinator._coordination_task, asyncio.get_running_loop().create_future()
    ended.set_result(None)
    coordinator._coordination_task = ended
    consumer._checked_at = monotonic() + LONG_AGO
    with pytest.raises(Stalled):
        await consumer.poll(10, 0.1)
    coordinator._coordination_task = alive
    await consumer.close()


async def test_a_task_that_ends_stops_the_whole_process_with_a_status() -> None:
    dsn = await fresh_database(TOY)
    async with running(TOY, dsn=dsn) as app, app.database.reading() as db:
        await db.execute("UPDATE relay_cursor SET system_identifier = 42")
    settings = Settings(
        database_url=dsn,
        kafka_bootstrap_servers=os.environ["TEST_KAFKA_BOOTSTRAP_SERVERS"],
        kafka_prefix=f"dog-{new_uuid7().hex}.",
        http_port=free_port(),
        shutdown_seconds=5,
    )
    assert await asyncio.wait_for(serve(TOY, settings), 40) == 1
    await drop_database(dsn)
