"""Rounds, measures, visits and closures.

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
        "case_round",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("response_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_number", sa.Text, nullable=False),
        sa.Column("response_id", sa.Uuid),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("village", sa.Text),
        sa.Column("group_code", sa.Text),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("conflict_unit", sa.Text),
        sa.Column("transfer_out", sa.Boolean, nullable=False),
        sa.Column("case_lead", sa.Text),
        sa.Column("level", sa.Text, nullable=False, comment="level in force; empty until scoring spoke"),
        sa.Column("highest_level", sa.Text, nullable=False),
        sa.Column("computed_level", sa.Text, nullable=False),
        sa.Column("score", sa.Integer, comment="highest child's score of the latest assessment"),
        sa.Column("fired", JSONB, nullable=False, comment="rules that hold in the latest assessment"),
        sa.Column("children", JSONB, nullable=False, comment="age at receipt and orders in force per child"),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("last_report_at", MOMENT),
        sa.Column("safety_confirmed_at", MOMENT, comment="anchor of the observation period"),
        sa.Column("safety_basis", sa.Text),
        sa.Column("seen_at", MOMENT, comment="last time the child was seen in person"),
        sa.Column("written_at", MOMENT, comment="last signed written assessment"),
        sa.Column("tasks", JSONB, nullable=False, comment="referrals by id: department, role, state, outcome"),
        sa.Column("reports", JSONB, nullable=False, comment="reports by id: feedback owed, given or impossible"),
        sa.Column("plan_id", sa.Uuid),
        sa.Column("plan_level", sa.Text),
        sa.Column("plan_opened_at", MOMENT),
        sa.Column("plan_agreed_at", MOMENT),
        sa.Column("conference_at", MOMENT),
        sa.Column("attendees", JSONB, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'closed')"), nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "measure",
        sa.Column("measure_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("owner_department", sa.Text, nullable=False),
        sa.Column("owner_reason", sa.Text),
        sa.Column("beneficiary", sa.Text, nullable=False),
        sa.Column("goal", sa.Text),
        sa.Column("due_at", MOMENT),
        sa.Column("agreed_at", MOMENT, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'done', 'ended')"), nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("finished_at", MOMENT),
        sa.Column("finished_by", JSONB),
    )
    op.create_index("measure_of_case", "measure", ["case_id", "response_no"])
    running = sa.text("state = 'open'")
    op.create_index(
        "measure_running", "measure", ["case_id", "response_no", "code"], unique=True, postgresql_where=running
    )
    op.create_table(
        "visit",
        sa.Column("visit_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("post", sa.Text, nullable=False),
        sa.Column("visited_at", MOMENT, nullable=False),
        sa.Column("child_seen", sa.Boolean, nullable=False),
        sa.Column("in_person", sa.Boolean, nullable=False),
        sa.Column("satisfactory", sa.Boolean, nullable=False),
        sa.Column("note_id", sa.Uuid),
        sa.Column("recorded_by", JSONB, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )
    op.create_index("visit_of_case", "visit", ["case_id", sa.text("visited_at DESC"), sa.text("visit_id DESC")])
    op.create_table(
        "closure",
        sa.Column("closure_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("summary_note_id", sa.Uuid),
        sa.Column("child_view_note_id", sa.Uuid),
        sa.Column("guardian_view_note_id", sa.Uuid),
        sa.Column("hand_over", JSONB, nullable=False, comment="what the proposer stated, coded"),
        sa.Column("proposed_by", JSONB, nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("concurrences", JSONB, nullable=False, comment="party -> who and when"),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('requested', 'closed', 'refused')"), nullable=False),
        sa.Column("open_items", JSONB, nullable=False),
        sa.Column("decided_by", JSONB),
        sa.Column("decided_at", MOMENT),
    )
    waiting = sa.text("state = 'requested'")
    op.create_index("closure_waiting", "closure", ["case_id"], unique=True, postgresql_where=waiting)
    op.create_index("closure_of_case", "closure", ["case_id", sa.text("proposed_at DESC")])
