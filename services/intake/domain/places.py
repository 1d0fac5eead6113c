"""Where the child is (D-4.2.2): area codes checked against the township's newest structure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from contracts.directory import TownshipPublished
from contracts.policy import Label, Problem
from contracts.vocabulary import Place

Zone = Literal["town", "outskirts", "rural"]


@dataclass(frozen=True, slots=True)
class Areas:
    """The villages and groups of one township: zone by village, (village, zone) by group, group code by its number."""

    version: int
    villages: Mapping[str, Zone]
    groups: Mapping[str, tuple[str, Zone]]
    numbered: Mapping[tuple[str, int], str]


def areas_of(published: TownshipPublished) -> Areas:
    """The areas of a published township."""
    return Areas(
        version=published.version,
        villages={village.code: village.zone for village in published.villages},
        groups={group.code: (group.village, group.zone) for group in published.groups},
        numbered={(group.village, group.no): group.code for group in published.groups},
    )


def locate(
    areas: Areas, village: str | None, group: int | str | None, *, outside: bool
) -> tuple[Place, tuple[Problem, ...]]:
    """The place a report names. `group` is its number within the village, or its code. Both may be unknown."""
    if village is not None and village not in areas.villages:
        return Place(outside=outside), (_problem("village", "unknown_village", "没有这个村", "no such village"),)
    if group is None:
        return Place(village=village, zone=areas.villages.get(village or ""), outside=outside), ()
    code = areas.numbered.get((village or "", group)) if isinstance(group, int) else group
    if code is None or code not in areas.groups:
        return Place(outside=outside), (_problem("group", "unknown_group", "没有这个组", "no such group"),)
    home, zone = areas.groups[code]
    if village not in (None, home):
        return Place(outside=outside), (
            _problem("group", "group_of_another_village", "该组不属于这个村", "the group belongs to another village"),
        )
    return Place(village=home, group=code, zone=zone, outside=outside), ()


def _problem(field: str, code: str, zh: str, en: str) -> Problem:
    return Problem(f"/place/{field}", code, Label(zh=zh, en=en))
