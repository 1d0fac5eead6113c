"""The structure of one township: areas, organisations, staff, posts, rosters. Read from a reference file or the tables."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.directory import Shift
from contracts.envelope import Value

Zone = Literal["town", "outskirts", "rural"]
OUTSIDE_KINDS = frozenset({"outside_body"})
"""Organisations outside the township: told by hand, so their telephone is kept, but no referral is routed to them."""
ProviderKind = Literal["provider", "volunteer_team", "neighbour_watcher", "enterprise", "charity"]
DUTY_LEADER = "duty_leader"
DUTY_ROOM = "duty_room"


class Label(Value):
    """A name in Chinese and English."""

    zh: str
    en: str


class Group(Value):
    """A villager group with its grid; `member` and `deputy` are staff ids, None = vacant."""

    code: str
    village: str
    no: int
    label: Label
    zone: Zone
    landmarks: tuple[str, ...] = ()
    grid: str
    member: str | None = None
    deputy: str | None = None


class Village(Value):
    """A village or community, its committee and its posts as staff ids, None = vacant."""

    code: str
    label: Label
    kind: Literal["village", "community"]
    zone: Zone
    organisation: str
    director: str | None = None
    child_director: str | None = None
    responsible: str | None = None


class Station(Value):
    """A village's station for the protection and care of minors (D-7.2.2); `services` are policy codes (D-7.2.3)."""

    code: str
    village: str
    label: Label
    staff: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


class Provider(Value):
    """Who takes part from outside the staff: purchased service, volunteers, neighbour watcher, enterprise, charity.

    `phone` never leaves the directory; `area` is a village or group, None = the whole township.
    """

    code: str
    kind: ProviderKind
    label: Label
    area: str | None = None
    services: tuple[str, ...] = ()
    phone: str | None = None


class Line(Value):
    """A telephone line of the hotline."""

    code: str
    label: Label
    number: str
    published: bool = True


class Organisation(Value):
    """A unit. `staff` is its own order of calling; `grades` are the first and last grade of a school."""

    code: str
    department: str | None = None
    kind: str
    label: Label
    desk_phone: str | None = None
    head: str | None = None
    staff: tuple[str, ...] = ()
    area: str | None = None
    grades: tuple[int, int] | None = None
    lines: tuple[Line, ...] = ()


class StaffMember(Value):
    """A person on the staff. Name and phone leave this service only through its guarded API."""

    id: str
    name: str
    sex: Literal["male", "female"] | None = None
    organisation: str
    posts: tuple[str, ...] = ()
    phone: str | None = None


class Holder(Value):
    """Who holds a township post, in calling order; `villages` narrows a grid head to the villages in their care."""

    post: str
    staff: str
    villages: tuple[str, ...] = ()


class Roster(Value):
    """A weekly duty pattern: of an organisation (its code), of the duty leaders, or of the duty room."""

    code: str
    shifts: tuple[Shift, ...] = ()
    holidays: Literal["weekday_pattern"] = "weekday_pattern"


class Override(Value):
    """Who is on duty instead of the weekly pattern between two moments; `staff` empty = explicitly nobody."""

    id: UUID
    roster: str
    starts_at: datetime
    ends_at: datetime
    staff: tuple[str, ...] = ()
    reason: str


class Place(Value):
    """A name that callers use, and the group it lies in."""

    label: Label
    group: str


class Township(Value):
    """Everything the directory knows of one township."""

    code: str
    label: Label
    county: Label
    timezone: str
    policy_version: str
    villages: tuple[Village, ...]
    groups: tuple[Group, ...]
    organisations: tuple[Organisation, ...]
    staff: tuple[StaffMember, ...]
    holders: tuple[Holder, ...]
    rosters: tuple[Roster, ...]
    places: tuple[Place, ...] = ()
    stations: tuple[Station, ...] = ()
    providers: tuple[Provider, ...] = ()
    overrides: tuple[Override, ...] = ()

    def organisation(self, code: str | None) -> Organisation | None:
        """The organisation of that code."""
        return next((unit for unit in self.organisations if unit.code == code), None)

    def provider(self, code: str | None) -> Provider | None:
        """The provider of that code that still takes part."""
        return next((one for one in self.providers if one.code == code), None)

    def member(self, staff_id: str | None) -> StaffMember | None:
        """The staff member of that id."""
        return next((person for person in self.staff if person.id == staff_id), None)

    def roster(self, code: str) -> Roster:
        """The roster of that code; an empty one when none was ever written."""
        return next((roster for roster in self.rosters if roster.code == code), Roster(code=code))

    def holding(self, post: str) -> tuple[str, ...]:
        """Staff ids holding a township post, in calling order."""
        return tuple(holder.staff for holder in self.holders if holder.post == post)


def faults(township: Township) -> tuple[str, ...]:
    """What makes a township unusable: codes used twice, and references to nothing. Vacant posts are alerts, not faults."""
    areas = [village.code for village in township.villages] + [group.code for group in township.groups]
    units = [unit.code for unit in township.organisations]
    outside = [one.code for one in township.providers] + [one.code for one in township.stations]
    people = [person.id for person in township.staff]
    twice = [code for codes in (areas, units + outside, people) for code, count in Counter(codes).items() if count > 1]
    known = {"area": frozenset(areas), "organisation": frozenset(units), "staff": frozenset(people)}
    dangling = [
        f"{place}: no {kind} {code}" for place, kind, code in _references(township) if code and code not in known[kind]
    ]
    return tuple([f"{code}: used twice" for code in twice] + dangling)


def _references(township: Township) -> Iterator[tuple[str, str, str | None]]:
    for village in township.villages:
        yield village.code, "organisation", village.organisation
        yield from (
            (village.code, "staff", who) for who in (village.director, village.child_director, village.responsible)
        )
    for station in township.stations:
        yield station.code, "area", station.village
        yield from ((station.code, "staff", who) for who in station.staff)
    for provider in township.providers:
        yield provider.code, "area", provider.area
    for group in township.groups:
        yield group.code, "area", group.village
        yield from ((group.code, "staff", who) for who in (group.member, group.deputy))
    for unit in township.organisations:
        yield unit.code, "area", unit.area
        yield from ((unit.code, "staff", who) for who in (unit.head, *unit.staff))
    for person in township.staff:
        yield person.id, "organisation", person.organisation
    for holder in township.holders:
        yield holder.post, "staff", holder.staff
        yield from ((holder.post, "area", village) for village in holder.villages)
    for roster in township.rosters:
        yield from ((f"roster {roster.code}", "staff", who) for shift in roster.shifts for who in shift.staff)
    for place in township.places:
        yield place.label.zh, "area", place.group
