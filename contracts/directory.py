"""What the directory announces: the township as ids and codes. Names and telephone numbers stay in the directory."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload, Value
from contracts.vocabulary import Actor

TOPIC = "directory.events"


class Group(Value):
    """A villager group and its grid (D-4.1.1): the grid member and deputy are staff ids; None = vacant."""

    code: str
    no: int
    village: str
    zone: Literal["town", "outskirts", "rural"]
    grid: str
    member: str | None = None
    deputy: str | None = None


class Village(Value):
    """A village or community with its posts as staff ids (D-6.2: a designated responsible person is mandatory)."""

    code: str
    zone: Literal["town", "outskirts", "rural"]
    organisation: str
    director: str | None
    child_director: str | None
    responsible: str | None
    grid_heads: tuple[str, ...] = ()


class Shift(Value):
    """One shift of a weekly duty pattern, local time. `staff` is the paging order. A shift may end on the next day."""

    weekday: int
    starts: str
    ends: str
    staff: tuple[str, ...]


class ShiftOverride(Value):
    """A duty shift that stands in place of the weekly pattern for one stretch of time; `staff` empty = nobody on duty."""

    roster: str
    starts_at: datetime
    ends_at: datetime
    staff: tuple[str, ...]


class Provider(Value):
    """A purchased service, volunteer team, neighbour watcher, enterprise or charity that takes part (D-7.3, D-5.11.2,
    D-5.1.2): gets task text only (policy `data_protection.roles`). `services` are codes of assistance or placements."""

    code: str
    kind: Literal["provider", "volunteer_team", "neighbour_watcher", "enterprise", "charity"]
    area: str | None = None
    services: tuple[str, ...] = ()


class Station(Value):
    """A village station for the protection and care of minors (D-7.2.2): first line, may start an assessment."""

    code: str
    village: str
    staff: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


class Organisation(Value):
    """A unit: its department code (None for the township itself and the hotline), area, staff ids and duty roster."""

    code: str
    department: str | None
    kind: str
    area: str | None = None
    head: str | None = None
    staff: tuple[str, ...] = ()
    grades: tuple[int, int] | None = None
    shifts: tuple[Shift, ...] = ()


class TownshipPublished(Payload):
    """The whole structure of one township. Each change publishes it anew; the newest replaces the one before."""

    TYPE = "township.published.v1"
    TOPIC = TOPIC

    township: str
    version: int
    villages: tuple[Village, ...]
    groups: tuple[Group, ...]
    organisations: tuple[Organisation, ...]
    posts: dict[str, tuple[str, ...]]
    duty_leader: tuple[Shift, ...] = ()
    duty_room: tuple[Shift, ...] = ()
    hotline_shifts: tuple[Shift, ...] = ()
    policy_version: str
    publication_id: UUID
    overrides: tuple[ShiftOverride, ...] = ()
    providers: tuple[Provider, ...] = ()
    stations: tuple[Station, ...] = ()


class RosterGapFound(Payload):
    """Nobody is on duty somewhere in the days ahead, or a post stands vacant: whoever keeps the roster must act.

    Announced again daily (`repeat_no`) until it is closed. `roster` is a unit's code, `duty_leader` or `duty_room`; for a
    vacant post the village, group or township where `post` stands vacant. An `empty_shift` without `starts_at`: the roster
    names nobody in all the days looked at. `fallback`: who answers meanwhile (policy `sla.rules.roster`).
    """

    TYPE = "roster-gap.found.v1"
    TOPIC = TOPIC

    township: str
    gap_id: UUID
    kind: Literal["empty_shift", "vacant_post"]
    roster: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    fallback: tuple[str, ...] = ()
    found_at: datetime
    repeat_no: int = 0
    post: str | None = None


class TrainingRecorded(Payload):
    """A training was held (D-4.8.1, D-4.8.2). `topics` are policy codes."""

    TYPE = "training.recorded.v1"
    TOPIC = TOPIC

    township: str
    training_id: UUID
    topics: tuple[str, ...]
    audience: str
    organiser: str
    villages: tuple[str, ...] = ()
    held_on: date
    headcount: int
    by: Actor
    at: datetime


class PublicityRecorded(Payload):
    """A publicity activity (D-4.8.3, D-7.4); `hotline_published` = the hotline number stood on it."""

    TYPE = "publicity.recorded.v1"
    TOPIC = TOPIC

    township: str
    publicity_id: UUID
    kind: str
    villages: tuple[str, ...] = ()
    on: date
    hotline_published: bool = False
    by: Actor
    at: datetime


class AppraisalRecorded(Payload):
    """A commendation or criticism of a village, department or person (D-4.9.2, D-4.9.3), its reply, its becoming final or
    its withdrawal. `ground` is a code of the policy, `period` a quarter ("2026-Q4"). Words about it stay in the directory."""

    TYPE = "appraisal.recorded.v1"
    TOPIC = TOPIC

    township: str
    appraisal_id: UUID
    subject_kind: Literal["village", "department", "person"]
    subject: str
    sign: Literal["positive", "negative"]
    ground: str
    state: Literal["recorded", "replied", "final", "withdrawn"]
    period: str
    reply_due_at: datetime | None = None
    by: Actor
    at: datetime
