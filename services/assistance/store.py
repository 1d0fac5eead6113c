"""Tables and statements of assistance. A round is one row; visits, measures and closures are rows of their own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, MetaData, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from chassis.transaction import Connection
from services.assistance.domain.closure import HandOver, Ledger, Request, Survivor, Visit
from services.assistance.domain.rounds import Case, Child, Round, Task


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class RoundRow(Table, table=True):
    """One response of a case: its ledger and its plan. A reopening adds a row, the earlier ones stay."""

    __tablename__ = "case_round"

    case_id: UUID = Field(primary_key=True)
    response_no: int = Field(primary_key=True)
    case_number: str
    response_id: UUID | None
    township: str
    village: str | None
    group_code: str | None
    restricted: bool
    conflict_unit: str | None
    transfer_out: bool
    case_lead: str | None
    level: str
    highest_level: str
    computed_level: str
    score: int | None
    fired: list[Any] = Field(sa_type=JSONB)
    children: list[Any] = Field(sa_type=JSONB)
    policy_version: str
    started_at: datetime | None
    last_report_at: datetime | None
    safety_confirmed_at: datetime | None
    safety_basis: str | None
    seen_at: datetime | None
    written_at: datetime | None
    tasks: dict[str, Any] = Field(sa_type=JSONB)
    reports: dict[str, str] = Field(sa_type=JSONB)
    plan_id: UUID | None
    plan_level: str | None
    plan_opened_at: datetime | None
    plan_agreed_at: datetime | None
    conference_at: datetime | None
    attendees: list[Any] = Field(sa_type=JSONB)
    state: str
    closed_at: datetime | None
    version: int


class MeasureRow(Table, table=True):
    """One measure of a plan, with its owner and how it ended."""

    __tablename__ = "measure"
    __table_args__ = (
        Index("measure_of_case", "case_id", "response_no"),
        Index("measure_running", "case_id", "response_no", "code", unique=True, postgresql_where="state = 'open'"),
    )

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


class ClosureRow(Table, table=True):
    """One proposal to close: what was asked, who agreed, what was decided."""

    __tablename__ = "closure"
    __table_args__ = (
        Index("closure_waiting", "case_id", unique=True, postgresql_where="state = 'requested'"),
        Index("closure_of_case", "case_id", desc("proposed_at")),
    )

    closure_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    reason: str
    summary_note_id: UUID | None
    child_view_note_id: UUID | None
    guardian_view_note_id: UUID | None
    hand_over: dict[str, Any] = Field(sa_type=JSONB)
    proposed_by: dict[str, Any] = Field(sa_type=JSONB)
    proposed_at: datetime
    concurrences: dict[str, Any] = Field(sa_type=JSONB)
    state: str
    open_items: list[Any] = Field(sa_type=JSONB)
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None


def _insert(table: type[Table]) -> str:
    """Rows travel as one JSON list, since several columns are lists themselves."""
    names = ", ".join(table.model_fields)
    return (
        f"INSERT INTO {table.__tablename__} ({names}) "  # noqa: S608  our own names
        f"SELECT {names} FROM jsonb_populate_recordset(NULL::{table.__tablename__}, $1)"
    )


_SAVE_ROUNDS = f"{_insert(RoundRow)} ON CONFLICT (case_id, response_no) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in RoundRow.model_fields if name not in {"case_id", "response_no"}
)
_ADD_MEASURES, _ADD_VISITS, _ADD_CLOSURES = _insert(MeasureRow), _insert(VisitRow), _insert(ClosureRow)


# Cases ---------------------------------------------------------------------------------------------------------------


async def load_cases(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Case]:
    """The cases of these ids with all their rounds; a case nobody reported has none."""
    wanted = set(ids)
    rows = await db.fetch(
        "SELECT * FROM case_round WHERE case_id = ANY($1::uuid[]) ORDER BY case_id, response_no", list(wanted)
    )
    rounds: dict[UUID, list[Round]] = {case_id: [] for case_id in wanted}
    for row in rows:
        rounds[row["case_id"]].append(_round(dict(row)))
    return {case_id: Case(case_id, tuple(found)) for case_id, found in rounds.items()}


def _round(row: dict[str, Any]) -> Round:
    return Round(
        **{
            **row,
            "fired": tuple(row["fired"]),
            "attendees": tuple(row["attendees"]),
            "children": tuple(Child(UUID(c["child_id"]), c["age"], tuple(c["orders"])) for c in row["children"]),
            "tasks": {UUID(id_): Task(**task) for id_, task in row["tasks"].items()},
            "reports": {UUID(id_): state for id_, state in row["reports"].items()},
        }
    )


async def save_rounds(db: Connection, rounds: Sequence[Round]) -> None:
    """Write rounds as they are now. Their keys are locked by the caller."""
    if rounds:
        await db.execute(_SAVE_ROUNDS, [_round_row(round_) for round_ in rounds])


def _round_row(round_: Round) -> dict[str, Any]:
    return {
        **plain({field.name: getattr(round_, field.name) for field in fields(Round)}),
        "children": [plain(asdict(child)) for child in round_.children],
        "tasks": {str(id_): asdict(task) for id_, task in round_.tasks.items()},
        "reports": {str(id_): state for id_, state in round_.reports.items()},
    }


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Ids as text: the driver's own id type is not one the JSON encoder knows."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}


async def ledger(db: Connection, case: Case, ranks: Mapping[str, int], merged_into: UUID | None = None) -> Ledger:
    """Everything the closure guard weighs about the current round."""
    now = case.current
    rows = await db.fetch(
        """
        SELECT visit_id, visited_at, child_seen, in_person, satisfactory FROM visit
        WHERE case_id = $1 AND response_no = $2 ORDER BY visited_at, visit_id
        """,
        now.case_id,
        now.response_no,
    )
    running = await open_measures(db, now)
    ever = max((known.highest_level for known in case.rounds), key=lambda level: ranks.get(level, -1))
    survivor = await _survivor(db, now, merged_into) if merged_into is not None else None
    return Ledger(now, ever, tuple(Visit(**dict(row)) for row in rows), tuple(sorted(running)), survivor)


async def _survivor(db: Connection, now: Round, case_id: UUID) -> Survivor | None:
    row = await db.fetchrow(
        """
        SELECT state = 'open' AS open, level FROM case_round
        WHERE case_id = $1 AND township = $2 ORDER BY response_no DESC LIMIT 1
        """,
        case_id,
        now.township,
    )
    return None if row is None else Survivor(**dict(row))


# Measures and visits -------------------------------------------------------------------------------------------------


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


async def add_measures(db: Connection, rows: Sequence[MeasureRow]) -> None:
    """Keep agreed measures. Raises UniqueViolationError for one that runs already."""
    await db.execute(_ADD_MEASURES, [plain(row.model_dump()) for row in rows])


async def measure(db: Connection, round_: Round, measure_id: UUID) -> dict[str, Any] | None:
    """One measure of this round."""
    row = await db.fetchrow(
        "SELECT * FROM measure WHERE measure_id = $1 AND case_id = $2 AND response_no = $3",
        measure_id,
        round_.case_id,
        round_.response_no,
    )
    return None if row is None else dict(row)


async def finish_measure(
    db: Connection, measure_id: UUID, state: str, outcome: str, by: Mapping[str, Any], at: datetime
) -> None:
    """End a running measure."""
    await db.execute(
        """
        UPDATE measure SET state = $2, outcome = $3, finished_by = $4, finished_at = $5
        WHERE measure_id = $1 AND state = 'open'
        """,
        measure_id,
        state,
        outcome,
        by,
        at,
    )


async def add_visit(db: Connection, row: VisitRow) -> None:
    """Keep a visit. Raises UniqueViolationError when this one is kept already."""
    await db.execute(_ADD_VISITS, [plain(row.model_dump())])


# Closures ------------------------------------------------------------------------------------------------------------


async def add_closure(db: Connection, row: ClosureRow) -> None:
    """Keep a proposal to close. Raises UniqueViolationError when one is waiting."""
    await db.execute(_ADD_CLOSURES, [plain(row.model_dump())])


async def latest_closure(db: Connection, round_: Round) -> dict[str, Any] | None:
    """The newest proposal of this round, waiting or decided."""
    row = await db.fetchrow(
        "SELECT * FROM closure WHERE case_id = $1 AND response_no = $2 ORDER BY proposed_at DESC, closure_id LIMIT 1",
        round_.case_id,
        round_.response_no,
    )
    return None if row is None else dict(row)


async def concur(db: Connection, closure_id: UUID, party: str, by: Mapping[str, Any], at: datetime) -> None:
    """Record that a party agrees."""
    await db.execute(
        "UPDATE closure SET concurrences = concurrences || jsonb_build_object($2::text, $3::jsonb) WHERE closure_id = $1",
        closure_id,
        party,
        {"by": by, "at": at},
    )


async def decide_closure(
    db: Connection, closure_id: UUID, state: str, open_items: Sequence[str], by: Mapping[str, Any] | None, at: datetime
) -> None:
    """Record the decision on a waiting proposal."""
    await db.execute(
        """
        UPDATE closure SET state = $2, open_items = $3, decided_by = $4, decided_at = $5
        WHERE closure_id = $1 AND state = 'requested'
        """,
        closure_id,
        state,
        list(open_items),
        by,
        at,
    )


def request_of(row: Mapping[str, Any]) -> Request:
    """A stored proposal as the guard reads it."""
    stated = row["hand_over"]
    moment = stated.get("home_since")
    ids = {name: UUID(stated[name]) for name in ("receiving_authority_ack", "merged_into") if stated.get(name)}
    hand_over = HandOver(
        **{
            **stated,
            **ids,
            "pending": tuple(stated.get("pending", ())),
            "home_since": datetime.fromisoformat(moment) if moment else None,
        }
    )
    return Request(
        row["reason"], row["summary_note_id"], row["child_view_note_id"], row["guardian_view_note_id"], hand_over
    )
