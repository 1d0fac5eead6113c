"""Statements of the township's structure: saved and loaded as a whole; rosters, stations and providers also change alone."""

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from chassis.transaction import Connection, Transaction
from contracts.envelope import Value
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import (
    Group,
    Holder,
    Organisation,
    Override,
    Place,
    Provider,
    Roster,
    StaffMember,
    Station,
    Township,
    Village,
)

_MADE_HERE = 1_000
"""Position of what the reference file does not hold: after all that it holds."""


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
            "stations": await _load(db, "station", code),
            "providers": await _load(db, "provider", code, "AND ended_at IS NULL"),
            "overrides": await load_overrides(db, code),
        }
    )


async def _load(db: Connection, table: str, township: str, narrowed: str = "") -> list[dict[str, Any]]:
    select = f"SELECT * FROM {table} WHERE township = $1 {narrowed} ORDER BY position, 2"  # noqa: S608 - our names
    return [dict(row) for row in await db.fetch(select, township)]


async def load_overrides(db: Connection, township: str, roster: str | None = None) -> list[dict[str, Any]]:
    """Overrides that hold now or later, of one roster or all, by their beginning."""
    rows = await db.fetch(
        """
        SELECT * FROM roster_override
        WHERE township = $1 AND removed_at IS NULL AND ends_at > app_now() AND roster = coalesce($2, roster)
        ORDER BY starts_at, id
        """,
        township,
        roster,
    )
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
    await _save_versioned(tx, "station", township.code, township.stations)
    await _save_versioned(tx, "provider", township.code, township.providers)


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


async def _save_versioned(tx: Transaction, table: str, township: str, values: Iterable[Value]) -> None:
    """The file's rows are written over ours; rows made here and unknown to the file stay."""
    rows = [row | {"version": 1} for row in _rows(township, values)]
    names = [name for name in (rows[0] if rows else ()) if name not in {"township", "code", "version"}]
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    if rows:
        await tx.db.execute(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)"  # noqa: S608
            f" ON CONFLICT (township, code) DO UPDATE SET {updates}, version = {table}.version + 1",
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


async def add_override(tx: Transaction, township: str, override: Override, by: dict[str, Any]) -> None:
    """Keep an override, new or changed. The township's key must be locked."""
    await tx.db.execute(
        """
        INSERT INTO roster_override SELECT * FROM jsonb_populate_record(NULL::roster_override, $1::jsonb)
        ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,
            staff = excluded.staff, reason = excluded.reason, made_by = excluded.made_by, made_at = excluded.made_at
        """,
        {**override.model_dump(mode="json"), "township": township, "made_by": by, "made_at": tx.now},
    )


async def remove_override(tx: Transaction, override: UUID) -> None:
    """Take an override back; it is kept for the record."""
    await tx.db.execute("UPDATE roster_override SET removed_at = $2 WHERE id = $1", override, tx.now)


async def versions(db: Connection, table: Literal["station", "provider"], township: str) -> dict[str, int]:
    """The version of every station or provider by code, of providers that ended too."""
    rows = await db.fetch(f"SELECT code, version FROM {table} WHERE township = $1", township)  # noqa: S608 - our names
    return {row["code"]: row["version"] for row in rows}


async def save_station(tx: Transaction, township: str, station: Station) -> int:
    """Change a station; returns its new version. The township's key must be locked."""
    version: int = await tx.db.fetchval(
        "UPDATE station SET staff = $3, services = $4, version = version + 1 WHERE township = $1 AND code = $2 "
        "RETURNING version",
        township,
        station.code,
        list(station.staff),
        list(station.services),
    )
    return version


async def save_provider(tx: Transaction, township: str, provider: Provider) -> int:
    """Keep a provider, new or changed; returns its version. The township's key must be locked."""
    version: int = await tx.db.fetchval(
        """
        INSERT INTO provider SELECT * FROM jsonb_populate_record(NULL::provider, $1::jsonb)
        ON CONFLICT (township, code) DO UPDATE SET kind = excluded.kind, label = excluded.label, area = excluded.area,
            services = excluded.services, phone = excluded.phone, version = provider.version + 1
        RETURNING version
        """,
        {**provider.model_dump(mode="json"), "township": township, "position": _MADE_HERE, "version": 1},
    )
    return version


async def end_provider(tx: Transaction, township: str, code: str) -> None:
    """A provider takes part no longer; its row stays. The township's key must be locked."""
    await tx.db.execute(
        "UPDATE provider SET ended_at = $3, version = version + 1 WHERE township = $1 AND code = $2",
        township,
        code,
        tx.now,
    )


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
