"""The tables that make one person of several cases, and one household of several families."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.intake.store.tables import Table


class PersonTokenRow(Table, table=True):
    """A keyed digest by which a child or relative is found (`kind`: `domain.matching.KINDS`)."""

    __tablename__ = "person_token"

    token: bytes = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    kind: str


class RelativeRow(Table, table=True):
    """A guardian or other relative recorded as a person of its own; particulars lie in `vault_relative`."""

    __tablename__ = "relative"

    person_id: UUID = Field(primary_key=True)
    township: str
    recorded_by: dict[str, Any] = Field(sa_type=JSONB)
    recorded_at: datetime


class VaultRelativeRow(Table, table=True):
    """A sealed field of a relative; the newest counts."""

    __tablename__ = "vault_relative"
    __table_args__ = (Index("vault_relative_of_owner", "owner_id", "field", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    field: str
    grade: str
    sealed: bytes
    recorded_at: datetime


class HouseholdMemberRow(Table, table=True):
    """Somebody who belongs to the household of a case family, and how."""

    __tablename__ = "household_member"
    __table_args__ = (
        Index("household_member_of_family", "family_id"),
        Index("household_member_of_person", "person_id"),
    )

    member_id: UUID = Field(primary_key=True)
    family_id: UUID
    person_id: UUID
    relation: str
    of_child: UUID | None
    added_by: dict[str, Any] = Field(sa_type=JSONB)
    added_at: datetime
    ended_by: dict[str, Any] | None = Field(sa_type=JSONB)
    ended_at: datetime | None


class HouseholdLinkRow(Table, table=True):
    """Two case families that live in one household: their children are siblings, or household children (O7)."""

    __tablename__ = "household_link"
    __table_args__ = (
        Index("household_link_of_family", "family_id"),
        Index("household_link_of_other", "other_family_id"),
    )

    link_id: UUID = Field(primary_key=True)
    family_id: UUID
    other_family_id: UUID
    relation: str
    note_id: UUID | None
    linked_by: dict[str, Any] = Field(sa_type=JSONB)
    linked_at: datetime
    ended_by: dict[str, Any] | None = Field(sa_type=JSONB)
    ended_at: datetime | None


class PersonMergeRow(Table, table=True):
    """Two records of one child. Nothing is moved: `merged_id` reads as part of `kept_id` while `undone_at` is null.

    `note_id`: the reason somebody gave; null where a report was recognised and the system joined its new record.
    """

    __tablename__ = "person_merge"
    __table_args__ = (
        Index("person_merged_once", "merged_id", unique=True, postgresql_where="undone_at IS NULL"),
        Index("person_merge_into", "kept_id", postgresql_where="undone_at IS NULL"),
    )

    merge_id: UUID = Field(primary_key=True)
    township: str
    kept_id: UUID
    merged_id: UUID
    note_id: UUID | None
    merged_by: dict[str, Any] = Field(sa_type=JSONB)
    merged_at: datetime
    undo_note_id: UUID | None
    undone_by: dict[str, Any] | None = Field(sa_type=JSONB)
    undone_at: datetime | None


class PossibleDuplicateRow(Table, table=True):
    """Two records that may be one child, or two children of one household: for a person to decide."""

    __tablename__ = "possible_duplicate"
    __table_args__ = (
        Index("possible_duplicate_pair", "child_id", "other_id", unique=True),
        Index("possible_duplicate_open", "township", "found_at", "duplicate_id", postgresql_where="state = 'open'"),
    )

    duplicate_id: UUID = Field(primary_key=True)
    township: str
    kind: str
    child_id: UUID
    family_id: UUID
    other_id: UUID
    other_family_id: UUID
    score: int
    reasons: list[Any] = Field(sa_type=JSONB)
    found_at: datetime
    state: str
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None
