"""Events become ledger rows and one announcement, in one commit and once."""

import asyncpg
import pytest

from chassis.faults import NotYet
from chassis.testing import Running, running
from contracts import dispatch
from contracts.notification import NoticesRecorded
from services.notification.service import SERVICE
from tests.unit.notification.scene import (
    CASE,
    NUMBER,
    act,
    closure_requested,
    fired,
    id_of,
    lowering,
    opened,
    overdue,
    referral,
    revised,
    township,
)

KEY = str(CASE)


async def rows(app: Running, where: str = "true") -> list[asyncpg.Record]:
    async with app.database.reading() as db:
        return await db.fetch(f"SELECT * FROM delivery WHERE {where} ORDER BY created_at, id")


async def test_a_response_is_recorded_and_announced_once(app: Running) -> None:
    event = await app.publish(opened(), KEY)
    await app.settle()
    (announced,) = await app.published(NoticesRecorded)
    entries = await rows(app)
    assert announced.case_id == CASE
    assert announced.cause_type == "response.opened.v1"
    assert {row["cause_event_id"] for row in entries} == {event.id}
    told = {(notice.notice_id, channel) for notice in announced.notices for channel in notice.channels}
    assert {(row["notice_id"], row["channel"]) for row in entries} == told
    assert len(entries) == len(told)


async def test_the_same_event_again_changes_nothing(app: Running) -> None:
    event = await app.publish(opened(), KEY)
    await app.settle()
    before = await rows(app)
    await app.deliver(event)
    await app.settle()
    assert await rows(app) == before
    assert len(await app.published(NoticesRecorded)) == 1


async def test_the_same_event_makes_the_same_ids_wherever_it_is_handled() -> None:
    ids = []
    for _ in range(2):
        async with running(SERVICE) as service:
            await service.publish(township(), "YX")
            await service.publish(opened(), KEY, event_id=CASE)
            await service.settle()
            ids.append({row["id"] for row in await rows(service)})
    assert ids[0] == ids[1] != set()


async def test_an_app_message_is_there_at_once_and_a_call_waits_for_its_channel(app: Running) -> None:
    await app.publish(opened(), KEY)
    await app.settle()
    states = {(row["channel"], row["state"]) for row in await rows(app)}
    assert states == {("app", "sent"), ("sms", "pending"), ("call", "pending")}


async def test_later_events_find_the_case_as_it_was_left(app: Running) -> None:
    await app.publish(opened("orange"), KEY)
    await app.publish(revised("orange", "red", referrals=(referral("justice", "assist"),)), KEY)
    await app.settle()
    await app.publish(lowering(), KEY)
    await app.publish(closure_requested(), KEY)
    await app.settle()
    kinds = {row["kind"]: row["params"] for row in await rows(app, "channel = 'app'")}
    assert {"referral_issued", "level_raised", "lowering_to_decide", "closure_to_decide"} <= kinds.keys()
    assert {params["case_number"] for params in kinds.values()} == {NUMBER}
    recipients = {row["recipient"] for row in await rows(app, "kind = 'referral_issued'")}
    assert {"YX-JO", "ST102"} <= recipients
    assert "ST116" in {row["recipient"] for row in await rows(app, "kind = 'closure_to_decide'")}


async def test_a_moved_task_moves_the_news_of_it_too(app: Running) -> None:
    await app.publish(opened(), KEY)
    await app.publish(act(dispatch.ReturnDecided, upheld=True, issued=referral("justice", "assist")), KEY)
    safe = act(dispatch.SafetyConfirmed, "police", confirmed_at=opened().received_at, basis="safe_place", response_no=1)
    await app.publish(safe, KEY)
    await app.settle()
    recipients = {row["recipient"] for row in await rows(app, "kind = 'safety_confirmed'")}
    assert recipients == {"YX-PS", "YX-CA", "V01-VC", "YX-JO"}


async def test_a_withdrawn_department_is_told_nothing_more(app: Running) -> None:
    await app.publish(opened(), KEY)
    await app.publish(revised("red", "red", cause="report", withdrawn=(id_of("referral health"),)), KEY)
    await app.publish(fired("breach", "health", department="health", organisation="YX-HC"), KEY)
    await app.settle()
    recipients = {row["recipient"] for row in await rows(app, "kind = 'deadline_breached'")}
    assert recipients == {"YX-CA", "ST089"}


async def test_an_alarm_before_any_response_is_told_as_the_most_urgent(app: Running) -> None:
    await app.publish(overdue(0), KEY)
    await app.settle()
    entries = await rows(app)
    assert {(row["recipient"], row["channel"]) for row in entries} == {("ST126", c) for c in ("call", "sms", "app")}
    assert {row["level"] for row in entries} == {"red"}


async def test_a_proposal_about_a_case_nobody_dispatched_finds_its_township_by_the_proposer(app: Running) -> None:
    await app.publish(lowering(), KEY)
    await app.settle()
    (entry,) = await rows(app)
    assert (entry["recipient"], entry["township"]) == ("ST088", "YX")
    assert await app.parked() == 0


async def test_events_wait_for_the_township_and_are_not_parked() -> None:
    async with running(SERVICE) as service:
        assert service.process.intake is not None
        event = await service.publish(opened(), KEY)
        with pytest.raises(NotYet):
            await service.process.inbox.apply([event])
        assert await rows(service) == []
        await service.process.inbox.apply([await service.publish(township(), "YX"), event])
        assert await rows(service)
        assert await service.parked() == 0


async def test_the_newest_township_counts_however_the_publications_arrive(app: Running) -> None:
    newer = township().model_copy(update={"version": 3, "posts": {**township().posts, "township_head": ("ST085",)}})
    await app.publish(newer, "YX")
    await app.publish(township().model_copy(update={"version": 2}), "YX")
    await app.publish(opened(), KEY)
    await app.publish(fired("second_breach", "township_head"), KEY)
    await app.settle()
    breached = await rows(app, "kind = 'deadline_breached_again'")
    assert {row["recipient"] for row in breached} == {"ST085"}


async def test_that_nobody_had_to_be_told_is_announced_too(app: Running) -> None:
    """Dispatch ends the clock of the duty notices (S7) by this."""
    await app.publish(opened("blue", referrals=(), deadlines=()), KEY)
    await app.settle()
    (announced,) = await app.published(NoticesRecorded)
    assert (announced.cause_type, announced.notices) == ("response.opened.v1", ())
