"""Messages go out once their channel takes them, are tried again when not, and fail aloud."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from prometheus_client import REGISTRY

from chassis.testing import Running, running
from contracts.notification import NoticesRecorded
from services.notification import sender, store
from services.notification.channels import Channel, ChannelUnavailable, Outgoing
from services.notification.service import SERVICE
from tests.unit.notification.scene import CASE, NUMBER, TUESDAY, fired, opened, township

KEY = str(CASE)


class Refusing:
    """A provider that takes nothing."""

    def __init__(self) -> None:
        self.asked: list[Outgoing] = []

    async def hand_over(self, message: Outgoing) -> None:
        self.asked.append(message)
        raise ChannelUnavailable("line_busy")


class Broken:
    """A provider with a fault of its own."""

    async def hand_over(self, message: Outgoing) -> None:
        raise ZeroDivisionError


def use(app: Running, **channels: Channel) -> None:
    resources: dict[str, Mapping[str, Channel]] = app.process.runtime.resources
    resources[sender.CHANNELS] = {**resources[sender.CHANNELS], **channels}


async def send(app: Running) -> None:
    await sender.send_waiting(app.process.runtime)


async def rows(app: Running, where: str = "true") -> list[asyncpg.Record]:
    async with app.database.reading() as db:
        return await db.fetch(f"SELECT * FROM delivery WHERE {where} ORDER BY id")


def lines(sink: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sink.read_text(encoding="utf-8").splitlines()] if sink.exists() else []


async def test_calls_and_text_messages_reach_the_sink_and_say_number_and_level_only(app: Running, sink: Path) -> None:
    await app.publish(opened(), KEY)
    await app.settle()
    await send(app)
    sent = lines(sink)
    assert {(line["channel"], line["recipient"]) for line in sent} == {
        (channel, person)
        for channel in ("call", "sms")
        for person in ("ST092", "ST089", "ST002", "ST095", "ST006", "ST117", "ST116")
    }
    assert len({line["text"] for line in sent}) == 1
    assert NUMBER in sent[0]["text"]
    assert {row["state"] for row in await rows(app)} == {"sent"}


async def test_what_was_sent_is_not_sent_again(app: Running, sink: Path) -> None:
    await app.publish(opened(), KEY)
    await app.settle()
    await send(app)
    first = lines(sink)
    await app.set_clock(TUESDAY + timedelta(hours=2))
    await send(app)
    assert lines(sink) == first


async def test_outside_bodies_are_noted_for_a_person_to_tell(app: Running, sink: Path) -> None:
    await app.publish(opened(external_notices=("county_education",)), KEY)
    await app.settle()
    await send(app)
    (line,) = [line for line in lines(sink) if line["recipient_kind"] == "external"]
    assert (line["channel"], line["recipient"]) == ("manual", "county_education")


async def test_a_storm_rings_a_person_once_and_the_ledger_says_what_went_with_it(app: Running, sink: Path) -> None:
    await app.publish(opened(), KEY)
    for stage in ("breach", "second_breach", "repeat"):
        await app.publish(fired(stage, "responsible_leader"), KEY)
    await app.settle()
    await send(app)
    calls = [line for line in lines(sink) if (line["channel"], line["recipient"]) == ("call", "ST116")]
    assert [line["stands_for"] for line in calls] == [4]
    folded = await rows(app, "channel = 'call' AND recipient = 'ST116' AND digest_id IS NOT NULL")
    assert [str(row["digest_id"]) for row in folded] == [calls[0]["delivery_id"]] * 3
    assert {row["state"] for row in folded} == {"sent"}
    assert len(await rows(app, "channel = 'app' AND recipient = 'ST116'")) == 4


async def test_a_refused_message_is_tried_again_later_and_then_counts_as_failed(app: Running) -> None:
    refusing = Refusing()
    use(app, call=refusing)
    await app.publish(opened(), KEY)
    await app.settle()
    await send(app)
    waiting = await rows(app, "channel = 'call'")
    assert {(row["state"], row["attempts"], row["error_code"]) for row in waiting} == {("pending", 1, "line_busy")}
    asked = len(refusing.asked)
    await send(app)
    assert len(refusing.asked) == asked, "not before its time"
    await app.set_clock(TUESDAY + timedelta(hours=1))
    await send(app)
    failed = await rows(app, "channel = 'call' AND stands_in_for IS NULL")
    assert {(row["state"], row["attempts"]) for row in failed} == {("failed", 2)}
    assert {row["state"] for row in await rows(app, "channel = 'sms'")} == {"sent"}


async def test_a_failed_message_is_told_to_the_duty_room_and_announced(app: Running) -> None:
    use(app, call=Broken())
    before = REGISTRY.get_sample_value("notification_notices_total", {"channel": "call", "state": "failed"}) or 0
    await app.publish(fired("breach", "grid_head"), KEY)
    await app.settle()
    await send(app)
    await app.set_clock(TUESDAY + timedelta(hours=1))
    await send(app)
    (failed,) = await rows(app, "state = 'failed'")
    (told,) = await rows(app, "kind = 'delivery_failed'")
    assert failed["error_code"] == "ZeroDivisionError"
    assert (told["recipient"], told["channel"], told["cause_event_id"]) == ("ST122", "app", failed["id"])
    assert told["params"]["recipient"] == "ST119"
    announced = await app.published(NoticesRecorded)
    assert [event.cause_type for event in announced] == ["deadline.fired.v1", "delivery.failed"]
    after = REGISTRY.get_sample_value("notification_notices_total", {"channel": "call", "state": "failed"}) or 0
    assert after - before == 1


async def test_a_channel_nobody_connected_fails_and_does_not_hold_up_the_others(app: Running, sink: Path) -> None:
    app.process.runtime.resources[sender.CHANNELS] = {
        "sms": app.process.runtime.resources[sender.CHANNELS]["sms"],
    }
    await app.publish(fired("breach", "grid_head"), KEY)
    await app.settle()
    await send(app)
    assert [line["channel"] for line in lines(sink)] == ["sms"]
    assert {row["error_code"] for row in await rows(app, "channel = 'call'")} == {"no_such_channel"}


async def test_what_a_dead_sender_had_taken_goes_out_after_its_lease(app: Running, sink: Path) -> None:
    await app.publish(fired("breach", "grid_head"), KEY)
    await app.settle()
    async with app.database.transaction() as tx:
        assert await store.claim(tx.db, 10, sender.LEASE)
    await send(app)
    assert lines(sink) == []
    await app.set_clock(TUESDAY + sender.LEASE + timedelta(seconds=1))
    await send(app)
    assert {line["channel"] for line in lines(sink)} == {"call", "sms"}


async def test_the_highest_risk_is_taken_first(app: Running) -> None:
    for level in ("orange", "red"):
        case = fired("breach", "grid_head", level=level)
        await app.publish(case, KEY)
    await app.settle()
    async with app.database.transaction() as tx:
        taken = await store.claim(tx.db, 1, sender.LEASE)
    assert [message.level for message in taken] == ["red"]


async def test_two_senders_never_take_the_same_message(app: Running) -> None:
    await app.publish(opened(), KEY)
    await app.settle()
    async with app.database.transaction() as one, app.database.transaction() as other:
        first = await store.claim(one.db, 5, sender.LEASE)
        second = await store.claim(other.db, 100, sender.LEASE)
    assert {m.id for m in first} & {m.id for m in second} == set()
    assert len(first) == 5
    assert len(second) == 9


async def test_an_unwritable_sink_is_a_refusal(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    async with running(SERVICE, now=TUESDAY, sink_file=blocked / "sink.jsonl") as app:
        await app.publish(township(), "YX")
        await app.publish(fired("breach", "grid_head"), KEY)
        await app.settle()
        await send(app)
        assert {row["state"] for row in await rows(app, "channel <> 'app'")} == {"pending"}


async def test_what_waits_is_measured(app: Running) -> None:
    await app.publish(fired("breach", "grid_head"), KEY)
    await app.settle()
    await app.set_clock(TUESDAY + timedelta(minutes=5))
    await sender.measure_backlog(app.process.runtime)
    assert REGISTRY.get_sample_value("notification_pending") == 2
    assert (REGISTRY.get_sample_value("notification_oldest_pending_seconds") or 0) >= 299
