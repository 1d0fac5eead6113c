"""Visits to the child: those made, those that failed, and those planned."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.rounds import Round
from services.assistance.domain.visits import Found, Owed, Planned
from services.assistance.store.tables import Table, insert_of, plain


class VisitRow(Table, table=True):
    """One visit to the child."""

    __tablename__ = "visit"
    __table_args__ = (Index("visit_of_case", "case_id", desc("visited_at"), desc("visit_id")),)

    visit_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    post: str
    visited_at: datetime
    child_seen: bool
    in_person: bool
    satisfactory: bool
    note_id: UUID | None
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime
    planned_visit_id: UUID | None
    heard_alone: bool | None
    not_heard_reason: str | None
    late_seconds: int


class VisitFailureRow(Table, table=True):
    """An attempt at which nobody was seen."""

    __tablename__ = "visit_failure"
    __table_args__ = (Index("visit_failure_of_case", "case_id", desc("attempted_at")),)

    failure_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    planned_visit_id: UUID | None
    post: str
    attempted_at: datetime
    failure: str
    failures_in_row: int
    welfare_check: bool
    note_id: UUID | None
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime


class PlannedVisitRow(Table, table=True):
    """A visit that somebody owes. One of a slot waits at a time: the next."""

    __tablename__ = "planned_visit"
    __table_args__ = (
        Index("planned_visit_once", "case_id", "slot", unique=True, postgresql_where="state = 'planned'"),
        Index("planned_visit_queue", "due_at", "planned_visit_id", postgresql_where="state = 'planned'"),
        Index("planned_visit_of_round", "case_id", "response_no", "slot"),
    )

    planned_visit_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    slot: str
    rule: str
    post: str
    department: str
    anchor_at: datetime
    due_at: datetime
    remote_allowed: bool
    about: UUID | None
    state: str
    planned_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    made_at: datetime | None
    made_in_person: bool


_ADD_VISITS, _ADD_FAILURES = insert_of(VisitRow), insert_of(VisitFailureRow)
_ADD_PLANNED = insert_of(PlannedVisitRow)
KEPT_PER_SLOT = 2
"""How many made visits of a slot the schedule looks back on (two of three may be remote)."""


# Made and failed -----------------------------------------------------------------------------------------------------


async def add_visit(db: Connection, row: VisitRow) -> None:
    """Keep a visit. Raises UniqueViolationError when this one is kept already."""
    await db.execute(_ADD_VISITS, [plain(row.model_dump())])


async def add_failure(db: Connection, row: VisitFailureRow) -> None:
    """Keep a failed attempt. Raises UniqueViolationError when this one is kept already."""
    await db.execute(_ADD_FAILURES, [plain(row.model_dump())])


async def sightings(db: Connection, case_id: UUID, response_no: int) -> list[datetime]:
    """When visits of this round saw the child."""
    rows = await db.fetch(
        "SELECT visited_at FROM visit WHERE case_id = $1 AND response_no = $2 AND child_seen", case_id, response_no
    )
    return [row["visited_at"] for row in rows]


async def failed_attempts(db: Connection, case_id: UUID, response_no: int) -> list[datetime]:
    """When attempts of this round failed."""
    rows = await db.fetch(
        "SELECT attempted_at FROM visit_failure WHERE case_id = $1 AND response_no = $2", case_id, response_no
    )
    return [row["attempted_at"] for row in rows]


# Planned -------------------------------------------------------------------------------------------------------------


async def planned_of(db: Connection, rounds: Iterable[tuple[UUID, int]]) -> dict[UUID, list[Planned]]:
    """By case, what the schedule asks of these rounds (case, number): open planned visits, and the last made ones."""
    wanted = list(rounds)
    rows = await db.fetch(
        """
        SELECT * FROM (
            SELECT p.*, row_number() OVER (PARTITION BY p.case_id, p.slot, p.state ORDER BY p.made_at DESC NULLS FIRST) AS nth
            FROM planned_visit p JOIN unnest($1::uuid[], $2::int[]) AS r(case_id, response_no) USING (case_id, response_no)
            WHERE p.state IN ('planned', 'done')
        ) AS known WHERE nth <= $3
        """,
        [case_id for case_id, _ in wanted],
        [number for _, number in wanted],
        KEPT_PER_SLOT,
    )
    found: dict[UUID, list[Planned]] = {case_id: [] for case_id, _ in wanted}
    for row in rows:
        found[row["case_id"]].append(planned(dict(row)))
    return found


async def visiting_departments(db: Connection, round_: Round) -> frozenset[str]:
    """The departments that owe or made visits of this round."""
    rows = await db.fetch(
        """
        SELECT DISTINCT department FROM planned_visit
        WHERE case_id = $1 AND response_no = $2 AND state IN ('planned', 'done')
        """,
        round_.case_id,
        round_.response_no,
    )
    return frozenset(row["department"] for row in rows)


async def planned_visit(db: Connection, case_id: UUID, response_no: int, planned_visit_id: UUID) -> Planned | None:
    """One planned visit of a round, in whatever state."""
    row = await db.fetchrow(
        "SELECT * FROM planned_visit WHERE planned_visit_id = $1 AND case_id = $2 AND response_no = $3",
        planned_visit_id,
        case_id,
        response_no,
    )
    return None if row is None else planned(dict(row))


def planned(row: Mapping[str, Any]) -> Planned:
    """A stored planned visit as the rules read it."""
    owed = Owed(**{name: row[name] for name in Owed.__dataclass_fields__})
    return Planned(row["planned_visit_id"], owed, row["state"], row["made_at"], row["made_in_person"])


async def add_planned(db: Connection, rows: Sequence[PlannedVisitRow]) -> None:
    """Keep planned visits. Raises UniqueViolationError when one of the slot waits already."""
    if rows:
        await db.execute(_ADD_PLANNED, [plain(row.model_dump()) for row in rows])


async def retire_planned(db: Connection, ended: Mapping[UUID, str], reason: str, at: datetime) -> None:
    """End planned visits without a visit: `cancelled`, or `missed` where it was due already."""
    if ended:
        await db.execute(
            """
            UPDATE planned_visit p SET state = e.state, ended_at = $3, end_reason = $4
            FROM unnest($1::uuid[], $2::text[]) AS e(id, state) WHERE p.planned_visit_id = e.id
            """,
            list(ended),
            list(ended.values()),
            at,
            reason,
        )


async def answer_planned(db: Connection, planned_visit_id: UUID, found: Found) -> None:
    """A planned visit was made."""
    await db.execute(
        """
        UPDATE planned_visit SET state = 'done', ended_at = $2, made_at = $2, made_in_person = $3
        WHERE planned_visit_id = $1
        """,
        planned_visit_id,
        found.visited_at,
        found.in_person,
    )
