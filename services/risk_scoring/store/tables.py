"""The tables of risk scoring. A case file is one row; an assessment is one row and never changes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, MetaData, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class RiskCase(Table, table=True):
    """The case file in its current round."""

    __tablename__ = "risk_case"
    __table_args__ = (
        Index("case_of_household", "household", postgresql_using="gin", postgresql_where="household <> '[]'"),
        Index("case_to_rescreen", "township", "case_id", postgresql_where="state = 'open'"),
    )

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
    household: list[Any] = Field(sa_type=JSONB)
    placements: dict[str, str] = Field(sa_type=JSONB)
    reviewed_at: datetime | None
    rescreened: str | None
    assessment_id: UUID | None
    version: int


class AssessmentRow(Table, table=True):
    """One assessment or level change: instrument, policy version, inputs, factor points, fired rules, who and when.

    `children` holds the assessments as announced; they include the inputs (policy `every_score_stores`). `reporters` are
    those the score knew of, `beside_red` the children who stood beside a RED child of another case before it was made.
    """

    __tablename__ = "assessment"
    __table_args__ = (
        Index("assessment_of_case", "case_id", desc("assessed_at"), desc("assessment_id")),
        Index("assessment_by_time", "assessed_at", "assessment_id"),
    )

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
    reporters: list[Any] = Field(sa_type=JSONB)
    beside_red: list[Any] = Field(sa_type=JSONB)


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


class ReassessmentRow(Table, table=True):
    """A reassessment that was called for, and what became of it. `due_at` is the newest; it only ever moved forward.

    `known_at` is when the trigger was known here; `alarmed` says that its own clock warns and repeats.
    """

    __tablename__ = "reassessment"
    __table_args__ = (
        Index("reassessment_open", "case_id", "trigger", unique=True, postgresql_where="state = 'open'"),
        Index("reassessment_due", "state", "due_at", "task_id"),
        Index("reassessment_of_case", "case_id", desc("opened_at")),
    )

    task_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    trigger: str
    known_at: datetime
    opened_at: datetime
    due_at: datetime
    provisional: bool
    level: str
    alarmed: bool
    policy_version: str
    state: str
    ended_at: datetime | None
    ended_by: dict[str, Any] | None = Field(sa_type=JSONB)
    assessment_id: UUID | None
    late_seconds: int | None


class SignalRow(Table, table=True):
    """What somebody reported of a case (policy `risk.reassessment.triggers`), coded."""

    __tablename__ = "signal"
    __table_args__ = (Index("signal_of_case", "case_id", desc("recorded_at")),)

    signal_id: UUID = Field(primary_key=True)
    case_id: UUID
    child_id: UUID | None
    kind: str
    at: datetime
    note_id: UUID | None
    task_id: UUID | None
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime


class RescreenRow(Table, table=True):
    """A township's rescreen of one month: how far it came and what it found."""

    __tablename__ = "rescreen"
    __table_args__ = (Index("rescreen_of_month", "township", "period", unique=True),)

    rescreen_id: UUID = Field(primary_key=True)
    township: str
    period: str
    policy_version: str
    total: int
    done: int
    raised: int
    lower: int
    tasks: int
    started_by: dict[str, Any] = Field(sa_type=JSONB)
    started_at: datetime
    finished_at: datetime | None
