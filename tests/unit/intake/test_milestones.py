"""Ages that open something: reached once the week has turned, and not for those who were that old before."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.adulthood import birthday
from services.intake.domain.milestones import exit_plan_on, reached

MONDAY = date(2026, 3, 23)
LONG_AGO = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("born", "opened_on", "today", "expected"),
    [
        (date(2010, 3, 22), LONG_AGO, MONDAY, ("birthday_16",)),
        (date(2010, 3, 23), LONG_AGO, MONDAY, ("birthday_16",)),
        (date(2010, 3, 24), LONG_AGO, MONDAY + timedelta(days=6), ()),
        (date(2010, 3, 24), LONG_AGO, MONDAY + timedelta(days=7), ("birthday_16",)),
        (date(2010, 3, 1), date(2026, 3, 2), MONDAY, ()),
        (date(2010, 1, 1), LONG_AGO, MONDAY, ()),
        (date(2008, 4, 20), LONG_AGO, MONDAY, ("age_17y11m",)),
        (date(2008, 4, 20), date(2026, 3, 22), MONDAY, ("age_17y11m",)),
        (date(2008, 4, 24), LONG_AGO, MONDAY, ()),
        (date(2008, 3, 23), LONG_AGO, MONDAY, ()),
    ],
)
def test_what_was_reached(born: date, opened_on: date, today: date, expected: tuple[str, ...]) -> None:
    assert reached(born, opened_on, today) == expected


def test_a_month_before_the_birthday_is_the_last_of_a_shorter_month() -> None:
    assert exit_plan_on(date(2008, 3, 31)) == date(2026, 2, 28)
    assert exit_plan_on(date(2008, 1, 15)) == date(2025, 12, 15)


@given(st.dates(date(2005, 1, 1), date(2012, 12, 31)))
def test_work_that_runs_every_day_meets_each_milestone_within_a_week(born: date) -> None:
    for milestone, day in (("birthday_16", birthday(born, 16)), ("age_17y11m", exit_plan_on(born))):
        met = [n for n in range(8) if milestone in reached(born, LONG_AGO, day + timedelta(days=n))]
        assert met
        assert met == list(range(met[0], 8))
