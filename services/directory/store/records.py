"""Tables and statements of the programme: phases, what was held, appraisals, and open gaps of the rosters."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection, Transaction
from services.directory.domain.gaps import Gap, Known
from services.directory.domain.records import Appraisal, Record, RecordKind
from services.directory.store.tables import Table

_MOMENT = DateTime(timezone=True)


class ProgrammeRow(Table, table=True):
    """The phases of a township's programme, in place of the policy's."""

    __tablename__ = "programme"
    township: str = Field(primary_key=True)
    phases: list[Any] = Field(sa_type=JSONB)
    version: int


class RecordRow(Table, table=True):
    """A training, publicity or activity held."""

    __tablename__ = "programme_record"
    __table_args__ = (Index("programme_record_list", "township", "kind", "held_on", "id"),)
    id: UUID = Field(primary_key=True)
    township: str
    kind: str
    code: str | None
    topics: list[str] = Field(sa_type=JSONB)
    audience: str | None
    organiser: str
    villages: list[str] = Field(sa_type=JSONB)
    held_on: date
    headcount: int | None
    hotline_published: bool
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime = Field(sa_type=_MOMENT)


class AppraisalRow(Table, table=True):
    """A commendation or criticism. The words in it are about units and never about a child; they stay in this table."""

    __tablename__ = "appraisal"
    __table_args__ = (Index("appraisal_list", "township", "recorded_at", "id"),)
    id: UUID = Field(primary_key=True)
    township: str
    subject_kind: str
    subject: str
    answers: str
    sign: str
    ground: str
    period: str
    state: str
    reply_due_at: datetime | None = Field(sa_type=_MOMENT)
    remark: str | None
    reply: str | None
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime = Field(sa_type=_MOMENT)
    replied_by: dict[str, Any] | None = Field(sa_type=JSONB)
    replied_at: datetime | None = Field(sa_type=_MOMENT)
    settled_at: datetime | None = Field(sa_type=_MOMENT)
    version: int


class GapRow(Table, table=True):
    """An hour with nobody on duty or a vacant post, from when it was found until it was closed."""

    __tablename__ = "roster_gap"
    __table_args__ = (Index("roster_gap_of_township", "township", "found_at"),)
    id: UUID = Field(primary_key=True)
    township: str
    kind: str
    roster: str
    post: str | None
    starts_at: datetime | None = Field(sa_type=_MOMENT)
    ends_at: datetime | None = Field(sa_type=_MOMENT)
    found_at: datetime = Field(sa_type=_MOMENT)
    announced_at: datetime = Field(sa_type=_MOMENT)
    repeat_no: int
    closed_at: datetime | None = Field(sa_type=_MOMENT)


_RECORD = ", ".join(field.name for field in fields(Record))
_APPRAISAL = ", ".join(field.name for field in fields(Appraisal))
_GAP = "id, kind, roster, post, starts_at, ends_at, announced_at, repeat_no"


async def phases(db: Connection, township: str) -> tuple[list[Any] | None, int]:
    """The township's own phases with their version; None and 0 while the policy's hold."""
    row = await db.fetchrow("SELECT phases, version FROM programme WHERE township = $1", township)
    return (None, 0) if row is None else (row["phases"], row["version"])


async def save_phases(tx: Transaction, township: str, phases: list[Any]) -> int:
    """Put phases in place of what held; returns the new version. The township's key must be locked."""
    version: int = await tx.db.fetchval(
        """
        INSERT INTO programme (township, phases, version) VALUES ($1, $2, 1)
        ON CONFLICT (township) DO UPDATE SET phases = excluded.phases, version = programme.version + 1
        RETURNING version
        """,
        township,
        phases,
    )
    return version


async def add_record(tx: Transaction, record: Record) -> None:
    """Keep something that was held."""
    marks = ", ".join(f"${number + 1}" for number in range(len(fields(Record))))
    values = [getattr(record, field.name) for field in fields(Record)]
    await tx.db.execute(f"INSERT INTO programme_record ({_RECORD}) VALUES ({marks})", *values)  # noqa: S608 - our names


async def list_records(
    db: Connection, township: str, kind: RecordKind, year: int | None, *, after: tuple[str, UUID] | None, limit: int
) -> list[Record]:
    """What was held, newest first, of a year or all."""
    rows = await db.fetch(
        f"""
        SELECT {_RECORD} FROM programme_record
        WHERE township = $1 AND kind = $2
          AND held_on BETWEEN make_date(coalesce($3, 1), 1, 1) AND make_date(coalesce($3, 9999), 12, 31)
          AND ($4::date IS NULL OR (held_on, id) < ($4, $5::uuid))
        ORDER BY held_on DESC, id DESC LIMIT $6
        """,  # noqa: S608 - our names
        township,
        kind,
        year,
        date.fromisoformat(after[0]) if after else None,
        after[1] if after else None,
        limit,
    )
    return [Record(**dict(row)) for row in rows]


async def records_of_year(db: Connection, township: str, year: int) -> list[Record]:
    """Everything held in a year."""
    rows = await db.fetch(
        f"SELECT {_RECORD} FROM programme_record WHERE township = $1 AND held_on BETWEEN $2 AND $3",  # noqa: S608
        township,
        date(year, 1, 1),
        date(year, 12, 31),
    )
    return [Record(**dict(row)) for row in rows]


async def save_appraisal(tx: Transaction, appraisal: Appraisal) -> None:
    """Keep an appraisal, new or changed. The township's key must be locked."""
    await tx.db.execute(
        """
        INSERT INTO appraisal SELECT * FROM jsonb_populate_record(NULL::appraisal, $1::jsonb)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, reply = excluded.reply, replied_by = excluded.replied_by,
            replied_at = excluded.replied_at, settled_at = excluded.settled_at, version = excluded.version
        """,
        asdict(appraisal),
    )


async def find_appraisals(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Appraisal]:
    """The appraisals of those ids."""
    rows = await db.fetch(f"SELECT {_APPRAISAL} FROM appraisal WHERE id = ANY($1::uuid[])", ids)  # noqa: S608 - our names
    return {row["id"]: Appraisal(**dict(row)) for row in rows}


async def list_appraisals(
    db: Connection,
    township: str,
    period: str | None,
    subject: str | None,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Appraisal]:
    """Appraisals, newest first, of a period or a subject or all."""
    rows = await db.fetch(
        f"""
        SELECT {_APPRAISAL} FROM appraisal
        WHERE township = $1 AND period LIKE coalesce($2, '%') AND subject = coalesce($3, subject)
          AND ($4::timestamptz IS NULL OR (recorded_at, id) < ($4, $5::uuid))
        ORDER BY recorded_at DESC, id DESC LIMIT $6
        """,  # noqa: S608 - our names
        township,
        period,
        subject,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [Appraisal(**dict(row)) for row in rows]


async def appraisals_of_year(db: Connection, township: str, year: int) -> list[Appraisal]:
    """Every appraisal of a year's quarters."""
    rows = await db.fetch(
        f"SELECT {_APPRAISAL} FROM appraisal WHERE township = $1 AND period LIKE $2",  # noqa: S608 - our names
        township,
        f"{year}-Q_",
    )
    return [Appraisal(**dict(row)) for row in rows]


async def open_gaps(db: Connection, township: str) -> list[Known]:
    """The gaps announced and not yet closed, oldest first."""
    rows = await db.fetch(
        f"SELECT {_GAP} FROM roster_gap WHERE township = $1 AND closed_at IS NULL ORDER BY found_at, id",  # noqa: S608
        township,
    )
    return [
        Known(
            row["id"],
            Gap(row["kind"], row["roster"], row["post"], row["starts_at"], row["ends_at"]),
            row["announced_at"],
            row["repeat_no"],
        )
        for row in rows
    ]


async def gaps_of_year(db: Connection, township: str, year: int) -> dict[str, int]:
    """How many gaps were found in a year, by kind."""
    rows = await db.fetch(
        "SELECT kind, count(*) AS n FROM roster_gap WHERE township = $1 AND extract(year FROM found_at) = $2 GROUP BY kind",
        township,
        year,
    )
    return {row["kind"]: row["n"] for row in rows}


async def keep_gaps(tx: Transaction, township: str, announced: Sequence[Known], closed: Sequence[Known]) -> None:
    """Write what a look at the rosters changed. A gap that comes back is the old one, open again."""
    await tx.db.execute(
        """
        INSERT INTO roster_gap (id, township, kind, roster, post, starts_at, ends_at, found_at, announced_at, repeat_no)
        SELECT id, $1, kind, roster, post, starts_at, ends_at, announced_at, announced_at, repeat_no
        FROM jsonb_populate_recordset(NULL::roster_gap, $2::jsonb)
        ON CONFLICT (id) DO UPDATE SET ends_at = excluded.ends_at, announced_at = excluded.announced_at,
            repeat_no = excluded.repeat_no, closed_at = NULL
        """,
        township,
        [
            {**asdict(one.gap), "id": one.id, "announced_at": one.announced_at, "repeat_no": one.repeat_no}
            for one in announced
        ],
    )
    await tx.db.execute(
        "UPDATE roster_gap SET closed_at = $2 WHERE id = ANY($1::uuid[])", [one.id for one in closed], tx.now
    )
