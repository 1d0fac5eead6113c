"""One suite, two brokers: what the in-memory broker promises in tests, Apache Kafka keeps in earnest."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from chassis.broker import Broker, Consumer, Delivery, MemoryBroker
from chassis.clock import new_uuid7
from chassis.faults import BrokerUnavailable
from chassis.kafka import Kafka
from chassis.testing import free_port
from contracts.envelope import RawEvent, read_envelope

PARTITIONS = 3


def bootstrap() -> str:
    return os.environ["TEST_KAFKA_BOOTSTRAP_SERVERS"]


@pytest.fixture(params=["memory", "kafka"])
async def broker(request: pytest.FixtureRequest) -> Broker:
    return MemoryBroker() if request.param == "memory" else Kafka(bootstrap(), prefix="port.")


@pytest.fixture
async def topic(broker: Broker) -> str:
    name = f"port-{new_uuid7().hex}"
    await broker.ensure_topics([name], PARTITIONS)
    return name


def event(topic: str, key: str, sequence: int) -> RawEvent:
    return RawEvent(
        id=new_uuid7(),
        type="port.tried.v1",
        source="test",
        topic=topic,
        key=key,
        sequence=sequence,
        time=datetime.now(UTC),
        correlation_id="c",
        value=b'{"n": 1}',
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


async def take(consumer: Consumer, wanted: int) -> list[Delivery]:
    taken: list[Delivery] = []
    for _ in range(100):
        taken.extend(await consumer.poll(100, 0.3))
        if len(taken) >= wanted:
            break
    return taken


def by_key(deliveries: Sequence[Delivery]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for d in deliveries:
        raw = read_envelope(d.topic, d.key, d.headers, d.value)
        found.setdefault(raw.key, []).append(raw.sequence)
    return found


async def test_each_keys_messages_arrive_in_order_with_their_whole_envelope(broker: Broker, topic: str) -> None:
    producer = await broker.producer()
    sent = [event(topic, f"k{n % 7}", n // 7 + 1) for n in range(140)]
    await producer.send(sent)
    consumer = await broker.consumer(f"g-{topic}", [topic])
    deliveries = await take(consumer, 140)
    assert by_key(deliveries) == {f"k{k}": list(range(1, 21)) for k in range(7)}
    received = {read_envelope(d.topic, d.key, d.headers, d.value).id: d for d in deliveries}
    for original in sent:
        d = received[original.id]
        assert read_envelope(d.topic, d.key, d.headers, d.value) == original
    await consumer.close()
    await producer.close()


async def test_what_was_not_committed_comes_again_and_what_was_does_not(broker: Broker, topic: str) -> None:
    producer = await broker.producer()
    await producer.send([event(topic, "k", n) for n in range(1, 11)])
    first = await broker.consumer(f"g-{topic}", [topic])
    taken = await take(first, 10)
    await first.commit(taken[:4])
    await first.close()
    second = await broker.consumer(f"g-{topic}", [topic])
    assert by_key(await take(second, 6)) == {"k": [5, 6, 7, 8, 9, 10]}
    await second.close()
    await producer.close()


async def test_end_offsets_and_acknowledged_offsets_agree(broker: Broker, topic: str) -> None:
    producer = await broker.producer()
    assert set((await broker.end_offsets([topic])).values()) == {0}
    acked = await producer.send([event(topic, f"k{n}", 1) for n in range(30)])
    ends = await broker.end_offsets([topic])
    assert {place: offset + 1 for place, offset in acked.items()} == {p: e for p, e in ends.items() if e}
    assert sum(ends.values()) == 30
    await producer.close()


async def test_the_cluster_has_a_name_and_creating_topics_again_is_harmless(broker: Broker, topic: str) -> None:
    assert await broker.cluster_id()
    await broker.ensure_topics([topic], PARTITIONS)


async def test_kafka_shares_partitions_between_members_and_moves_them_when_one_leaves() -> None:
    kafka = Kafka(bootstrap())
    name = f"port-{new_uuid7().hex}"
    await kafka.ensure_topics([name], PARTITIONS)
    producer = await kafka.producer()
    one = await kafka.consumer(f"g-{name}", [name])
    two = await kafka.consumer(f"g-{name}", [name])
    keys = [f"k{n}" for n in range(20)]
    seen: dict[str, set[int]] = {key: set() for key in keys}
    await producer.send([event(name, key, 1) for key in keys])

    async def drain(consumer: Consumer, rounds: int) -> int:
        count = 0
        for _ in range(rounds):
            deliveries = await consumer.poll(100, 0.3)
            for key, sequences in by_key(deliveries).items():
                seen[key].update(sequences)
            count += len(deliveries)
            await consumer.commit(deliveries)
        return count

    counts = await asyncio.gather(drain(one, 30), drain(two, 30))
    assert sum(counts) >= 20
    assert all(seen[key] == {1} for key in keys)
    await two.close()
    await producer.send([event(name, key, 2) for key in keys])
    for _ in range(40):
        await drain(one, 1)
        if all(seen[key] == {1, 2} for key in keys):
            break
    assert all(seen[key] == {1, 2} for key in keys), "the one that stayed took over all partitions"
    await one.close()
    await producer.close()


async def test_an_unreachable_kafka_is_said_to_be_unavailable_not_waited_for() -> None:
    kafka = Kafka(f"127.0.0.1:{free_port()}")
    with pytest.raises(BrokerUnavailable):
        await kafka.producer()
    with pytest.raises(BrokerUnavailable):
        await kafka.ensure_topics(["t"], 1)
