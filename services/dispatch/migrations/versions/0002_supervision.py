"""Extensions, supervision orders, urges; indexes for pauses and for clocks that count days of a year not yet known.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what stands beside the clocks."""
    op.add_column("referral", sa.Column("urged_at", MOMENT, comment="when a supervisor last pressed for it"))
    _extensions()
    _supervisions()
    op.create_index(
        "response_with_pauses",
        "response",
        ["township", "response_id"],
        postgresql_where=sa.text("state = 'open' AND body ? 'pauses'"),
    )
    op.create_index(
        "deadline_provisional",
        "deadline",
        ["due_at", "id"],
        postgresql_where=sa.text("state = 'armed' AND (detail->>'provisional') = 'true'"),
    )


def _extensions() -> None:
    op.create_table(
        "deadline_extension",
        sa.Column("extension_id", sa.Uuid, primary_key=True),
        sa.Column("deadline_id", sa.Uuid, nullable=False),
        sa.Column("response_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, comment="the unit that owes the clock"),
        sa.Column("referral_id", sa.Uuid),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, comment="a code of the policy"),
        sa.Column("until", MOMENT, nullable=False, comment="the deadline asked for"),
        sa.Column("due_before", MOMENT, nullable=False),
        sa.Column("asked_by", JSONB, nullable=False, comment="ids"),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("note_id", sa.Uuid),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('asked', 'granted', 'refused')"), nullable=False),
        sa.Column("decided_by", JSONB, comment="ids"),
        sa.Column("decided_at", MOMENT),
        sa.Column("granted_until", MOMENT),
    )
    op.create_index("extension_of_deadline", "deadline_extension", ["deadline_id"])
    op.create_index("extension_list", "deadline_extension", ["township", "asked_at", "extension_id"])


def _supervisions() -> None:
    op.create_table(
        "supervision",
        sa.Column("supervision_id", sa.Uuid, primary_key=True),
        sa.Column("response_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False, comment="level when it was ordered"),
        sa.Column("reply_due_at", MOMENT, nullable=False),
        sa.Column("ordered_by", JSONB, nullable=False, comment="ids"),
        sa.Column("ordered_at", MOMENT, nullable=False),
        sa.Column("note_id", sa.Uuid),
        sa.Column("lifted_by", JSONB, comment="ids"),
        sa.Column("lifted_at", MOMENT),
    )
    op.create_index("supervision_list", "supervision", ["township", "ordered_at", "supervision_id"])
    op.create_index("supervision_of_response", "supervision", ["response_id"])
    op.create_table(
        "supervision_unit",
        sa.Column("supervision_id", sa.Uuid, primary_key=True),
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("deadline_id", sa.Uuid, nullable=False, comment="the clock of its reply"),
        sa.Column("replied_by", JSONB, comment="ids"),
        sa.Column("replied_at", MOMENT),
        sa.Column("late_seconds", sa.Integer, nullable=False, comment="stays for ever"),
        sa.Column("note_id", sa.Uuid),
    )
    op.create_index("supervision_of_unit", "supervision_unit", ["organisation"])
