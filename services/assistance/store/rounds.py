"""Rounds: one row is one response of a case, its ledger and its plan."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.rounds import Case, Child, Round, Task
from services.assistance.store.tables import Table, insert_of, plain


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
    concerns_at: dict[str, Any] = Field(sa_type=JSONB)
    plan_id: UUID | None
    plan_level: str | None
    plan_opened_at: datetime | None
    plan_agreed_at: datetime | None
    conference_at: datetime | None
    attendees: list[Any] = Field(sa_type=JSONB)
    state: str
    closed_at: datetime | None
    duplicate_of: UUID | None
    version: int


_SAVE_ROUNDS = f"{insert_of(RoundRow)} ON CONFLICT (case_id, response_no) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in RoundRow.model_fields if name not in {"case_id", "response_no"}
)


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
            "children": tuple(_child(child) for child in row["children"]),
            "tasks": {UUID(id_): Task(**task) for id_, task in row["tasks"].items()},
            "reports": {UUID(id_): state for id_, state in row["reports"].items()},
            "concerns_at": {code: datetime.fromisoformat(at) for code, at in row["concerns_at"].items()},
        }
    )


def _child(stored: dict[str, Any]) -> Child:
    lists = {name: tuple(stored.get(name, ())) for name in ("orders", "concerns", "fired", "ever_fired")}
    return Child(**{**stored, **lists, "child_id": UUID(stored["child_id"])})


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
