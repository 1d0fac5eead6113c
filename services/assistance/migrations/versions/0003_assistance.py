"""Measures as tasks, goals and plan versions, advice, conferences, money, providers' tasks.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    """Widen `measure` and `case_round`, create the new tables."""
    op.add_column(
        "case_round",
        sa.Column("concerns_at", JSONB, nullable=False, server_default=EMPTY, comment="concern -> first referred"),
    )
    _measures()
    _plans()
    _conferences()
    _money()
    _providers()


def _measures() -> None:
    steps = "step IN ('requested', 'accepted', 'granted', 'refused', 'completed', 'cancelled', 'stopped')"
    nothing, no, one = sa.text("0"), sa.text("false"), sa.text("1")
    for column in (
        sa.Column("step", sa.Text, sa.CheckConstraint(steps), nullable=False, server_default="requested"),
        sa.Column("requested_by", JSONB, nullable=False, server_default=EMPTY),
        sa.Column("child_id", sa.Uuid, comment="empty: the family, or every child of the case"),
        sa.Column("emergency", sa.Boolean, nullable=False, server_default=no),
        sa.Column("late_seconds", sa.Integer, nullable=False, server_default=nothing),
        sa.Column("reason", sa.Text, comment="code of refusing, cancelling or stopping"),
        sa.Column("note_id", sa.Uuid),
        sa.Column("parties", JSONB, nullable=False, server_default=EMPTY, comment="party -> who confirmed, or null"),
        sa.Column("receipts", JSONB, nullable=False, server_default=EMPTY, comment="side -> who signed"),
        sa.Column("every_days", sa.Integer, comment="of a schedule"),
        sa.Column("rounds_done", sa.Integer, nullable=False, server_default=nothing),
        sa.Column("papers_due_at", MOMENT, comment="papers that follow emergency help"),
        sa.Column("papers_at", MOMENT),
        sa.Column("unresolved_at", MOMENT, comment="the longer limit passed: township order path"),
        sa.Column("ordered_at", MOMENT),
        sa.Column("provider", sa.Text),
        sa.Column("provider_state", sa.Text),
        sa.Column("version", sa.Integer, nullable=False, server_default=one),
    ):
        op.add_column("measure", column)
    op.execute(
        """
        UPDATE measure SET step = CASE state WHEN 'done' THEN 'completed' WHEN 'ended' THEN 'stopped' ELSE 'requested' END
        """
    )
    for_whom = sa.text("coalesce(child_id, '00000000-0000-0000-0000-000000000000')")
    running = sa.text("state = 'open'")
    op.drop_index("measure_running", "measure")  # one measure of a code per child, no longer per case
    op.create_index(
        "measure_runs_once",
        "measure",
        ["case_id", "response_no", "code", "beneficiary", for_whom],
        unique=True,
        postgresql_where=running,
    )
    queue = ["owner_department", "due_at", "measure_id"]
    op.create_index("measure_queue", "measure", queue, postgresql_where=running)


def _plans() -> None:
    op.create_table(
        "plan_goal",
        sa.Column("goal_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("head", sa.Text, nullable=False, comment="problem domain"),
        sa.Column("child_id", sa.Uuid),
        sa.Column("note_id", sa.Uuid, comment="the goal's text in the vault"),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.Column("review_at", MOMENT, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reviewed_at", MOMENT),
        sa.Column("reviewed_by", JSONB),
        sa.Column("review_note_id", sa.Uuid),
    )
    op.create_index("plan_goal_of_case", "plan_goal", ["case_id", "response_no"])
    op.create_table(
        "plan_version",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("response_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('agreed', 'amended', 'reviewed')"), nullable=False),
        sa.Column("conference_id", sa.Uuid),
        sa.Column("measures", JSONB, nullable=False, comment="measure -> code"),
        sa.Column("goals", JSONB, nullable=False, comment="goal -> head"),
        sa.Column("by", JSONB, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_table(
        "eligibility_advice",
        sa.Column("advice_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("from_date", sa.Date, comment="the day the answer changes"),
        sa.Column("detail", JSONB, nullable=False, comment="reasons, missing facts and papers, codes only"),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("advised_by", JSONB, nullable=False),
        sa.Column("advised_at", MOMENT, nullable=False),
    )
    op.create_index(
        "eligibility_of_child", "eligibility_advice", ["case_id", "child_id", "rule", sa.text("advised_at DESC")]
    )


def _conferences() -> None:
    op.create_table(
        "conference",
        sa.Column("conference_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('called', 'held', 'cancelled')"), nullable=False),
        sa.Column("scheduled_at", MOMENT, nullable=False),
        sa.Column("called_by", JSONB, nullable=False),
        sa.Column("called_at", MOMENT, nullable=False),
        sa.Column("invited", JSONB, nullable=False),
        sa.Column("agenda", JSONB, nullable=False),
        sa.Column("held_at", MOMENT),
        sa.Column("attended", JSONB, nullable=False, comment="departments"),
        sa.Column("attendees", JSONB, nullable=False, comment="staff or organisation ids"),
        sa.Column("absent", JSONB, nullable=False),
        sa.Column("decisions", JSONB, nullable=False),
        sa.Column("tasks", JSONB, nullable=False, comment="measures it created"),
        sa.Column("minutes_note_id", sa.Uuid),
        sa.Column("recorded_by", JSONB),
        sa.Column("recorded_at", MOMENT),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index(
        "conference_of_case", "conference", ["case_id", sa.text("called_at DESC"), sa.text("conference_id DESC")]
    )


def _money() -> None:
    op.create_table(
        "budget_line",
        sa.Column("line_id", sa.Uuid, primary_key=True),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False, comment="fen"),
        sa.Column("committed", sa.BigInteger, nullable=False, comment="fen approved or paid and not returned"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("set_by", JSONB, nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.UniqueConstraint("township", "year", "code", name="budget_line_once"),
        sa.CheckConstraint("committed BETWEEN 0 AND amount", name="budget_line_never_overdrawn"),
    )
    op.create_table(
        "disbursement",
        sa.Column("disbursement_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("case_number", sa.Text, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False),
        sa.Column("measure_id", sa.Uuid, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("line_id", sa.Uuid, sa.ForeignKey("budget_line.line_id"), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False, comment="fen"),
        sa.Column("payee_reference", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("trail", JSONB, nullable=False, comment="state -> who and when"),
        sa.Column("reason", sa.Text),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("amount > 0", name="disbursement_of_something"),
        sa.CheckConstraint("state IN ('requested', 'approved', 'refused', 'paid', 'returned')"),
    )
    op.create_index("disbursement_of_township", "disbursement", ["township", "requested_at", "disbursement_id"])
    op.create_index("disbursement_of_case", "disbursement", ["case_id"])


def _providers() -> None:
    op.create_table(
        "township_providers",
        sa.Column("township", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("providers", JSONB, nullable=False, comment="by code: kind, area, services"),
    )
    states = "state IN ('assigned', 'reported', 'confirmed', 'rejected', 'withdrawn')"
    op.create_table(
        "provider_task",
        sa.Column("task_id", sa.Uuid, primary_key=True),
        sa.Column("measure_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False, comment="catalogue code the provider is shown"),
        sa.Column("area", sa.Text),
        sa.Column("contact", sa.Text, nullable=False, comment="code of the unit to call back"),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint(states), nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("done_at", MOMENT),
        sa.Column("assigned_by", JSONB, nullable=False),
        sa.Column("assigned_at", MOMENT, nullable=False),
        sa.Column("reported_by", JSONB),
        sa.Column("reported_at", MOMENT),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("provider_task_list", "provider_task", ["township", "provider", "due_at", "task_id"])
    op.create_index("provider_task_of_measure", "provider_task", ["measure_id"])
