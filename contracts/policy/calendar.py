"""Working days and deadlines: a limit and an anchor give a moment (policy `clocks`, file `calendar-cn.yaml`).

H24 limits are elapsed time. WD limits end at 17:30 on the n-th working day after the anchor's day, or on the m-th
calendar day after it where a cap makes that earlier. A year without data counts Monday-Friday minus the statutory
fixed dates, and a deadline that counts such a day is provisional.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from contracts.policy.limits import Limit, elapsed

DAY = timedelta(days=1)
SATURDAY = 5
DayKind = Literal["working_day", "makeup_workday", "weekend", "holiday"]


@dataclass(frozen=True, slots=True)
class Due:
    """When something is due, in UTC. `provisional`: it counts days of a year whose holidays are not loaded yet."""

    at: datetime
    provisional: bool = False


class WorkingCalendar:
    """Public holidays and make-up workdays of mainland China, as data; immutable."""

    def __init__(
        self,
        *,
        holidays: frozenset[date],
        makeup_workdays: frozenset[date],
        loaded_years: frozenset[int],
        fixed_dates: frozenset[tuple[int, int]],
        zone: str,
        day_end: time,
    ) -> None:
        """`fixed_dates` are (month, day) of the statutory holidays that hold in every year."""
        self._holidays = holidays
        self._makeup_workdays = makeup_workdays
        self._loaded_years = loaded_years
        self._fixed_dates = fixed_dates
        self._day_end = day_end
        self.zone = ZoneInfo(zone)
        self._nth_working_day = lru_cache(maxsize=8192)(self._count)

    @classmethod
    def from_file(cls, data: Mapping[str, Any]) -> "WorkingCalendar":
        """Read the content of a `calendar-*.yaml`. Raises KeyError or ValueError where it is malformed."""
        years = data["years"].values()
        return cls(
            holidays=frozenset(date.fromisoformat(day) for y in years for h in y["holidays"] for day in h["days"]),
            makeup_workdays=frozenset(date.fromisoformat(m["day"]) for y in years for m in y["makeup_workdays"]),
            loaded_years=frozenset(data["loaded_years"]),
            fixed_dates=frozenset((int(text[:2]), int(text[3:])) for text in data["year_without_data"]["fixed_dates"]),
            zone=data["timezone"],
            day_end=time.fromisoformat(data["working_day"]["hours"]["end"]),
        )

    def has_data(self, year: int) -> bool:
        """Whether the year's official holidays are loaded."""
        return year in self._loaded_years

    def is_working_day(self, day: date) -> bool:
        """Monday-Friday that is no holiday, or a make-up workday."""
        if day.year not in self._loaded_years:
            return day.weekday() < SATURDAY and (day.month, day.day) not in self._fixed_dates
        return day in self._makeup_workdays or (day.weekday() < SATURDAY and day not in self._holidays)

    def kind_of(self, day: date) -> DayKind:
        """What sort of day it is. Without data of the year there are only the fixed holidays and no make-up workdays."""
        if self.is_working_day(day):
            return "working_day" if day.weekday() < SATURDAY else "makeup_workday"
        return "weekend" if day.weekday() >= SATURDAY and day not in self._holidays else "holiday"

    def due_at(self, limit: Limit, anchor: datetime) -> Due:
        """The moment `limit` ends when it starts at `anchor` (aware)."""
        if limit.clock == "H24":
            return Due(anchor.astimezone(UTC) + elapsed(limit))
        days = limit.days
        assert days is not None, "a WD limit counts days"
        return self.working_days_after(anchor, days, limit.cap_days)

    def working_days_after(self, anchor: datetime, days: int, cap_days: int | None = None) -> Due:
        """End of the working day that is the `days`-th after the anchor's day, not later than the cap allows."""
        start = anchor.astimezone(self.zone).date()
        day, provisional = self._nth_working_day(start, days)
        if cap_days is not None:
            day = min(day, start + cap_days * DAY)
        return Due(self._end_of(day), provisional)

    def working_days_between(self, start: datetime, end: datetime) -> int:
        """Working days after the day of `start` up to and including the day of `end`."""
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        return sum(self.is_working_day(day + n * DAY) for n in range(1, (last - day).days + 1))

    def day_ends_between(self, start: datetime, end: datetime) -> int:
        """Ends of working days after `start`, up to and including `end`."""
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        days = (day + n * DAY for n in range((last - day).days + 1))
        return sum(self.is_working_day(day) and start < self._end_of(day) <= end for day in days)

    def day_end_after(self, start: datetime, n: int) -> Due:
        """The `n`-th end of a working day after `start` (1 = the next); today's counts while it lies ahead."""
        today = start.astimezone(self.zone).date()
        left = n - (self.is_working_day(today) and start < self._end_of(today))
        day, provisional = self._nth_working_day(today, left)
        return Due(self._end_of(day), provisional)

    def _end_of(self, day: date) -> datetime:
        return datetime.combine(day, self._day_end, self.zone).astimezone(UTC)

    def _count(self, start: date, days: int) -> tuple[date, bool]:
        """The n-th working day after `start`, and whether that day lies in a year without data (cap or not)."""
        day, left = start, days
        while left > 0:
            day += DAY
            if self.is_working_day(day):
                left -= 1
        return day, day.year not in self._loaded_years


def due_at(limit: Limit, anchor: datetime, calendar: WorkingCalendar) -> Due:
    """The moment `limit` ends when it starts at `anchor`, in UTC."""
    return calendar.due_at(limit, anchor)
