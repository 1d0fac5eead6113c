"""Case files, assessments and proposals to lower a level.

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
        "risk_case",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("case_number", sa.Text, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False, comment="round of the case; a reopening starts the next"),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'closed')"), nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("village", sa.Text),
        sa.Column("group_code", sa.Text),
        sa.Column("level", sa.Text, nullable=False, comment="level in force"),
        sa.Column("computed_level", sa.Text, nullable=False, comment="what the instrument gives now"),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("case_lead", sa.Text),
        sa.Column("departments", JSONB, nullable=False, comment="department -> role, for access decisions"),
        sa.Column("reporters", JSONB, nullable=False, comment="kind and duty of everybody who reported this round"),
        sa.Column("children", JSONB, nullable=False, comment="merged structured intake per child, coded"),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("entered_by", sa.Text),
        sa.Column("entered_at", MOMENT, nullable=False),
        sa.Column("child_seen_at", MOMENT),
        sa.Column("overdue", JSONB, nullable=False, comment="care steps past their limit: deadline id -> step"),
        sa.Column("assessment_id", sa.Uuid, comment="latest assessment"),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "assessment",
        sa.Column("assessment_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("report_id", sa.Uuid),
        sa.Column("level_before", sa.Text),
        sa.Column("report_level", sa.Text, nullable=False),
        sa.Column("computed_level", sa.Text, nullable=False),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("mandated", sa.Boolean, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
        sa.Column("assessed_at", MOMENT, nullable=False),
        sa.Column("assessed_by", JSONB, nullable=False),
        sa.Column(
            "children", JSONB, nullable=False, comment="inputs, factor points, fired rules and reasons per child"
        ),
        sa.Column("evidence", sa.Text),
        sa.Column("reason_note_id", sa.Uuid),
        sa.Column("best_interest_note_id", sa.Uuid),
        sa.Column("proposal_id", sa.Uuid),
    )
    op.create_index(
        "assessment_of_case", "assessment", ["case_id", sa.text("assessed_at DESC"), sa.text("assessment_id DESC")]
    )
    op.create_table(
        "lowering",
        sa.Column("proposal_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("level_from", sa.Text, nullable=False),
        sa.Column("level_to", sa.Text, nullable=False),
        sa.Column("reason_note_id", sa.Uuid, nullable=False),
        sa.Column("best_interest_note_id", sa.Uuid, nullable=False),
        sa.Column("proposed_by", JSONB, nullable=False),
        sa.Column("proposer_posts", JSONB, nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column(
            "state",
            sa.Text,
            sa.CheckConstraint("state IN ('proposed', 'approved', 'declined', 'superseded')"),
            nullable=False,
        ),
        sa.Column("decided_by", JSONB),
        sa.Column("decided_at", MOMENT),
    )
    op.create_index(
        "lowering_open", "lowering", ["case_id"], unique=True, postgresql_where=sa.text("state = 'proposed'")
    )
    op.create_index("lowering_of_case", "lowering", ["case_id", sa.text("proposed_at DESC")])
