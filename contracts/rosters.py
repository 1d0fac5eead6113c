"""Who is on duty, by a published township: the weekly pattern, and what stands in its place for a stretch of time. Pure.

Patterns are local time; the weekday's pattern holds on holidays too. A shift that ends at or before its start ends on the
next day. Where overrides of a roster overlap, everybody named in them is on duty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from contracts.directory import Shift, TownshipPublished

DUTY_LEADER, DUTY_ROOM = "duty_leader", "duty_room"
HOTLINE_KIND = "hotline"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time (UTC) with the same people on duty, in paging order. `overridden`: not by the weekly pattern."""

    starts_at: datetime
    ends_at: datetime
    staff: tuple[str, ...]
    overridden: bool = False


def weekly(township: TownshipPublished, roster: str) -> tuple[Shift, ...]:
    """The weekly pattern of a roster: an organisation's code, `duty_leader` or `duty_room`. Empty where there is none."""
    if roster == DUTY_LEADER:
        return township.duty_leader
    if roster == DUTY_ROOM:
        return township.duty_room
    unit = next((one for one in township.organisations if one.code == roster), None)
    if unit is None:
        return ()
    return unit.shifts or (township.hotline_shifts if unit.kind == HOTLINE_KIND else ())


def on_duty(township: TownshipPublished, roster: str, at: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """Staff on duty at a moment, in paging order."""
    return _standing(township, roster, weekly(township, roster), at, zone)[0]


def spans(
    township: TownshipPublished, roster: str, starts_at: datetime, ends_at: datetime, zone: ZoneInfo
) -> tuple[Span, ...]:
    """Everything between two moments as stretches with the same people; together they cover it without a hole."""
    shifts = weekly(township, roster)
    edges = {starts_at, ends_at, *_edges(township, roster, shifts, starts_at, ends_at, zone)}
    ordered = sorted({edge.astimezone(UTC) for edge in edges if starts_at <= edge <= ends_at})
    found: list[Span] = []
    for start, end in pairwise(ordered):
        staff, overridden = _standing(township, roster, shifts, start, zone)
        if found and (found[-1].staff, found[-1].overridden) == (staff, overridden):
            found[-1] = Span(found[-1].starts_at, end, staff, overridden)
        else:
            found.append(Span(start, end, staff, overridden))
    return tuple(found)


def _standing(
    township: TownshipPublished, roster: str, shifts: Sequence[Shift], at: datetime, zone: ZoneInfo
) -> tuple[tuple[str, ...], bool]:
    instead = [one for one in township.overrides if one.roster == roster and one.starts_at <= at < one.ends_at]
    if instead:
        return tuple(dict.fromkeys(who for one in instead for who in one.staff)), True
    local = at.astimezone(zone)
    names = [
        who for shift in shifts for start, end in _around(shift, local) if start <= local < end for who in shift.staff
    ]
    return tuple(dict.fromkeys(names)), False


def _around(shift: Shift, local: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The turns of a shift that begin on the day of `local` or the day before."""
    for day in (local - _DAY, local):
        if day.weekday() == shift.weekday:
            yield _turn(shift, day)


def _turn(shift: Shift, day: datetime) -> tuple[datetime, datetime]:
    start = _clock(day, shift.starts)
    end = _clock(day, shift.ends)
    return start, end if end > start else end + _DAY


def _clock(day: datetime, text: str) -> datetime:
    hour, minute = text.split(":")
    return day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)


def _edges(
    township: TownshipPublished,
    roster: str,
    shifts: Sequence[Shift],
    starts_at: datetime,
    ends_at: datetime,
    zone: ZoneInfo,
) -> Iterator[datetime]:
    for one in township.overrides:
        if one.roster == roster:
            yield from (one.starts_at, one.ends_at)
    first = starts_at.astimezone(zone) - _DAY
    for number in range((ends_at - starts_at).days + 3):
        day = first + number * _DAY
        for shift in shifts:
            if shift.weekday == day.weekday():
                yield from _turn(shift, day)
