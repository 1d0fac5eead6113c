"""Invariants 4, 5, 9: every event takes effect once and in order; a poison event stops its key only; floods stop us."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.consumer import FLOOD_KEYS, Inbox
from chassis.faults import NotYet
from chassis.testing import Running, running
from contracts.envelope import RawEvent
from tests.integration.engine.toy import TOY, Added, Fault, Totalled

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def history(app: Running, key: str) -> list[int]:
    async with app.database.reading() as db:
        return list(await db.fetchval("SELECT history FROM tally WHERE key = $1", key) or [])


async def test_a_polls_worth_of_events_is_one_commit(toy: Running) -> None:
    for n in range(40):
        await toy.publish(Added(amount=1), f"k{n}")
    await toy.consume()
    async with toy.database.reading() as db:
        assert await db.fetchval("SELECT count(DISTINCT xid) FROM outbox") == 1


async def test_an_event_delivered_twice_has_one_effect(toy: Running) -> None:
    event = await toy.publish(Added(amount=5), "k")
    await toy.deliver(event)
    await toy.settle()
    await toy.deliver(event)
    await toy.settle()
    assert await history(toy, "k") == [5]
    assert [t.total for t in await toy.published(Totalled)] == [5]


async def test_handling_the_same_event_on_two_databases_makes_the_same_ids() -> None:
    ids = []
    event: RawEvent | None = None
    for _ in range(2):
        async with running(TOY) as app:
            if event is None:
                event = await app.publish(Added(amount=1), "k")
            else:
                await app.deliver(event)
            await app.consume()
            async with app.database.reading() as db:
                ids.append(await db.fetchval("SELECT event_id FROM outbox"))
    assert ids[0] == ids[1]


async def test_two_consumers_with_the_same_batch_apply_it_once(toy: Running) -> None:
    events = [await toy.publish(Added(amount=n), "k") for n in range(1, 6)]
    zombie = Inbox(toy.database, TOY.handlers)
    await asyncio.gather(toy.process.inbox.apply(events), zombie.apply(events))
    assert await history(toy, "k") == [1, 2, 3, 4, 5]


async def test_two_consumers_with_the_same_batch_of_a_known_key_apply_it_once(toy: Running) -> None:
    first, *events = [await toy.publish(Added(amount=n), "k") for n in range(1, 6)]
    await toy.process.inbox.apply([first])
    zombie = Inbox(toy.database, TOY.handlers)
    async with toy.database.transaction() as busy:
        await busy.lock(["k"])  # both reach the key before either may go on
        both = [asyncio.create_task(one.apply(events)) for one in (toy.process.inbox, zombie)]
        async with toy.database.reading() as db:
            while await db.fetchval(_WAITING) < 2:
                await asyncio.sleep(0.01)
    await asyncio.gather(*both)
    assert await history(toy, "k") == [1, 2, 3, 4, 5]


async def test_a_gap_parks_and_heals_when_the_missing_event_comes(toy: Running) -> None:
    one, two, three, four = [await toy.publish(Added(amount=n), "k") for n in range(1, 5)]
    await toy.process.inbox.apply([one, three])
    assert (await history(toy, "k"), await toy.parked()) == ([1], 1)
    await toy.process.inbox.apply([four])
    assert (await history(toy, "k"), await toy.parked()) == ([1], 2)
    await toy.process.inbox.apply([two])
    assert (await history(toy, "k"), await toy.parked()) == ([1, 2, 3, 4], 0)


async def test_poison_parks_its_key_others_flow_and_a_retry_goes_on_in_order(toy: Running) -> None:
    Fault.poison = {2}
    for n in (1, 2, 3):
        await toy.publish(Added(amount=n), "bad")
    await toy.publish(Added(amount=9), "good")
    await toy.settle()
    assert (await history(toy, "bad"), await history(toy, "good"), await toy.parked()) == ([1], [9], 2)
    await toy.publish(Added(amount=4), "bad")
    await toy.settle()
    assert await history(toy, "bad") == [1], "later events queue behind the poison"
    assert await toy.process.inbox.drain("upstream.events", "bad", by="operator") == 0, "still poison"
    Fault.poison = set()
    assert await toy.process.inbox.drain("upstream.events", "bad", by="operator") == 3
    assert (await history(toy, "bad"), await toy.parked()) == ([1, 2, 3, 4], 0)
    await toy.publish(Added(amount=5), "bad")
    await toy.settle()
    assert await history(toy, "bad") == [1, 2, 3, 4, 5], "the key flows again"


async def test_a_skip_gives_up_one_event_with_its_reason_and_goes_on(toy: Running) -> None:
    Fault.poison = {2}
    for n in (1, 2, 3):
        await toy.publish(Added(amount=n), "k")
    await toy.settle()
    assert await toy.process.inbox.skip("upstream.events", "k", reason="agreed with the sender", by="ops")
    assert await history(toy, "k") == [1, 3]
    async with toy.database.reading() as db:
        row = await db.fetchrow("SELECT * FROM parked WHERE resolution = 'skipped'")
    assert row is not None
    assert (row["sequence"], row["resolved_by"], row["resolution_reason"]) == (2, "ops", "agreed with the sender")
    assert not await toy.process.inbox.skip("upstream.events", "k", reason="again", by="ops")


async def test_infrastructure_errors_never_park(toy: Running) -> None:
    event = await toy.publish(Added(amount=1), "k")
    Fault.not_yet = True
    with pytest.raises(NotYet):
        await toy.process.inbox.apply([event])
    assert (await history(toy, "k"), await toy.parked()) == ([], 0)
    Fault.not_yet = False
    await toy.process.inbox.apply([event])
    assert await history(toy, "k") == [1]


async def test_the_batch_waits_while_a_prerequisite_is_missing_and_no_offset_moves(toy: Running) -> None:
    await toy.publish(Added(amount=1), "k")
    Fault.not_yet = True
    step = asyncio.create_task(toy.consume())
    await asyncio.sleep(0.3)
    assert not step.done()
    assert toy.broker._committed == {}
    Fault.not_yet = False
    assert await step == 1
    assert await history(toy, "k") == [1]


async def test_a_flood_of_parked_keys_stops_the_consumer_and_its_readiness(toy: Running) -> None:
    Fault.poison = {13}
    for n in range(FLOOD_KEYS):
        await toy.publish(Added(amount=13), f"k{n}")
    assert (await toy.client.get("/readyz")).status_code == 200
    await toy.settle()
    assert toy.process.inbox.flooded
    answer = await toy.client.get("/readyz")
    assert answer.status_code == 503
    assert "parking_flood" in answer.text


async def test_single_poison_events_between_good_ones_are_no_flood(toy: Running) -> None:
    Fault.poison = {13}
    for n in range(FLOOD_KEYS + 5):
        await toy.publish(Added(amount=13), f"bad{n}")
        await toy.publish(Added(amount=1), f"good{n}")
    await toy.settle()
    assert not toy.process.inbox.flooded


async def test_an_unknown_version_of_a_handled_type_is_parked_not_ignored(toy: Running) -> None:
    event = await toy.publish(Added(amount=1), "k")
    await toy.process.inbox.apply([replace(event, type="number.added.v9")])
    assert await toy.parked() == 1
    await toy.process.inbox.apply([replace(event, key="j", type="something.else.v1")])
    assert await toy.parked() == 1, "a type nobody here handles is none of our business"


async def test_bytes_without_an_envelope_are_kept_and_block_nobody(toy: Running) -> None:
    toy.broker.append("upstream.events", b"k", [("ce_id", b"nonsense")], b"\x00\xff")
    await toy.publish(Added(amount=1), "k")
    await toy.settle()
    assert (await history(toy, "k"), await toy.parked()) == ([1], 1)


async def test_parked_errors_name_class_and_fields_but_no_values(toy: Running) -> None:
    event = await toy.publish(Added(amount=1), "k")
    await toy.process.inbox.apply([replace(event, value=b'{"amount": "PLANTED-SECRET"}')])
    async with toy.database.reading() as db:
        row = await db.fetchrow("SELECT error_class, error_code FROM parked")
    assert row is not None
    assert row["error_class"] == "InvalidPayload"
    assert "amount" in row["error_code"]
    assert "PLANTED" not in row["error_code"]


@given(
    seeds=st.lists(st.tuples(st.integers(0, 19), st.booleans()), min_size=1, max_size=60),
    cuts=st.lists(st.integers(1, 12), min_size=1, max_size=20),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_order_duplication_and_batching_ends_in_the_same_state(
    seeds: list[tuple[int, bool]], cuts: list[int]
) -> None:
    async with running(TOY) as app:
        events = [await app.publish(Added(amount=n + 1), f"k{n % 3}") for n in range(20)]
        chaos = [events[index] for index, _ in seeds] + [
            e for e, (_, again) in zip(events, seeds, strict=False) if again
        ]
        stream = [*chaos, *events]
        while stream:
            size = cuts[len(stream) % len(cuts)]
            batch, stream = stream[:size], stream[size:]
            await app.process.inbox.apply(batch)
        for key in range(3):
            assert await history(app, f"k{key}") == [n + 1 for n in range(20) if n % 3 == key]
        assert await app.parked() == 0
