"""What the directory announces: the township as ids and codes. Names and telephone numbers stay in the directory."""

from typing import Literal
from uuid import UUID

from contracts.envelope import Payload, Value

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
