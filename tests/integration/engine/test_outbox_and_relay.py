"""Invariants 1-3: what is answered is kept; no event is lost, reordered or stalled; only the shard's owner saves its cursor."""

import asyncio
from contextlib import aclosing

import asyncpg
import pytest

from chassis import operations, relay
from chassis.broker import MemoryBroker
from chassis.clock import new_uuid7
from chassis.faults import BrokerUnavailable
from chassis.relay import Fenced, ForeignCursor, Relay
from chassis.testing import Running, running
from chassis.transaction import Cause, NotLocked
from contracts.envelope import RawEvent, read_envelope
from tests.integration.engine.toy import TOY, Added, Totalled, add


def cause() -> Cause:
    return Cause(new_uuid7(), "test")


async def commit(app: Running, key: str, amount: int) -> None:
    async with app.database.transaction(cause()) as tx:
        total = (await add(tx, {key: amount}))[key]
        tx.publish(key, Totalled(total=total))


def sent(broker: MemoryBroker) -> list[RawEvent]:
    return [read_envelope(m.topic, m.key, m.headers, m.value) for m in broker.messages("toy.events")]


def sequences(events: list[RawEvent], key: str) -> list[int]:
    return [event.sequence for event in events if event.key == key]


async def test_a_failed_command_leaves_neither_rows_nor_events(toy: Running) -> None:
    async def fail_at_the_end() -> None:
        async with toy.database.transaction(cause()) as tx:
            tx.publish("k", Totalled(total=(await add(tx, {"k": 1}))["k"]))
            await tx.flush()
            raise RuntimeError("after everything was written")

    with pytest.raises(RuntimeError):
        await fail_at_the_end()
    async with toy.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM tally") == 0
    assert await toy.published() == []


async def test_commits_are_durable_whatever_the_server_default(toy: Running) -> None:
    async with toy.database.transaction(cause()) as tx:
        assert await tx.db.fetchval("SHOW synchronous_commit") == "on"


async def test_publishing_without_the_lock_is_refused(toy: Running) -> None:
    with pytest.raises(NotLocked):
        async with toy.database.transaction(cause()) as tx:
            tx.publish("k", Totalled(total=1))


async def test_concurrent_commands_on_one_key_get_contiguous_sequences_in_commit_order(toy: Running) -> None:
    await asyncio.gather(*(commit(toy, "k", 1) for _ in range(30)), *(commit(toy, f"o{n}", 1) for n in range(10)))
    await toy.relay()
    events = [event for event in sent(toy.broker) if event.key == "k"]
    assert sequences(events, "k") == list(range(1, 31))
    totals = [Totalled.model_validate_json(event.value).total for event in events]
    assert totals == list(range(1, 31))


async def test_an_open_transaction_neither_stalls_the_relay_nor_loses_its_own_event(toy: Running) -> None:
    late = toy.database.transaction(cause())
    tx = await late.__aenter__()
    tx.publish("late", Totalled(total=(await add(tx, {"late": 7}))["late"]))
    await tx.flush()
    tx._outgoing.clear()
    await commit(toy, "quick", 1)
    assert await toy.relay() == 1, "the quick event waits for nobody"
    await commit(toy, "quick", 1)
    assert await toy.relay() == 1
    await late.__aexit__(None, None, None)
    assert await toy.relay() == 1, "the late event, whose transaction began before all others, is found"
    assert sorted((e.key, e.sequence) for e in sent(toy.broker)) == [("late", 1), ("quick", 1), ("quick", 2)]


async def test_a_send_error_moves_nothing_and_the_window_is_sent_again_in_order(toy: Running) -> None:
    for _ in range(3):
        await commit(toy, "k", 1)
    toy.broker.refusing = True
    with pytest.raises(BrokerUnavailable):
        await toy.relay()
    toy.broker.refusing = False
    assert await toy.relay() == 3
    assert sequences(sent(toy.broker), "k") == [1, 2, 3]


async def test_nothing_is_sent_twice_in_health(toy: Running) -> None:
    await commit(toy, "k", 1)
    assert [await toy.relay(), await toy.relay()] == [1, 0]


async def test_a_relay_that_lost_its_shard_cannot_save_its_cursor(toy: Running) -> None:
    zombie = Relay("toy", toy.database, toy.broker, ["toy.events"])
    direct = await toy.database.direct("zombie")
    try:
        old_epoch = await zombie.take_over(direct)
        await zombie.take_over(direct)
        await commit(toy, "k", 1)
        with pytest.raises(Fenced):
            await zombie.relay_window(direct, old_epoch)
    finally:
        await direct.close()
    assert await toy.relay() == 1, "the rightful owner sends it; the zombie could only double it"


async def test_only_one_process_owns_the_shard(toy: Running) -> None:
    second = Relay("toy", toy.database, toy.broker, ["toy.events"])
    async with aclosing(toy.process.relay.owned()) as owner, aclosing(second.owned()) as standby:
        await anext(owner)
        await commit(toy, "k", 1)
        assert await anext(standby) == 0
        assert await anext(owner) == 1


async def test_the_outbox_refuses_changes(toy: Running) -> None:
    await commit(toy, "k", 1)
    async with toy.database.reading() as db:
        for statement in ("UPDATE outbox SET value = '{}'", "DELETE FROM outbox"):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await db.execute(statement)


async def test_a_wiped_broker_is_filled_again_from_the_outbox_by_itself(toy: Running) -> None:
    for n in range(5):
        await commit(toy, f"k{n % 2}", 1)
    await toy.relay()
    before = [(e.key, e.sequence, e.id) for e in sent(toy.broker)]
    toy.broker.wipe("memory-2")
    assert await toy.relay() == 5
    assert [(e.key, e.sequence, e.id) for e in sent(toy.broker)] == before


async def test_a_broker_that_lost_its_log_but_kept_its_name_is_filled_again_too(toy: Running) -> None:
    await commit(toy, "k", 1)
    await toy.relay()
    toy.broker.wipe("memory-1")
    assert await toy.relay() == 1


async def test_consumers_of_a_refilled_broker_drop_what_they_had(toy: Running) -> None:
    for amount in (1, 2, 3):
        await toy.publish(Added(amount=amount), "k")
    await toy.settle()
    messages = toy.broker.messages("upstream.events")
    toy.broker.wipe("memory-2")
    for message in messages:
        toy.broker.append(message.topic, message.key, message.headers, message.value)
    await toy.settle()
    async with toy.database.reading() as db:
        assert await db.fetchval("SELECT history FROM tally WHERE key = 'k'") == [1, 2, 3]


async def test_a_cursor_from_another_database_cluster_is_refused_until_it_is_reset(toy: Running) -> None:
    await commit(toy, "k", 1)
    await toy.relay()
    async with toy.database.reading() as db:
        await db.execute("UPDATE relay_cursor SET system_identifier = 42")
    with pytest.raises(ForeignCursor):
        await toy.relay()
    async with toy.database.reading() as db:
        await relay.reset(db)
    assert await toy.relay() == 1


async def test_a_partition_is_dropped_only_when_old_and_passed_by_the_cursor(toy: Running) -> None:
    async with toy.database.reading() as db:
        await db.execute(
            "CREATE TABLE outbox_20200101 PARTITION OF outbox FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
        )
        await db.execute(
            "INSERT INTO outbox (event_id, type, topic, key, sequence, occurred_at, recorded_at, correlation_id, value) "
            "VALUES (gen_random_uuid(), 'total.changed.v1', 'toy.events', 'old', 1, now(), '2020-01-01 12:00Z', 'c', '{}')"
        )
        assert await operations.droppable(db, 14) == []
    await toy.relay()
    async with toy.database.reading() as db:
        assert await operations.droppable(db, 14) == ["outbox_20200101"]


async def test_unsent_age_shows_what_the_relay_has_not_taken(toy: Running) -> None:
    async with toy.database.reading() as db:
        assert await relay.oldest_unsent_seconds(db) == 0
        await commit(toy, "k", 1)
        assert await relay.oldest_unsent_seconds(db) > 0
        await toy.relay()
        assert await relay.oldest_unsent_seconds(db) == 0


async def test_the_relay_goes_on_where_the_process_before_it_stopped() -> None:
    broker = MemoryBroker()
    async with running(TOY, broker=broker) as first:
        await commit(first, "k", 1)
        await first.relay()
        async with running(TOY, broker=broker, dsn=first.database._dsn) as second:
            await commit(second, "k", 1)
            assert await second.relay() == 1
    assert sequences(sent(broker), "k") == [1, 2]
