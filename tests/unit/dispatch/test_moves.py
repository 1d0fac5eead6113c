"""What moves a deadline, and counting it again from nothing but its rule, its anchor and its moves."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import WorkingCalendar
from contracts.policy.model import CALENDAR_FILE, read_mapping
from services.dispatch.domain.changes import revise
from services.dispatch.domain.clocks import Deadline, Response, arm
from services.dispatch.domain.escalation import BREACH, STAGES
from services.dispatch.domain.escalation import moment as firing_at
from services.dispatch.domain.explain import explain
from services.dispatch.domain.moves import extended, recounted, replay, resumed, stopped
from tests.samples.golden import CALENDAR, POLICY, Child, moment, respond, zero_points
from tests.samples.strategies import children, levels, moments

RECEIVED = moment("2026-08-04T09:00:00+08:00")
PAUSE, MORE = UUID(int=1), UUID(int=2)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def opened(level: str = "yellow", received: datetime = RECEIVED, **facts: object) -> Response:
    response = respond((Child(("N5",), dict(facts), zero_points()),), received).response
    return replace(response, level=level)


def clock(step: str, level: str = "yellow", received: datetime = RECEIVED, **facts: object) -> Deadline:
    plan = arm(opened(level, received, **facts), POLICY, CALENDAR)
    return next(d for d in plan.deadlines if d.step == step)


def stop(deadline: Deadline, at: datetime, until: datetime) -> Deadline:
    return stopped(deadline, PAUSE, at, until, POLICY, CALENDAR)


def calendar_of(years: Iterable[int], holidays: Iterable[str] = (), makeup: Iterable[str] = ()) -> WorkingCalendar:
    """The product's calendar with other years loaded."""
    data = read_mapping(CALENDAR_FILE)
    known = [date.fromisoformat(d) for y in data["years"].values() for h in y["holidays"] for d in h["days"]]
    worked = [date.fromisoformat(m["day"]) for y in data["years"].values() for m in y["makeup_workdays"]]
    return WorkingCalendar(
        holidays=frozenset([*known, *map(date.fromisoformat, holidays)]),
        makeup_workdays=frozenset([*worked, *map(date.fromisoformat, makeup)]),
        loaded_years=frozenset(years),
        fixed_dates=frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}),
        zone="Asia/Shanghai",
        day_end=time(17, 30),
    )


# Pauses ----------------------------------------------------------------------------------------------------------


def test_a_paused_clock_is_later_by_the_time_it_stood_still_and_working_days_by_the_day_ends() -> None:
    at, until = moment("2026-08-06T10:00:00+08:00"), moment("2026-08-10T12:00:00+08:00")
    assert stop(clock("S6"), at, until).due == clock("S6").due + 4 * DAY + 2 * HOUR
    assert clock("S8").due == moment("2026-08-13T17:30:00+08:00")
    assert stop(clock("S8"), at, until).due == moment("2026-08-17T17:30:00+08:00")


def test_a_clock_that_had_passed_stays_and_so_does_one_that_a_hand_over_decides() -> None:
    at = moment("2026-08-06T10:00:00+08:00")
    assert stop(clock("S5a"), at, at + DAY) == clock("S5a")
    hand_over = clock("S6", safe_until="2026-08-06T17:00:00+08:00")
    assert hand_over.safe_until == moment("2026-08-06T17:00:00+08:00")
    assert stop(hand_over, at, at + DAY) == hand_over


def test_a_limit_that_ends_on_the_day_of_the_pause_still_has_its_day_end_left() -> None:
    friday, saturday = moment("2026-08-07T10:00:00+08:00"), moment("2026-08-08T12:00:00+08:00")
    due_friday = clock("S5a", "blue")
    assert due_friday.due == moment("2026-08-07T17:30:00+08:00")
    assert stop(due_friday, friday, saturday).due == moment("2026-08-10T17:30:00+08:00")


def test_a_pause_that_ends_early_gives_back_what_it_took_too_much() -> None:
    at, until = moment("2026-08-06T10:00:00+08:00"), moment("2026-08-13T17:30:00+08:00")
    early = moment("2026-08-07T09:00:00+08:00")
    for step in ("S6", "S8", "S9", "task"):
        stood = stop(clock(step), at, until)
        assert resumed(stood, PAUSE, early, POLICY, CALENDAR).due == stop(clock(step), at, early).due
        assert resumed(stood, MORE, early, POLICY, CALENDAR) == stood, "another pause's end changes nothing"


@settings(deadline=None, max_examples=60)
@given(moments, levels.filter(lambda level: level in ("yellow", "blue")), st.integers(1, 6000), st.integers(0, 10000))
def test_nothing_of_a_clock_fires_while_it_stands_still(
    received: datetime, level: str, before: int, minutes: int
) -> None:
    at = received + before * MINUTE
    until = at + minutes * MINUTE
    for deadline in arm(opened(level, received), POLICY, CALENDAR).deadlines:
        stood = stop(deadline, at, until)
        assert stood.due >= deadline.due
        if deadline.due <= at:
            assert stood == deadline
            continue
        for number in range(len(STAGES)):
            fires, would = (firing_at(d, number, level, POLICY, CALENDAR) for d in (stood, deadline))
            assert not at < fires < until, (deadline.step, number)
            assert fires >= would or number < BREACH


# Extensions --------------------------------------------------------------------------------------------------------


def test_a_granted_extension_is_the_deadline_until_a_higher_level_comes_first() -> None:
    response = opened()
    s9 = next(d for d in arm(response, POLICY, CALENDAR).deadlines if d.step == "S9")
    until = moment("2026-08-21T17:30:00+08:00")
    more = extended(s9, MORE, RECEIVED + DAY, until)
    assert (more.due, more.moves[-1].before) == (until, s9.due)
    up = revise([more], [], response, replace(response, level="red"), RECEIVED + 2 * DAY, POLICY, CALENDAR)
    assert up.due("S9") == moment("2026-08-11T17:30:00+08:00")
    again = revise([more], [], response, response, RECEIVED + 2 * DAY, POLICY, CALENDAR)
    assert again.due("S9") == until, "the same level takes back nothing that people gave"


# Calendar ----------------------------------------------------------------------------------------------------------


def test_a_provisional_clock_is_counted_again_when_its_year_is_known() -> None:
    received = moment("2026-12-28T10:00:00+08:00")
    deadline = clock("S8", "yellow", received)
    assert (deadline.provisional, deadline.due) == (True, moment("2027-01-07T17:30:00+08:00"))
    known = calendar_of(range(2022, 2028), ["2027-01-01", "2027-01-04", "2027-01-05"], ["2027-01-09"])
    again = recounted(deadline, received + DAY, POLICY, known)
    assert (again.provisional, again.due) == (False, moment("2027-01-09T17:30:00+08:00"))
    assert again.recounted_at == received + DAY
    assert recounted(again, received + 2 * DAY, POLICY, known) == again


def test_a_passed_deadline_is_never_moved_and_none_is_moved_into_the_past() -> None:
    received = moment("2026-12-28T10:00:00+08:00")
    deadline = clock("S8", "yellow", received)
    known = calendar_of(range(2022, 2028), ["2027-01-01"], ["2027-01-02", "2027-01-03"])
    assert recounted(deadline, deadline.due, POLICY, known) == deadline
    late = moment("2027-01-06T09:00:00+08:00")
    kept = recounted(deadline, late, POLICY, known)
    assert (kept.due, kept.provisional, kept.moves[-1].cause) == (deadline.due, False, "kept")
    assert explain(kept, POLICY, known).result == kept.due


def test_a_clock_of_a_year_still_unknown_stays_provisional() -> None:
    deadline = clock("S8", "yellow", moment("2026-12-28T10:00:00+08:00"))
    assert recounted(deadline, RECEIVED, POLICY, CALENDAR) is deadline


def test_a_provisional_clock_that_was_paused_and_extended_keeps_what_people_gave() -> None:
    received = moment("2026-12-24T10:00:00+08:00")
    known = calendar_of(range(2022, 2028), ["2027-01-01", "2027-01-04"])
    deadline = clock("S9", "yellow", received)
    at, until = received + DAY, moment("2026-12-29T12:00:00+08:00")
    paused = stop(deadline, at, until)
    again = recounted(paused, until, POLICY, known)
    fresh = next(d for d in arm(opened("yellow", received), POLICY, known).deadlines if d.step == "S9")
    assert again.due == stopped(fresh, PAUSE, at, until, POLICY, known).due
    granted = extended(paused, MORE, until, paused.due + 3 * DAY)
    assert recounted(granted, until, POLICY, known).due == granted.due


# Whatever happens --------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(["level", "pause", "resume", "extend"]), levels, st.integers(1, 4000)), max_size=6
)


@settings(deadline=None, max_examples=60)
@given(children(), moments, levels, steps)
def test_a_deadline_counted_again_from_its_rule_and_moves_is_the_one_stored(
    child: Child, received: datetime, level: str, path: list[tuple[str, str, int]]
) -> None:
    response = replace(respond((child,), received).response, level=level)
    running = list(arm(response, POLICY, CALENDAR).deadlines)
    now, first_due = received, {d.key: d.due for d in running}
    for kind, other, minutes in path:
        now += minutes * MINUTE
        if kind == "level":
            after = replace(response, level=other)
            running = list(revise(running, [], response, after, now, POLICY, CALENDAR).deadlines)
            response = after
        elif kind == "pause":
            running = [stopped(d, PAUSE, now, now + 5 * DAY, POLICY, CALENDAR) for d in running]
        elif kind == "resume":
            running = [resumed(d, PAUSE, now, POLICY, CALENDAR) for d in running]
        else:
            running = [d if d.due <= now else extended(d, MORE, now, d.due + minutes * MINUTE) for d in running]
        for deadline in running:
            assert replay(deadline, POLICY, CALENDAR)[-1].due == deadline.due, deadline
            found = explain(deadline, POLICY, CALENDAR)
            assert (found.result, found.provisional) == (deadline.due, deadline.provisional)
            assert found.stands[0].due == first_due.setdefault(deadline.key, deadline.due)


@settings(deadline=None, max_examples=60)
@given(moments, levels)
def test_the_days_of_an_explanation_end_on_the_deadline(anchor: datetime, level: str) -> None:
    s9 = clock("S9", level, anchor)
    found = explain(s9, POLICY, CALENDAR)
    deciding = [one for one in found.days if one.decides]
    assert [one.day for one in deciding] == [s9.due.astimezone(CALENDAR.zone).date()]
    assert found.days[-1] == deciding[0]
    numbers = [one.number for one in found.days if one.number]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(
        CALENDAR.is_working_day(one.day) is (one.kind in ("working_day", "makeup_workday")) for one in found.days
    )


@pytest.mark.parametrize(
    ("anchor", "kinds"),
    [
        (
            "2026-09-18T16:00:00+08:00",
            ["weekend", "makeup_workday", "working_day", "working_day", "working_day", "working_day"],
        ),
        ("2026-04-30T10:00:00+08:00", ["holiday"] * 5 + ["working_day"] * 3 + ["makeup_workday", "weekend"]),
    ],
)
def test_each_day_is_named_for_what_it_is(anchor: str, kinds: list[str]) -> None:
    found = explain(clock("S9", "orange", moment(anchor)), POLICY, CALENDAR)
    assert [one.kind for one in found.days] == kinds
    assert found.limit.cap_days == 10


def test_an_explanation_says_in_both_languages_what_happened() -> None:
    response = opened("yellow")
    s8 = next(d for d in arm(response, POLICY, CALENDAR).deadlines if d.step == "S8")
    paused = stop(s8, RECEIVED + DAY, RECEIVED + 2 * DAY)
    up = revise(
        [resumed(paused, PAUSE, RECEIVED + 2 * DAY, POLICY, CALENDAR)], [], response, replace(response, level="red"),
        RECEIVED + 2 * DAY, POLICY, CALENDAR,
    )  # fmt: skip
    (raised,) = up.moved
    lines = explain(raised, POLICY, CALENDAR).lines
    zh, en = " ".join(line.zh for line in lines), " ".join(line.en for line in lines)
    for said in (
        "自“接报”2026-08-04 09:00:00 起计",
        "7 个工作日",
        "暂停计时",
        "提级",
        "sla.steps.S8.limits.red",
        "时限：2026-08-07 09:00:00",
    ):
        assert said in zh
    for said in ("7 working days", "stood still", "24 hours, nights and holidays included"):
        assert said in en
