"""Tables of dispatch. Declared here for migrations and types; the statements over them stand beside."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class TownshipSnapshot(Table, table=True):
    """The newest published structure of a township."""

    __tablename__ = "township_snapshot"

    township: str = Field(primary_key=True)
    version: int
    body: dict[str, Any] = Field(sa_type=JSONB)


class ResponseRow(Table, table=True):
    """One round of one case. `body` holds what only the rules read: children, reporters, units, notices."""

    __tablename__ = "response"
    __table_args__ = (
        Index("response_open", "case_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("response_rounds", "case_id", "response_no"),
        Index("response_levels", "level", postgresql_where=text("state = 'open'")),
    )

    response_id: UUID = Field(primary_key=True)
    case_id: UUID
    case_number: str
    response_no: int
    report_id: UUID
    township: str
    village: str | None
    group_code: str | None
    zone: str | None
    outside: bool
    state: str
    level: str
    restricted: bool
    transfer_out: bool
    provisional: bool
    case_lead: str | None
    coordinator: str | None
    conflict_units: str
    guardian: str
    received_at: datetime
    dispatched_at: datetime
    first_contact_at: datetime | None
    safety_confirmed_at: datetime | None
    safety_basis: str | None
    closed_at: datetime | None
    entered_by: str | None
    policy_version: str
    body: dict[str, Any] = Field(sa_type=JSONB)


class ReferralRow(Table, table=True):
    """One department's part, with everything its queue shows and sorts by, so that a page is one index scan."""

    __tablename__ = "referral"
    __table_args__ = (
        Index("referral_queue", "organisation", "queue_at", "referral_id", postgresql_where=text("queued")),
        Index("referral_queue_all", "township", "queue_at", "referral_id", postgresql_where=text("queued")),
        Index("referral_feed", "organisation", "updated_at", "referral_id"),
        Index("referral_feed_all", "township", "updated_at", "referral_id"),
        Index("referral_response", "response_id"),
        Index("referral_case", "case_number"),
    )

    referral_id: UUID = Field(primary_key=True)
    response_id: UUID
    case_id: UUID
    case_number: str
    township: str
    department: str
    organisation: str
    village: str | None
    group_code: str | None
    role: str
    state: str
    level: str
    restricted: bool
    conflict_units: str
    masked: bool
    notice_post: str | None
    issued_at: datetime
    ack_due: datetime | None
    acknowledged_at: datetime | None
    completed_at: datetime | None
    outcome: str | None
    ended_reason: str | None
    acted_at: datetime | None
    returns: int
    buck_passing: bool
    return_reason: str | None
    proposed_department: str | None
    return_note_id: UUID | None
    urged_at: datetime | None
    next_step: str | None
    next_due_at: datetime | None
    next_deadline_id: UUID | None
    queued: bool
    queue_at: datetime
    body: dict[str, Any] = Field(sa_type=JSONB)
    version: int
    updated_at: datetime


class FinishedStep(Table, table=True):
    """A clock that was met or cancelled. Never changed: late stays late."""

    __tablename__ = "finished_step"
    __table_args__ = (
        Index("finished_of_response", "response_id"),
        Index("finished_feed", "township", "at", "deadline_id"),
    )

    deadline_id: UUID = Field(primary_key=True)
    response_id: UUID
    case_id: UUID
    township: str
    step: str
    organisation: str | None
    state: str
    at: datetime
    due_at: datetime
    late_seconds: int
    reason: str | None
    detail: dict[str, Any] = Field(sa_type=JSONB)


class ExtensionRow(Table, table=True):
    """A request for more time for one clock, and its decision."""

    __tablename__ = "deadline_extension"
    __table_args__ = (
        Index("extension_of_deadline", "deadline_id"),
        Index("extension_list", "township", "asked_at", "extension_id"),
    )

    extension_id: UUID = Field(primary_key=True)
    deadline_id: UUID
    response_id: UUID
    case_id: UUID
    township: str
    organisation: str | None
    referral_id: UUID | None
    step: str
    reason: str
    until: datetime
    due_before: datetime
    asked_by: dict[str, Any] = Field(sa_type=JSONB)
    asked_at: datetime
    note_id: UUID | None
    state: str
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None
    granted_until: datetime | None


class SupervisionRow(Table, table=True):
    """A supervision order of the township over one response."""

    __tablename__ = "supervision"
    __table_args__ = (
        Index("supervision_list", "township", "ordered_at", "supervision_id"),
        Index("supervision_of_response", "response_id"),
    )

    supervision_id: UUID = Field(primary_key=True)
    response_id: UUID
    case_id: UUID
    township: str
    level: str
    reply_due_at: datetime
    ordered_by: dict[str, Any] = Field(sa_type=JSONB)
    ordered_at: datetime
    note_id: UUID | None
    lifted_by: dict[str, Any] | None = Field(sa_type=JSONB)
    lifted_at: datetime | None


class SupervisionUnitRow(Table, table=True):
    """One organisation under an order, and its reply."""

    __tablename__ = "supervision_unit"
    __table_args__ = (Index("supervision_of_unit", "organisation"),)

    supervision_id: UUID = Field(primary_key=True)
    organisation: str = Field(primary_key=True)
    department: str
    deadline_id: UUID
    replied_by: dict[str, Any] | None = Field(sa_type=JSONB)
    replied_at: datetime | None
    late_seconds: int
    note_id: UUID | None
