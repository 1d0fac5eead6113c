"""The delivery ledger, and what notification remembers of townships and cases.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import engine_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the engine's tables and this service's own."""
    engine_v1(op)
    op.create_table(
        "township_snapshot",
        sa.Column("township", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", JSONB, nullable=False, comment="township.published as announced: codes and staff ids"),
    )
    op.create_table(
        "told_case",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("case_number", sa.Text, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("highest_level", sa.Text, nullable=False),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("conflict_unit", sa.Text),
        sa.Column("village", sa.Text),
        sa.Column("group_code", sa.Text),
        sa.Column("case_lead", sa.Text),
        sa.Column("coordinator", sa.Text),
        sa.Column("roles", JSONB, nullable=False, comment="department -> role"),
        sa.Column("organisations", JSONB, nullable=False, comment="department -> organisations"),
        sa.Column("referrals", JSONB, nullable=False, comment="referral id -> organisation"),
        sa.Column("withdrawn", JSONB, nullable=False, comment="departments that must not know the case any more"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("notice_id", sa.Uuid, nullable=False, comment="one notice may go out by several channels"),
        sa.Column("case_id", sa.Uuid),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("cause_event_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False, comment="why this recipient: policy key, step or routing rule"),
        sa.Column("recipient_kind", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False, comment="staff id, organisation or outside body code"),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("masked", sa.Boolean, nullable=False, comment="the recipient must not learn which case"),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("urgency", sa.SmallInteger, nullable=False, comment="rank of the level; the highest goes out first"),
        sa.Column(
            "state",
            sa.Text,
            sa.CheckConstraint("state IN ('pending', 'sent', 'failed', 'seen')"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_attempt_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        sa.Column("seen_at", MOMENT),
        sa.Column("seen_by", sa.Text),
        sa.Column("digest_id", sa.Uuid, comment="went out inside this other delivery"),
        sa.Column("error_code", sa.Text),
    )
    op.create_index(
        "delivery_pending",
        "delivery",
        [sa.text("urgency DESC"), "created_at", "id"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "delivery_inbox",
        "delivery",
        ["recipient_kind", "recipient", sa.text("(state = 'seen')"), sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("channel = 'app'"),
    )
    op.create_index("delivery_of_case", "delivery", ["case_id", sa.text("created_at DESC"), sa.text("id DESC")])
