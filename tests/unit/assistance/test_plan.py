"""What a conference may agree."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_calendar, load_policy
from services.assistance.domain.plan import (
    Measure,
    catalogue,
    due_at,
    measure_problems,
    oldest_possible_age,
)
from services.assistance.domain.rounds import Child

POLICY = load_policy("2026-11")
NOW = datetime(2026, 9, 24, 9, tzinfo=UTC)
CHILD_OF_9 = Child(uuid5(NAMESPACE_URL, "child"), 9, ())


def problems(
    *measures: Measure, running: tuple[str, ...] = (), child: Child = CHILD_OF_9
) -> list[tuple[int, str, str]]:
    found = measure_problems(measures, running, [child], NOW, NOW, POLICY)
    return [(problem.index, problem.field, problem.code) for problem in found]


@given(st.sampled_from(sorted(catalogue(POLICY))), st.sampled_from(sorted(POLICY.departments_by_code)))
def test_a_measure_belongs_to_the_owner_the_catalogue_names_unless_a_reason_is_given(
    code: str, department: str
) -> None:
    right = catalogue(POLICY)[code]["owner"] == department
    wanted = Measure(code, department, beneficiary="family")
    assert problems(wanted) == ([] if right else [(0, "owner_department", "wrong_owner")])
    assert problems(Measure(code, department, "no_capacity", beneficiary="family")) == []


@pytest.mark.parametrize(
    ("measure", "problem"),
    [
        (Measure("HUG", "civil_affairs"), (0, "code", "unknown_measure")),
        (Measure("DIBAO", "ministry_of_magic"), (0, "owner_department", "unknown_department")),
        (Measure("DIBAO", "civil_affairs", goal="fame"), (0, "goal", "unknown_goal")),
        (Measure("LEGAL_AID", "justice"), (0, "code", "measure_running")),
        (Measure("EMPLOYMENT", "employment"), (0, "code", "too_young_to_work")),
    ],
)
def test_a_measure_that_cannot_be_is_named(measure: Measure, problem: tuple[int, str, str]) -> None:
    assert problems(measure, running=("LEGAL_AID",)) == [problem]


def test_the_same_measure_twice_in_one_plan_is_refused() -> None:
    twice = (Measure("DIBAO", "civil_affairs", goal="living"), Measure("DIBAO", "civil_affairs"))
    assert problems(*twice) == [(1, "code", "measure_running")]


@pytest.mark.parametrize(("age", "allowed"), [(14, False), (15, True), (16, True), (None, True)])
def test_no_child_that_must_still_be_under_16_is_placed_in_work(age: int | None, allowed: bool) -> None:
    """15 on the day of receipt may have had the birthday since; the employment office asks for the exact date."""
    child = Child(CHILD_OF_9.child_id, age, ())
    assert (problems(Measure("EMPLOYMENT", "employment"), child=child) == []) is allowed
    assert problems(Measure("EMPLOYMENT", "employment", beneficiary="family"), child=child) == []


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
