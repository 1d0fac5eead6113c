"""The broker port: what the relay and the consumer need from Kafka, and the in-memory broker that keeps the same rules.

Promises an adapter makes: `send` returns only when every message is acknowledged, or raises and the producer is thrown
away; messages of one key keep their order; `poll` yields each partition in offset order; what was not committed is
delivered again to whoever owns the partition next.
"""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from contracts.envelope import RawEvent


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as received: where it lies in the log, and its bytes. The offset travels with the payload."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    appended_at: datetime | None = None


class Producer(Protocol):
    """Sends events. After an error it is closed and never used again."""

    async def send(self, events: Sequence[RawEvent]) -> dict[str, int]:
        """Send in order and wait for every acknowledgement. Returns the highest offset per "topic/partition"."""
        ...

    async def close(self) -> None: ...


class Consumer(Protocol):
    """A member of a consumer group."""

    async def poll(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        """Up to `limit` messages, after at most `wait_seconds`."""
        ...

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Record that everything up to these deliveries is applied. An optimisation: positions are in the database."""
        ...

    def lag(self) -> int:
        """Messages known to be waiting in the assigned partitions."""
        ...

    async def close(self) -> None: ...


class Broker(Protocol):
    """A broker one can reach."""

    async def ensure_topics(self, topics: Sequence[str], partitions: int) -> None:
        """Create the topics that do not exist."""
        ...

    async def cluster_id(self) -> str:
        """The identity of the cluster; another one means that its log started anew."""
        ...

    async def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        """The next offset per "topic/partition"."""
        ...

    async def producer(self) -> Producer: ...

    async def consumer(self, group: str, topics: Sequence[str]) -> Consumer: ...


def partition_of(key: bytes, partitions: int) -> int:
    """Partition of a key in the in-memory broker."""
    return zlib.crc32(key) % partitions


@dataclass(slots=True)
class _Log:
    messages: list[Delivery] = field(default_factory=list)


class MemoryBroker:
    """A broker in this process: the same promises, no persistence, one member per group. For tests and simulation."""

    def __init__(self, cluster: str = "memory-1") -> None:
        self._cluster = cluster
        self._logs: dict[tuple[str, int], _Log] = {}
        self._partitions: dict[str, int] = {}
        self._committed: dict[tuple[str, str, int], int] = {}
        self._arrived = asyncio.Condition()
        self.refusing = False

    async def ensure_topics(self, topics: Sequence[str], partitions: int) -> None:
        for topic in topics:
            if topic not in self._partitions:
                self._partitions[topic] = partitions
                for partition in range(partitions):
                    self._logs[topic, partition] = _Log()

    async def cluster_id(self) -> str:
        return self._cluster

    async def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        return {f"{t}/{p}": len(log.messages) for (t, p), log in self._logs.items() if t in topics}

    def wipe(self, cluster: str) -> None:
        """Lose everything, as a broker without its disk would."""
        self._cluster = cluster
        self._committed.clear()
        for log in self._logs.values():
            log.messages.clear()

    def append(
        self, topic: str, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None
    ) -> Delivery:
        """Put a raw message into a topic, as a foreign or broken producer might."""
        partition = partition_of(key or b"", self._partitions[topic])
        log = self._logs[topic, partition]
        delivery = Delivery(topic, partition, len(log.messages), key, tuple(headers), value)
        log.messages.append(delivery)
        return delivery

    def messages(self, topic: str) -> list[Delivery]:
        """Everything in a topic, partition by partition."""
        return [m for (name, _), log in sorted(self._logs.items()) if name == topic for m in log.messages]

    async def producer(self) -> "_MemoryProducer":
        return _MemoryProducer(self)

    async def consumer(self, group: str, topics: Sequence[str]) -> "_MemoryConsumer":
        return _MemoryConsumer(self, group, topics)


class _MemoryProducer:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def send(self, events: Sequence[RawEvent]) -> dict[str, int]:
        if self._broker.refusing:
            raise ConnectionError("the broker refuses")
        acked: dict[str, int] = {}
        for event in events:
            delivery = self._broker.append(event.topic, event.key.encode(), event.headers(), event.value)
            acked[f"{delivery.topic}/{delivery.partition}"] = delivery.offset
        async with self._broker._arrived:
            self._broker._arrived.notify_all()
        return acked

    async def close(self) -> None:
        return None


class _MemoryConsumer:
    def __init__(self, broker: MemoryBroker, group: str, topics: Sequence[str]) -> None:
        self._broker = broker
        self._group = group
        self._topics = frozenset(topics)
        self._next: dict[tuple[str, int], int] = {}

    def _waiting(self) -> list[Delivery]:
        waiting: list[Delivery] = []
        for (topic, partition), log in self._broker._logs.items():
            if topic in self._topics:
                committed = self._broker._committed.get((self._group, topic, partition), 0)
                start = min(self._next.get((topic, partition), committed), len(log.messages))
                waiting.extend(log.messages[start:])
        return waiting

    async def poll(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        if not self._waiting() and wait_seconds > 0:
            async with self._broker._arrived:
                try:
                    await asyncio.wait_for(self._broker._arrived.wait(), wait_seconds)
                except TimeoutError:
                    return ()
        taken = self._waiting()[:limit]
        for delivery in taken:
            self._next[delivery.topic, delivery.partition] = delivery.offset + 1
        return taken

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            place = (self._group, delivery.topic, delivery.partition)
            self._broker._committed[place] = max(self._broker._committed.get(place, 0), delivery.offset + 1)

    def lag(self) -> int:
        return len(self._waiting())

    async def close(self) -> None:
        return None
