"""The tables of intake's database. Personal data lies in the three `vault_` tables only, sealed; elsewhere ids and codes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class TownshipRow(Table, table=True):
    """The newest structure of a township."""

    __tablename__ = "township"

    code: str = Field(primary_key=True)
    version: int
    snapshot: dict[str, Any] = Field(sa_type=JSONB)


class CaseRow(Table, table=True):
    """A child's case file. `family_id` is the case of the family's first child: the key of all events of the family.

    `level` is the level in force (the family's response follows it), `child_level` this child's own.
    """

    __tablename__ = "case_file"
    __table_args__ = (
        Index("case_of_family", "family_id"),
        Index("case_feed", "township", "updated_at", "case_id"),
        Index("case_by_village", "village", "updated_at", "case_id"),
        Index("case_by_level", "township", "level", "updated_at", "case_id", postgresql_where="state = 'open'"),
    )

    case_id: UUID = Field(primary_key=True)
    case_number: str = Field(unique=True)
    family_id: UUID
    child_id: UUID
    township: str
    state: str
    response_no: int
    level: str | None
    child_level: str | None
    highest_level: str | None
    provisional: bool
    restricted: bool
    conflict_unit: str | None
    concerns: list[Any] = Field(sa_type=JSONB)
    age: int | None
    village: str | None
    group_code: str | None
    outside: bool
    transfer_out: bool
    case_lead: str | None
    coordinator: str | None
    departments: dict[str, str] = Field(sa_type=JSONB)
    masked: list[Any] = Field(sa_type=JSONB)
    referrals: dict[str, str] = Field(sa_type=JSONB)
    follows_case_id: UUID | None
    entered_by: str
    entered_at: datetime
    last_report_at: datetime
    dispatched_at: datetime | None
    closed_at: datetime | None
    closure_reason: str | None
    version: int
    updated_at: datetime


class ReportRow(Table, table=True):
    """A report as it was received: codes only. `children` holds the structured intake of each child.

    `recognised`: it named no case and joined one because of whom it is about (policy `duplicate_rule`).
    """

    __tablename__ = "report"
    __table_args__ = (Index("report_of_family", "family_id", "recorded_at"),)

    report_id: UUID = Field(primary_key=True)
    report_number: str = Field(unique=True)
    receipt_hash: bytes = Field(unique=True)
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
    children: list[Any] = Field(sa_type=JSONB)
    policy_version: str
    received_at: datetime
    recorded_at: datetime
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    dispatched_at: datetime | None
    feedback_at: datetime | None
    feedback_possible: bool | None
    duty_bearing: bool
    known_since: datetime | None
    unreported_by: list[Any] = Field(sa_type=JSONB)
    child_seen_at: datetime | None
    safe_at: datetime | None
    recognised: bool


class TimelineRow(Table, table=True):
    """One thing that happened to a family's case."""

    __tablename__ = "timeline_entry"
    __table_args__ = (Index("timeline_of_family", "family_id", "at", "arrival"),)

    arrival: int = Field(primary_key=True)
    family_id: UUID
    type: str
    at: datetime
    actor: dict[str, Any] = Field(sa_type=JSONB)
    codes: dict[str, Any] = Field(sa_type=JSONB)
    deadlines: list[Any] = Field(sa_type=JSONB)


class VaultKeyRow(Table, table=True):
    """The wrapped data key of a child or a reporter. Deleting it makes everything sealed with it unreadable."""

    __tablename__ = "vault_key"

    owner_id: UUID = Field(primary_key=True)
    key_version: int
    wrapped: bytes


class VaultChildRow(Table, table=True):
    """A sealed field of a child; the newest of a field counts, earlier ones stay."""

    __tablename__ = "vault_child"
    __table_args__ = (Index("vault_child_of_owner", "owner_id", "field", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    report_id: UUID
    field: str
    grade: str
    sealed: bytes
    recorded_at: datetime


class VaultTextRow(Table, table=True):
    """A sealed text: a report's narrative or a note. `family_id` is null for a contact that opened no case."""

    __tablename__ = "vault_text"
    __table_args__ = (Index("vault_text_of_case", "case_id", "kind", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    case_id: UUID | None
    report_id: UUID | None
    kind: str
    grade: str
    sealed: bytes
    recorded_at: datetime
    recorded_by: str


class VaultReporterRow(Table, table=True):
    """A sealed field of a reporter's identity (P1), apart from everything else."""

    __tablename__ = "vault_reporter"
    __table_args__ = (Index("vault_reporter_of_owner", "owner_id"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    report_id: UUID
    field: str
    sealed: bytes
    recorded_at: datetime


class BlindIndexRow(Table, table=True):
    """Keyed digests by case, as written before there were persons; `person_token` took their place."""

    __tablename__ = "blind_index"

    token: bytes = Field(primary_key=True)
    case_id: UUID = Field(primary_key=True)
    kind: str


class GrantRow(Table, table=True):
    """A named person's permission for secret fields: requested, then decided by a supervisor."""

    __tablename__ = "access_grant"
    __table_args__ = (Index("grant_of_case", "case_id", "account"),)

    grant_id: UUID = Field(primary_key=True)
    case_id: UUID
    account: str
    fields: list[Any] = Field(sa_type=JSONB)
    reason: str
    state: str
    requested_by: dict[str, Any] = Field(sa_type=JSONB)
    requested_at: datetime
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None
    expires_at: datetime | None


class ReviewRow(Table, table=True):
    """A file opened by break-glass, to be reviewed by a supervisor by `due_at` (policy `break_glass.review_limit`)."""

    __tablename__ = "access_review"
    __table_args__ = (Index("review_open", "township", "due_at", postgresql_where="state = 'open'"),)

    review_id: UUID = Field(primary_key=True)
    case_id: UUID
    township: str
    opened_by: dict[str, Any] = Field(sa_type=JSONB)
    opened_at: datetime
    fields: list[Any] = Field(sa_type=JSONB)
    reason: str
    due_at: datetime
    state: str
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None
