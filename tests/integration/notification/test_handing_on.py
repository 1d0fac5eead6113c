"""What nobody took is announced and handed on; what a person gave by hand is recorded; events without a case find people."""

from datetime import timedelta

from chassis.testing import Running
from contracts import dispatch
from contracts.directory import ShiftOverride
from contracts.notification import DeliveryFailed, NoticesRecorded
from services.notification import sender
from tests.integration.notification.test_sender import Refusing, rows, send, use
from tests.unit.notification.scene import CASE, NUMBER, OFFICER, TUESDAY, act, fired, id_of, opened, township
from tests.unit.notification.test_table import RESTRICTED, callback, gap, money, notice

KEY = str(CASE)
HOUR = timedelta(hours=1)


async def until_given_up(app: Running, times: int) -> None:
    """Send so often, an hour apart, that messages with two attempts are given up."""
    for n in range(times):
        await app.set_clock(TUESDAY + (n + 1) * HOUR)
        await send(app)


async def test_a_person_not_reached_by_one_channel_is_tried_by_another_and_then_the_next_of_the_roster_is(
    app: Running,
) -> None:
    use(app, call=Refusing(), sms=Refusing())
    await app.publish(fired("breach", "police", level="orange", department="police", organisation="YX-PS"), KEY)
    await app.settle()
    # Two attempts a message: the text message (orange has no call), the call instead, the next person's both, and so on.
    await until_given_up(app, 8)
    told = await rows(app, "kind = 'deadline_breached' AND recipient_kind = 'staff'")
    assert {row["recipient"] for row in told} == {"ST091", "ST092", "ST093"}
    ways = {(row["recipient"], row["channel"]) for row in told}
    assert ("ST092", "call") in ways
    assert len(ways) == len(told), "nobody is told twice by one channel"
    assert {row["state"] for row in told if row["channel"] != "app"} == {"failed"}
    inside = {row["recipient"]: row["params"] for row in told if row["channel"] == "app"}
    assert inside["ST093"] == inside["ST092"]
    failed = await app.published(DeliveryFailed)
    assert {(event.recipient, event.channel) for event in failed} == {w for w in ways if w[1] != "app"}
    assert {(event.case_id, event.kind, event.attempts) for event in failed} == {(CASE, "deadline_breached", 2)}
    assert await rows(app, "kind = 'delivery_failed' AND recipient_kind = 'staff'")


async def test_a_masked_message_stays_masked_when_it_is_handed_on(app: Running) -> None:
    use(app, call=Refusing(), sms=Refusing())
    for event in RESTRICTED:
        await app.publish(event, KEY)
    await app.settle()
    await until_given_up(app, 4)
    others = await rows(app, "kind = 'safety_task_issued' AND stands_in_for IS NOT NULL")
    assert others
    assert {row["masked"] for row in others} == {True}
    assert all(NUMBER not in str(row["params"]) for row in others)


async def test_a_case_is_remembered_with_its_safety_only_departments(app: Running) -> None:
    for event in RESTRICTED:
        await app.publish(event, KEY)
    await app.publish(fired("breach", "health", department="health", organisation="YX-HC"), KEY)
    await app.settle()
    late = await rows(app, "kind = 'deadline_breached' AND recipient IN ('YX-HC', 'ST095')")
    assert {(row["masked"], row["params"].get("case_number")) for row in late if row["channel"] == "app"} == {
        (True, None)
    }
    health = {"sub": "a-95", "staff": "ST095", "org": "YX-HC", "dept": "health"}
    assert (await app.client.get(f"/api/v1/notices?case_id={KEY}", headers=app.as_(**health))).status_code == 404
    inbox = (await app.client.get("/api/v1/inbox", headers=app.as_(**health))).json()["items"]
    assert {(item["case_id"], item["level"]) for item in inbox} == {(None, None)}


async def test_a_notice_that_a_person_gave_is_seen_and_asked_for_no_more(app: Running) -> None:
    owed = notice("N-11", "county_education", status="manual")
    await app.publish(opened(notices=(owed,)), KEY)
    given = dispatch.NoticeGiven(
        case_id=CASE, case_number=NUMBER, township="YX", notice="N-11", body="county_education", means="letter",
        given_at=TUESDAY, by=OFFICER, at=TUESDAY,
    )  # fmt: skip
    await app.publish(given, KEY)
    await app.settle()
    noted = await rows(app, "kind IN ('manual_notice', 'manual_notice_to_give')")
    assert {(row["recipient"], row["state"], row["seen_by"]) for row in noted} == {
        ("county_education", "seen", "ST089"),
        ("YX-CA", "seen", "ST089"),
    }
    assert [event.cause_type for event in await app.published(NoticesRecorded)] == ["response.opened.v1"]


async def test_a_revoked_department_loses_its_sight_of_the_ledger(app: Running) -> None:
    await app.publish(opened(), KEY)
    await app.publish(act(dispatch.ReferralRevoked, reason="not_needed"), KEY)
    await app.settle()
    health = {"sub": "a-95", "staff": "ST095", "org": "YX-HC", "dept": "health"}
    assert (await app.client.get(f"/api/v1/notices?case_id={KEY}", headers=app.as_(**health))).status_code == 404


async def test_a_late_call_back_and_a_gap_in_a_roster_belong_to_no_case(app: Running) -> None:
    await app.publish(callback(), str(id_of("report")))
    await app.publish(gap(), "YX")
    await app.settle()
    entries = await rows(app)
    assert {row["case_id"] for row in entries} == {None}
    assert {row["recipient"] for row in entries if row["kind"] == "callback_overdue"} == {"ST126"}
    assert "ST088" in {row["recipient"] for row in entries if row["kind"] == "roster_gap"}
    assert {event.case_id for event in await app.published(NoticesRecorded)} == {None}
    await sender.send_waiting(app.process.runtime)
    assert {row["state"] for row in await rows(app)} == {"sent"}


async def test_a_call_back_nobody_hears_of_is_handed_on_too(app: Running) -> None:
    use(app, call=Refusing())
    await app.publish(callback(), str(id_of("report")))
    await app.settle()
    await until_given_up(app, 2)
    (failed,) = await app.published(DeliveryFailed)
    assert (failed.case_id, failed.recipient) == (None, "ST126")
    assert await rows(app, "kind = 'callback_overdue' AND recipient <> 'ST126'")


async def test_whoever_stands_in_on_the_roster_is_told(app: Running) -> None:
    swap = ShiftOverride(roster="YX-PS", starts_at=TUESDAY - HOUR, ends_at=TUESDAY + HOUR, staff=("ST091",))
    await app.publish(township().model_copy(update={"version": 2, "overrides": (swap,)}), "YX")
    await app.publish(opened(), KEY)
    await app.publish(money("approved"), KEY)
    await app.settle()
    told = {row["recipient"] for row in await rows(app, "recipient_kind = 'staff'")}
    assert "ST091" in told
    assert "ST092" not in told
    paying = await rows(app, "kind = 'disbursement_to_pay' AND channel = 'app'")
    assert {row["params"].get("case_number") for row in paying} == {None}
