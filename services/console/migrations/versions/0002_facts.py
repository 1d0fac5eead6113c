"""The archive of events and the facts folded from it.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the read model."""
    op.create_table(
        "archive",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("value", JSONB, nullable=False),
    )
    op.create_table(
        "fact_round",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("response_no", sa.Integer, primary_key=True),
        sa.Column("case_number", sa.Text),
        sa.Column("township", sa.Text),
        sa.Column("village", sa.Text, index=True),
        sa.Column("group_code", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("reporter_kind", sa.Text),
        sa.Column("mandated", sa.Boolean),
        sa.Column("known_since", MOMENT),
        sa.Column("received_at", MOMENT, index=True),
        sa.Column("recorded_at", MOMENT),
        sa.Column("disposition", sa.Text),
        sa.Column("reports", sa.Integer),
        sa.Column("level", sa.Text),
        sa.Column("computed_level", sa.Text),
        sa.Column("level_at_first", sa.Text),
        sa.Column("highest_rank", sa.Integer),
        sa.Column("provisional", sa.Boolean),
        sa.Column("provisional_at_first", sa.Boolean),
        sa.Column("lowered", sa.Integer),
        sa.Column("restricted", sa.Boolean),
        sa.Column("conflict_unit", sa.Text),
        sa.Column("transfer_out", sa.Boolean),
        sa.Column("concerns", ARRAY(sa.Text)),
        sa.Column("case_lead", sa.Text),
        sa.Column("dispatched_at", MOMENT),
        sa.Column("first_contact_at", MOMENT),
        sa.Column("safety_at", MOMENT),
        sa.Column("assessed_at", MOMENT),
        sa.Column("feedback_at", MOMENT),
        sa.Column("paused_until", MOMENT),
        sa.Column("supervised_at", MOMENT),
        sa.Column("plan_agreed_at", MOMENT),
        sa.Column("closure_requested_at", MOMENT),
        sa.Column("closed_at", MOMENT, index=True),
        sa.Column("closure_reason", sa.Text),
    )
    op.create_table(
        "fact_round_child",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("response_no", sa.Integer, primary_key=True),
        sa.Column("child_id", sa.Uuid, primary_key=True, index=True),
    )
    op.create_table(
        "fact_referral",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("response_no", sa.Integer),
        sa.Column("department", sa.Text),
        sa.Column("organisation", sa.Text, index=True),
        sa.Column("role", sa.Text),
        sa.Column("level", sa.Text),
        sa.Column("issued_at", MOMENT, index=True),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("arrived_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("returned", sa.Integer),
        sa.Column("buck_passing", sa.Boolean),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_reason", sa.Text),
        sa.Column("urged_at", MOMENT),
    )
    op.create_table(
        "fact_step",
        sa.Column("deadline_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("response_no", sa.Integer),
        sa.Column("referral_id", sa.Uuid),
        sa.Column("step", sa.Text),
        sa.Column("tier", sa.Text),
        sa.Column("department", sa.Text),
        sa.Column("organisation", sa.Text),
        sa.Column("level", sa.Text),
        sa.Column("anchor", sa.Text),
        sa.Column("anchor_at", MOMENT),
        sa.Column("due_at", MOMENT, index=True),
        sa.Column("armed_at", MOMENT),
        sa.Column("met_at", MOMENT),
        sa.Column("late_seconds", sa.Integer),
        sa.Column("cancelled_at", MOMENT),
        sa.Column("cancelled_reason", sa.Text),
        sa.Column("warned_at", MOMENT),
        sa.Column("breached_at", MOMENT),
        sa.Column("escalations", sa.Integer),
        sa.Column("targets", ARRAY(sa.Text)),
    )
    op.create_table(
        "fact_visit",
        sa.Column("visit_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("response_no", sa.Integer),
        sa.Column("post", sa.Text),
        sa.Column("organisation", sa.Text),
        sa.Column("rule", sa.Text),
        sa.Column("due_at", MOMENT, index=True),
        sa.Column("cancelled", sa.Boolean),
        sa.Column("made_at", MOMENT),
        sa.Column("late_seconds", sa.Integer),
        sa.Column("in_person", sa.Boolean),
        sa.Column("child_seen", sa.Boolean),
        sa.Column("satisfactory", sa.Boolean),
        sa.Column("failed", sa.Integer),
    )
    op.create_table(
        "fact_measure",
        sa.Column("measure_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("response_no", sa.Integer),
        sa.Column("child_id", sa.Uuid),
        sa.Column("code", sa.Text),
        sa.Column("department", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("emergency", sa.Boolean),
        sa.Column("requested_at", MOMENT, index=True),
        sa.Column("due_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("late_seconds", sa.Integer),
    )
    op.create_table(
        "fact_eligibility",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Uuid),
        sa.Column("result", sa.Text),
        sa.Column("at", MOMENT),
    )
    op.create_table(
        "fact_task",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("subject_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("code", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("level", sa.Text),
        sa.Column("due_at", MOMENT),
        sa.Column("overdue_at", MOMENT),
        sa.Column("alarm_at", MOMENT),
        sa.Column("repeats", sa.Integer),
    )
    op.create_table(
        "fact_reassessment",
        sa.Column("task_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("trigger", sa.Text),
        sa.Column("level", sa.Text),
        sa.Column("opened_at", MOMENT),
        sa.Column("due_at", MOMENT),
        sa.Column("done_at", MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("late_seconds", sa.Integer),
        sa.Column("overdue_at", MOMENT),
    )
    op.create_table(
        "fact_supervision",
        sa.Column("supervision_id", sa.Uuid, primary_key=True),
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Uuid, index=True),
        sa.Column("reply_due_at", MOMENT),
        sa.Column("ordered_at", MOMENT),
        sa.Column("replied_at", MOMENT),
        sa.Column("late_seconds", sa.Integer),
        sa.Column("ended_at", MOMENT),
    )
    op.create_table(
        "fact_call",
        sa.Column("call_id", sa.Uuid, primary_key=True),
        sa.Column("channel", sa.Text),
        sa.Column("offered_at", MOMENT, index=True),
        sa.Column("answered_at", MOMENT),
        sa.Column("ended_at", MOMENT),
    )
    op.create_table(
        "fact_contact",
        sa.Column("report_id", sa.Uuid, primary_key=True),
        sa.Column("disposition", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("received_at", MOMENT, index=True),
        sa.Column("case_id", sa.Uuid),
    )
    op.create_table(
        "fact_child_tag",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("village", sa.Text),
        sa.Column("tags", ARRAY(sa.Text)),
        sa.Column("at", MOMENT),
    )
    op.create_table(
        "fact_notice_day",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("notices", sa.Integer),
        sa.Column("failed", sa.Integer),
    )
    op.create_table(
        "fact_access_alarm",
        sa.Column("grant_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid),
        sa.Column("due_at", MOMENT),
        sa.Column("fired_at", MOMENT, index=True),
    )
    op.create_table(
        "fact_programme",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text),
        sa.Column("subject_kind", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("sign", sa.Text),
        sa.Column("ground", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("topics", ARRAY(sa.Text)),
        sa.Column("villages", ARRAY(sa.Text)),
        sa.Column("headcount", sa.Integer),
        sa.Column("hotline_published", sa.Boolean),
        sa.Column("period", sa.Text),
        sa.Column("on", sa.Date),
    )
    op.create_table(
        "fact_township",
        sa.Column("township", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer),
        sa.Column("structure", JSONB),
    )
