"""What is missing in a township and must be filled: vacant posts (D-4.1.1, D-6.2, D-7.2.2) and hours that no roster covers."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.directory.domain.rosters import uncovered
from services.directory.domain.township import DUTY_LEADER, DUTY_ROOM, OUTSIDE_KINDS, Township

TOWNSHIP_POSTS = (
    "township_head",
    "responsible_leader",
    "duty_leader",
    "grid_head",
    "civil_affairs_supervisor",
    "child_supervisor",
)
"""Posts that must never be empty; the policy's escalations end at them."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is missing. `place` is an area, organisation or roster code; `minutes` the uncovered part of a week."""

    kind: str
    post: str | None
    place: str
    minutes: int = 0


def alerts(township: Township) -> tuple[Alert, ...]:
    """Everything missing, villages first."""
    return (*_vacant_posts(township), *_rosters(township))


def watched(township: Township) -> tuple[str, ...]:
    """The rosters that must cover every hour (policy `sla.rules.roster`): every unit of the township, leaders and duty room."""
    units = [unit.code for unit in township.organisations if unit.kind not in OUTSIDE_KINDS | {"township"}]
    return (*units, DUTY_LEADER, DUTY_ROOM)


def _vacant_posts(township: Township) -> Iterator[Alert]:
    for village in township.villages:
        holders = {
            "village_director": village.director,
            "child_director": village.child_director,
            "village_responsible": village.responsible,
        }
        yield from (Alert("vacant_post", post, village.code) for post, holder in holders.items() if holder is None)
        cared_for = any(holder.post == "grid_head" and village.code in holder.villages for holder in township.holders)
        if not cared_for:
            yield Alert("vacant_post", "grid_head", village.code)
        if not any(station.staff for station in township.stations if station.village == village.code):
            yield Alert("vacant_post", "village_station", village.code)
    for group in township.groups:
        holders = {"grid_member": group.member, "group_head": group.deputy}
        yield from (Alert("vacant_post", post, group.code) for post, holder in holders.items() if holder is None)
    for post in TOWNSHIP_POSTS:
        if not township.holding(post):
            yield Alert("vacant_post", post, township.code)


def _rosters(township: Township) -> Iterator[Alert]:
    for code in watched(township):
        gaps = uncovered(township.roster(code).shifts)
        missing = sum(end - start for start, end in gaps)
        if missing:
            kind = "roster_gap" if any(shift.staff for shift in township.roster(code).shifts) else "empty_roster"
            yield Alert(kind, None, code, missing)
