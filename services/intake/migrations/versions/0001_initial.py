"""Reports, case files, timeline, the vault, grants and reviews.

Revision ID: 0001
Revises:
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import engine_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the engine's tables and this service's own."""
    engine_v1(op)
    op.execute("CREATE SEQUENCE case_serial")
    op.execute("CREATE SEQUENCE report_serial")
    _files()
    _vault()
    _supervision()


def _files() -> None:
    op.create_table("township", key("code", sa.Text), must("version", sa.Integer), must("snapshot", JSONB))
    op.create_table(
        "case_file",
        key("case_id", sa.Uuid),
        must("case_number", sa.Text, unique=True),
        must("family_id", sa.Uuid, comment="case of the family's first child; key of the family's events"),
        must("child_id", sa.Uuid),
        must("township", sa.Text),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'closed')"), nullable=False),
        must("response_no", sa.Integer),
        may("level", sa.Text, comment="level in force; null until scored"),
        may("child_level", sa.Text, comment="this child's own level"),
        may("highest_level", sa.Text),
        must("provisional", sa.Boolean),
        must("restricted", sa.Boolean),
        may("conflict_unit", sa.Text),
        must("concerns", JSONB),
        may("age", sa.Integer, comment="full years on the day of the latest report"),
        may("village", sa.Text),
        may("group_code", sa.Text),
        must("outside", sa.Boolean),
        must("transfer_out", sa.Boolean),
        may("case_lead", sa.Text),
        may("coordinator", sa.Text),
        must("departments", JSONB, comment="department -> role for this child, for access decisions"),
        must("masked", JSONB, comment="departments whose referral is masked"),
        may("follows_case_id", sa.Uuid, comment="earlier closed case of the same child"),
        must("entered_by", sa.Text),
        must("entered_at", MOMENT),
        must("last_report_at", MOMENT),
        may("dispatched_at", MOMENT),
        may("closed_at", MOMENT),
        may("closure_reason", sa.Text),
        must("version", sa.Integer),
        must("updated_at", MOMENT),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("case_of_family", "case_file", ["family_id"])
    op.create_index("case_feed", "case_file", ["township", "updated_at", "case_id"])
    op.create_index("case_by_village", "case_file", ["village", "updated_at", "case_id"])
    op.create_index(
        "case_by_level",
        "case_file",
        ["township", "level", "updated_at", "case_id"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "report",
        key("report_id", sa.Uuid),
        must("report_number", sa.Text, unique=True),
        must("receipt_hash", sa.LargeBinary, unique=True, comment="digest of the reporter's query code"),
        must("township", sa.Text),
        may("family_id", sa.Uuid, comment="null: the contact opened no case"),
        may("response_no", sa.Integer),
        must("disposition", sa.Text),
        must("channel", sa.Text),
        must("reporter_kind", sa.Text),
        must("mandated", sa.Boolean),
        must("anonymous", sa.Boolean),
        must("reporter_id", sa.Uuid, comment="owner of the reporter's data key"),
        may("village", sa.Text),
        may("group_code", sa.Text),
        must("outside", sa.Boolean),
        must("children", JSONB, comment="structured intake per child, coded"),
        must("policy_version", sa.Text),
        must("received_at", MOMENT),
        must("recorded_at", MOMENT),
        must("recorded_by", JSONB),
        may("dispatched_at", MOMENT),
        may("feedback_at", MOMENT),
        may("feedback_possible", sa.Boolean),
    )
    op.create_index("report_of_family", "report", ["family_id", "recorded_at"])
    op.create_table(
        "timeline_entry",
        sa.Column("arrival", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        must("family_id", sa.Uuid),
        must("type", sa.Text),
        must("at", MOMENT),
        must("actor", JSONB),
        must("codes", JSONB),
        must("deadlines", JSONB),
    )
    op.create_index("timeline_of_family", "timeline_entry", ["family_id", "at", "arrival"])


def _vault() -> None:
    op.create_table(
        "vault_key",
        key("owner_id", sa.Uuid, comment="child or reporter"),
        must("key_version", sa.SmallInteger, comment="version of the master key that wraps it"),
        must("wrapped", sa.LargeBinary),
    )
    op.create_table(
        "vault_child",
        key("id", sa.Uuid),
        must("owner_id", sa.Uuid),
        must("report_id", sa.Uuid),
        must("field", sa.Text),
        must("grade", sa.Text),
        must("sealed", sa.LargeBinary),
        must("recorded_at", MOMENT),
    )
    op.create_index("vault_child_of_owner", "vault_child", ["owner_id", "field", "recorded_at"])
    op.create_table(
        "vault_text",
        key("id", sa.Uuid),
        must("owner_id", sa.Uuid),
        may("case_id", sa.Uuid),
        may("report_id", sa.Uuid),
        must("kind", sa.Text),
        must("grade", sa.Text),
        must("sealed", sa.LargeBinary),
        must("recorded_at", MOMENT),
        must("recorded_by", sa.Text),
    )
    op.create_index("vault_text_of_case", "vault_text", ["case_id", "kind", "recorded_at"])
    op.create_table(
        "vault_reporter",
        key("id", sa.Uuid),
        must("owner_id", sa.Uuid),
        must("report_id", sa.Uuid),
        must("field", sa.Text),
        must("sealed", sa.LargeBinary),
        must("recorded_at", MOMENT),
    )
    op.create_index("vault_reporter_of_owner", "vault_reporter", ["owner_id"])
    op.create_table(
        "blind_index",
        key("token", sa.LargeBinary),
        key("case_id", sa.Uuid),
        must("kind", sa.Text),
        comment="keyed digests of searchable values",
    )


def _supervision() -> None:
    op.create_table(
        "access_grant",
        key("grant_id", sa.Uuid),
        must("case_id", sa.Uuid),
        must("account", sa.Text, comment="who may read"),
        must("fields", JSONB),
        must("reason", sa.Text, comment="code, or id of a note"),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('requested', 'granted', 'refused')"), nullable=False),
        must("requested_by", JSONB),
        must("requested_at", MOMENT),
        may("decided_by", JSONB),
        may("decided_at", MOMENT),
        may("expires_at", MOMENT),
    )
    op.create_index("grant_of_case", "access_grant", ["case_id", "account"])
    op.create_table(
        "access_review",
        key("review_id", sa.Uuid),
        must("case_id", sa.Uuid),
        must("township", sa.Text),
        must("opened_by", JSONB),
        must("opened_at", MOMENT),
        must("fields", JSONB),
        must("reason", sa.Text, comment="code, or id of a note"),
        must("due_at", MOMENT),
        sa.Column(
            "state", sa.Text, sa.CheckConstraint("state IN ('open', 'justified', 'unjustified')"), nullable=False
        ),
        may("decided_by", JSONB),
        may("decided_at", MOMENT),
    )
    op.create_index("review_open", "access_review", ["township", "due_at"], postgresql_where=sa.text("state = 'open'"))


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
