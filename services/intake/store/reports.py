"""Reports and what they leave in the vault, each table in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.intake.store.writing import Insert
from services.intake.vault import DataKey


@dataclass(frozen=True, slots=True)
class Serials:
    """Numbers drawn for one report. `areas_version` tells whether the township's structure has changed; None: unknown yet."""

    areas_version: int | None
    report: int
    cases: Sequence[int]


async def draw_serials(db: Connection, township: str, cases: int, marks: Iterable[bytes] = ()) -> Serials:
    """Draw the numbers of a report and of its new cases; a rollback leaves a gap, never a repeat.

    `marks` are held until commit: of two reports on one child at the same moment the later one finds the earlier one's
    case. They are taken before any case is looked for, in order, and before any family's lock.
    """
    row = await db.fetchrow(
        """
        SELECT (SELECT version FROM township WHERE code = $1) AS areas_version, nextval('report_serial') AS report,
               ARRAY(SELECT nextval('case_serial') FROM generate_series(1, $2)) AS cases,
               (SELECT count(pg_advisory_xact_lock(mark)) FROM unnest($3::bigint[]) AS mark) AS held
        """,
        township,
        cases,
        sorted({int.from_bytes(mark[:8], signed=True) for mark in marks}),
    )
    assert row is not None
    return Serials(row["areas_version"], row["report"], row["cases"])


async def draw_case_serials(db: Connection, cases: int) -> Sequence[int]:
    """Draw the numbers of further cases."""
    drawn: Sequence[int] = await db.fetchval(
        "SELECT ARRAY(SELECT nextval('case_serial') FROM generate_series(1, $1))", cases
    )
    return drawn


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report to be kept, in the order of the table's columns."""

    report_id: UUID
    report_number: str
    receipt_hash: bytes
    township: str
    family_id: UUID | None
    response_no: int | None
    disposition: str
    channel: str
    reporter_kind: str
    mandated: bool
    anonymous: bool
    reporter_id: UUID
    village: str | None
    group_code: str | None
    outside: bool
    children: Any
    policy_version: str
    received_at: datetime
    recorded_at: datetime
    recorded_by: Any
    duty_bearing: bool
    known_since: datetime | None
    unreported_by: Sequence[str]
    recognised: bool = False


_REPORT_COLUMNS = tuple(NewReport.__dataclass_fields__)
_INSERT_REPORT = (
    f"INSERT INTO report ({', '.join(_REPORT_COLUMNS)}) "  # noqa: S608  the names of our own columns
    f"VALUES ({', '.join(f'${n}' for n in range(1, len(_REPORT_COLUMNS) + 1))})"
)


def add_report(report: NewReport) -> Insert:
    """Keep a report. Raises UniqueViolationError when the same command was carried out before."""
    return Insert(_INSERT_REPORT, tuple(getattr(report, name) for name in _REPORT_COLUMNS))


async def mark_dispatched(db: Connection, reports: Sequence[tuple[UUID, datetime]]) -> None:
    """The response to these reports is out."""
    await db.execute(
        """
        UPDATE report r SET dispatched_at = coalesce(r.dispatched_at, n.at)
        FROM unnest($1::uuid[], $2::timestamptz[]) AS n(report_id, at) WHERE r.report_id = n.report_id
        """,
        [report_id for report_id, _ in reports],
        [at for _, at in reports],
    )


async def mark_feedback(db: Connection, given: Sequence[tuple[UUID, datetime, bool]]) -> None:
    """The reporters of these reports were told the result, or cannot be."""
    await db.execute(
        """
        UPDATE report r SET feedback_at = n.at, feedback_possible = n.possible
        FROM unnest($1::uuid[], $2::timestamptz[], $3::bool[]) AS n(report_id, at, possible)
        WHERE r.report_id = n.report_id
        """,
        [report_id for report_id, _, _ in given],
        [at for _, at, _ in given],
        [possible for _, _, possible in given],
    )


async def mark_child_seen(db: Connection, seen: Sequence[tuple[UUID, datetime]]) -> None:
    """The child of these families was seen: what those learn who had reported before, in the round that runs."""
    await _mark_progress(db, "child_seen_at", seen)


async def mark_safe(db: Connection, safe: Sequence[tuple[UUID, datetime]]) -> None:
    """The children of these families are safe."""
    await _mark_progress(db, "safe_at", safe)


async def _mark_progress(db: Connection, column: str, reached: Sequence[tuple[UUID, datetime]]) -> None:
    if not reached:
        return
    await db.execute(
        f"""
        UPDATE report r SET {column} = n.at
        FROM unnest($1::uuid[], $2::timestamptz[]) AS n(family_id, at) JOIN case_file c ON c.case_id = n.family_id
        WHERE r.family_id = n.family_id AND r.response_no = c.response_no AND r.{column} IS NULL
          AND r.received_at <= n.at
        """,  # noqa: S608  a name of our own
        [family_id for family_id, _ in reached],
        [at for _, at in reached],
    )


# The vault ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed value on its way into one of the vault's tables. `kind` is the field, or the kind of a text."""

    id: UUID
    owner_id: UUID
    kind: str
    grade: str
    sealed: bytes
    case_id: UUID | None = None


def add_keys(keys: Sequence[DataKey]) -> Insert | None:
    """Keep new data keys, wrapped."""
    if not keys:
        return None
    sql = "INSERT INTO vault_key (owner_id, key_version, wrapped) SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[])"
    return Insert(sql, ([key.owner for key in keys], [key.version for key in keys], [key.wrapped for key in keys]))


def add_child_fields(report_id: UUID, values: Sequence[Sealed], at: datetime) -> Insert | None:
    """Keep fields of children."""
    if not values:
        return None
    sql = """
        INSERT INTO vault_child (id, owner_id, field, grade, sealed, report_id, recorded_at)
        SELECT n.*, $6, $7 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[]) AS n
        """
    return Insert(sql, (*_columns(values), report_id, at))


def add_texts(report_id: UUID | None, values: Sequence[Sealed], recorded_by: str, at: datetime) -> Insert | None:
    """Keep narratives or a note."""
    if not values:
        return None
    sql = """
        INSERT INTO vault_text (id, owner_id, kind, grade, sealed, case_id, report_id, recorded_by, recorded_at)
        SELECT n.*, $7, $8, $9
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::uuid[]) AS n
        """
    return Insert(sql, (*_columns(values), [value.case_id for value in values], report_id, recorded_by, at))


def add_reporter_fields(report_id: UUID, values: Sequence[Sealed], at: datetime) -> Insert | None:
    """Keep a reporter's identity, apart."""
    if not values:
        return None
    sql = """
        INSERT INTO vault_reporter (id, owner_id, field, sealed, report_id, recorded_at)
        SELECT n.id, n.owner_id, n.field, n.sealed, $6, $7
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[])
            AS n(id, owner_id, field, grade, sealed)
        """
    return Insert(sql, (*_columns(values), report_id, at))


def _columns(values: Sequence[Sealed]) -> tuple[list[Any], ...]:
    return (
        [value.id for value in values],
        [value.owner_id for value in values],
        [value.kind for value in values],
        [value.grade for value in values],
        [value.sealed for value in values],
    )


async def wrapped_keys(db: Connection, owners: Iterable[UUID]) -> dict[UUID, tuple[int, bytes]]:
    """The stored data keys of these owners: version and wrapped key."""
    rows = await db.fetch("SELECT * FROM vault_key WHERE owner_id = ANY($1::uuid[])", list(owners))
    return {row["owner_id"]: (row["key_version"], row["wrapped"]) for row in rows}
