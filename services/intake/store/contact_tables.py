"""The tables of contacts beside cases. Codes only: numbers and words lie sealed in the vault under `reporter_id`,
`caller_id` or the child's key.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.intake.store.tables import Table


class ContactRow(Table, table=True):
    """A contact that opened no case, or one more about a case. One that came in as a report has the report's id."""

    __tablename__ = "contact"
    __table_args__ = (
        Index("contact_feed", "township", "received_at", "contact_id"),
        Index("contact_of_family", "family_id", "received_at"),
    )

    contact_id: UUID = Field(primary_key=True)
    contact_number: str = Field(unique=True)
    township: str
    kind: str
    channel: str
    village: str | None
    reporter_kind: str
    anonymous: bool
    reporter_id: UUID
    case_id: UUID | None
    family_id: UUID | None
    call_id: UUID | None
    note_id: UUID | None
    policy_version: str
    received_at: datetime
    recorded_at: datetime
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)


class CallRow(Table, table=True):
    """A call, text or letter offered to a line (S1, K1, K2)."""

    __tablename__ = "call_log"
    __table_args__ = (Index("call_feed", "township", "offered_at", "call_id"),)

    call_id: UUID = Field(primary_key=True)
    township: str
    channel: str
    medium: str | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    abandoned: bool
    contact_id: UUID | None
    caller_id: UUID
    policy_version: str
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    version: int


class CallbackRow(Table, table=True):
    """Somebody is to be called back. `late_seconds` is that of the first attempt and stays for ever."""

    __tablename__ = "callback"
    __table_args__ = (
        Index("callback_feed", "township", "state", "due_at", "callback_id"),
        Index("callback_of_contact", "contact_id"),
    )

    callback_id: UUID = Field(primary_key=True)
    township: str
    contact_id: UUID
    caller_id: UUID
    family_id: UUID | None
    reason: str
    state: str
    outcome: str | None
    report_id: UUID | None
    opened_at: datetime
    due_at: datetime
    attempts: list[Any] = Field(sa_type=JSONB)
    late_seconds: int
    settled_at: datetime | None
    settled_by: dict[str, Any] | None = Field(sa_type=JSONB)
    policy_version: str
    version: int


class TransferRow(Table, table=True):
    """A contact or case handed to another line or area; not finished before `acknowledged`."""

    __tablename__ = "transfer"
    __table_args__ = (
        Index("transfer_feed", "township", "sent_at", "transfer_id"),
        Index("transfer_of_family", "family_id"),
        Index("transfer_of_contact", "contact_id"),
    )

    transfer_id: UUID = Field(primary_key=True)
    township: str
    contact_id: UUID
    family_id: UUID | None
    direction: str
    receiver: str
    state: str
    reason: str | None
    receipt: str | None
    report_id: UUID | None
    sent_at: datetime
    sent_by: dict[str, Any] = Field(sa_type=JSONB)
    due_at: datetime
    decided_at: datetime | None
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    late_seconds: int
    policy_version: str
    version: int


class AmendmentRow(Table, table=True):
    """What was added to a report after its dispatch, in codes."""

    __tablename__ = "report_amendment"
    __table_args__ = (
        Index("amendment_of_report", "report_id", "recorded_at"),
        Index("amendment_of_family", "family_id", "recorded_at"),
    )

    amendment_id: UUID = Field(primary_key=True)
    report_id: UUID
    family_id: UUID
    response_no: int
    aspects: list[Any] = Field(sa_type=JSONB)
    children: list[Any] = Field(sa_type=JSONB)
    place: dict[str, Any] | None = Field(sa_type=JSONB)
    safe_until: datetime | None
    note_id: UUID | None
    recorded_at: datetime
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
