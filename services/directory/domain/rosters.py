"""Who is on duty: weekly patterns in local time, nights that end on the next day, holidays as the weekday they fall on."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from contracts.directory import Shift

WEEK_MINUTES = 7 * 24 * 60
_DAY_MINUTES = 24 * 60


def on_duty(shifts: Sequence[Shift], local: datetime) -> tuple[str, ...]:
    """Staff ids on duty at a local time, in paging order. Overlapping shifts follow each other, nobody is named twice."""
    minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
    names = [who for shift in shifts if _covers(shift, minute) for who in shift.staff]
    return tuple(dict.fromkeys(names))


def uncovered(shifts: Sequence[Shift]) -> tuple[tuple[int, int], ...]:
    """Spans of the week nobody is on duty, as (first minute, end minute) counted from Monday 00:00."""
    spans = sorted(span for shift in shifts if shift.staff for span in _spans(shift))
    gaps: list[tuple[int, int]] = []
    covered = 0
    for start, end in [*spans, (WEEK_MINUTES, WEEK_MINUTES)]:
        if start > covered:
            gaps.append((covered, start))
        covered = max(covered, end)
    return tuple(gaps)


def minutes(clock: str) -> int:
    """Minutes since midnight of "HH:MM". Raises ValueError for anything else."""
    hour, minute = clock.split(":")
    if len(clock) != 5 or not (0 <= int(hour) < 24 and 0 <= int(minute) < 60):
        raise ValueError("not a time of day")
    return int(hour) * 60 + int(minute)


def _covers(shift: Shift, minute: int) -> bool:
    return any(start <= minute < end for start, end in _spans(shift))


def _spans(shift: Shift) -> Iterator[tuple[int, int]]:
    start = shift.weekday * _DAY_MINUTES + minutes(shift.starts)
    # An end at or before the start lies on the next day; Sunday's night runs into the Monday the week begins with.
    length = (minutes(shift.ends) - minutes(shift.starts)) % _DAY_MINUTES or _DAY_MINUTES
    end = start + length
    yield start, min(end, WEEK_MINUTES)
    if end > WEEK_MINUTES:
        yield 0, end - WEEK_MINUTES
