"""Tables and statements of the township's structure: saved and loaded as a whole; rosters also change alone.

The columns of a structure table are the fields of its value in `domain.township`, so rows and values convert by name.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from chassis.transaction import Connection, Transaction
from contracts.envelope import Value
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import (
    Group,
    Holder,
    Organisation,
    Place,
    Roster,
    StaffMember,
    Township,
    Village,
)

V = TypeVar("V", bound=Value)


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
    station: dict[str, str] | None = Field(sa_type=JSONB)


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


_PARTS: dict[str, type[Value]] = {
    "village": Village,
    "villager_group": Group,
    "organisation": Organisation,
    "staff_member": StaffMember,
    "post_holder": Holder,
    "place": Place,
}


async def township_version(db: Connection, code: str) -> int | None:
    """The township's current version, None when it was never loaded."""
    version: int | None = await db.fetchval("SELECT version FROM township WHERE code = $1", code)
    return version


async def source_digest(db: Connection, code: str) -> str | None:
    """The digest of the file the township was last loaded from."""
    digest: str | None = await db.fetchval("SELECT source_digest FROM township WHERE code = $1", code)
    return digest


async def load_township(db: Connection, code: str) -> Township | None:
    """The whole township, None when it was never loaded."""
    head = await db.fetchrow("SELECT * FROM township WHERE code = $1", code)
    if head is None:
        return None
    return Township.model_validate(
        {
            **dict(head),
            "villages": await _load(db, "village", code),
            "groups": await _load(db, "villager_group", code),
            "organisations": await _load(db, "organisation", code),
            "staff": await _load(db, "staff_member", code),
            "holders": await _load(db, "post_holder", code),
            "rosters": await _load(db, "roster", code),
            "places": await _load(db, "place", code),
        }
    )


async def _load(db: Connection, table: str, township: str) -> list[dict[str, Any]]:
    rows = await db.fetch(f"SELECT * FROM {table} WHERE township = $1 ORDER BY position", township)  # noqa: S608 - our names
    return [dict(row) for row in rows]


async def save_township(tx: Transaction, township: Township, digest: str) -> None:
    """Replace the structure of a township, whose key must be locked. Rosters keep counting their own versions."""
    await tx.db.execute(
        """
        INSERT INTO township (code, label, county, timezone, policy_version, version, source_digest)
        VALUES ($1, $2, $3, $4, $5, 0, $6)
        ON CONFLICT (code) DO UPDATE SET label = excluded.label, county = excluded.county, timezone = excluded.timezone,
            policy_version = excluded.policy_version, source_digest = excluded.source_digest
        """,
        township.code,
        township.label.model_dump(),
        township.county.model_dump(),
        township.timezone,
        township.policy_version,
        digest,
    )
    parts = (
        township.villages,
        township.groups,
        township.organisations,
        township.staff,
        township.holders,
        township.places,
    )
    for table, values in zip(_PARTS, parts, strict=True):
        await tx.db.execute(f"DELETE FROM {table} WHERE township = $1", township.code)  # noqa: S608 - our names
        insert = f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)"  # noqa: S608
        await tx.db.execute(insert, _rows(township.code, values))
    await _save_rosters(tx, township)


def _rows(township: str, values: Iterable[Value]) -> list[dict[str, Any]]:
    return [
        {**value.model_dump(mode="json"), "township": township, "position": position}
        for position, value in enumerate(values)
    ]


async def _save_rosters(tx: Transaction, township: Township) -> None:
    codes = [roster.code for roster in township.rosters]
    await tx.db.execute("DELETE FROM roster WHERE township = $1 AND code <> ALL($2::text[])", township.code, codes)
    rows = [row | {"version": 1} for row in _rows(township.code, township.rosters)]
    await tx.db.execute(
        """
        INSERT INTO roster SELECT * FROM jsonb_populate_recordset(NULL::roster, $1::jsonb)
        ON CONFLICT (township, code) DO UPDATE
            SET shifts = excluded.shifts, holidays = excluded.holidays, position = excluded.position,
                version = roster.version + (roster.shifts <> excluded.shifts)::int
        """,
        rows,
    )


async def roster_version(db: Connection, township: str, code: str) -> int:
    """The version of a roster, 0 when it was never written."""
    version = await db.fetchval("SELECT version FROM roster WHERE township = $1 AND code = $2", township, code)
    return version or 0


async def save_roster(tx: Transaction, township: str, roster: Roster) -> int:
    """Replace one roster; returns its new version. The township's key must be locked."""
    version: int = await tx.db.fetchval(
        """
        INSERT INTO roster (township, code, position, shifts, holidays, version)
        VALUES ($1, $2, (SELECT count(*) FROM roster WHERE township = $1), $3, $4, 1)
        ON CONFLICT (township, code) DO UPDATE
            SET shifts = excluded.shifts, holidays = excluded.holidays, version = roster.version + 1
        RETURNING version
        """,
        township,
        roster.code,
        [shift.model_dump(mode="json") for shift in roster.shifts],
        roster.holidays,
    )
    return version


async def announce(tx: Transaction, code: str) -> Township:
    """Count a new version of the township and publish it whole. Its key must be locked. Returns what was announced."""
    version: int = await tx.db.fetchval(
        "UPDATE township SET version = version + 1 WHERE code = $1 RETURNING version", code
    )
    township = await load_township(tx.db, code)
    if township is None:
        raise LookupError(code)
    tx.publish(code, snapshot(township, version, tx.new_id("publication", code)))
    return township
