"""Persons across cases: keyed search tokens by person, relatives, households, joined records, possible duplicates.

Revision ID: 0002
Revises: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what makes one person of several cases."""
    op.create_index("case_of_child", "case_file", ["child_id"])
    recognised = must("recognised", sa.Boolean, server_default=sa.false(), comment="joined its case by duplicate_rule")
    op.add_column("report", recognised)
    op.create_table(
        "person_token",
        key("token", sa.LargeBinary),
        key("person_id", sa.Uuid),
        must("kind", sa.Text),
        comment="keyed digests by which a person is found",
    )
    op.execute(
        "INSERT INTO person_token (token, person_id, kind) "
        "SELECT DISTINCT ON (token, child_id) token, child_id, kind FROM blind_index JOIN case_file USING (case_id) "
        "ON CONFLICT DO NOTHING"
    )
    _relatives()
    _joins()


def _relatives() -> None:
    op.create_table(
        "relative",
        key("person_id", sa.Uuid, comment="owner of a data key of its own"),
        must("township", sa.Text),
        must("recorded_by", JSONB),
        must("recorded_at", MOMENT),
        comment="guardians and other relatives recorded as persons",
    )
    op.create_table(
        "vault_relative",
        key("id", sa.Uuid),
        must("owner_id", sa.Uuid),
        must("field", sa.Text),
        must("grade", sa.Text),
        must("sealed", sa.LargeBinary),
        must("recorded_at", MOMENT),
    )
    op.create_index("vault_relative_of_owner", "vault_relative", ["owner_id", "field", "recorded_at"])
    op.create_table(
        "household_member",
        key("member_id", sa.Uuid),
        must("family_id", sa.Uuid, comment="the case family the member was recorded with"),
        must("person_id", sa.Uuid, comment="a child or a relative"),
        must("relation", sa.Text),
        may("of_child", sa.Uuid, comment="the child it is a relation to; null: to every child of the family"),
        must("added_by", JSONB),
        must("added_at", MOMENT),
        may("ended_by", JSONB),
        may("ended_at", MOMENT),
    )
    op.create_index("household_member_of_family", "household_member", ["family_id"])
    op.create_index("household_member_of_person", "household_member", ["person_id"])
    op.create_table(
        "household_link",
        key("link_id", sa.Uuid),
        must("family_id", sa.Uuid),
        must("other_family_id", sa.Uuid),
        must("relation", sa.Text),
        may("note_id", sa.Uuid),
        must("linked_by", JSONB),
        must("linked_at", MOMENT),
        may("ended_by", JSONB),
        may("ended_at", MOMENT),
        comment="two case families live in one household",
    )
    op.create_index("household_link_of_family", "household_link", ["family_id"])
    op.create_index("household_link_of_other", "household_link", ["other_family_id"])


def _joins() -> None:
    op.create_table(
        "person_merge",
        key("merge_id", sa.Uuid),
        must("township", sa.Text),
        must("kept_id", sa.Uuid),
        must("merged_id", sa.Uuid, comment="reads as part of kept_id while undone_at is null"),
        may("note_id", sa.Uuid, comment="reason; null: joined by the system"),
        must("merged_by", JSONB),
        must("merged_at", MOMENT),
        may("undo_note_id", sa.Uuid),
        may("undone_by", JSONB),
        may("undone_at", MOMENT),
    )
    op.create_index(
        "person_merged_once", "person_merge", ["merged_id"], unique=True, postgresql_where=sa.text("undone_at IS NULL")
    )
    op.create_index("person_merge_into", "person_merge", ["kept_id"], postgresql_where=sa.text("undone_at IS NULL"))
    op.create_table(
        "possible_duplicate",
        key("duplicate_id", sa.Uuid),
        must("township", sa.Text),
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('same_child', 'same_household')"), nullable=False),
        must("child_id", sa.Uuid),
        must("family_id", sa.Uuid),
        must("other_id", sa.Uuid),
        must("other_family_id", sa.Uuid),
        must("score", sa.SmallInteger, comment="likeness in percent"),
        must("reasons", JSONB, comment="codes"),
        must("found_at", MOMENT),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'same', 'different')"), nullable=False),
        may("decided_by", JSONB),
        may("decided_at", MOMENT),
    )
    op.create_index("possible_duplicate_pair", "possible_duplicate", ["child_id", "other_id"], unique=True)
    op.create_index(
        "possible_duplicate_open",
        "possible_duplicate",
        ["township", "found_at", "duplicate_id"],
        postgresql_where=sa.text("state = 'open'"),
    )


MOMENT = sa.DateTime(timezone=True)


def key(name: str, kind: Any, **rest: Any) -> "sa.Column[Any]":
    """A column of the primary key."""
    return sa.Column(name, kind, primary_key=True, **rest)


def must(name: str, kind: Any, **rest: Any) -> "sa.Column[Any]":
    """A column that is never null."""
    return sa.Column(name, kind, nullable=False, **rest)


def may(name: str, kind: Any, **rest: Any) -> "sa.Column[Any]":
    """A column that may be null."""
    return sa.Column(name, kind, nullable=True, **rest)
