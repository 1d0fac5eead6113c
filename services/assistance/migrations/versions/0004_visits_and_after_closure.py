"""Planned visits, failed attempts, who is told of a closure, and the review after a case.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Widen `visit` and `case_round`, create the new tables."""
    for column in (
        sa.Column("planned_visit_id", sa.Uuid, comment="the visit it was planned as"),
        sa.Column("heard_alone", sa.Boolean),
        sa.Column("not_heard_reason", sa.Text),
        sa.Column("late_seconds", sa.Integer, nullable=False, server_default=sa.text("0")),
    ):
        op.add_column("visit", column)
    op.add_column("case_round", sa.Column("duplicate_of", sa.Uuid, comment="the case that goes on in its place"))
    _visits()
    _after_closure()


def _visits() -> None:
    op.create_table(
        "planned_visit",
        sa.Column("planned_visit_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("slot", sa.Text, nullable=False, comment="line of the schedule"),
        sa.Column("rule", sa.Text, nullable=False, comment="row of the policy"),
        sa.Column("post", sa.Text, nullable=False),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("anchor_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("remote_allowed", sa.Boolean, nullable=False),
        sa.Column("about", sa.Uuid, comment="placement or ladder step"),
        sa.Column(
            "state",
            sa.Text,
            sa.CheckConstraint("state IN ('planned', 'done', 'cancelled', 'missed')"),
            nullable=False,
        ),
        sa.Column("planned_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("end_reason", sa.Text),
        sa.Column("made_at", MOMENT),
        sa.Column("made_in_person", sa.Boolean, nullable=False),
    )
    waiting = sa.text("state = 'planned'")
    op.create_index("planned_visit_once", "planned_visit", ["case_id", "slot"], unique=True, postgresql_where=waiting)
    op.create_index("planned_visit_queue", "planned_visit", ["due_at", "planned_visit_id"], postgresql_where=waiting)
    op.create_index("planned_visit_of_round", "planned_visit", ["case_id", "response_no", "slot"])
    op.create_table(
        "visit_failure",
        sa.Column("failure_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("planned_visit_id", sa.Uuid),
        sa.Column("post", sa.Text, nullable=False),
        sa.Column("attempted_at", MOMENT, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("failures_in_row", sa.Integer, nullable=False),
        sa.Column("welfare_check", sa.Boolean, nullable=False),
        sa.Column("note_id", sa.Uuid),
        sa.Column("recorded_by", JSONB, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
    )
    op.create_index("visit_failure_of_case", "visit_failure", ["case_id", sa.text("attempted_at DESC")])


def _after_closure() -> None:
    op.create_table(
        "closing_notice",
        sa.Column("closure_id", sa.Uuid, primary_key=True),
        sa.Column("recipient", sa.Text, primary_key=True, comment="child, guardian, department, reporter"),
        sa.Column("reference", sa.Text, primary_key=True, comment="child, department or report"),
        sa.Column("case_id", sa.Uuid, nullable=False, index=True),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('owed', 'told', 'not_told')"), nullable=False),
        sa.Column("reason", sa.Text, comment="why nobody is told"),
        sa.Column("note_id", sa.Uuid),
        sa.Column("told_at", MOMENT),
        sa.Column("told_by", JSONB),
    )
    op.create_table(
        "after_case_review",
        sa.Column("review_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("closure_id", sa.Uuid, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lessons", JSONB, nullable=False),
        sa.Column("attended", JSONB, nullable=False, comment="departments"),
        sa.Column("note_id", sa.Uuid),
        sa.Column("held_at", MOMENT),
        sa.Column("late_seconds", sa.Integer, nullable=False),
        sa.Column("recorded_by", JSONB),
        sa.Column("recorded_at", MOMENT),
    )
    op.create_index("after_case_review_of_round", "after_case_review", ["case_id", "response_no"], unique=True)
    waiting = sa.text("recorded_at IS NULL")
    op.create_index("after_case_review_queue", "after_case_review", ["due_at", "review_id"], postgresql_where=waiting)
