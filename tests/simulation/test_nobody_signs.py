"""A RED night with rosters, overrides and people who sign late or never: who is called, in what order, and when it stops."""

import random
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from chassis.testing import running
from contracts.directory import ShiftOverride, TownshipPublished
from contracts.dispatch import DeadlineFired, ResponseOpened
from contracts.rosters import on_duty
from services.directory.domain.reference_file import read_township
from services.directory.domain.snapshot import snapshot
from services.dispatch.service import SERVICE
from tests.integration.dispatch.story import CIVIL, DIRECTOR, HEALTH, JUSTICE, POLICE, Story, deliver, scored
from tests.samples.golden import CALENDAR, FOLDER, POLICY

MINUTE = timedelta(minutes=1)
PEOPLE = {
    "police": POLICE, "civil_affairs": CIVIL, "health": HEALTH, "justice": JUSTICE, "village_committee": DIRECTOR,
}  # fmt: skip
VERSIONS = count(5000)


def township(chance: random.Random, start: datetime) -> TownshipPublished:
    """The sample township; some rosters are taken over or left empty for part of the hour."""
    base = snapshot(read_township((FOLDER / "township.yaml").read_text(encoding="utf-8")), next(VERSIONS), UUID(int=1))
    overrides = tuple(
        ShiftOverride(
            roster=unit.code,
            starts_at=start + chance.randrange(0, 30) * MINUTE,
            ends_at=start + chance.randrange(30, 90) * MINUTE,
            staff=tuple(chance.sample(unit.staff, chance.randrange(0, len(unit.staff) + 1))),
        )
        for unit in base.organisations
        if unit.department in PEOPLE and chance.random() < 0.6
    )
    return base.model_copy(update={"overrides": overrides})


@pytest.mark.parametrize("seed", range(2))
async def test_calls_go_down_the_roster_of_the_moment_and_stop_when_somebody_signs(seed: int) -> None:
    chance = random.Random(seed)
    data = scored("YX-01")
    start = data.effective_at + timedelta(seconds=1)
    published = township(chance, start)
    async with running(SERVICE, now=start) as app:
        await deliver(app, published, "YX")
        await deliver(app, data, data.case_id)
        story = Story(app, data, (await app.published(ResponseOpened))[-1])
        limit = story.opened.dispatched_at + 10 * MINUTE
        signs = {name: chance.choice((5, 12, 26, 41, None)) for name in PEOPLE}
        for minute in range(1, 60):
            await app.set_clock(story.opened.dispatched_at + minute * MINUTE + timedelta(seconds=1))
            for name in [name for name, at in signs.items() if at == minute]:
                await story.must(PEOPLE[name], "acknowledge")
            if chance.random() < 0.8:
                await app.fire()
        await app.fire()
        events: list[DeadlineFired] = [e for e in await app.published(DeadlineFired) if e.stage == "page_next"]
    for name, signs_at in signs.items():
        calls = [e for e in events if e.department == name]
        signed = None if signs_at is None else story.opened.dispatched_at + signs_at * MINUTE + timedelta(seconds=1)
        assert all(signed is None or e.fired_at <= signed for e in calls), (seed, name)
        assert calls or (signed is not None and signed - limit < 10 * MINUTE), (seed, name, "nobody was called")
        assert [e.planned_at for e in calls] == [limit + 5 * e.repeat_no * MINUTE for e in calls]
        numbers = [e.repeat_no for e in calls]
        assert numbers == sorted(set(numbers))
        for call in calls:
            _called_whom_the_roster_says(call, published)


def _called_whom_the_roster_says(call: DeadlineFired, published: TownshipPublished) -> None:
    assert call.organisation is not None
    own = on_duty(published, call.organisation, call.fired_at, CALENDAR.zone)
    if own:
        assert (call.targets, call.people) == ((call.department,), (own[(call.repeat_no + 1) % len(own)],))
        return
    fallback = tuple(code for code in POLICY.sla.rules["roster"]["fallback"] if code != call.department)
    there = {
        "police": on_duty(published, "YX-PS", call.fired_at, CALENDAR.zone),
        "duty_room": on_duty(published, "duty_room", call.fired_at, CALENDAR.zone),
    }
    assert call.targets == tuple(code for code in fallback if there[code])
    assert call.people == tuple(there[code][0] for code in call.targets)
