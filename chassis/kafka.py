"""Kafka behind the broker port: aiokafka with the settings that keep order and lose nothing, and a watchdog over it.

No Kafka transactions, no static membership, no automatic topic creation. aiokafka may stop silently (its group
coordinator ends, or fetching stalls while messages wait); `Stalled` then ends the process, and its supervisor starts a
fresh one: better than sitting silent.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from chassis.broker import Delivery
from chassis.clock import monotonic
from chassis.faults import BrokerUnavailable
from contracts.envelope import RawEvent

REQUEST_TIMEOUT_MS = 10_000
SESSION_TIMEOUT_MS = 10_000
"""How long a killed member holds its partitions back. Batches are short, so a living one never comes near it."""
HEARTBEAT_MS = 3_000
REBALANCE_TIMEOUT_MS = 60_000
MAX_POLL_INTERVAL_MS = 300_000
BATCH_BYTES = 262_144
FETCH_WAIT_MS = 100
RETENTION_MS = 14 * 24 * 3_600_000
REPLICAS_WANTED = 3
STALL_SECONDS = 60.0
CHECK_SECONDS = 15.0
START_SECONDS = 30.0
STOP_SECONDS = 3.0

log = structlog.get_logger()


class Stalled(Exception):
    """Messages wait and nothing was received for STALL_SECONDS, or the group's coordinator ended: the process must exit."""


class Kafka:
    """A Kafka cluster at `bootstrap` ("host:port[,host:port]").

    `prefix` stands before every topic and group on the cluster, so that several installations may share one; it is
    added and taken away here and nowhere else.
    """

    def __init__(self, bootstrap: str, *, prefix: str = "", idempotent: bool = True) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._idempotent = idempotent

    async def ensure_topics(self, topics: Sequence[str], partitions: int) -> None:
        admin = await self._admin()
        try:
            existing = set(await admin.list_topics())
            missing = [self._prefix + name for name in topics if self._prefix + name not in existing]
            if missing:
                await self._create(admin, missing, partitions)
        except KafkaError as error:
            raise BrokerUnavailable(type(error).__name__) from error
        finally:
            await admin.close()

    async def _create(self, admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int) -> None:
        config = {"retention.ms": str(RETENTION_MS), "cleanup.policy": "delete"}
        replicas = min(REPLICAS_WANTED, len((await admin.describe_cluster())["brokers"]))
        new = [NewTopic(name, partitions, replicas, topic_configs=config) for name in names]
        try:
            answer: Any = await admin.create_topics(new)
        except TopicAlreadyExistsError:
            return
        for name, code, *_ in getattr(answer, "topic_errors", ()):
            if code not in (0, TopicAlreadyExistsError.errno):
                raise BrokerUnavailable(f"cannot create topic {name}: Kafka error {code}")

    async def cluster_id(self) -> str:
        admin = await self._admin()
        try:
            return str((await admin.describe_cluster()).get("cluster_id") or "unnamed")
        except KafkaError as error:
            raise BrokerUnavailable(type(error).__name__) from error
        finally:
            await admin.close()

    async def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
        await _started(consumer)
        try:
            await consumer._client.force_metadata_update()
            places = [
                TopicPartition(topic, partition)
                for topic in (self._prefix + name for name in topics)
                for partition in (consumer._client.cluster.partitions_for_topic(topic) or ())
            ]
            ends = await consumer.end_offsets(places) if places else {}
            cut = len(self._prefix)
            return {f"{place.topic[cut:]}/{place.partition}": offset for place, offset in ends.items()}
        except KafkaError as error:
            raise BrokerUnavailable(type(error).__name__) from error
        finally:
            await consumer.stop()

    async def producer(self) -> "_Producer":
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=self._idempotent,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        await _started(producer)
        return _Producer(producer, self._prefix)

    async def consumer(self, group: str, topics: Sequence[str]) -> "_Consumer":
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._prefix + group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            # A join waits as long as the slowest member may take to finish its batch.
            request_timeout_ms=REBALANCE_TIMEOUT_MS + REQUEST_TIMEOUT_MS,
            partition_assignment_strategy=(StickyPartitionAssignor,),
        )
        consumer.subscribe(topics=[self._prefix + name for name in topics], listener=_Rebalances())
        await _started(consumer)
        return _Consumer(consumer, self._prefix)

    async def _admin(self) -> AIOKafkaAdminClient:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
        try:
            await asyncio.wait_for(admin.start(), START_SECONDS)
        except (KafkaError, TimeoutError) as error:
            await admin.close()
            raise BrokerUnavailable(type(error).__name__) from error
        return admin


async def _started(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(client.start(), START_SECONDS)
    except (KafkaError, TimeoutError) as error:
        await client.stop()
        raise BrokerUnavailable(type(error).__name__) from error
    except asyncio.CancelledError:
        await _stopped(client)
        raise


async def _stopped(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop, but wait no longer than STOP_SECONDS: while a group is joining, leaving waits for a dead member's session."""
    stopping = asyncio.ensure_future(client.stop())
    await asyncio.wait({stopping}, timeout=STOP_SECONDS)


class _Producer:
    def __init__(self, producer: AIOKafkaProducer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix

    async def send(self, events: Sequence[RawEvent]) -> dict[str, int]:
        waiting = [
            await self._producer.send(
                self._prefix + event.topic, value=event.value, key=event.key.encode(), headers=event.headers()
            )
            for event in events
        ]
        acked: dict[str, int] = {}
        for record in await asyncio.gather(*waiting):
            acked[f"{record.topic[len(self._prefix) :]}/{record.partition}"] = record.offset
        return acked

    async def close(self) -> None:
        await _stopped(self._producer)


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Only logs: a batch in hand may be finished after a revoke, since positions in the database drop what is double."""

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        log.info("kafka.revoked", partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.info("kafka.assigned", partitions=len(assigned))


class _Consumer:
    def __init__(self, consumer: AIOKafkaConsumer, prefix: str) -> None:
        self._consumer = consumer
        self._prefix = prefix
        self._progress_at = monotonic()
        self._checked_at = monotonic()

    async def poll(self, limit: int, wait_seconds: float) -> Sequence[Delivery]:
        try:
            batches = await self._consumer.getmany(timeout_ms=int(wait_seconds * 1000), max_records=limit)
        except KafkaError as error:
            raise BrokerUnavailable(type(error).__name__) from error
        cut = len(self._prefix)
        taken = [_delivery(record, cut) for records in batches.values() for record in records]
        if taken:
            self._progress_at = monotonic()
        elif monotonic() - self._checked_at > CHECK_SECONDS:
            self._checked_at = monotonic()
            await self._check()
        return taken

    async def _check(self) -> None:
        coordination = getattr(self._consumer._coordinator, "_coordination_task", None)
        if coordination is not None and coordination.done():
            raise Stalled("the group coordinator ended")
        assigned = self._consumer.assignment()
        if not assigned:
            self._progress_at = monotonic()
            return
        try:
            ends = await self._consumer.end_offsets(list(assigned))
            waiting = sum([max(0, ends[place] - await self._consumer.position(place)) for place in assigned])
        except KafkaError as error:
            raise BrokerUnavailable(type(error).__name__) from error
        if waiting == 0:
            self._progress_at = monotonic()
        elif monotonic() - self._progress_at > STALL_SECONDS:
            raise Stalled(f"{waiting} messages wait and none came for {STALL_SECONDS:.0f} s")

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        assigned = self._consumer.assignment()
        offsets: dict[TopicPartition, int] = {}
        for delivery in deliveries:
            place = TopicPartition(self._prefix + delivery.topic, delivery.partition)
            if place in assigned:
                offsets[place] = max(offsets.get(place, 0), delivery.offset + 1)
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except KafkaError as error:
            # The positions are safe in the database; the next commit, or the next owner, makes up for this one.
            log.info("kafka.commit_skipped", error=type(error).__name__)

    def lag(self) -> int:
        waiting = 0
        for place in self._consumer.assignment():
            high = self._consumer.highwater(place)
            seen = self._consumer.last_stable_offset(place) if high is None else high
            position = self._consumer._subscription.subscription.assignment.state_value(place)
            if seen is not None and position is not None and position.has_valid_position:
                waiting += max(0, seen - position.position)
        return waiting

    async def close(self) -> None:
        await _stopped(self._consumer)


def _delivery(record: Any, cut: int) -> Delivery:
    return Delivery(
        topic=record.topic[cut:],
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        headers=tuple(record.headers),
        value=record.value,
        appended_at=datetime.fromtimestamp(record.timestamp / 1000, UTC) if record.timestamp else None,
    )
