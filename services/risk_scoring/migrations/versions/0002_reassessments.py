"""Reassessments, signals and rescreens; the household of a case and what a score was made of.

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

MOMENT = sa.DateTime(timezone=True)


def must(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    """A column that always has a value."""
    return sa.Column(name, kind, nullable=False, **more)


def upgrade() -> None:
    """Add tables and columns; nothing is taken away."""
    for column in (
        must("household", JSONB, server_default="[]", comment="other open cases under the same roof"),
        must("placements", JSONB, server_default="{}", comment="running placement by child"),
        sa.Column("reviewed_at", MOMENT, comment="when a person last assessed"),
        sa.Column("rescreened", sa.Text, comment="month of the last half-yearly rescreen"),
    ):
        op.add_column("risk_case", column)
    op.create_index(
        "case_of_household",
        "risk_case",
        ["household"],
        postgresql_using="gin",
        postgresql_where=sa.text("household <> '[]'"),
    )
    op.create_index(
        "case_to_rescreen", "risk_case", ["township", "case_id"], postgresql_where=sa.text("state = 'open'")
    )
    op.add_column(
        "assessment", must("reporters", JSONB, server_default="[]", comment="the reporters the score knew of")
    )
    op.add_column(
        "assessment",
        must("beside_red", JSONB, server_default="[]", comment="children beside a RED child of another case"),
    )
    op.create_index("assessment_by_time", "assessment", ["assessed_at", "assessment_id"])
    _reassessments()
    _signals()
    _rescreens()


def _reassessments() -> None:
    states = sa.CheckConstraint("state IN ('open', 'assessed', 'superseded', 'case_closed')")
    op.create_table(
        "reassessment",
        sa.Column("task_id", sa.Uuid, primary_key=True),
        must("case_id", sa.Uuid),
        must("response_no", sa.Integer),
        must("trigger", sa.Text, comment="policy risk.reassessment.triggers, or fact_finding"),
        must("known_at", MOMENT, comment="when the trigger was known here; the limit counts from it"),
        must("opened_at", MOMENT),
        must("due_at", MOMENT),
        must("provisional", sa.Boolean, comment="the due time counts days of a year without a calendar"),
        must("level", sa.Text),
        must("alarmed", sa.Boolean, comment="its own clock warns and repeats"),
        must("policy_version", sa.Text),
        sa.Column("state", sa.Text, states, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", JSONB),
        sa.Column("assessment_id", sa.Uuid),
        sa.Column("late_seconds", sa.Integer),
    )
    op.create_index(
        "reassessment_open",
        "reassessment",
        ["case_id", "trigger"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("reassessment_due", "reassessment", ["state", "due_at", "task_id"])
    op.create_index("reassessment_of_case", "reassessment", ["case_id", sa.text("opened_at DESC")])


def _signals() -> None:
    op.create_table(
        "signal",
        sa.Column("signal_id", sa.Uuid, primary_key=True),
        must("case_id", sa.Uuid),
        sa.Column("child_id", sa.Uuid),
        must("kind", sa.Text),
        must("at", MOMENT),
        sa.Column("note_id", sa.Uuid),
        sa.Column("task_id", sa.Uuid, comment="the reassessment it opened or joined"),
        must("recorded_by", JSONB),
        must("recorded_at", MOMENT),
    )
    op.create_index("signal_of_case", "signal", ["case_id", sa.text("recorded_at DESC")])


def _rescreens() -> None:
    op.create_table(
        "rescreen",
        sa.Column("rescreen_id", sa.Uuid, primary_key=True),
        must("township", sa.Text),
        must("period", sa.Text, comment="month, as 2026-03"),
        must("policy_version", sa.Text),
        must("total", sa.Integer),
        must("done", sa.Integer),
        must("raised", sa.Integer, comment="cases whose level rose"),
        must("lower", sa.Integer, comment="cases that score below the level in force"),
        must("tasks", sa.Integer, comment="cases a person must look at"),
        must("started_by", JSONB),
        must("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
    )
    op.create_index("rescreen_of_month", "rescreen", ["township", "period"], unique=True)
