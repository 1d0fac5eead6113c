"""Rosters in local time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.directory import Shift
from services.directory.domain import rosters
from services.notification.domain.duty import on_duty
from tests.unit.notification.scene import township

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = Shift(weekday=0, starts="08:30", ends="17:30", staff=("day", "second"))
NIGHT = Shift(weekday=0, starts="17:30", ends="08:30", staff=("night",))
SUNDAY_NIGHT = Shift(weekday=6, starts="17:30", ends="08:30", staff=("sunday",))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-23T08:29", ("sunday",)),
        ("2026-03-23T08:30", ("day", "second")),
        ("2026-03-23T17:29", ("day", "second")),
        ("2026-03-23T17:30", ("night",)),
        ("2026-03-24T08:29", ("night",)),
        ("2026-03-24T08:30", ()),
        ("2026-03-22T17:30", ("sunday",)),
        ("2026-03-29T23:59", ("sunday",)),
    ],
)
def test_a_shift_begins_on_its_minute_and_ends_before_the_next(moment: str, expected: tuple[str, ...]) -> None:
    local = datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)
    assert on_duty((DAY, NIGHT, SUNDAY_NIGHT), local) == expected


def test_a_shift_that_ends_when_it_starts_lasts_a_day() -> None:
    whole = Shift(weekday=6, starts="08:00", ends="08:00", staff=("all",))
    sunday = datetime(2026, 3, 22, 8, 0, tzinfo=SHANGHAI)
    assert on_duty((whole,), sunday) == on_duty((whole,), sunday + timedelta(hours=23, minutes=59)) == ("all",)
    assert on_duty((whole,), sunday + timedelta(days=1)) == ()


def test_nobody_is_named_twice_where_shifts_overlap() -> None:
    assert on_duty((DAY, DAY), datetime(2026, 3, 23, 9, 0, tzinfo=SHANGHAI)) == ("day", "second")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_notification_and_directory_agree_who_is_on_duty(moment: datetime) -> None:
    local = moment.astimezone(SHANGHAI)
    for unit in township().organisations:
        assert on_duty(unit.shifts, local) == rosters.on_duty(unit.shifts, local)
