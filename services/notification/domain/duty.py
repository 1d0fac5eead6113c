"""Who is there now: rosters in local time, holders of posts, and what stands in for a vacancy (policy `sla.rules.roster`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE
from contracts.directory import Group, Organisation, Shift, TownshipPublished, Village
from services.notification.domain.case import CaseFacts

_WEEK_MINUTES = 7 * 24 * 60
_DAY_MINUTES = 24 * 60

HOTLINE = "hotline"
SHIFT_LEADER = "hotline_shift_leader"
_UNIT_OF_POST = {
    "grid_member": VILLAGE, "group_head": VILLAGE, "child_director": VILLAGE, "village_director": VILLAGE,
    "village_responsible": VILLAGE, "village_station": VILLAGE,
    "grid_head": GOVERNMENT, "responsible_leader": GOVERNMENT, "duty_leader": GOVERNMENT, "duty_room": GOVERNMENT,
    "township_head": GOVERNMENT, "child_supervisor": COORDINATOR, "civil_affairs_supervisor": COORDINATOR,
}  # fmt: skip
"""The department a post belongs to, so that a blocked one is never told through its people."""


def on_duty(shifts: Sequence[Shift], local: datetime) -> tuple[str, ...]:
    """Staff on duty at a local time, in paging order. The weekday's pattern holds on holidays too."""
    minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
    names = [who for shift in shifts if _covers(shift, minute) for who in shift.staff]
    return tuple(dict.fromkeys(names))


def _covers(shift: Shift, minute: int) -> bool:
    start = shift.weekday * _DAY_MINUTES + _minutes(shift.starts)
    # An end at or before the start lies on the next day; Sunday's night runs into the Monday the week begins with.
    length = (_minutes(shift.ends) - _minutes(shift.starts)) % _DAY_MINUTES or _DAY_MINUTES
    return (minute - start) % _WEEK_MINUTES < length


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a target is reached: the organisation whose queue it reads, and its people in paging order."""

    organisation: str | None
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A case in its township at one local moment: everything that decides who holds a post."""

    township: TownshipPublished
    case: CaseFacts
    local: datetime

    def instead(self, target: str) -> str:
        """The target itself, or who takes its place when its department must not know: coordinator, then government."""
        for candidate in (target, self.case.coordinating):
            if _UNIT_OF_POST.get(candidate, candidate) not in self.case.blocked:
                return candidate
        return GOVERNMENT

    def desks(self, target: str, only: str | None = None) -> tuple[Desk, ...]:
        """Where a department or post is reached now: one desk per unit, `only` this one. Nobody there: no `people`."""
        units = self.units(target, only)
        if units:
            return tuple(Desk(unit.code, on_duty(unit.shifts, self.local)) for unit in units)
        return (Desk(None, self._holders(target)),)

    def units(self, department: str, only: str | None = None) -> tuple[Organisation, ...]:
        """A department's organisations: those with a referral, else the village's own, else the only one there is."""
        units = [unit for unit in self.township.organisations if unit.department == department]
        known = (only,) if only else self.case.organisations.get(department, ())
        if not known and department == VILLAGE and self._village:
            known = (self._village.organisation,)
        named = tuple(unit for unit in units if unit.code in known)
        return named or (tuple(units) if len(units) == 1 else ())

    @property
    def _village(self) -> Village | None:
        return next((v for v in self.township.villages if v.code == self.case.village), None)

    @property
    def _group(self) -> Group | None:
        return next((g for g in self.township.groups if g.code == self.case.group_code), None)

    def _holders(self, post: str) -> tuple[str, ...]:
        match post:
            case "duty_leader":
                return on_duty(self.township.duty_leader, self.local)
            case "duty_room":
                return on_duty(self.township.duty_room, self.local)
            case "hotline" | "hotline_shift_leader":
                leaders = self.township.posts.get(SHIFT_LEADER, ())
                present = [who for who in on_duty(self.township.hotline_shifts, self.local) if who in leaders]
                return tuple(present) or leaders
            case "grid_member" | "group_head":
                return self._of_group(deputy_first=post == "group_head")
            case "village_director" | "child_director" | "village_responsible" | "village_station":
                return self._of_village(post)
            case "grid_head":
                heads = self._village.grid_heads if self._village else ()
                return heads or self.township.posts.get(post, ())
            case _:
                return self.township.posts.get(post, ())

    def _of_group(self, *, deputy_first: bool) -> tuple[str, ...]:
        """Grid member, deputy, then the village's roster. A place nobody knows yet belongs to the grid heads."""
        if self._village is None:
            return self.township.posts.get("grid_head", ())
        own = (self._group.member, self._group.deputy) if self._group else ()
        ordered = (*(reversed(own) if deputy_first else own), *self._village_roster())
        return tuple(dict.fromkeys(who for who in ordered if who))

    def _of_village(self, post: str) -> tuple[str, ...]:
        village = self._village
        if village is None:
            return self.township.posts.get("grid_head", ())
        holder = {
            "village_director": village.director,
            "child_director": village.child_director,
            "village_station": village.child_director,
            "village_responsible": village.responsible,
        }[post]
        return tuple(dict.fromkeys(who for who in (holder, *self._village_roster()) if who))

    def _village_roster(self) -> tuple[str, ...]:
        return tuple(who for unit in self.units(VILLAGE) for who in on_duty(unit.shifts, self.local))
