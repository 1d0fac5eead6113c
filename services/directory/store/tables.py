"""Tables of the township's structure. The columns are the fields of the values in `domain.township`, so both convert by name."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class TownshipRow(Table, table=True):
    """A township; `version` rises with every change of anything in it and is the version announced."""

    __tablename__ = "township"
    code: str = Field(primary_key=True)
    label: dict[str, str] = Field(sa_type=JSONB)
    county: dict[str, str] = Field(sa_type=JSONB)
    timezone: str
    policy_version: str
    version: int
    source_digest: str = Field(description="SHA-256 of the reference file it was loaded from")


class VillageRow(Table, table=True):
    """A village or community; its posts are staff ids."""

    __tablename__ = "village"
    township: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    position: int
    label: dict[str, str] = Field(sa_type=JSONB)
    kind: str
    zone: str
    organisation: str
    director: str | None
    child_director: str | None
    responsible: str | None
    station: dict[str, str] | None = Field(sa_type=JSONB, description="no longer written: see the table station")


class GroupRow(Table, table=True):
    """A villager group and its grid."""

    __tablename__ = "villager_group"
    township: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    position: int
    village: str
    no: int
    label: dict[str, str] = Field(sa_type=JSONB)
    zone: str
    landmarks: list[str] = Field(sa_type=JSONB)
    grid: str
    member: str | None
    deputy: str | None


class OrganisationRow(Table, table=True):
    """A unit of the township, or a body outside it."""

    __tablename__ = "organisation"
    township: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    position: int
    department: str | None
    kind: str
    label: dict[str, str] = Field(sa_type=JSONB)
    desk_phone: str | None
    head: str | None
    staff: list[str] = Field(sa_type=JSONB)
    area: str | None
    grades: list[int] | None = Field(sa_type=JSONB)
    lines: list[Any] = Field(sa_type=JSONB)


class StaffRow(Table, table=True):
    """A person on the staff. The only table of the product with staff names and phones."""

    __tablename__ = "staff_member"
    township: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    position: int
    name: str
    sex: str | None
    organisation: str
    posts: list[str] = Field(sa_type=JSONB)
    phone: str | None


class HolderRow(Table, table=True):
    """A holder of a township post."""

    __tablename__ = "post_holder"
    township: str = Field(primary_key=True)
    post: str = Field(primary_key=True)
    staff: str = Field(primary_key=True)
    position: int
    villages: list[str] = Field(sa_type=JSONB)


class RosterRow(Table, table=True):
    """A weekly duty pattern; `version` is its own, for If-Match."""

    __tablename__ = "roster"
    township: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    position: int
    shifts: list[Any] = Field(sa_type=JSONB)
    holidays: str
    version: int


class PlaceRow(Table, table=True):
    """A name callers use for a place."""

    __tablename__ = "place"
    township: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    label: dict[str, str] = Field(sa_type=JSONB)
    group: str


class StationRow(Table, table=True):
    """A village station; `version` is its own, for If-Match."""

    __tablename__ = "station"
    township: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    position: int
    village: str
    label: dict[str, str] = Field(sa_type=JSONB)
    staff: list[str] = Field(sa_type=JSONB)
    services: list[str] = Field(sa_type=JSONB)
    version: int


class ProviderRow(Table, table=True):
    """A provider; the only table with its phone. One that no longer takes part is kept, with the moment it ended."""

    __tablename__ = "provider"
    township: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    position: int
    kind: str
    label: dict[str, str] = Field(sa_type=JSONB)
    area: str | None
    services: list[str] = Field(sa_type=JSONB)
    phone: str | None
    version: int
    ended_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class OverrideRow(Table, table=True):
    """Who is on duty instead of the weekly pattern for a stretch of time; `staff` empty = explicitly nobody."""

    __tablename__ = "roster_override"
    id: UUID = Field(primary_key=True)
    township: str
    roster: str
    starts_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))
    staff: list[str] = Field(sa_type=JSONB)
    reason: str
    made_by: dict[str, Any] = Field(sa_type=JSONB)
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
    removed_at: datetime | None = Field(sa_type=DateTime(timezone=True))
