"""The schedule of visits: who owes the next one and when, and that it holds whatever happens to the case."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import load_calendar, load_policy
from services.assistance.domain.placement import Placement
from services.assistance.domain.rounds import Child, Round
from services.assistance.domain.visits import (
    Found,
    Letter,
    Owed,
    Planned,
    Setting,
    answered_by,
    cannot_answer,
    changes,
    failures_in_row,
    lateness,
    letter_dates,
    must_be_heard,
    schedule,
    settled,
)

POLICY, CALENDAR = load_policy("2026-11"), load_calendar()
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine in the morning in the township."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONTH = timedelta(days=31)


def id_of(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


CHILD = Child(id_of("child"), 9, ())
ROUND = Round(
    case_id=id_of("case"), response_no=1, case_number="YX-1", response_id=id_of("response"), township="YX", village="V01",
    case_lead="civil_affairs", level="red", children=(CHILD,), policy_version="2026-11", started_at=START,
    safety_confirmed_at=START,
)  # fmt: skip
HARMED = replace(CHILD, concerns=("H1",))


def setting(now: datetime = START, known: Iterable[Planned] = (), **changed: Any) -> Setting:
    """A case at a moment; what is changed of the round, and `placements` and `letters` if any."""
    placements, letters = changed.pop("placements", ()), changed.pop("letters", ())
    return Setting(replace(ROUND, **changed), tuple(known), tuple(placements), tuple(letters), now, POLICY, CALENDAR)


def due(now: datetime = START, known: Iterable[Planned] = (), **changed: Any) -> dict[str, datetime]:
    """By post of the level schedule, when it must visit next."""
    found = schedule(setting(now, known, **changed))
    return {owed.post: owed.due_at for owed in found if owed.slot.startswith("level:")}


def plan(owed: Owed) -> Planned:
    return Planned(uuid5(NAMESPACE_URL, f"{owed.slot} {owed.due_at}"), owed)


def made(owed: Owed, at: datetime, *, in_person: bool = True) -> Planned:
    return settled(plan(owed), Found(at, child_seen=True, in_person=in_person))


# By level ----------------------------------------------------------------------------------------------------------


def test_a_red_child_is_seen_daily_at_first_and_weekly_by_every_tier() -> None:
    assert due(children=(HARMED,)) == {
        "grid_member": START + DAY,
        "child_director": START + 7 * DAY,
        "grid_head": START + 7 * DAY,
        "police": START + 7 * DAY,
        "lead_department": START + 7 * DAY,
    }
    assert "police" not in due()


def test_the_grid_member_comes_twice_a_week_once_three_days_are_over() -> None:
    [first] = [owed for owed in schedule(setting()) if owed.post == "grid_member"]
    third = made(first, START + 71 * HOUR)
    assert due(START + 71 * HOUR, [third])["grid_member"] == START + 95 * HOUR
    later = made(first, START + 73 * HOUR)
    assert due(START + 73 * HOUR, [later])["grid_member"] == START + 73 * HOUR + 84 * HOUR


@pytest.mark.parametrize(
    ("level", "children", "police"),
    [
        ("orange", (HARMED,), START + 14 * DAY),
        ("orange", (CHILD,), datetime(2026, 4, 2, 1, tzinfo=UTC)),
        ("yellow", (HARMED,), datetime(2026, 6, 2, 1, tzinfo=UTC)),
        ("blue", (replace(CHILD, concerns=("H5",)),), datetime(2026, 9, 2, 1, tzinfo=UTC)),
        ("blue", (CHILD,), None),
    ],
)
def test_police_visit_by_what_happened_in_the_family(
    level: str, children: tuple[Child, ...], police: datetime | None
) -> None:
    assert due(level=level, children=children).get("police") == police


def test_the_grid_head_comes_back_every_month_even_before_safety_is_confirmed() -> None:
    assert due(level="yellow", safety_confirmed_at=None) == {"grid_head": datetime(2026, 4, 2, 1, tzinfo=UTC)}


def test_a_day_off_moves_township_and_village_visits_of_low_levels_only() -> None:
    friday_before_a_holiday = datetime(2026, 9, 1, 1, tzinfo=UTC)  # a month later is National Day
    eighth = datetime(2026, 10, 8, 1, tzinfo=UTC)
    found = due(friday_before_a_holiday, level="blue", safety_confirmed_at=friday_before_a_holiday,
                started_at=friday_before_a_holiday)  # fmt: skip
    assert found["grid_head"] == eighth
    assert found["grid_member"] == datetime(2026, 10, 1, 1, tzinfo=UTC)
    assert due(friday_before_a_holiday, level="orange", started_at=friday_before_a_holiday,
               safety_confirmed_at=None) == {"grid_head": datetime(2026, 10, 1, 1, tzinfo=UTC)}  # fmt: skip


@pytest.mark.parametrize("changed", [{"restricted": True}, {"conflict_unit": "school"}])
def test_village_and_group_never_visit_a_restricted_or_conflict_case(changed: dict[str, Any]) -> None:
    found = due(**changed)
    assert set(found) == {"grid_head", "lead_department"}
    assert found["lead_department"] == START + DAY, "the lead takes over the rhythm of the grid member"


def test_a_unit_with_a_conflict_of_interest_never_visits() -> None:
    owed = schedule(setting(conflict_unit="township_government"))
    [monthly] = [one for one in owed if one.post == "grid_head"]
    assert (monthly.department, monthly.owner) == ("civil_affairs", "civil_affairs")
    assert "police" not in due(conflict_unit="police", children=(HARMED,), case_lead="civil_affairs")


def test_police_who_lead_owe_one_visit_not_two() -> None:
    assert "lead_department" not in due(case_lead="police", children=(HARMED,))
    assert "lead_department" in due(case_lead="police")


def test_two_of_three_monthly_visits_of_a_blue_case_may_be_remote() -> None:
    def remote(known: list[Planned]) -> bool:
        found = schedule(setting(START + 70 * DAY, known, level="blue"))
        return next(owed.remote_allowed for owed in found if owed.post == "grid_head")

    [owed] = [one for one in schedule(setting(level="blue")) if one.post == "grid_head"]
    calls = [made(owed, START + n * DAY, in_person=False) for n in (20, 50)]
    assert remote([])
    assert remote(calls[:1])
    assert not remote(calls)
    assert remote([calls[0], made(owed, START + 50 * DAY)])


def test_no_visits_for_a_child_outside_the_township_or_before_the_case_is_handed_out() -> None:
    for changed in ({"transfer_out": True}, {"response_id": None}, {"level": ""}, {"state": "closed"}):
        assert schedule(setting(**changed)) == ()


# Changes -----------------------------------------------------------------------------------------------------------


def test_a_change_of_level_replans_what_lies_ahead_and_forgives_nothing_that_is_late() -> None:
    known = [plan(owed) for owed in schedule(setting(level="blue"))]
    change = changes(setting(START + 10 * DAY, known, level="red"))
    assert {one.owed.rule for one in change.retired} == {"blue.grid_member", "blue.child_director", "blue.grid_head"}
    assert {owed.rule: owed.due_at for owed in change.added}["red.grid_member"] == START + 11 * DAY
    late = START + 40 * DAY
    kept = changes(setting(late, known, level="red"))
    assert {one.owed.post for one in kept.retired} == {"child_director"}, "the others are late and stay owed"
    assert {owed.post for owed in kept.added} == {"child_director", "lead_department"}


def test_a_raise_never_moves_a_visit_further_away() -> None:
    [owed] = [one for one in schedule(setting(level="blue")) if one.post == "grid_member"]
    waiting = plan(owed)  # due on day 31
    found = changes(setting(START + 30 * DAY, [waiting], level="red"))
    [again] = [one for one in found.added if one.post == "grid_member"]
    assert again.due_at == owed.due_at


def test_nothing_changes_where_nothing_changed() -> None:
    known = [plan(owed) for owed in schedule(setting(children=(HARMED,)))]
    assert changes(setting(START + HOUR, known, children=(HARMED,))) == changes(
        setting(START, known, children=(HARMED,))
    )
    assert changes(setting(START + HOUR, known, children=(HARMED,))).added == ()


def test_a_case_that_becomes_restricted_takes_even_late_visits_from_the_village() -> None:
    known = [plan(owed) for owed in schedule(setting())]
    change = changes(setting(START + 9 * DAY, known, restricted=True))
    assert {one.owed.post for one in change.retired} == {"grid_member", "child_director"}


# Special schedules -------------------------------------------------------------------------------------------------


def stay(**changed: Any) -> Placement:
    whole = {"placement_id": id_of("stay"), "child_id": CHILD.child_id, "kind": "P5", "reason": "domestic_violence",
             "state": "started", "started_at": START, **changed}  # fmt: skip
    return Placement(**whole)


def special(known: Iterable[Planned] = (), now: datetime = START, **changed: Any) -> list[Owed]:
    return [owed for owed in schedule(setting(now, known, **changed)) if not owed.slot.startswith("level:")]


def test_a_placed_child_is_visited_within_five_working_days_and_then_monthly() -> None:
    [first] = special(placements=[stay()])
    assert (first.due_at, first.post) == (datetime(2026, 3, 9, 9, 30, tzinfo=UTC), "civil_affairs")
    [second] = special([made(first, START + 3 * DAY)], START + 3 * DAY, placements=[stay()])
    assert second.due_at == datetime(2026, 4, 5, 1, tzinfo=UTC)
    assert special(placements=[stay(kind="P0")]) == []
    assert special(placements=[stay(state="ended", ended_at=START + DAY, end_cause="moved")]) == []


def test_after_the_return_home_the_child_is_seen_on_the_policys_days_and_then_by_level() -> None:
    home = stay(state="returned_home", ended_at=START + DAY, end_cause="returned_home")
    days, known, now = [], list[Planned](), START + DAY
    while found := special(known, now, placements=[home]):
        [owed] = found
        assert owed.post == "child_director"
        assert "child_director" not in due(now, known, placements=[home])
        days.append((owed.due_at - START - DAY).days)
        known, now = [*known, made(owed, owed.due_at)], owed.due_at
    assert days == [1, 3, 7, 14, 30]
    assert "child_director" in due(now, known, placements=[home])
    again = stay(placement_id=id_of("again"), started_at=START + 2 * DAY)
    assert [owed.rule for owed in special(placements=[home, again])] == ["placement"]


def test_a_visit_made_late_is_not_owed_for_the_days_it_passed() -> None:
    home = stay(state="returned_home", ended_at=START, end_cause="returned_home")
    [first] = special(placements=[home])
    [after] = special([made(first, START + 5 * DAY)], START + 5 * DAY, placements=[home])
    assert after.due_at == START + 7 * DAY


def test_after_a_warning_letter_village_and_police_see_both_parties_separately() -> None:
    dates = letter_dates(START, POLICY, CALENDAR)
    assert dates == (START + 7 * DAY, datetime(2026, 4, 2, 1, tzinfo=UTC), datetime(2026, 5, 2, 1, tzinfo=UTC))
    letter = Letter(id_of("letter"), START, dates)
    found = special(letters=[letter])
    assert {(owed.post, owed.rule) for owed in found} == {
        (post, f"after_warning_letter:{party}")
        for post in ("village_committee", "police")
        for party in ("victim", "harmer")
    }
    assert {owed.due_at for owed in found} == {START + 7 * DAY}
    assert {owed.post for owed in special(letters=[letter], restricted=True)} == {"police"}
    last = [made(replace(found[0], due_at=dates[-1]), dates[-1])]
    assert found[0].slot not in {owed.slot for owed in special(last, dates[-1], letters=[letter])}


# Answering ---------------------------------------------------------------------------------------------------------


def test_a_visit_answers_a_planned_one_only_in_its_time_in_person_and_when_the_child_was_seen() -> None:
    [owed] = [one for one in schedule(setting()) if one.post == "child_director"]
    planned, seen = plan(owed), Found(START + DAY, child_seen=True, in_person=True)
    assert cannot_answer(planned, seen) is None
    assert cannot_answer(planned, replace(seen, visited_at=START - HOUR)) == "before_its_time"
    assert cannot_answer(planned, replace(seen, in_person=False)) == "remote_not_allowed"
    assert cannot_answer(planned, replace(seen, child_seen=False)) == "child_not_seen"
    assert cannot_answer(settled(planned, seen), seen) == "already_settled"
    assert lateness(planned, replace(seen, visited_at=owed.due_at + HOUR)) == 3600
    assert lateness(planned, seen) == 0


def test_a_visit_that_names_none_answers_its_posts_own_and_never_a_special_one() -> None:
    known = [plan(owed) for owed in schedule(setting(placements=[stay()]))]
    found = Found(START + DAY, child_seen=True, in_person=True)
    answered = answered_by("child_director", found, known)
    assert answered is not None
    assert answered.owed.rule == "red.child_director"
    assert answered_by("civil_affairs", found, known) is None


def test_a_child_of_eight_is_heard_alone() -> None:
    for age, heard in ((7, False), (8, True), (None, False)):
        assert must_be_heard(replace(ROUND, children=(Child(id_of("child"), age, ()),)), POLICY) is heard


def test_failures_count_from_the_last_time_the_child_was_seen() -> None:
    assert failures_in_row(START, [], []) == 1
    assert failures_in_row(START + 2 * DAY, [START], [START - DAY, START + DAY]) == 2
    assert failures_in_row(START + 2 * DAY, [START + DAY, START + 3 * DAY], [START]) == 1


# For every sequence ------------------------------------------------------------------------------------------------


@dataclass
class Story:
    """A case lived through step by step, its plan kept the way the store keeps it."""

    round: Round = field(default_factory=lambda: replace(ROUND, safety_confirmed_at=None, level="yellow"))
    known: list[Planned] = field(default_factory=list)
    now: datetime = START
    written: int = 0

    @property
    def open(self) -> list[Planned]:
        return [one for one in self.known if one.state == "planned"]

    def replan(self) -> None:
        change = changes(Setting(self.round, tuple(self.known), (), (), self.now, POLICY, CALENDAR))
        for one in change.retired:
            self.known[self.known.index(one)] = replace(one, state="missed" if one.late(self.now) else "cancelled")
        for owed in change.added:
            self.written += 1
            self.known.append(Planned(id_of(f"planned {self.written}"), owed))

    def step(self, act: str, value: Any) -> None:
        if act == "wait":
            self.now += timedelta(hours=value)
        elif act == "level":
            self.round = replace(self.round, level=value)
        elif act == "safe":
            self.round = replace(self.round, safety_confirmed_at=self.now)
        elif act == "restricted":
            self.round = replace(self.round, restricted=True)
        elif act == "close":
            self.round = replace(self.round, state="closed")
        elif act == "reopen" and self.round.state == "closed":
            number = self.round.response_no + 1
            self.round = replace(
                self.round, state="open", response_no=number, started_at=self.now, safety_confirmed_at=None
            )
            self.known.clear()
        elif act == "visit" and (
            one := answered_by(value, Found(self.now, child_seen=True, in_person=True), self.open)
        ):
            self.known[self.known.index(one)] = settled(one, Found(self.now, child_seen=True, in_person=True))
        self.replan()


STEPS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 24 * 50)),
    st.tuples(st.just("level"), st.sampled_from(["blue", "yellow", "orange", "red"])),
    st.tuples(st.just("visit"), st.sampled_from(POLICY.visits.posts)),
    st.tuples(st.sampled_from(["safe", "restricted", "close", "reopen"]), st.none()),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_whatever_happens_an_open_case_has_its_monthly_visit_and_a_closed_one_has_none(
    steps: list[tuple[str, Any]],
) -> None:
    story = Story()
    story.replan()
    for act, value in steps:
        story.step(act, value)
        slots = [one.owed.slot for one in story.open]
        assert len(slots) == len(set(slots)), "one planned visit of a line at a time"
        if story.round.state == "closed":
            assert slots == []
            continue
        [monthly] = [one for one in story.open if one.owed.post == "grid_head"]
        rolled = 8 * DAY  # the longest public holiday may lie at the end of the month
        assert monthly.owed.due_at <= story.now + MONTH + rolled
        assert all(
            one.owed.post not in {"grid_member", "child_director"} for one in story.open if story.round.restricted
        )
