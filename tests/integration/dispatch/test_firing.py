"""Clocks that run out: the chain of one clock, after downtime, beside acts; and the auditor that watches it all."""

import argparse
import asyncio
from datetime import datetime, timedelta

from chassis import metrics as engine
from chassis.testing import Running
from contracts.dispatch import DeadlineFired, ReferralAcknowledged
from services.dispatch import auditor, metrics
from tests.integration.dispatch.story import CIVIL, HEALTH, POLICE, Story, again, deliver, opened
from tests.samples.golden import moment

MINUTE = timedelta(minutes=1)


async def fired(app: Running, step: str, department: str | None = None) -> list[DeadlineFired]:
    """What was announced of one step, of one department where given."""
    events: list[DeadlineFired] = await app.published(DeadlineFired)
    return [event for event in events if event.step == step and department in (None, event.department)]


async def fire_at(app: Running, at: datetime) -> None:
    """Let the clock show this moment and fire what is due."""
    await app.set_clock(at)
    await app.fire()


# The chain ----------------------------------------------------------------------------------------------------------------


async def test_an_unsigned_red_referral_warns_breaches_pages_and_escalates_until_somebody_signs(app: Running) -> None:
    story = await opened(app, "YX-01", after=timedelta(seconds=1))
    sent = story.opened.dispatched_at
    for minutes in (5, 8, 10, 15, 20, 25, 30, 35, 40):
        await fire_at(app, sent + minutes * MINUTE)
    told = {(e.stage, e.repeat_no): (e.planned_at - sent, e.targets) for e in await fired(app, "S4", "police")}
    assert told == {
        ("warn_50", 0): (5 * MINUTE, ("police",)),
        ("warn_80", 0): (8 * MINUTE, ("police",)),
        ("breach", 0): (10 * MINUTE, ("responsible_leader",)),
        **{("page_next", n): ((10 + 5 * n) * MINUTE, ("police",)) for n in range(7)},
        ("second_breach", 0): (25 * MINUTE, ("township_head",)),
        ("repeat", 1): (40 * MINUTE, ("township_head",)),
    }
    external = {e.stage: e.external for e in await fired(app, "S4", "police")}
    assert external["second_breach"] == ("county_protection_office",)
    assert external["breach"] == ()
    await story.must(POLICE, "acknowledge")
    before = len(await fired(app, "S4", "police"))
    await fire_at(app, sent + 90 * MINUTE)
    assert len(await fired(app, "S4", "police")) == before
    assert (await app.published(ReferralAcknowledged))[0].met[0].late_seconds >= 30 * 60


async def test_each_tier_escalates_along_its_own_chain(app: Running) -> None:
    story = await opened(app, "YX-01")
    await fire_at(app, story.due("S6") + 20 * MINUTE)
    told = {(e.step, e.stage): e.targets for e in await app.published(DeadlineFired)}
    assert told["S5a", "warn_50"] == ("grid_member",)
    assert told["S5a", "breach"] == ("village_director", "child_director")
    assert told["S5b", "breach"] == ("grid_head", "civil_affairs")
    assert told["S6", "breach"] == ("responsible_leader",)
    assert told["S7", "second_breach"] == ("township_head",)
    group = (await fired(app, "S5a"))[0]
    assert (group.tier, group.organisation, group.place.group, group.level) == ("group", "V01-VC", "V01-G2", "red")


async def test_after_downtime_every_stage_fires_in_order_with_its_lateness_and_repeats_fold(app: Running) -> None:
    story = await opened(app, "YX-01", after=timedelta(seconds=1))
    sent = story.opened.dispatched_at
    await fire_at(app, sent + timedelta(hours=3))
    events: list[DeadlineFired] = await app.published(DeadlineFired)
    assert [e.planned_at for e in events] == sorted(e.planned_at for e in events)
    mine = await fired(app, "S4", "police")
    assert [e.stage for e in mine if e.stage != "page_next"] == [
        "warn_50", "warn_80", "breach", "second_breach", "repeat",
    ]  # fmt: skip
    assert all(e.lateness_seconds >= 0 for e in events)
    first = mine[0]
    assert abs(first.lateness_seconds - (timedelta(hours=3) - 5 * MINUTE).total_seconds()) < 5
    assert [e.repeat_no for e in mine if e.stage == "repeat"] == [10]


async def test_a_repetition_counted_in_working_days_waits_for_one(app: Running) -> None:
    story = await opened(app, "YX-19")
    assert story.opened.level == "blue"
    breach = story.due("S8")
    for day in range(1, 12):
        await fire_at(app, breach + timedelta(days=day))
    repeats = [e for e in await fired(app, "S8") if e.stage == "repeat"]
    assert repeats
    days = [(e.planned_at + timedelta(hours=8)).date() for e in repeats]
    assert all(day.weekday() < 5 for day in days)
    assert [e.repeat_no for e in repeats] == list(range(1, len(repeats) + 1))


async def test_a_clock_that_was_met_in_time_never_speaks(app: Running) -> None:
    story = await opened(app, "YX-01")
    await story.must(HEALTH, "acknowledge")
    await fire_at(app, story.due("S4", "health") + timedelta(hours=1))
    assert await fired(app, "S4", "health") == []


async def test_a_raised_case_fires_by_its_new_limits_and_says_nothing_twice(app: Running) -> None:
    story = await opened(app, "YX-05")
    at = story.received + timedelta(hours=7)
    await fire_at(app, at)
    assert [e.stage for e in await fired(app, "S4", "health")] == ["warn_50"]
    await deliver(app, again(story.data, "manual_raise", "red", at), story.key)
    await fire_at(app, at + 30 * MINUTE)
    assert [e.stage for e in await fired(app, "S4", "health") if e.stage != "page_next"] == [
        "warn_50", "warn_80", "breach", "second_breach",
    ]  # fmt: skip
    assert {e.level for e in (await fired(app, "S4", "health"))[1:]} == {"red"}


async def test_a_unit_with_a_conflict_of_interest_is_never_told(app: Running) -> None:
    story = await opened(app, "YX-04")
    await fire_at(app, story.due("S6") + timedelta(days=10))
    events: list[DeadlineFired] = await app.published(DeadlineFired)
    assert events
    assert all("health" not in e.targets and e.department != "health" for e in events)


# Beside acts --------------------------------------------------------------------------------------------------------------


async def test_an_act_and_the_firing_of_its_clock_at_the_same_moment_leave_one_truth(app: Running) -> None:
    stories: list[Story] = [await opened(app, "YX-05", case=f"race {n}", report=f"race {n}") for n in range(6)]
    await app.set_clock(stories[0].due("S4", "health") + timedelta(seconds=30))
    acts = [story.act(HEALTH, "acknowledge") for story in stories]
    answers, _ = await asyncio.gather(asyncio.gather(*acts), app.fire())
    assert {answer.status_code for answer in answers} == {200}
    await app.fire()
    events = await app.published()
    for story in stories:
        mine = [
            (kind, body["stage"] if kind == "deadline.fired.v1" else "signed")
            for kind, body in events
            if body["case_id"] == story.key and body.get("step", "S4") == "S4" and body.get("department") == "health"
            if kind in ("deadline.fired.v1", "referral.acknowledged.v1")
        ]
        assert mine[-1][1] == "signed"
        assert len(mine) == len(set(mine))
    async with app.database.reading() as db:
        left = await db.fetchval(
            "SELECT count(*) FROM deadline WHERE state = 'armed' AND kind LIKE 'S4%' AND detail->>'department' = 'health'"
        )
    assert left == 0


# The auditor --------------------------------------------------------------------------------------------------------------


async def audit(app: Running) -> int:
    """The exit status of the command."""
    settings = app.process.runtime.settings
    return await auditor.audit_command(argparse.Namespace(hours=1.0), settings)


async def test_the_auditor_is_content_with_a_healthy_service(app: Running) -> None:
    story = await opened(app, "YX-01")
    await fire_at(app, story.due("S6") + MINUTE)
    assert await audit(app) == 0
    await auditor.audit(app.process.runtime)
    assert engine.AUDITOR_OPEN_WITHOUT_DEADLINE._value.get() == 0
    assert metrics.AUDITOR_HEARTBEAT._value.get() > moment("2026-01-01T00:00:00+08:00").timestamp()
    assert metrics.OPEN_RESPONSES.labels("red")._value.get() == 1


async def test_the_auditor_finds_an_open_task_that_nothing_watches(app: Running) -> None:
    story = await opened(app, "YX-01")
    async with app.database.transaction() as tx:
        await tx.db.execute("UPDATE deadline SET state = 'cancelled' WHERE subject = $1", story.referral("health"))
    assert await audit(app) == 1
    await auditor.audit(app.process.runtime)
    assert engine.AUDITOR_OPEN_WITHOUT_DEADLINE._value.get() == 1


async def test_the_auditor_finds_a_clock_that_should_have_fired(app: Running) -> None:
    story = await opened(app, "YX-01")
    await app.set_clock(story.due("S4", "police") + 2 * MINUTE)
    assert await audit(app) == 1
    await auditor.audit(app.process.runtime)
    assert metrics.AUDITOR_OVERDUE._value.get() > 0


async def test_the_auditor_finds_a_breach_that_nobody_was_told_of(app: Running) -> None:
    story = await opened(app, "YX-01")
    async with app.database.transaction() as tx:
        await tx.db.execute(
            "UPDATE deadline SET breached_at = app_now() WHERE subject = $1 AND kind = 'task'", story.referral("health")
        )
    assert await audit(app) == 1
    await auditor.audit(app.process.runtime)
    assert metrics.AUDITOR_SILENT._value.get() == 1


async def test_breaches_and_speed_are_counted_by_level_and_department(app: Running) -> None:
    breaches = metrics.BREACHES_TOTAL.labels("S4", "red", "health")
    signed = metrics.ACKNOWLEDGE_SECONDS.labels("red", "township", "police")
    before = breaches._value.get(), signed._sum.get()
    story = await opened(app, "YX-01")
    await app.set_clock(story.opened.dispatched_at + 3 * MINUTE)
    await story.must(POLICE, "acknowledge")
    await fire_at(app, story.due("S4", "health") + timedelta(seconds=1))
    assert breaches._value.get() == before[0] + 1
    assert 175 < signed._sum.get() - before[1] < 200
    assert (await story.view(CIVIL))["level"] == "red"
