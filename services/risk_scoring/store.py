"""Tables and statements of risk scoring. A case file is one row; an assessment is one row and never changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Index, MetaData, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from chassis.transaction import Connection
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from contracts.vocabulary import Reporter
from services.risk_scoring.case_file import CaseFile, Child


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class RiskCase(Table, table=True):
    """The case file in its current round."""

    __tablename__ = "risk_case"

    case_id: UUID = Field(primary_key=True)
    case_number: str
    response_no: int
    state: str
    township: str
    village: str | None
    group_code: str | None
    level: str
    computed_level: str
    restricted: bool
    provisional: bool
    case_lead: str | None
    departments: dict[str, str] = Field(sa_type=JSONB)
    reporters: list[Any] = Field(sa_type=JSONB)
    children: list[Any] = Field(sa_type=JSONB)
    policy_version: str
    received_at: datetime
    entered_by: str | None
    entered_at: datetime
    child_seen_at: datetime | None
    overdue: dict[str, str] = Field(sa_type=JSONB)
    assessment_id: UUID | None
    version: int


class AssessmentRow(Table, table=True):
    """One assessment or level change: instrument, policy version, inputs, factor points, fired rules, who and when.

    `children` holds the assessments as announced; they include the inputs (policy `every_score_stores`).
    """

    __tablename__ = "assessment"
    __table_args__ = (Index("assessment_of_case", "case_id", desc("assessed_at"), desc("assessment_id")),)

    assessment_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    cause: str
    report_id: UUID | None
    level_before: str | None
    report_level: str
    computed_level: str
    restricted: bool
    provisional: bool
    mandated: bool
    instrument: str
    policy_version: str
    effective_at: datetime
    assessed_at: datetime
    assessed_by: dict[str, Any] = Field(sa_type=JSONB)
    children: list[Any] = Field(sa_type=JSONB)
    evidence: str | None
    reason_note_id: UUID | None
    best_interest_note_id: UUID | None
    proposal_id: UUID | None


class LoweringRow(Table, table=True):
    """A proposal to lower the level, with the proposer's posts at that time, and what became of it."""

    __tablename__ = "lowering"
    __table_args__ = (
        Index("lowering_open", "case_id", unique=True, postgresql_where="state = 'proposed'"),
        Index("lowering_of_case", "case_id", desc("proposed_at")),
    )

    proposal_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    level_from: str
    level_to: str
    reason_note_id: UUID
    best_interest_note_id: UUID
    proposed_by: dict[str, Any] = Field(sa_type=JSONB)
    proposer_posts: list[Any] = Field(sa_type=JSONB)
    proposed_at: datetime
    state: str
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None


# Case files ------------------------------------------------------------------------------------------------------


def _insert(table: type[Table]) -> str:
    """Rows travel as one JSON list, since several columns are lists themselves."""
    names = ", ".join(table.model_fields)
    return (
        f"INSERT INTO {table.__tablename__} ({names}) "  # noqa: S608  our own names
        f"SELECT {names} FROM jsonb_populate_recordset(NULL::{table.__tablename__}, $1)"
    )


_SAVE_CASES = f"{_insert(RiskCase)} ON CONFLICT (case_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in RiskCase.model_fields if name != "case_id"
)
_ADD_ASSESSMENTS = _insert(AssessmentRow)


async def load_cases(db: Connection, ids: Iterable[UUID]) -> dict[UUID, CaseFile]:
    """The case files of these ids; an id nobody reported is left out."""
    rows = await db.fetch("SELECT * FROM risk_case WHERE case_id = ANY($1::uuid[])", list(ids))
    return {row["case_id"]: _case_file(dict(row)) for row in rows}


def _case_file(row: dict[str, Any]) -> CaseFile:
    return CaseFile(
        **{
            **row,
            "reporters": tuple(Reporter.model_validate(reporter) for reporter in row["reporters"]),
            "children": tuple(_child(child) for child in row["children"]),
        }
    )


def _child(plain: Mapping[str, Any]) -> Child:
    return Child(
        child_id=UUID(plain["child_id"]),
        case_id=UUID(plain["case_id"]),
        case_number=plain["case_number"],
        concerns=tuple(plain["concerns"]),
        facts=plain["facts"],
        answers=plain["answers"],
        level=plain["level"],
    )


async def save_cases(db: Connection, files: Sequence[CaseFile]) -> None:
    """Write case files as they are now. Their keys are locked by the caller."""
    if not files:
        return
    await db.execute(_SAVE_CASES, [_case_row(file) for file in files])


def _case_row(file: CaseFile) -> dict[str, Any]:
    return {
        **_plain({name: getattr(file, name) for name in RiskCase.model_fields}),
        "reporters": [reporter.model_dump() for reporter in file.reporters],
        "children": [_plain({name: getattr(child, name) for name in Child.__slots__}) for child in file.children],
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Ids as text: the driver's own id type is not one the JSON encoder knows."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}


# Assessments -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """An announced assessment with what a person gave for it: evidence code and notes, by id."""

    event: RiskAssessed
    level_before: str | None
    evidence: str | None = None
    reason_note_id: UUID | None = None
    best_interest_note_id: UUID | None = None
    proposal_id: UUID | None = None


async def add_assessments(db: Connection, records: Sequence[Recorded]) -> None:
    """Keep assessments for good."""
    if records:
        await db.execute(_ADD_ASSESSMENTS, [_assessment_row(record) for record in records])


def _assessment_row(record: Recorded) -> dict[str, Any]:
    event = record.event
    row = {
        **{name: getattr(event, name) for name in AssessmentRow.model_fields if hasattr(event, name)},
        "report_id": event.report.report_id if event.report else None,
        "assessed_by": event.assessed_by.model_dump(),
        "children": [child.model_dump(mode="json") for child in event.children],
        "level_before": record.level_before or None,
        "evidence": record.evidence,
        "reason_note_id": record.reason_note_id,
        "best_interest_note_id": record.best_interest_note_id,
        "proposal_id": record.proposal_id,
    }
    return _plain(row)


async def latest_children(db: Connection, assessment_id: UUID) -> tuple[ChildAssessment, ...]:
    """The children of one assessment, as they were announced."""
    plain = await db.fetchval("SELECT children FROM assessment WHERE assessment_id = $1", assessment_id)
    return tuple(ChildAssessment.model_validate_json(orjson.dumps(child)) for child in plain)


# Proposals to lower ------------------------------------------------------------------------------------------------


async def open_lowering(db: Connection, case_id: UUID) -> dict[str, Any] | None:
    """The proposal that waits for a decision, if any."""
    row = await db.fetchrow("SELECT * FROM lowering WHERE case_id = $1 AND state = 'proposed'", case_id)
    return None if row is None else dict(row)


async def lowering(db: Connection, case_id: UUID, proposal_id: UUID) -> dict[str, Any] | None:
    """One proposal of this case."""
    row = await db.fetchrow("SELECT * FROM lowering WHERE case_id = $1 AND proposal_id = $2", case_id, proposal_id)
    return None if row is None else dict(row)


async def add_lowering(db: Connection, row: LoweringRow) -> None:
    """Keep a proposal. Raises UniqueViolationError when one is already waiting."""
    await db.execute(
        """
        INSERT INTO lowering (proposal_id, case_id, response_no, level_from, level_to, reason_note_id,
                              best_interest_note_id, proposed_by, proposer_posts, proposed_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'proposed')
        """,
        row.proposal_id, row.case_id, row.response_no, row.level_from, row.level_to, row.reason_note_id,
        row.best_interest_note_id, row.proposed_by, row.proposer_posts, row.proposed_at,
    )  # fmt: skip


async def decide_lowering(
    db: Connection, proposal_id: UUID, state: str, by: Mapping[str, Any] | None, at: datetime
) -> None:
    """Record what became of a waiting proposal: approved, declined or superseded."""
    await db.execute(
        "UPDATE lowering SET state = $2, decided_by = $3, decided_at = $4 WHERE proposal_id = $1 AND state = 'proposed'",
        proposal_id,
        state,
        by,
        at,
    )


async def supersede_lowerings(db: Connection, case_ids: Sequence[UUID], at: datetime) -> None:
    """A level that moved, or a case that closed, makes a waiting proposal pointless: it named the old level."""
    if case_ids:
        await db.execute(
            """
            UPDATE lowering SET state = 'superseded', decided_at = $2
            WHERE case_id = ANY($1::uuid[]) AND state = 'proposed'
            """,
            list(case_ids),
            at,
        )
