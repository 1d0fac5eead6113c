"""What goes wrong in operation, and the operator's answer: poisoned events, a killed process, a broker that lost its log."""

import asyncio
import signal
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.catalogue import TOPICS
from tests.chain import Chain
from tests.integration.chain.steps import CIVIL_AFFAIRS, act, at, referral, response_of, send, until
from tests.samples.golden import golden_case

pytestmark = pytest.mark.asyncio(loop_scope="package")

START = at("2026-12-28T10:00:00+08:00")
SIGNED = "referral.acknowledged.v1"
TOPIC = "dispatch.events"


async def report(product: Chain, name: str, minutes: float) -> dict[str, Any]:
    """A BLUE case of its own: none of its clocks says anything within this file's hour."""
    received = START + timedelta(minutes=minutes)
    await product.set_clock(received + timedelta(seconds=5))
    case = golden_case("YX-19")
    return await send(product, {**case, "child": {"name": name}, "received_at": received.isoformat()})


async def sign(product: Chain, case_id: str) -> None:
    """The lead signs for its referral."""
    await act(product, "st097", referral(await response_of(product, case_id), "employment"), "acknowledge")


async def rows(product: Chain, service: str, query: str, *arguments: Any) -> list[Any]:
    """What a query finds in a service's database."""
    connection = await asyncpg.connect(product.database_of(service))
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def told(product: Chain, case_id: str, type_name: str) -> list[str]:
    """The types of a case's timeline, once this one is among them."""

    async def ask() -> list[str] | None:
        path = f"/api/v1/cases/{case_id}/timeline"
        page = await product.get(CIVIL_AFFAIRS, "intake", path, limit=200)
        types = [item["type"] for item in page["items"]]
        return types if type_name in types else None

    return await until(ask, f"{type_name} is not in the timeline")


async def operator(product: Chain, service: str, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `python -m services.<service> ...`."""
    command = product.command(service, *arguments)
    process = await asyncio.create_subprocess_exec(
        *command.argv, env=dict(command.env), cwd=command.cwd, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def parked(product: Chain, service: str, case_id: str) -> list[Any]:
    """What waits of a case at a service, in order."""
    return await rows(
        product,
        service,
        "SELECT type, reason, error_class, error_code FROM parked WHERE key = $1 AND resolved_at IS NULL ORDER BY sequence",
        case_id,
    )


async def stuck(product: Chain, service: str, case_id: str, at_least: int) -> list[Any]:
    """The same, once so many wait."""

    async def ask() -> list[Any] | None:
        found = await parked(product, service, case_id)
        return found if len(found) >= at_least else None

    return await until(ask, f"{service} parked less than {at_least} events")


# Poison --------------------------------------------------------------------------------------------------------------


async def test_an_event_nobody_understands_stops_its_case_alone_until_an_operator_skips_it(product: Chain) -> None:
    poisoned, healthy = await report(product, "即墨宁", 0), await report(product, "东里安", 1)
    case = poisoned["case_id"]
    await told(product, case, "step.met.v1")  # S7, the last that dispatch says of its own accord
    await rows(
        product,
        "dispatch",
        """
        WITH head AS (UPDATE stream_head SET sequence = sequence + 1 WHERE key = $1 RETURNING sequence)
        INSERT INTO outbox (event_id, type, topic, key, sequence, occurred_at, correlation_id, value)
        SELECT $2::uuid, 'referral.acknowledged.v99', $3, $1, sequence, app_now(), $2::uuid::text, '{}' FROM head
        """,
        case,
        uuid4(),
        TOPIC,
    )
    await sign(product, case)
    await sign(product, healthy["case_id"])

    await told(product, healthy["case_id"], SIGNED)
    waiting = await stuck(product, "intake", case, 2)
    assert [(one["type"], one["reason"]) for one in waiting] == [
        ("referral.acknowledged.v99", "failed"),
        (SIGNED, "behind"),
    ]
    stream = ("--topic", TOPIC, "--key", case, "--by", "ST130")
    (status, listed), (retried, _) = await asyncio.gather(
        operator(product, "intake", "parked", "list"), operator(product, "intake", "parked", "retry", *stream)
    )
    assert (status, retried) == (0, 1), "still not understood"
    assert f"{case}  #" in listed
    assert "referral.acknowledged.v99  failed  InvalidPayload" in listed
    assert len(await parked(product, "intake", case)) == 2
    assert SIGNED not in await told(product, case, "response.opened.v1")

    await stuck(product, "risk_scoring", case, 2)
    skip = ("parked", "skip", *stream, "--reason", "a newer version's trial")
    skipped = await asyncio.gather(*(operator(product, service, *skip) for service in ("intake", "risk_scoring")))
    assert skipped == [(0, "skipped\n")] * 2
    assert await parked(product, "intake", case) == await parked(product, "risk_scoring", case) == []
    assert (await told(product, case, SIGNED)).count(SIGNED) == 1
    record = await rows(
        product,
        "intake",
        "SELECT resolution, resolved_by, resolution_reason FROM parked WHERE key = $1 ORDER BY id",
        case,
    )
    assert [tuple(one) for one in record] == [
        ("skipped", "ST130", "a newer version's trial"),
        ("applied", "ST130", None),
    ]


async def test_an_event_that_cannot_be_applied_waits_with_those_behind_it_for_a_retry(product: Chain) -> None:
    """A fault in intake's own database that touches one case: whatever dispatch says of it is refused there."""
    broken, healthy = await report(product, "南宫夏", 2), await report(product, "左丘秋", 3)
    case = broken["case_id"]
    await told(product, case, "response.opened.v1")
    name = f"fault_{uuid4().hex}"
    await rows(
        product,
        "intake",
        f"ALTER TABLE timeline_entry ADD CONSTRAINT {name} "
        f"CHECK (family_id <> '{case}' OR type NOT LIKE 'referral.%') NOT VALID",
    )
    try:
        await sign(product, case)
        lead = referral(await response_of(product, case), "employment")
        moment = (START + timedelta(minutes=3)).isoformat()
        await act(product, "st097", lead, "report-arrival", arrived_at=moment, child_seen=False)
        await sign(product, healthy["case_id"])
        await told(product, healthy["case_id"], SIGNED)
        first, second = await stuck(product, "intake", case, 2)
        assert (first["type"], first["error_class"], first["error_code"]) == (SIGNED, "CheckViolationError", "23514")
        assert (second["type"], second["reason"]) == ("arrival.reported.v1", "behind")
    finally:
        await rows(product, "intake", f"ALTER TABLE timeline_entry DROP CONSTRAINT {name}")
    status, said = await operator(
        product, "intake", "parked", "retry", "--topic", TOPIC, "--key", case, "--by", "ST130"
    )
    assert (status, said.strip()) == (0, "2 applied")
    types = await told(product, case, "arrival.reported.v1")
    assert (types.count(SIGNED), types.count("arrival.reported.v1")) == (1, 1)
    assert types.index(SIGNED) < types.index("arrival.reported.v1")


# Killed and wiped ----------------------------------------------------------------------------------------------------


async def effects(product: Chain, case_id: str) -> dict[str, int]:
    """How often a case stands in each service: every count is an effect of an event."""
    counts = {
        "referral": ("dispatch", "SELECT count(*) AS n FROM referral WHERE case_id = $1::text::uuid"),
        "clock": ("dispatch", "SELECT count(*) AS n FROM deadline WHERE key = $1"),
        "said": ("dispatch", "SELECT count(*) AS n FROM outbox WHERE key = $1"),
        "message": ("notification", "SELECT count(*) AS n FROM delivery WHERE case_id = $1::text::uuid"),
        "entry": ("intake", "SELECT count(*) AS n FROM timeline_entry WHERE family_id = $1::text::uuid"),
        "assessment": ("risk_scoring", "SELECT count(*) AS n FROM assessment WHERE case_id = $1::text::uuid"),
    }
    found = await asyncio.gather(*(rows(product, service, query, case_id) for service, query in counts.values()))
    return {name: answer[0]["n"] for name, answer in zip(counts, found, strict=True)}


def end(how: signal.Signals, *services: str) -> None:
    """Send the processes of these services a signal at the same moment; the supervisor starts them again."""
    wanted = [["-m", f"services.{service}"] for service in services]
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    doomed = [child for child in children if child.cmdline()[1:3] in wanted]
    assert len(doomed) == len(services)
    for child in doomed:
        child.send_signal(how)


async def serving(product: Chain, *services: str) -> None:
    """Wait until these services answer and reach database and broker."""

    async def ready() -> bool | None:
        try:
            answers = [await product.client.get(product.url(service, "/readyz")) for service in services]
        except httpx.HTTPError:
            return None
        return True if all(answer.status_code == 200 for answer in answers) else None

    await until(ready, f"not ready: {services}")


async def test_a_report_answered_just_before_the_processes_were_killed_is_fanned_out_once(product: Chain) -> None:
    opened = await report(product, "羊舌冬", 4)
    end(signal.SIGKILL, "intake", "dispatch")
    await serving(product, "intake", "dispatch")
    response = await response_of(product, opened["case_id"])
    departments = [one["department"] for one in response["referrals"]]
    assert sorted(departments) == sorted(golden_case("YX-19")["expected"]["referrals"])
    types = await told(product, opened["case_id"], "notices.recorded.v1")
    assert (types.count("report.received.v1"), types.count("response.opened.v1")) == (1, 1)


async def test_a_broker_that_lost_its_log_is_filled_again_and_no_effect_comes_twice(product: Chain) -> None:
    opened = await report(product, "梁丘春", 5)
    await sign(product, opened["case_id"])
    await told(product, opened["case_id"], SIGNED)
    await told(product, opened["case_id"], "notices.recorded.v1")
    await caught_up(product)
    before = await effects(product, opened["case_id"])
    assert all(before.values()), before

    services = list(product.environments)
    await wipe(product)
    end(signal.SIGTERM, *services)
    await serving(product, *services)
    later = await report(product, "漆雕岁", 6)
    response = await response_of(product, later["case_id"])
    assert len(response["referrals"]) == len(golden_case("YX-19")["expected"]["referrals"])
    await told(product, later["case_id"], "notices.recorded.v1")

    async def all_sent() -> bool | None:
        return True if await caught_up(product) >= await written(product) else None

    await until(all_sent, "every event ever written was sent again")
    assert await effects(product, opened["case_id"]) == before

    status, said = await operator(product, "dispatch", "replay")
    assert (status, "将重发" in said) == (0, True)
    twice = await written(product) + len(await rows(product, "dispatch", "SELECT 1 FROM outbox"))

    async def sent_again() -> bool | None:
        return True if await caught_up(product) >= twice else None

    await until(sent_again, "dispatch did not send its outbox again")
    assert await effects(product, opened["case_id"]) == before


async def wipe(product: Chain) -> None:
    """Delete every topic of this installation with all it holds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers(product))
    await admin.start()
    try:
        mine = [name for name in await admin.list_topics() if name.startswith(f"{product.run_name}.")]
        assert len(mine) == len(product.environments), "one topic for each service"
        await admin.delete_topics(mine)
    finally:
        await admin.close()


def servers(product: Chain) -> str:
    return product.environments["intake"]["KAFKA_BOOTSTRAP_SERVERS"]


async def written(product: Chain) -> int:
    """How many events all outboxes hold."""
    counts = await asyncio.gather(
        *(rows(product, name, "SELECT count(*) AS n FROM outbox") for name in product.environments)
    )
    return sum(answer[0]["n"] for answer in counts)


async def caught_up(product: Chain) -> int:
    """Wait until every consumer has taken what the topics hold; how many messages that is."""

    async def ask() -> int | None:
        ends = await topic_ends(product)
        admin = AIOKafkaAdminClient(bootstrap_servers=servers(product))
        await admin.start()
        try:
            for service in CONSUMERS:
                places = await admin.list_consumer_group_offsets(f"{product.run_name}.{service}")
                behind = [p for p, taken in places.items() if p in ends and taken.offset < ends[p]]
                if behind or not places:
                    return None
            return sum(ends.values())
        finally:
            await admin.close()

    return await until(ask, "the consumers did not catch up")


CONSUMERS = ("intake", "risk_scoring", "dispatch", "assistance", "notification", "console")


async def topic_ends(product: Chain) -> dict[TopicPartition, int]:
    """Where each partition ends: with a fresh log, how many messages it holds."""
    names = [f"{product.run_name}.{topic.name}" for topic in TOPICS]
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=servers(product))
    await consumer.start()
    try:
        places = [TopicPartition(name, part) for name in names for part in consumer.partitions_for_topic(name) or ()]
        found: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return found
    finally:
        await consumer.stop()
