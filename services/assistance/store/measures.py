"""Measures of a plan, and emergency services asked for before there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.measures import COARSE, Measure
from services.assistance.domain.rounds import Round
from services.assistance.store.tables import Table, insert_of, plain


class MeasureRow(Table, table=True):
    """One measure: who owns it, where it stands (`step`), and what closure counts (`state`: open, done, ended)."""

    __tablename__ = "measure"
    __table_args__ = (
        Index("measure_of_case", "case_id", "response_no"),
        Index(
            "measure_runs_once", "case_id", "response_no", "code", "beneficiary",
            text("coalesce(child_id, '00000000-0000-0000-0000-000000000000')"),
            unique=True, postgresql_where="state = 'open'",
        ),
        Index("measure_queue", "owner_department", "due_at", "measure_id", postgresql_where="state = 'open'"),
    )  # fmt: skip

    measure_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    code: str
    owner_department: str
    owner_reason: str | None
    beneficiary: str
    goal: str | None
    due_at: datetime | None
    agreed_at: datetime
    state: str
    outcome: str | None
    finished_at: datetime | None
    finished_by: dict[str, Any] | None = Field(sa_type=JSONB)
    step: str
    requested_by: dict[str, Any] = Field(sa_type=JSONB)
    child_id: UUID | None
    emergency: bool
    late_seconds: int
    reason: str | None
    note_id: UUID | None
    parties: dict[str, Any] = Field(sa_type=JSONB)
    receipts: dict[str, Any] = Field(sa_type=JSONB)
    every_days: int | None
    rounds_done: int
    papers_due_at: datetime | None
    papers_at: datetime | None
    unresolved_at: datetime | None
    ordered_at: datetime | None
    provider: str | None
    provider_state: str | None
    version: int


_SAVE = f"{insert_of(MeasureRow)} ON CONFLICT (measure_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in MeasureRow.model_fields if name != "measure_id"
)


def measure_of(row: Mapping[str, Any]) -> Measure:
    """A stored measure as a value."""
    found = {**row, "state": row["step"], "requested_at": row["agreed_at"]}
    return Measure(**{name: found[name] for name in Measure.__dataclass_fields__})


def _row(measure: Measure) -> dict[str, Any]:
    found = asdict(measure)
    coarse = COARSE[measure.state]
    return plain({**found, "step": found["state"], "state": coarse, "agreed_at": found["requested_at"]})


async def save_measures(db: Connection, measures: Sequence[Measure]) -> None:
    """Write measures as they are now. Raises UniqueViolationError for a new one that runs already."""
    if measures:
        await db.execute(_SAVE, [_row(measure) for measure in measures])


async def measures_of(db: Connection, round_: Round) -> list[Measure]:
    """All measures of a round, oldest first."""
    rows = await db.fetch(
        "SELECT * FROM measure WHERE case_id = $1 AND response_no = $2 ORDER BY agreed_at, code, measure_id",
        round_.case_id,
        round_.response_no,
    )
    return [measure_of(dict(row)) for row in rows]


async def find_measure(db: Connection, measure_id: UUID) -> Measure | None:
    """One measure."""
    row = await db.fetchrow("SELECT * FROM measure WHERE measure_id = $1", measure_id)
    return None if row is None else measure_of(dict(row))


async def open_measures(db: Connection, round_: Round) -> dict[str, str]:
    """The measures that run in this round: catalogue code and owner."""
    rows = await db.fetch(
        "SELECT code, owner_department FROM measure WHERE case_id = $1 AND response_no = $2 AND state = 'open'",
        round_.case_id,
        round_.response_no,
    )
    return {row["code"]: row["owner_department"] for row in rows}


async def measure_owners(db: Connection, round_: Round) -> frozenset[str]:
    """The departments that own or owned a measure of this round."""
    rows = await db.fetch(
        "SELECT DISTINCT owner_department FROM measure WHERE case_id = $1 AND response_no = $2",
        round_.case_id,
        round_.response_no,
    )
    return frozenset(row["owner_department"] for row in rows)


async def mark_unresolved(db: Connection, measure_id: UUID, at: datetime) -> None:
    """The longer limit passed without the measure being done."""
    await db.execute(
        "UPDATE measure SET unresolved_at = $2, version = version + 1 WHERE measure_id = $1 AND state = 'open'",
        measure_id,
        at,
    )
