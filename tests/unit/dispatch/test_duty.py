"""Who is on duty and who stands in: rosters with overrides, pages down the roster, coverage, and the dry run."""

from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.directory import ShiftOverride, TownshipPublished
from contracts.rosters import on_duty, spans
from services.directory.domain.reference_file import read_township
from services.directory.domain.rosters import on_duty as by_pattern
from services.directory.domain.snapshot import snapshot
from services.dispatch.domain.coverage import chain_targets, coverage, departments_with_tasks
from services.dispatch.domain.duty import Duty, page
from services.dispatch.domain.escalation import escalation_plan
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.rehearsal import DISPATCHED, dispatched, duty_of, imagined, rehearse
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.units import township_of
from tests.integration.dispatch.story import scored
from tests.samples.golden import CALENDAR, FOLDER, POLICY, moment
from tests.samples.strategies import moments

ZONE = CALENDAR.zone
MONDAY = moment("2026-08-03T09:00:00+08:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@cache
def sample() -> TownshipPublished:
    """The sample township as the directory publishes it, rosters included."""
    return snapshot(read_township((FOLDER / "township.yaml").read_text(encoding="utf-8")), 1, UUID(int=1))


def without(*rosters: str, posts: dict[str, Any] | None = None) -> TownshipPublished:
    """The sample with these rosters empty (organisations, duty_room, duty_leader) and other holders of posts."""
    township = sample()
    units = tuple(o.model_copy(update={"shifts": ()}) if o.code in rosters else o for o in township.organisations)
    empty: dict[str, Any] = {name: () for name in ("duty_room", "duty_leader") if name in rosters}
    changes = {"organisations": units, **empty, "posts": {**township.posts, **(posts or {})}}
    return township.model_copy(update=changes)


def with_override(roster: str, *staff: str, hours: tuple[int, int] = (0, 4)) -> TownshipPublished:
    """The sample with other people on one roster for some hours of the Monday morning."""
    start, end = (MONDAY + n * HOUR for n in hours)
    override = ShiftOverride(roster=roster, starts_at=start, ends_at=end, staff=staff)
    return sample().model_copy(update={"overrides": (override,)})


# Rosters -----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(moments, st.sampled_from(["YX-PS", "YX-HL", "V06-VC"]))
def test_without_overrides_the_weekly_pattern_holds_also_on_holidays(at: datetime, roster: str) -> None:
    shifts = next(o.shifts for o in sample().organisations if o.code == roster)
    assert on_duty(sample(), roster, at, ZONE) == by_pattern(shifts, at.astimezone(ZONE))


def test_an_override_stands_in_place_of_the_pattern_for_its_hours_only() -> None:
    township = with_override("YX-PS", "ST092")
    assert on_duty(township, "YX-PS", MONDAY, ZONE) == ("ST092",)
    for outside in (MONDAY - timedelta(seconds=1), MONDAY + 4 * HOUR):
        assert on_duty(township, "YX-PS", outside, ZONE) == on_duty(sample(), "YX-PS", outside, ZONE)
    assert on_duty(township, "YX-HC", MONDAY, ZONE) == on_duty(sample(), "YX-HC", MONDAY, ZONE)
    assert on_duty(with_override("YX-PS"), "YX-PS", MONDAY, ZONE) == (), "an override may say that nobody is there"


@settings(deadline=None, max_examples=60)
@given(moments, st.integers(1, 9 * 24), st.sampled_from(["YX-PS", "duty_room", "YX-HL"]))
def test_spans_cover_a_window_without_a_hole_and_say_at_every_moment_who_is_there(
    start: datetime, hours: int, roster: str
) -> None:
    end = start + hours * HOUR
    found = spans(with_override(roster, "ST001"), roster, start, end, ZONE)
    assert (found[0].starts_at, found[-1].ends_at) == (start, end)
    assert all(one.ends_at == after.starts_at for one, after in pairwise(found))
    for one in found:
        middle = one.starts_at + (one.ends_at - one.starts_at) / 2
        assert on_duty(with_override(roster, "ST001"), roster, middle, ZONE) == one.staff


# Pages -------------------------------------------------------------------------------------------------------------


def calls(township: TownshipPublished, department: str = "police", many: int = 4) -> list[tuple[tuple[str, ...], ...]]:
    duty = Duty(township, POLICY, "V01", "V01-G2", ((department, unit_of(department)),))
    return [(one.targets, one.people) for one in (page(department, n, MONDAY, duty) for n in range(many))]


def unit_of(department: str) -> str:
    return {"police": "YX-PS", "village_committee": "V01-VC", "health": "YX-HC"}[department]


def test_each_page_calls_the_next_person_on_the_roster_and_then_around_again() -> None:
    assert on_duty(sample(), "YX-PS", MONDAY, ZONE) == ("ST091", "ST092", "ST093")
    assert [people for _, people in calls(sample())] == [("ST092",), ("ST093",), ("ST091",), ("ST092",)]
    assert [people for _, people in calls(with_override("YX-PS", "ST093"))] == [("ST093",)] * 4


def test_an_empty_roster_goes_to_police_and_duty_room_then_up_a_tier_then_to_the_head() -> None:
    police, room = on_duty(sample(), "YX-PS", MONDAY, ZONE)[0], on_duty(sample(), "duty_room", MONDAY, ZONE)[0]
    assert calls(without("YX-HC"), "health", 1) == [(("police", "duty_room"), (police, room))]
    assert calls(with_override("YX-HC"), "health", 1) == [(("police", "duty_room"), (police, room))]
    assert calls(without("YX-PS"), "police", 1) == [(("duty_room",), (room,))]
    nobody = ("YX-HC", "YX-PS", "duty_room")
    leader, head = sample().posts["responsible_leader"], sample().posts["township_head"]
    assert calls(without(*nobody), "health", 1) == [(("responsible_leader",), leader)]
    heads = without(*nobody, posts={"responsible_leader": ()})
    assert calls(heads, "health", 1) == [(("township_head",), head)]
    lost = without(*nobody, posts={"responsible_leader": (), "township_head": ()})
    assert calls(lost, "health", 1) == [(("health",), ())], "its own queue still shows it"


def test_an_empty_village_goes_up_to_the_grid_head_and_civil_affairs() -> None:
    (call,) = calls(without("V01-VC", "YX-PS", "duty_room"), "village_committee", 1)
    assert call[0] == ("grid_head", "civil_affairs")


def test_a_blocked_unit_never_stands_in() -> None:
    duty = Duty(without("YX-HC"), POLICY, units=(("health", "YX-HC"),), blocked=frozenset({"police"}))
    assert page("health", 0, MONDAY, duty).targets == ("duty_room",)


# Coverage ----------------------------------------------------------------------------------------------------------


def gaps(township: TownshipPublished, days: int = 14) -> list[tuple[str, str, str, tuple[str, ...], bool]]:
    found = coverage(township, POLICY, CALENDAR, MONDAY, MONDAY + days * DAY)
    return [(g.kind, g.target, g.place, g.instead, g.covered) for g in found.gaps]


def test_the_sample_township_answers_every_call_and_its_known_vacancy_shows() -> None:
    assert gaps(sample()) == [("vacant_post", "group_head", "V06-G4", (), True)]
    assert coverage(sample(), POLICY, CALENDAR, MONDAY, MONDAY + DAY).open_gaps == ()


def test_every_department_that_can_lead_or_assist_keeps_a_roster_in_the_check() -> None:
    found = coverage(sample(), POLICY, CALENDAR, MONDAY, MONDAY + DAY)
    assert {r.target for r in found.rosters} >= {*departments_with_tasks(POLICY), "hotline", "duty_leader", "duty_room"}
    assert {p.post for p in found.posts} >= {
        t for t in chain_targets(POLICY) if t not in POLICY.departments_by_code
    } - {
        "duty_leader",
        "duty_room",
    }
    for roster in found.rosters:
        assert (roster.stretches[0].starts_at, roster.stretches[-1].ends_at) == (MONDAY, MONDAY + DAY)


def test_an_empty_roster_shows_who_is_paged_instead_while_their_shifts_change() -> None:
    found = coverage(without("YX-HC"), POLICY, CALENDAR, MONDAY, MONDAY + DAY)
    (health,) = [r for r in found.rosters if r.roster == "YX-HC"]
    assert all(one.gap and one.instead == ("police", "duty_room") for one in health.stretches)
    assert len({one.people for one in health.stretches}) > 1
    for one in health.stretches:
        assert one.people[0] == on_duty(sample(), "YX-PS", one.starts_at, ZONE)[0]
    assert {gap.kind for gap in found.open_gaps} == {"empty_shift"}


def test_an_override_that_leaves_nobody_is_a_gap_for_its_hours() -> None:
    found = coverage(with_override("YX-HC", hours=(1, 3)), POLICY, CALENDAR, MONDAY, MONDAY + DAY)
    (gap,) = found.open_gaps
    assert (gap.starts_at, gap.ends_at, gap.place) == (MONDAY + HOUR, MONDAY + 3 * HOUR, "YX-HC")


def test_a_vacant_post_is_a_gap_unless_its_own_unit_stands_in() -> None:
    vacant = without(posts={"responsible_leader": ()})
    assert ("vacant_post", "responsible_leader", "YX", ("police", "duty_room"), False) in gaps(vacant)
    villages = tuple(v.model_copy(update={"child_director": None}) for v in sample().villages if v.code == "V01")
    township = sample().model_copy(update={"villages": (*villages, *sample().villages[1:])})
    assert ("vacant_post", "child_director", "V01", (), True) in gaps(township)


def test_a_window_into_a_year_without_holidays_says_so() -> None:
    found = coverage(
        sample(), POLICY, CALENDAR, moment("2026-12-28T00:00:00+08:00"), moment("2027-01-03T00:00:00+08:00")
    )
    assert [(g.kind, g.place) for g in found.gaps if g.kind == "calendar_year_missing"] == [
        ("calendar_year_missing", "2027")
    ]


# The dry run -------------------------------------------------------------------------------------------------------


def response_to(name: str) -> ResponseFile:
    data = scored(name)
    sent = data.effective_at + timedelta(minutes=1)
    return open_response(data, UUID(int=9), sent, township_of(sample()), POLICY, CALENDAR)


@pytest.mark.parametrize("name", ["YX-01", "YX-02", "YX-04", "YX-05", "YX-16"])
def test_a_dry_run_tells_exactly_what_the_escalation_would(name: str) -> None:
    file = response_to(name)
    duty = duty_of(file, Duty(sample(), POLICY))
    told = rehearse(file, file.dispatched_at, duty, POLICY, CALENDAR, repeats=0, pages=0)
    expected = {
        (clock.deadline.step, clock.deadline.recipient, fired.stage, fired.at, target)
        for clock in file.clocks
        for fired in escalation_plan(clock.deadline, file.level, POLICY, CALENDAR, file.blocked)
        for target in (*fired.targets, *fired.external)
        if fired.at >= file.dispatched_at
    }
    found = {(t.step, t.department if t.step in ("S4", "task") else None, t.stage, t.at, t.target) for t in told}
    assert found == expected
    assert [t.at for t in told] == sorted(t.at for t in told)
    village = {"village_committee", "village_director", "child_director", "grid_member"}
    if file.restricted:
        assert village.isdisjoint(t.target for t in told)
    assert file.blocked.isdisjoint(t.target for t in told)


def test_a_dry_run_of_a_red_case_names_the_people_and_the_pages_every_five_minutes() -> None:
    file = response_to("YX-01")
    duty = duty_of(file, Duty(sample(), POLICY))
    told = rehearse(file, file.dispatched_at, duty, POLICY, CALENDAR, repeats=2, pages=3)
    pages = [t for t in told if t.stage == "page_next" and t.department == "police"]
    assert [(t.at - file.dispatched_at) / timedelta(minutes=1) for t in pages] == [10, 15, 20]
    roster = on_duty(sample(), "YX-PS", pages[0].at, ZONE)
    assert [t.people for t in pages] == [(roster[1],), (roster[2],), (roster[0],)]
    repeats = [t.repeat_no for t in told if t.step == "S6" and t.stage == "repeat" and t.target == "township_head"]
    assert repeats == [1, 2]
    first = dispatched(file, duty, POLICY)
    assert {t.stage for t in first} == {DISPATCHED}
    assert "duty_leader" in {t.target for t in first}
    assert all(t.people for t in first if t.step in ("lead", "assist"))


def test_a_report_that_nobody_made_is_routed_and_armed_as_a_real_one() -> None:
    report = {
        "report_id": UUID(int=0), "disposition": "case_opened", "channel": "hotline_a", "received_at": MONDAY,
        "reporter": {"kind": "public"}, "place": {"village": "V01", "group": "V01-G2"}, "township": "YX",
    }  # fmt: skip
    data = imagined("orange", ["H1"], {}, report, MONDAY, POLICY)
    file = open_response(data, UUID(int=0), MONDAY, township_of(sample()), POLICY, CALENDAR)
    assert (file.level, file.case_lead, file.place.zone) == ("orange", "police", "rural")
    assert file.units["village_committee"] == "V01-VC"
    assert {c.deadline.step for c in file.clocks} >= {"S4", "S5a", "S5b", "S5c", "S5p", "S6", "S8", "S9", "S13"}
