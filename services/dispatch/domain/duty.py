"""Who is reached when a department or a post is to be told: the roster, the holder, and who stands in for nobody.

Empty duty goes up: first the fallback of the policy (`sla.rules.roster`: police and duty room), then the tier above, then
the head of the township. A unit with a conflict of interest is never reached.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.directory import Group, TownshipPublished, Village
from contracts.policy import Policy
from contracts.rosters import DUTY_LEADER, DUTY_ROOM, HOTLINE_KIND, on_duty
from services.dispatch.domain.clocks import HOTLINE, VILLAGE
from services.dispatch.domain.escalation import roster_fallback, unit_of

SHIFT_LEADER = "hotline_shift_leader"
Standing = Literal["on_duty", "holder", "stand_in", "nobody"]


@dataclass(frozen=True, slots=True)
class Reached:
    """A target and the people behind it at one moment, in paging order.

    `stand_in`: the post is vacant or the unit's own people are off, others of the same unit stand in. `nobody`: the target
    reaches no person, `instead` says which targets are told in its place.
    """

    target: str
    people: tuple[str, ...]
    standing: Standing
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """The township seen from one case: its place decides which village and group a post means.

    `units` names the organisation that acts for each department in this case, `blocked` units with a conflict of interest.
    """

    township: TownshipPublished
    policy: Policy
    village: str | None = None
    group: str | None = None
    units: tuple[tuple[str, str], ...] = ()
    blocked: frozenset[str] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.policy.clocks.timezone)

    def reach(self, target: str, at: datetime) -> Reached:
        """Who is told when `target` is, at a moment. Where nobody is there, the stand-ins are in `people`."""
        people, standing = self.people(target, at)
        if people:
            return Reached(target, people, standing)
        instead, people = self.instead_of(target, at)
        return Reached(target, people, "nobody", instead)

    def instead_of(self, target: str, at: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Targets and people that stand in for a target nobody answers: the first step up where somebody is."""
        for step in self._upwards(target):
            reached = [(code, self.people(code, at)[0]) for code in step if code != target]
            found = [(code, people) for code, people in reached if people and unit_of(code) not in self.blocked]
            if found:
                return tuple(code for code, _ in found), tuple(dict.fromkeys(people[0] for _, people in found))
        return (), ()

    def _upwards(self, target: str) -> Iterator[tuple[str, ...]]:
        yield roster_fallback(self.policy)
        chain = self.policy.sla.breach_chain
        tier = "village" if unit_of(target) == VILLAGE else "hotline" if target == HOTLINE else "township"
        yield tuple(code for code in chain[tier] if isinstance(code, str))
        yield self.policy.sla.second_breach["to"]

    def people(self, target: str, at: datetime) -> tuple[tuple[str, ...], Standing]:
        """The people behind a target itself, without anybody who stands in from another unit."""
        match target:
            case "duty_leader" | "duty_room":
                roster = DUTY_LEADER if target == "duty_leader" else DUTY_ROOM
                return on_duty(self.township, roster, at, self.zone), "on_duty"
            case "hotline":
                return self._hotline(at), "on_duty"
            case "hotline_shift_leader":
                leaders = self.township.posts.get(SHIFT_LEADER, ())
                present = tuple(who for who in self._hotline(at) if who in leaders)
                return (present, "on_duty") if present else (leaders, "stand_in")
            case "grid_member" | "group_head":
                own = (self._group.member, self._group.deputy) if self._group else ()
                return self._of_village(own[::-1] if target == "group_head" else own, at)
            case "village_director" | "child_director" | "village_station" | "village_responsible":
                return self._of_village((self._holder(target),), at)
            case "grid_head":
                heads = self._village.grid_heads if self._village else ()
                return (heads, "holder") if heads else (self.township.posts.get(target, ()), "stand_in")
            case _:
                return self._elsewhere(target, at)

    def _elsewhere(self, target: str, at: datetime) -> tuple[tuple[str, ...], Standing]:
        """A department's roster, or the holders of a post of the township."""
        if target in self.policy.departments_by_code:
            found = [who for code in self.rosters_of(target) for who in on_duty(self.township, code, at, self.zone)]
            return tuple(dict.fromkeys(found)), "on_duty"
        return self.township.posts.get(target, ()), "holder"

    def rosters_of(self, department: str) -> tuple[str, ...]:
        """The organisations whose roster answers for a department here: the case's unit, the village's own, or all."""
        named = tuple(code for of, code in self.units if of == department)
        if named:
            return named
        if department == VILLAGE and self._village is not None:
            return (self._village.organisation,)
        return tuple(unit.code for unit in self.township.organisations if unit.department == department)

    def _of_village(self, own: tuple[str | None, ...], at: datetime) -> tuple[tuple[str, ...], Standing]:
        """The holder, then whoever is on the village's roster. A place nobody knows yet belongs to the grid heads."""
        if self._village is None:
            return self.township.posts.get("grid_head", ()), "stand_in"
        holders = tuple(who for who in own if who)
        roster = on_duty(self.township, self._village.organisation, at, self.zone)
        return tuple(dict.fromkeys((*holders, *roster))), "holder" if own and own[0] else "stand_in"

    def _holder(self, post: str) -> str | None:
        village = self._village
        if village is None:
            return None
        return {
            "village_director": village.director,
            "child_director": village.child_director,
            "village_station": village.child_director,
            "village_responsible": village.responsible,
        }[post]

    def _hotline(self, at: datetime) -> tuple[str, ...]:
        units = [unit.code for unit in self.township.organisations if unit.kind == HOTLINE_KIND]
        return tuple(who for code in units for who in on_duty(self.township, code, at, self.zone))

    @property
    def _village(self) -> Village | None:
        return next((one for one in self.township.villages if one.code == self.village), None)

    @property
    def _group(self) -> Group | None:
        return next((one for one in self.township.groups if one.code == self.group), None)


@dataclass(frozen=True, slots=True)
class Page:
    """One call to somebody who has not signed: targets and the staff called."""

    targets: tuple[str, ...]
    people: tuple[str, ...]


def page(department: str, number: int, at: datetime, duty: Duty) -> Page:
    """The `number`-th call (from 0, at the limit itself) while a RED referral is unsigned (policy `sla.no_ack`).

    The first on the roster was called at dispatch; the next persons follow in paging order and around again. An empty
    roster goes to police and duty room, and up a tier where nobody is there either; with nobody anywhere the department's
    own queue still shows it.
    """
    people, _ = duty.people(department, at)
    if people:
        return Page((department,), (people[(number + 1) % len(people)],))
    instead, stand_ins = duty.instead_of(department, at)
    return Page(instead or (department,), stand_ins)
