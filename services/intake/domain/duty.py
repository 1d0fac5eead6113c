"""Who is on duty now, by the rosters the directory published (policy `data_protection.break_glass`)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.directory import Shift, TownshipPublished
from services.intake.domain.numbers import ZONE

DUTY_LEADER, DUTY_ROOM, HOTLINE = "duty_leader", "duty_room", "hotline"
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES


def is_on_duty(
    township: TownshipPublished,
    staff: str | None,
    organisation: str | None,
    department: str | None,
    at: datetime,
    fallback: Iterable[str],
) -> bool:
    """Whether somebody stands on a roster now: the own unit's, the duty leader's, the duty room's or the hotline's.

    While nobody at all is on duty in a `fallback` department (policy: the police), each of its people counts, so that an
    empty roster never leaves a child without anybody who may open the file.
    """
    if staff is None:
        return False
    own = _unit(township, organisation, at)
    if staff in own or any(staff in _roster(township, name, at) for name in (DUTY_LEADER, DUTY_ROOM, HOTLINE)):
        return True
    return not own and department in set(fallback)


def _unit(township: TownshipPublished, organisation: str | None, at: datetime) -> tuple[str, ...]:
    return () if organisation is None else _roster(township, organisation, at)


def _roster(township: TownshipPublished, name: str, at: datetime) -> tuple[str, ...]:
    """The staff of a roster at a moment: an override stands in place of the weekly pattern."""
    for override in township.overrides:
        if override.roster == name and override.starts_at <= at < override.ends_at:
            return override.staff
    fixed = {
        DUTY_LEADER: township.duty_leader,
        DUTY_ROOM: township.duty_room,
        HOTLINE: township.hotline_shifts,
    }
    shifts = fixed.get(name)
    if shifts is None:
        shifts = next((unit.shifts for unit in township.organisations if unit.code == name), ())
    return _standing(shifts, at.astimezone(ZONE))


def _standing(shifts: Sequence[Shift], local: datetime) -> tuple[str, ...]:
    minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
    return tuple(who for shift in shifts if _covers(shift, minute) for who in shift.staff)


def _covers(shift: Shift, minute: int) -> bool:
    start = shift.weekday * _DAY_MINUTES + _minutes(shift.starts)
    # An end at or before the start lies on the next day; Sunday's night runs into the Monday the week begins with.
    length = (_minutes(shift.ends) - _minutes(shift.starts)) % _DAY_MINUTES or _DAY_MINUTES
    return (minute - start) % _WEEK_MINUTES < length


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
