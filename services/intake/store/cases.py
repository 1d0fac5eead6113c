"""Case files and timeline entries: loaded and saved in bulk. The caller holds the family's lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.transaction import Connection
from contracts.assistance import CaseClosed
from contracts.directory import TownshipPublished
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import Place
from services.intake.store.writing import Insert
from services.intake.timeline import Entry


@dataclass(frozen=True, slots=True)
class FiledChild:
    """A child's case file as a report finds it."""

    case_id: UUID
    case_number: str
    family_id: UUID
    child_id: UUID
    state: str
    response_no: int
    closed_at: datetime | None
    restricted: bool
    conflict_unit: str | None


@dataclass(frozen=True, slots=True)
class NewCase:
    """A child's case to be opened."""

    case_id: UUID
    case_number: str
    child_id: UUID
    concerns: Sequence[str]
    age: int | None
    follows_case_id: UUID | None


@dataclass(frozen=True, slots=True)
class Opening:
    """What the new cases of one report share."""

    family_id: UUID
    township: str
    response_no: int
    restricted: bool
    conflict_unit: str | None
    place: Place
    transfer_out: bool
    entered_by: str
    at: datetime


def add_cases(cases: Sequence[NewCase], opening: Opening) -> Insert | None:
    """Open the cases of a report's children."""
    if not cases:
        return None
    place = opening.place
    sql = """
        INSERT INTO case_file (case_id, case_number, child_id, concerns, age, follows_case_id, family_id, township,
            response_no, restricted, conflict_unit, village, group_code, outside, transfer_out, entered_by, entered_at,
            last_report_at, updated_at, state, provisional, departments, masked, version)
        SELECT n.case_id, n.case_number, n.child_id, n.concerns::jsonb, n.age, n.follows_case_id, $7, $8, $9, $10, $11,
               $12, $13, $14, $15, $16, $17, $17, $17, 'open', false, '{}', '[]', 1
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::int[], $6::uuid[])
            AS n(case_id, case_number, child_id, concerns, age, follows_case_id)
        """
    columns = (
        [c.case_id for c in cases],
        [c.case_number for c in cases],
        [c.child_id for c in cases],
        _json_lists(c.concerns for c in cases),
        [c.age for c in cases],
        [c.follows_case_id for c in cases],
    )
    shared = (
        opening.family_id,
        opening.township,
        opening.response_no,
        opening.restricted,
        opening.conflict_unit,
        place.village,
        place.group,
        place.outside,
        opening.transfer_out,
        opening.entered_by,
        opening.at,
    )
    return Insert(sql, (*columns, *shared))


async def find_case(db: Connection, reference: str, township: str) -> FiledChild | None:
    """The case of an id or number."""
    row = await db.fetchrow(
        f"SELECT {_FILED} FROM case_file WHERE (case_number = $1 OR case_id = $2) AND township = $3",  # noqa: S608
        reference,
        as_uuid(reference),
        township,
    )
    return None if row is None else FiledChild(*row)


async def family_of(db: Connection, family_id: UUID) -> dict[UUID, FiledChild]:
    """The cases of a family by case id, first opened first."""
    rows = await db.fetch(
        f"SELECT {_FILED} FROM case_file WHERE family_id = $1 ORDER BY case_number",  # noqa: S608
        family_id,
    )
    return {row["case_id"]: FiledChild(*row) for row in rows}


_FILED = "case_id, case_number, family_id, child_id, state, response_no, closed_at, restricted, conflict_unit"


async def join_report(
    db: Connection, family_id: UUID, at: datetime, conflict_unit: str | None, *, restricted: bool
) -> None:
    """A report joined a family: its files moved on, and whoever it keeps out is kept out at once."""
    await db.execute(
        """
        UPDATE case_file SET last_report_at = $2, version = version + 1, updated_at = $2,
            restricted = $3, conflict_unit = $4
        WHERE family_id = $1
        """,
        family_id,
        at,
        restricted,
        conflict_unit,
    )


async def reopen_family(db: Connection, family_id: UUID, response_no: int, at: datetime) -> None:
    """A family's closed cases start their next round; roles of departments come with the new response."""
    await db.execute(
        """
        UPDATE case_file SET state = 'open', response_no = $2, closed_at = NULL, closure_reason = NULL,
            dispatched_at = NULL, departments = '{}', masked = '[]', referrals = '{}', case_lead = NULL,
            coordinator = NULL,
            last_report_at = $3, version = version + 1, updated_at = $3
        WHERE family_id = $1
        """,
        family_id,
        response_no,
        at,
    )


def add_timeline(entries: Iterable[tuple[UUID, Entry]]) -> Insert | None:
    """Append entries to the stories of their families."""
    found = list(entries)
    if not found:
        return None
    sql = """
        INSERT INTO timeline_entry (family_id, type, at, actor, codes, deadlines)
        SELECT n.family_id, n.type, n.at, n.actor, n.codes, n.deadlines::jsonb
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::jsonb[], $5::jsonb[], $6::text[])
            AS n(family_id, type, at, actor, codes, deadlines)
        """
    columns = (
        [family_id for family_id, _ in found],
        [entry.type for _, entry in found],
        [entry.at for _, entry in found],
        [entry.actor.model_dump(exclude_none=True) for _, entry in found],
        [entry.codes for _, entry in found],
        _json_lists(entry.deadlines for _, entry in found),
    )
    return Insert(sql, columns)


# What other services say of a case ------------------------------------------------------------------------------------


async def save_levels(db: Connection, said: Sequence[RiskAssessed], ranks: Sequence[str], now: datetime) -> None:
    """Levels as scored: the family's level in force on each of its files, each child's own on its file."""
    await db.execute(
        """
        UPDATE case_file c SET level = n.level, restricted = n.restricted, provisional = n.provisional,
            highest_level = ($6::text[])[greatest(array_position($6::text[], c.highest_level),
                                                  array_position($6::text[], n.level))],
            conflict_unit = coalesce(n.conflict_unit, c.conflict_unit), version = c.version + 1, updated_at = $7
        FROM unnest($1::uuid[], $2::text[], $3::bool[], $4::bool[], $5::text[])
            AS n(family_id, level, restricted, provisional, conflict_unit)
        WHERE c.family_id = n.family_id
        """,
        [s.case_id for s in said],
        [s.report_level for s in said],
        [s.restricted for s in said],
        [s.provisional for s in said],
        [_conflict_unit(s) for s in said],
        list(ranks),
        now,
    )
    children = [child for s in said for child in s.children]
    await db.execute(
        """
        UPDATE case_file c SET child_level = n.level, concerns = n.concerns::jsonb, age = coalesce(n.age, c.age)
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS n(case_id, level, concerns, age)
        WHERE c.case_id = n.case_id
        """,
        [child.case_id for child in children],
        [child.level for child in children],
        _json_lists(child.concerns for child in children),
        [age if type(age := child.facts.get("age")) is int else None for child in children],
    )


def _conflict_unit(said: RiskAssessed) -> str | None:
    units = (child.facts.get("conflict_unit") for child in said.children)
    return next((str(unit) for unit in units if unit not in (None, "unknown")), None)


@dataclass(slots=True)
class Roles:
    """The departments of one child's case, their masked referrals, and who leads and coordinates."""

    case_id: UUID
    family_id: UUID
    child_id: UUID
    departments: dict[str, str]
    masked: set[str] = field(default_factory=set)
    case_lead: str | None = None
    coordinator: str | None = None
    conflict_unit: str | None = None
    restricted: bool = False
    transfer_out: bool = False
    dispatched_at: datetime | None = None
    referrals: dict[str, str] = field(default_factory=dict)


async def load_roles(db: Connection, families: Iterable[UUID]) -> dict[UUID, list[Roles]]:
    """The children's files of these families, by family."""
    rows = await db.fetch(
        """
        SELECT case_id, family_id, child_id, departments, masked, case_lead, coordinator, conflict_unit, restricted,
               transfer_out, dispatched_at, referrals
        FROM case_file WHERE family_id = ANY($1::uuid[])
        """,
        list(families),
    )
    found: dict[UUID, list[Roles]] = {}
    for row in rows:
        values = {**row, "masked": set(row["masked"])}
        found.setdefault(row["family_id"], []).append(Roles(**values))
    return found


async def save_roles(db: Connection, roles: Sequence[Roles], now: datetime) -> None:
    """Write back what `load_roles` gave."""
    await db.execute(
        """
        UPDATE case_file c SET departments = n.departments, masked = n.masked::jsonb, case_lead = n.case_lead,
            coordinator = n.coordinator, conflict_unit = n.conflict_unit, restricted = n.restricted,
            transfer_out = n.transfer_out, dispatched_at = n.dispatched_at, referrals = n.referrals,
            version = c.version + 1, updated_at = $11
        FROM unnest($1::uuid[], $2::jsonb[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::bool[],
                    $9::timestamptz[], $10::jsonb[])
            AS n(case_id, departments, masked, case_lead, coordinator, conflict_unit, restricted, transfer_out,
                 dispatched_at, referrals)
        WHERE c.case_id = n.case_id
        """,
        [r.case_id for r in roles],
        [r.departments for r in roles],
        _json_lists(sorted(r.masked) for r in roles),
        [r.case_lead for r in roles],
        [r.coordinator for r in roles],
        [r.conflict_unit for r in roles],
        [r.restricted for r in roles],
        [r.transfer_out for r in roles],
        [r.dispatched_at for r in roles],
        [r.referrals for r in roles],
        now,
    )


async def close_families(db: Connection, closures: Sequence[CaseClosed], now: datetime) -> None:
    """Close all cases of these families, unless a report joined after the decision: that round goes on."""
    await db.execute(
        """
        UPDATE case_file c SET state = 'closed', closed_at = n.at, closure_reason = n.reason, version = c.version + 1,
            updated_at = $4
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS n(family_id, at, reason)
        WHERE c.family_id = n.family_id AND c.last_report_at <= n.at
        """,
        [c.case_id for c in closures],
        [c.at for c in closures],
        [c.reason for c in closures],
        now,
    )


async def keep_township(db: Connection, published: TownshipPublished) -> None:
    """Keep the newest structure of a township."""
    await db.execute(
        """
        INSERT INTO township (code, version, snapshot) VALUES ($1, $2, $3)
        ON CONFLICT (code) DO UPDATE SET version = excluded.version, snapshot = excluded.snapshot
        WHERE township.version < excluded.version
        """,
        published.township,
        published.version,
        published.model_dump(mode="json"),
    )


async def township(db: Connection, code: str) -> Any:
    """The newest structure of a township as it was published, or None."""
    return await db.fetchval("SELECT snapshot FROM township WHERE code = $1", code)


def as_uuid(text: str) -> UUID | None:
    """The text as an id, or None when it is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _json_lists(lists: Iterable[Sequence[Any]]) -> list[str]:
    # An array of lists would be taken for an array of more dimensions, so each travels as JSON text.
    return [orjson.dumps(one).decode() for one in lists]
