"""Who is there now: rosters with their overrides, holders of posts, and what stands in for a vacancy (policy
`sla.rules.roster`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE
from contracts.directory import Group, Organisation, TownshipPublished, Village
from contracts.rosters import DUTY_LEADER, DUTY_ROOM, HOTLINE_KIND, on_duty
from services.notification.domain.case import CaseFacts

HOTLINE = "hotline"
SHIFT_LEADER = "hotline_shift_leader"
_UNIT_OF_POST = {
    "grid_member": VILLAGE, "group_head": VILLAGE, "child_director": VILLAGE, "village_director": VILLAGE,
    "village_responsible": VILLAGE, "village_station": VILLAGE,
    "grid_head": GOVERNMENT, "responsible_leader": GOVERNMENT, "duty_leader": GOVERNMENT, "duty_room": GOVERNMENT,
    "township_head": GOVERNMENT, "child_supervisor": COORDINATOR, "civil_affairs_supervisor": COORDINATOR,
}  # fmt: skip
"""The department a post belongs to, so that a blocked one is never told through its people."""


def unit_of(target: str) -> str:
    """The department a post belongs to; a department itself."""
    return _UNIT_OF_POST.get(target, target)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a target is reached: the organisation whose queue it reads, and its people in paging order."""

    organisation: str | None
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A case in its township at one moment: everything that decides who holds a post."""

    township: TownshipPublished
    case: CaseFacts
    at: datetime
    zone: ZoneInfo

    def instead(self, target: str) -> str:
        """The target itself, or who takes its place when its department must not know: coordinator, then government."""
        for candidate in (target, self.case.coordinating):
            # A safety-only task reaches its department even where the department must not know the case.
            if candidate in self.case.safety_only or unit_of(candidate) not in self.case.blocked:
                return candidate
        return GOVERNMENT

    def desks(self, target: str, only: str | None = None) -> tuple[Desk, ...]:
        """Where a department or post is reached now: one desk per unit, `only` this one. Nobody there: no `people`."""
        units = self.units(target, only)
        if units:
            return tuple(Desk(unit.code, self.on_duty(unit.code)) for unit in units)
        return (Desk(None, self._holders(target)),)

    def units(self, department: str, only: str | None = None) -> tuple[Organisation, ...]:
        """A department's organisations: those with a referral, else the village's own, else the only one there is."""
        units = [unit for unit in self.township.organisations if unit.department == department]
        known = (only,) if only else self.case.organisations.get(department, ())
        if not known and department == VILLAGE and self._village:
            known = (self._village.organisation,)
        named = tuple(unit for unit in units if unit.code in known)
        return named or (tuple(units) if len(units) == 1 else ())

    def unit(self, organisation: str | None) -> Organisation | None:
        """The organisation of that code."""
        return next((unit for unit in self.township.organisations if unit.code == organisation), None)

    def unit_at(self, place: str) -> Organisation | None:
        """The organisation that answers for a roster or area: itself, or the village's that the code lies in."""
        group = next((one for one in self.township.groups if one.code == place), None)
        code = group.village if group else place
        village = next((one for one in self.township.villages if one.code == code), None)
        return self.unit(village.organisation if village else place)

    def on_duty(self, roster: str) -> tuple[str, ...]:
        """Staff on duty, in paging order: an organisation's code, `duty_leader` or `duty_room`."""
        return on_duty(self.township, roster, self.at, self.zone)

    def next_after(self, person: str, tried: Collection[str]) -> str | None:
        """Who is called when a person could not be reached: the next on the same roster who was not tried, around again.
        None where the person stands on no roster now, and neither does anybody of the own unit.
        """
        rosters = [DUTY_LEADER, DUTY_ROOM, *(unit.code for unit in self.township.organisations)]
        roster = next((code for code in rosters if person in self.on_duty(code)), None)
        own = next((unit for unit in self.township.organisations if person in self._people_of(unit)), None)
        if roster is None and own is not None and own.department != GOVERNMENT:
            roster = own.code
        if roster is None:
            return None
        order = self.on_duty(roster)
        start = order.index(person) + 1 if person in order else 0
        around = (*order[start:], *order[:start])
        hidden = self.staff_of_blocked
        return next((who for who in around if who not in tried and who not in hidden and who != person), None)

    @property
    def staff_of_blocked(self) -> frozenset[str]:
        """People of departments that must not know the case."""
        units = (unit for unit in self.township.organisations if unit.department in self.case.blocked)
        return frozenset(who for unit in units for who in self._people_of(unit))

    def _people_of(self, unit: Organisation) -> frozenset[str]:
        """Its staff, and in a village the grid members and their deputies."""
        villages = {village.code for village in self.township.villages if village.organisation == unit.code}
        grid = (who for g in self.township.groups if g.village in villages for who in (g.member, g.deputy) if who)
        return frozenset((*unit.staff, *grid))

    @property
    def _hotlines(self) -> tuple[str, ...]:
        return tuple(unit.code for unit in self.township.organisations if unit.kind == HOTLINE_KIND)

    @property
    def _village(self) -> Village | None:
        return next((v for v in self.township.villages if v.code == self.case.village), None)

    @property
    def _group(self) -> Group | None:
        return next((g for g in self.township.groups if g.code == self.case.group_code), None)

    def _holders(self, post: str) -> tuple[str, ...]:
        match post:
            case "duty_leader":
                return self.on_duty(DUTY_LEADER)
            case "duty_room":
                return self.on_duty(DUTY_ROOM)
            case "hotline" | "hotline_shift_leader":
                leaders = self.township.posts.get(SHIFT_LEADER, ())
                present = [who for code in self._hotlines for who in self.on_duty(code) if who in leaders]
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
        return tuple(who for unit in self.units(VILLAGE) for who in self.on_duty(unit.code))
