"""Which organisation acts for a department: the one village, the one school, or the only office of its kind.

A child's place picks the village committee (D-4.2.2), its grade the school unit. Nothing stays without an addressee:
where no unit is known the civil affairs office takes the task as the township's duty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.directory import TownshipPublished
from contracts.policy import Circumstances
from contracts.vocabulary import Place
from services.dispatch.domain.routing import ChildCase

VILLAGE, SCHOOL, CIVIL_AFFAIRS, GOVERNMENT = "village_committee", "school", "civil_affairs", "township_government"
BIRTHDAYS_MOSTLY_PAST = range(3, 9)
"""From March to August most pupils have had the birthday that falls into their school year, so they are a year older
than their grade suggests in autumn."""
FIRST_GRADE_AGE, LAST_GRADE = 6, 9


@dataclass(frozen=True, slots=True)
class Township:
    """One published structure, reduced to what routing asks of it."""

    code: str
    version: int
    village_of_group: Mapping[str, str]
    zones: Mapping[str, str]
    """Village or group code → town, outskirts or rural: the call-out limit of the police depends on it."""
    committees: Mapping[str, str]
    """Village code → organisation of its committee."""
    schools: tuple[tuple[str, tuple[int, int] | None], ...]
    offices: Mapping[str, str]
    """Department → its first organisation."""


def township_of(published: TownshipPublished) -> Township:
    """Read a published township."""
    offices: dict[str, str] = {}
    for organisation in published.organisations:
        if organisation.department is not None:
            offices.setdefault(organisation.department, organisation.code)
    return Township(
        code=published.township,
        version=published.version,
        village_of_group={group.code: group.village for group in published.groups},
        zones={
            **{village.code: village.zone for village in published.villages},
            **{group.code: group.zone for group in published.groups},
        },
        committees={village.code: village.organisation for village in published.villages},
        schools=tuple((o.code, o.grades) for o in published.organisations if o.department == SCHOOL),
        offices=offices,
    )


def settled_place(place: Place, township: Township) -> Place:
    """The place with the village of its group, where only the group was given, and the zone, where none was."""
    village = place.village or township.village_of_group.get(place.group or "")
    zone = place.zone or township.zones.get(place.group or "") or township.zones.get(village or "")
    return place.model_copy(update={"village": village, "zone": zone})


def units_for(
    departments: Iterable[str], place: Place, children: Sequence[ChildCase], received: datetime, township: Township
) -> dict[str, str]:
    """Department → organisation for one response. `received` is local time. Every department gets one."""
    duty = township.offices.get(CIVIL_AFFAIRS) or township.offices.get(GOVERNMENT) or township.code
    chosen = {department: township.offices.get(department, duty) for department in departments}
    if VILLAGE in chosen:
        chosen[VILLAGE] = township.committees.get(place.village or "", duty)
    if SCHOOL in chosen and township.schools:
        chosen[SCHOOL] = _school([child.circumstances for child in children], received.month, township)
    return chosen


def _school(children: Sequence[Circumstances], month: int, township: Township) -> str:
    """The unit of the first enrolled child's grade, of any child's where none is enrolled, else the first unit."""
    enrolled = [child for child in children if child.facts.get("enrolled") is True]
    for child in (*enrolled, *children):
        grade = _grade(child, month)
        for code, grades in township.schools:
            if grade is not None and grades is not None and grades[0] <= grade <= grades[1]:
                return code
    return township.schools[0][0]


def _grade(child: Circumstances, month: int) -> int | None:
    """The likely grade by age (pupils start at six), within the nine compulsory ones; None outside them."""
    age = child.facts.get("age")
    if type(age) is not int or child.facts.get("senior_high") is True:
        return None
    grade = age - FIRST_GRADE_AGE + (0 if month in BIRTHDAYS_MOSTLY_PAST else 1)
    in_stage = child.facts.get("compulsory_stage") is True
    return min(max(grade, 1), LAST_GRADE) if in_stage or 1 <= grade <= LAST_GRADE else None
