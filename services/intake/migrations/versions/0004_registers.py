"""Children on file with their tags over time, and surveys.

Revision ID: 0004
Revises: 0003
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the registers are views of, and what a survey leaves."""
    _children()
    _surveys()
    _screenings()


def _children() -> None:
    op.create_table(
        "registered_child",
        key("child_id", sa.Uuid),
        must("township", sa.Text),
        may("village", sa.Text),
        may("group_code", sa.Text),
        must("family_id", sa.Uuid, comment="the family of the child's cases; before any case the surveyed household"),
        may("age", sa.Integer, comment="full years on age_on"),
        may("age_on", sa.Date),
        may("adult_at", MOMENT, comment="when 18 was reached; null before, so that no birthday stands here"),
        must("concerns", JSONB),
        must("facts", JSONB),
        must("answers", JSONB),
        must("derived", JSONB, comment="tags the rules gave the last time"),
        may("survey_id", sa.Uuid, comment="the latest survey that changed something"),
        may("digest", sa.LargeBinary, comment="keyed digest of what the latest survey said"),
        must("registered_at", MOMENT),
        must("updated_at", MOMENT),
        must("version", sa.Integer),
        comment="children the township knows, with or without a case",
    )
    op.create_index("registered_child_of_township", "registered_child", ["township", "child_id"])
    op.create_index("registered_child_of_family", "registered_child", ["family_id"])
    op.create_table(
        "child_span",
        key("span_id", sa.Uuid),
        must("child_id", sa.Uuid),
        must("township", sa.Text),
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('tag', 'case', 'level', 'ladder')"), nullable=False),
        must("code", sa.Text, comment="tag code, case id or ladder step id"),
        may("state", sa.Text, comment="state of the tag, level, or rung of the ladder"),
        may("case_id", sa.Uuid),
        must("source", sa.Text),
        may("detail", JSONB),
        must("from_at", MOMENT),
        may("until_at", MOMENT),
        must("set_by", JSONB),
        may("reason", sa.Text),
        may("ended_by", JSONB),
        may("end_reason", sa.Text),
        comment="what held for a child from when to when",
    )
    op.create_index(
        "child_span_running",
        "child_span",
        ["child_id", "kind", "code"],
        unique=True,
        postgresql_where=sa.text("until_at IS NULL"),
    )
    op.create_index("child_span_by_code", "child_span", ["township", "kind", "code", "child_id"])
    op.create_index("child_span_of_child", "child_span", ["child_id", "kind", "from_at"])


def _surveys() -> None:
    op.create_table(
        "survey",
        key("survey_id", sa.Uuid),
        must("township", sa.Text),
        must("format", sa.Text),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('staged', 'running', 'done')"), nullable=False),
        must("rows_total", sa.Integer),
        must("rows_done", sa.Integer),
        must("counts", JSONB),
        must("policy_version", sa.Text),
        may("villages", JSONB, comment="the only villages its uploader answers for; null: all"),
        must("uploaded_by", JSONB),
        may("organisation", sa.Text),
        must("uploaded_at", MOMENT),
        may("started_at", MOMENT),
        may("finished_at", MOMENT),
    )
    op.create_index("survey_waiting", "survey", ["uploaded_at"], postgresql_where=sa.text("state <> 'done'"))
    op.create_index("survey_of_township", "survey", ["township", "uploaded_at", "survey_id"])
    op.create_table(
        "survey_row",
        key("survey_id", sa.Uuid),
        key("row_no", sa.Integer, comment="as in the file, the header is 1"),
        sa.Column(
            "state",
            sa.Text,
            sa.CheckConstraint("state IN ('staged', 'created', 'updated', 'unchanged', 'refused')"),
            nullable=False,
        ),
        may("sealed", sa.LargeBinary, comment="the row under the survey's key; gone once it was taken over"),
        may("child_id", sa.Uuid),
        must("emergency", sa.Boolean),
        must("problems", JSONB, comment="field and code of each, no value"),
    )
    op.create_index(
        "survey_row_staged", "survey_row", ["survey_id", "row_no"], postgresql_where=sa.text("state = 'staged'")
    )


def _screenings() -> None:
    op.create_table(
        "screening",
        key("child_id", sa.Uuid),
        must("survey_id", sa.Uuid),
        must("township", sa.Text),
        may("village", sa.Text),
        may("group_code", sa.Text),
        sa.Column(
            "state",
            sa.Text,
            sa.CheckConstraint("state IN ('waiting', 'open', 'opened', 'dismissed')"),
            nullable=False,
        ),
        must("emergency", sa.Boolean, comment="a RED override holds by what the survey says"),
        must("suspected_harm", sa.Boolean),
        may("level", sa.Text),
        may("score", sa.Integer),
        may("score_upper", sa.Integer),
        may("completeness", sa.Integer),
        must("fired", JSONB),
        may("suggests", sa.Text),
        may("policy_version", sa.Text),
        may("case_id", sa.Uuid, comment="the child's case when it had one, or the one opened from this"),
        must("surveyed_at", MOMENT),
        may("screened_at", MOMENT),
        may("decided_by", JSONB),
        may("decided_at", MOMENT),
        may("reason", sa.Text),
        comment="what the instrument suggests for a surveyed child, and what a person decided",
    )
    op.create_index("screening_of_survey", "screening", ["survey_id", "child_id"])


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
