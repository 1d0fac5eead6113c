"""Guardian ladder and placements.

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
    """Create the tables of the ladder and of placements."""
    _ladder()
    _records()
    _placement()
    _placement_duties()


def _ladder() -> None:
    step_states = sa.CheckConstraint("state IN ('done', 'in_force', 'pending', 'ended')")
    op.create_table(
        "ladder_step",
        sa.Column("ladder_step_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("guardian_id", sa.Uuid, comment="person in the vault; empty: the only guardian"),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("document_number", sa.Text),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("issued_on", MOMENT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("moves", sa.Boolean, nullable=False, comment="counts as a rung of the ladder"),
        sa.Column("jump_reason", sa.Text, comment="why steps were left out"),
        sa.Column("owner", sa.Text, nullable=False, comment="who owes the checks"),
        sa.Column("state", sa.Text, step_states, nullable=False),
        sa.Column("in_force_until", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("end_cause", sa.Text),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("court_due_at", MOMENT),
        sa.Column("provider", sa.Text),
        sa.Column("starts_on", MOMENT),
        sa.Column("sessions_planned", sa.Integer),
        sa.Column("sessions", JSONB, nullable=False),
        sa.Column("note_id", sa.Uuid),
        sa.Column("recorded_by", JSONB, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )
    op.create_index("ladder_step_of_case", "ladder_step", ["case_id", "issued_on"])
    op.create_table(
        "compliance_check",
        sa.Column("check_id", sa.Uuid, primary_key=True),
        sa.Column("ladder_step_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("due_at", MOMENT, comment="empty: made without a plan"),
        sa.Column("complied", sa.Boolean, comment="empty: nobody looked yet"),
        sa.Column("breached_order", sa.Boolean, nullable=False),
        sa.Column("checked_at", MOMENT),
        sa.Column("checked_by", JSONB),
        sa.Column("late_seconds", sa.Integer, nullable=False),
        sa.Column("note_id", sa.Uuid),
    )
    op.create_index("compliance_check_of_case", "compliance_check", ["case_id", "ladder_step_id"])
    op.create_table(
        "jump_review",
        sa.Column("review_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False, index=True),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("grounds", JSONB, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("decision", sa.Text, sa.CheckConstraint("decision IN ('proceed', 'not_now')")),
        sa.Column("malice", sa.Boolean, nullable=False),
        sa.Column("note_id", sa.Uuid),
        sa.Column("decided_by", JSONB),
        sa.Column("decided_at", MOMENT),
        sa.UniqueConstraint("case_id", "response_no", name="jump_review_once"),
    )


def _records() -> None:
    op.create_table(
        "guardian_interview",
        sa.Column("interview_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("guardian_id", sa.Uuid),
        sa.Column("held_at", MOMENT, nullable=False),
        sa.Column("setting", sa.Text, nullable=False),
        sa.Column("present", JSONB, nullable=False, comment="staff or organisation ids"),
        sa.Column("response", sa.Text, nullable=False),
        sa.Column("note_id", sa.Uuid, nullable=False),
        sa.Column("recorded_by", JSONB, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )
    op.create_index("guardian_interview_of_case", "guardian_interview", ["case_id", "held_at"])
    op.create_table(
        "capacity_assessment",
        sa.Column("assessment_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("guardian_id", sa.Uuid),
        sa.Column("assessed_at", MOMENT, nullable=False),
        sa.Column("ratings", JSONB, nullable=False, comment="rating by domain"),
        sa.Column("conclusion", sa.Text, nullable=False),
        sa.Column("note_id", sa.Uuid, nullable=False),
        sa.Column("recorded_by", JSONB, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )
    op.create_index("capacity_assessment_of_case", "capacity_assessment", ["case_id", "assessed_at"])


def _placement() -> None:
    states = sa.CheckConstraint("state IN ('proposed', 'approved', 'refused', 'started', 'ended', 'returned_home')")
    op.create_table(
        "placement",
        sa.Column("placement_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.Text, states, nullable=False),
        sa.Column("emergency", sa.Boolean, nullable=False),
        sa.Column("place", sa.Text, comment="organisation or provider; the address is a note in the vault"),
        sa.Column("address_note_id", sa.Uuid),
        sa.Column("unavailable", JSONB, nullable=False, comment="better kinds and why they are out of the question"),
        sa.Column("apart_reason", sa.Text, comment="why siblings are not together"),
        sa.Column("medical_note_id", sa.Uuid, comment="what the doctor found"),
        sa.Column("separate_room", sa.Boolean, nullable=False),
        sa.Column("staff_checked", sa.Boolean, nullable=False),
        sa.Column("relative_of_suspected", sa.Boolean, nullable=False),
        sa.Column("police_clear", sa.Boolean, comment="empty: not checked"),
        sa.Column("police_checked_by", JSONB),
        sa.Column("police_checked_at", MOMENT),
        sa.Column("temporary_guardianship", sa.Boolean, nullable=False),
        sa.Column("guardianship_id", sa.Uuid, comment="goes on through moves"),
        sa.Column("guardianship_since", MOMENT),
        sa.Column("note_id", sa.Uuid),
        sa.Column("proposed_by", JSONB, nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", JSONB),
        sa.Column("decided_at", MOMENT),
        sa.Column("started_at", MOMENT),
        sa.Column("moved_from", sa.Uuid),
        sa.Column("hand_over", JSONB, comment="two-sided receipt of the way there"),
        sa.Column("acceptance_note_id", sa.Uuid),
        sa.Column("accepted_at", MOMENT, comment="the place of origin accepted in writing"),
        sa.Column("home_assessment_note_id", sa.Uuid),
        sa.Column("home_assessed_safe", sa.Boolean, nullable=False),
        sa.Column("permanent_since", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("end_cause", sa.Text),
        sa.Column("end_note_id", sa.Uuid),
        sa.Column("return_hand_over", JSONB, comment="two-sided receipt of the way from there"),
    )
    op.create_index("placement_of_case", "placement", ["case_id", "proposed_at"])
    current, waiting = sa.text("state = 'started'"), sa.text("state IN ('proposed', 'approved')")
    op.create_index("placement_current", "placement", ["child_id"], unique=True, postgresql_where=current)
    op.create_index("placement_waiting", "placement", ["child_id"], unique=True, postgresql_where=waiting)


def _placement_duties() -> None:
    op.create_table(
        "placement_follow_up",
        sa.Column("follow_up_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("done_by", JSONB),
        sa.Column("late_seconds", sa.Integer, nullable=False),
        sa.Column("note_id", sa.Uuid),
    )
    once = ["case_id", "child_id", "code"]
    op.create_index("placement_follow_up_once", "placement_follow_up", once, unique=True)
    op.create_table(
        "guardianship_review",
        sa.Column("review_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False, index=True),
        sa.Column("guardianship_id", sa.Uuid, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("reviewed_at", MOMENT, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("late_seconds", sa.Integer, nullable=False),
        sa.Column("note_id", sa.Uuid, nullable=False),
        sa.Column("reviewed_by", JSONB, nullable=False),
    )
