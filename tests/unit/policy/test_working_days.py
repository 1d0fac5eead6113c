"""Working days and limits: the calendar's own checks, its edges, and what holds for every anchor."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Due, Limit, WorkingCalendar, due_at, elapsed
from contracts.policy.model import CALENDAR_FILE
from tests.samples.golden import CALENDAR, moment
from tests.samples.strategies import moments

CHECKS: list[dict[str, Any]] = yaml.safe_load(CALENDAR_FILE.read_text(encoding="utf-8"))["checks"]


def working_days(days: int, cap_days: int | None = None) -> Limit:
    return Limit(clock="WD", days=days, cap_days=cap_days)


def local(due: Due) -> datetime:
    return due.at.astimezone(CALENDAR.zone)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check['anchor'][:10]}+{check['days']}")
def test_the_calendars_own_checks_come_out(check: dict[str, Any]) -> None:
    due = due_at(working_days(check["days"], check.get("cap_days")), moment(check["anchor"]), CALENDAR)
    assert due == Due(moment(check["deadline"]), check.get("provisional", False))


@pytest.mark.parametrize(
    ("anchor", "days", "deadline"),
    [
        ("2026-09-18T16:00:00+08:00", 1, "2026-09-20T17:30:00+08:00"),
        ("2026-09-18T16:00:00+08:00", 2, "2026-09-21T17:30:00+08:00"),
        ("2026-09-24T17:31:00+08:00", 1, "2026-09-28T17:30:00+08:00"),
        ("2026-02-13T09:00:00+08:00", 1, "2026-02-14T17:30:00+08:00"),
        ("2026-02-13T09:00:00+08:00", 2, "2026-02-24T17:30:00+08:00"),
        ("2026-10-09T09:00:00+08:00", 1, "2026-10-10T17:30:00+08:00"),
        ("2026-10-01T09:00:00+08:00", 1, "2026-10-08T17:30:00+08:00"),
    ],
)
def test_make_up_workdays_count_and_holidays_do_not(anchor: str, days: int, deadline: str) -> None:
    assert due_at(working_days(days), moment(anchor), CALENDAR).at == moment(deadline)


def test_the_anchors_day_is_the_local_day_not_the_utc_day() -> None:
    late_evening_utc = datetime(2026, 8, 4, 16, 30, tzinfo=UTC)  # already 5 August in Shanghai
    assert local(due_at(working_days(1), late_evening_utc, CALENDAR)).date() == date(2026, 8, 6)


def test_a_capped_deadline_is_provisional_when_its_uncapped_day_has_no_data() -> None:
    due = due_at(working_days(20, cap_days=3), moment("2026-12-23T10:00:00+08:00"), CALENDAR)
    assert due == Due(moment("2026-12-26T17:30:00+08:00"), provisional=True)


def test_loading_a_year_makes_its_deadlines_definite() -> None:
    loaded = WorkingCalendar.from_file(
        {
            "loaded_years": [2026, 2027],
            "year_without_data": {"fixed_dates": ["01-01"]},
            "timezone": "Asia/Shanghai",
            "working_day": {"hours": {"end": "17:30"}},
            "years": {2027: {"holidays": [{"days": ["2027-01-01", "2027-01-04"]}], "makeup_workdays": []}},
        }
    )
    due = due_at(working_days(2), moment("2026-12-30T10:00:00+08:00"), loaded)
    assert due == Due(moment("2027-01-05T17:30:00+08:00"), provisional=False)


def test_working_days_between_two_moments_leave_out_the_first_day_and_count_the_last() -> None:
    friday, next_tuesday = moment("2026-08-07T10:00:00+08:00"), moment("2026-08-11T09:00:00+08:00")
    assert CALENDAR.working_days_between(friday, next_tuesday) == 2
    assert CALENDAR.working_days_between(friday, friday) == 0


@pytest.mark.parametrize(
    "amounts", [{"clock": "H24"}, {"clock": "H24", "hours": 1, "days": 1}, {"clock": "WD", "hours": 2},
                {"clock": "H24", "days": 2, "cap_days": 3}, {"clock": "WD", "days": -1}]
)  # fmt: skip
def test_a_limit_without_exactly_one_sound_amount_is_refused(amounts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limit"):
        Limit.model_validate(amounts)


@given(moments, st.integers(1, 40))
def test_a_working_day_deadline_is_half_past_five_on_a_later_working_day(anchor: datetime, days: int) -> None:
    due = local(due_at(working_days(days), anchor, CALENDAR))
    assert (due.hour, due.minute) == (17, 30)
    assert CALENDAR.is_working_day(due.date())
    assert due.date() > anchor.astimezone(CALENDAR.zone).date()
    start = anchor.astimezone(CALENDAR.zone).date()
    between = [start + timedelta(days=n) for n in range(1, (due.date() - start).days + 1)]
    assert sum(CALENDAR.is_working_day(day) for day in between) == days


@given(moments, st.integers(1, 30), st.integers(1, 30))
def test_a_cap_only_ever_brings_a_deadline_forward(anchor: datetime, days: int, cap: int) -> None:
    plain, capped = (due_at(limit, anchor, CALENDAR) for limit in (working_days(days), working_days(days, cap)))
    last_day = anchor.astimezone(CALENDAR.zone).date() + timedelta(days=cap)
    assert capped.at <= plain.at
    assert local(capped).date() == min(local(plain).date(), last_day)
    assert capped.provisional == plain.provisional


@given(moments, st.integers(0, 400))
def test_elapsed_time_is_never_rolled(anchor: datetime, hours: int) -> None:
    limit = Limit(clock="H24", hours=hours)
    assert due_at(limit, anchor, CALENDAR) == Due(anchor + timedelta(hours=hours), provisional=False)
    assert elapsed(limit) == timedelta(hours=hours)


@given(moments, st.integers(1, 30))
def test_a_deadline_is_provisional_exactly_when_its_last_day_has_no_data(anchor: datetime, days: int) -> None:
    due = due_at(working_days(days), anchor, CALENDAR)
    assert due.provisional is not CALENDAR.has_data(local(due).year)
