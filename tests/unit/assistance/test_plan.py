"""What a conference may agree."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_calendar, load_policy
from services.assistance.domain.plan import (
    Key,
    Setting,
    Wanted,
    due_at,
    emergency_refusal,
    first_due,
    measure_problems,
    oldest_possible_age,
    template,
    working_proved,
)
from services.assistance.domain.rounds import Child, Round

POLICY = load_policy("2026-11")
CATALOGUE = POLICY.assistance.by_code
NOW = datetime(2026, 9, 24, 9, tzinfo=UTC)
CHILD_OF_9 = Child(uuid5(NAMESPACE_URL, "child"), 9, ())


CALENDAR = load_calendar()
CASE = uuid5(NAMESPACE_URL, "case")


def round_of(*children: Child, level: str = "orange", **changes: Any) -> Round:
    return Round(CASE, 1, "YX-1", level=level, children=children, started_at=NOW, policy_version="2026-11", **changes)


def setting(round_: Round, running: tuple[Key, ...] = (), **changes: Any) -> Setting:
    return Setting(round_, NOW, POLICY, CALENDAR, running, **changes)


def problems(
    *measures: Wanted, running: tuple[Key, ...] = (), child: Child = CHILD_OF_9, **changes: Any
) -> list[tuple[int, str, str]]:
    found = measure_problems(measures, setting(round_of(child, **changes), running))
    return [(problem.index, problem.field, problem.code) for problem in found]


@given(st.sampled_from(sorted(CATALOGUE)), st.sampled_from(sorted(POLICY.departments_by_code)))
def test_a_measure_belongs_to_the_owner_the_catalogue_names_unless_a_reason_is_given(
    code: str, department: str
) -> None:
    right = CATALOGUE[code].owner == department
    wanted = Wanted(code, department, beneficiary="family")
    assert problems(wanted) == ([] if right else [(0, "owner_department", "wrong_owner")])
    assert problems(Wanted(code, department, "no_capacity", beneficiary="family")) == []


@pytest.mark.parametrize(
    ("measure", "problem"),
    [
        (Wanted("HUG", "civil_affairs"), (0, "code", "unknown_measure")),
        (Wanted("DIBAO", "ministry_of_magic"), (0, "owner_department", "unknown_department")),
        (Wanted("DIBAO", "civil_affairs", goal="fame"), (0, "goal", "unknown_goal")),
        (Wanted("LEGAL_AID", "justice"), (0, "code", "measure_running")),
        (Wanted("EMPLOYMENT", "employment"), (0, "code", "too_young_to_work")),
    ],
)
def test_a_measure_that_cannot_be_is_named(measure: Wanted, problem: tuple[int, str, str]) -> None:
    assert problems(measure, running=(("LEGAL_AID", "child", None),)) == [problem]


def test_the_same_measure_twice_in_one_plan_is_refused() -> None:
    twice = (Wanted("DIBAO", "civil_affairs", goal="living"), Wanted("DIBAO", "civil_affairs"))
    assert problems(*twice) == [(1, "code", "measure_running")]


@pytest.mark.parametrize(("age", "allowed"), [(14, False), (15, True), (16, True), (None, True)])
def test_no_child_that_must_still_be_under_16_is_placed_in_work(age: int | None, allowed: bool) -> None:
    """15 on the day of receipt may have had the birthday since; the employment office asks for the exact date."""
    child = Child(CHILD_OF_9.child_id, age, ())
    assert (problems(Wanted("EMPLOYMENT", "employment"), child=child) == []) is allowed
    assert problems(Wanted("EMPLOYMENT", "employment", beneficiary="family"), child=child) == []


@given(st.integers(0, 17), st.integers(0, 4000), st.integers(0, 364))
def test_the_oldest_possible_age_is_never_below_the_true_age(age: int, days: int, since_birthday: int) -> None:
    started = datetime(2026, 3, 1, tzinfo=UTC)
    born = started - timedelta(days=age * 365.25 + since_birthday)
    now = started + timedelta(days=days)
    true_age = int((now - born).days / 365.25)
    bound = oldest_possible_age(Child(CHILD_OF_9.child_id, age, ()), started, now)
    assert true_age <= bound <= true_age + 2


@pytest.mark.parametrize(
    ("code", "level", "due"),
    [
        ("EMERGENCY_AID", "blue", datetime(2026, 9, 25, 9, tzinfo=UTC)),
        ("LEGAL_AID", "red", datetime(2026, 9, 25, 9, tzinfo=UTC)),
        ("LEGAL_AID", "blue", datetime(2026, 9, 30, 9, 30, tzinfo=UTC)),
        ("RETURN_TO_SCHOOL", "blue", datetime(2026, 10, 15, 9, 30, tzinfo=UTC)),
        ("MEDICAL_AID", "blue", None),
    ],
)
def test_a_measure_is_due_by_the_policys_clock_where_it_has_one(code: str, level: str, due: datetime | None) -> None:
    """24 September 2026 is a Thursday before Mid-Autumn; 1 to 7 October are holidays, 10 October is worked."""
    assert due_at(code, level, NOW, POLICY, load_calendar()) == due


# Dates, emergencies, templates ---------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(CATALOGUE)), st.sampled_from(["red", "orange", "yellow", "blue"]), st.booleans())
def test_every_measure_has_a_date_and_an_emergency_never_a_later_one(code: str, level: str, urgent: bool) -> None:
    now = setting(round_of(CHILD_OF_9, level=level))
    wanted = Wanted(code, CATALOGUE[code].owner)
    ordinary, found = first_due(wanted, now), first_due(wanted, now, emergency=urgent)
    assert NOW < found <= ordinary
    by_policy = due_at(code, level, NOW, POLICY, CALENDAR)
    if by_policy is not None and not urgent and not CATALOGUE[code].schedule:
        assert found == by_policy


@pytest.mark.parametrize(
    ("due", "code"),
    [(NOW, "in_the_past"), (NOW + timedelta(days=200), "after_the_limit"), (NOW + timedelta(days=1), None)],
)
def test_the_plans_own_date_lies_ahead_and_within_the_policys_limit(due: datetime, code: str | None) -> None:
    found = problems(Wanted("DIBAO", "civil_affairs", due_at=due))
    assert found == ([] if code is None else [(0, "due_at", code)])
    assert problems(Wanted("MEDICAL_AID", "health", due_at=NOW + timedelta(days=200))) == []


def test_the_school_home_visit_counts_from_the_referral_of_the_dropout() -> None:
    referred = datetime(2026, 9, 22, 2, tzinfo=UTC)
    wanted = Wanted("SCHOOL_HOME_VISIT", "school")
    round_ = round_of(CHILD_OF_9, concerns_at={"N4": referred})
    assert first_due(wanted, setting(round_)) == datetime(2026, 9, 23, 9, 30, tzinfo=UTC)
    assert first_due(wanted, setting(round_of(CHILD_OF_9))) == datetime(2026, 9, 28, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("level", ["red", "orange", "yellow", "blue"])
def test_each_of_the_five_emergency_kinds_can_be_asked_for_while_red_or_orange(level: str) -> None:
    allowed = {
        entry.service for entry in POLICY.assistance.catalogue
        if emergency_refusal(entry.code, round_of(CHILD_OF_9, level=level), POLICY) is None
    }  # fmt: skip
    five = {"education", "medical", "justice", "police_and_search", "living"}
    assert allowed == (five if level in {"red", "orange"} else set())


def test_the_template_follows_the_level_and_what_was_reported() -> None:
    red, blue = template("red", (), POLICY), template("blue", ("N4",), POLICY)
    assert red.goals == ("living", "guardianship", "education", "development")
    assert "EMERGENCY_AID" in red.measures
    assert "RETURN_TO_SCHOOL" in blue.measures
    assert "EMERGENCY_AID" not in blue.measures
    for level in POLICY.levels:
        assert set(template(level.code, (), POLICY).measures) <= set(CATALOGUE)


def test_a_proven_birth_date_decides_over_the_stated_age() -> None:
    child = Child(CHILD_OF_9.child_id, 15, ())
    wanted, today = Wanted("EMPLOYMENT", "employment"), NOW.date()
    for since, allowed in ((today, True), (today + timedelta(days=1), False)):
        now = setting(round_of(child), working_from={child.child_id: since})
        assert (measure_problems([wanted], now) == ()) is allowed
        assert working_proved(child.child_id, now) is allowed
    [problem] = measure_problems([wanted], setting(round_of(child), working_from={child.child_id: date(2026, 12, 1)}))
    assert "2026-12-01" in problem.text.zh
    assert not working_proved(child.child_id, setting(round_of(child)))


@pytest.mark.parametrize(
    ("measure", "problem"),
    [
        (Wanted("DIBAO", "civil_affairs", child_id=CASE), (0, "child_id", "unknown_child")),
        (
            Wanted("DIBAO", "civil_affairs", beneficiary="family", child_id=CHILD_OF_9.child_id),
            (0, "child_id", "family_measure"),
        ),
        (Wanted("LEGAL_AID", "justice"), (0, "owner_department", "conflict_of_interest")),
    ],
)
def test_a_measure_fits_the_children_and_no_unit_in_conflict(measure: Wanted, problem: tuple[int, str, str]) -> None:
    assert problems(measure, conflict_unit="justice") == [problem]


def test_siblings_may_have_the_same_measure_each() -> None:
    other = Child(uuid5(NAMESPACE_URL, "sibling"), 12, ())
    pair = [Wanted("EDUCATION_AID", "school", child_id=child.child_id) for child in (CHILD_OF_9, other)]
    assert measure_problems(pair, setting(round_of(CHILD_OF_9, other))) == ()
