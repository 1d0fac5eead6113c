"""Township snapshots, responses, referrals and finished clocks.

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
QUEUED = sa.text("queued")
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Create the engine's tables and this service's own."""
    engine_v1(op)
    op.create_table(
        "township_snapshot",
        sa.Column("township", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", JSONB, nullable=False, comment="the published structure: ids and codes"),
    )
    _responses()
    _referrals()
    op.create_table(
        "finished_step",
        sa.Column("deadline_id", sa.Uuid, primary_key=True),
        sa.Column("response_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('met', 'cancelled')"), nullable=False),
        sa.Column("at", MOMENT, nullable=False, comment="when the act happened"),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("late_seconds", sa.Integer, nullable=False, comment="stays for ever"),
        sa.Column("reason", sa.Text, comment="why it was cancelled"),
        sa.Column("detail", JSONB, nullable=False),
    )
    op.create_index("finished_of_response", "finished_step", ["response_id"])
    op.create_index("finished_feed", "finished_step", ["township", "at", "deadline_id"])
    # Of the engine's clocks this service also asks which are due first, and which broke their limit lately.
    op.create_index("deadline_by_due", "deadline", ["due_at", "id"], postgresql_where=sa.text("state = 'armed'"))
    op.create_index(
        "deadline_breached", "deadline", ["breached_at"], postgresql_where=sa.text("breached_at IS NOT NULL")
    )


def _responses() -> None:
    op.create_table(
        "response",
        sa.Column("response_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("case_number", sa.Text, nullable=False),
        sa.Column("response_no", sa.Integer, nullable=False, comment="round of the case; a reopening starts the next"),
        sa.Column("report_id", sa.Uuid, nullable=False, comment="the report that opened it"),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("village", sa.Text),
        sa.Column("group_code", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("outside", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'closed')"), nullable=False),
        sa.Column("level", sa.Text, nullable=False, comment="level in force"),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("transfer_out", sa.Boolean, nullable=False),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("case_lead", sa.Text),
        sa.Column("coordinator", sa.Text),
        sa.Column("conflict_units", sa.Text, nullable=False, comment="departments that may not know, comma separated"),
        sa.Column("guardian", sa.Text, nullable=False, comment="standing of the guardian's notice N-9"),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("dispatched_at", MOMENT, nullable=False),
        sa.Column("first_contact_at", MOMENT),
        sa.Column("safety_confirmed_at", MOMENT),
        sa.Column("safety_basis", sa.Text),
        sa.Column("closed_at", MOMENT),
        sa.Column("entered_by", sa.Text),
        sa.Column("policy_version", sa.Text, nullable=False, comment="pinned when the response opened"),
        sa.Column("body", JSONB, nullable=False, comment="what only the rules read, coded"),
    )
    op.create_index("response_open", "response", ["case_id"], unique=True, postgresql_where=OPEN)
    op.create_index("response_rounds", "response", ["case_id", "response_no"])
    op.create_index("response_levels", "response", ["level"], postgresql_where=OPEN)


def _referrals() -> None:
    op.create_table(
        "referral",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("response_id", sa.Uuid, nullable=False),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("case_number", sa.Text, nullable=False),
        sa.Column("township", sa.Text, nullable=False),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("village", sa.Text),
        sa.Column("group_code", sa.Text),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("conflict_units", sa.Text, nullable=False),
        sa.Column("masked", sa.Boolean, nullable=False),
        sa.Column("notice_post", sa.Text),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("ack_due", MOMENT, comment="S4 limit; a return is possible only within it"),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("ended_reason", sa.Text),
        sa.Column("acted_at", MOMENT, comment="the last act of its department"),
        sa.Column("returns", sa.Integer, nullable=False, comment="how often this task was handed back"),
        sa.Column("buck_passing", sa.Boolean, nullable=False),
        sa.Column("return_reason", sa.Text),
        sa.Column("proposed_department", sa.Text),
        sa.Column("return_note_id", sa.Uuid),
        sa.Column("next_step", sa.Text, comment="the clock the department owes first"),
        sa.Column("next_due_at", MOMENT),
        sa.Column("next_deadline_id", sa.Uuid),
        sa.Column("queued", sa.Boolean, nullable=False, comment="open, or with a clock running"),
        sa.Column("queue_at", MOMENT, nullable=False, comment="sorts the queue: next_due_at, or the end of time"),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, comment="counts what people decide on, not moving clocks"),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_index("referral_queue", "referral", ["organisation", "queue_at", "referral_id"], postgresql_where=QUEUED)
    op.create_index("referral_queue_all", "referral", ["township", "queue_at", "referral_id"], postgresql_where=QUEUED)
    op.create_index("referral_feed", "referral", ["organisation", "updated_at", "referral_id"])
    op.create_index("referral_feed_all", "referral", ["township", "updated_at", "referral_id"])
    op.create_index("referral_response", "referral", ["response_id"])
    op.create_index("referral_case", "referral", ["case_number"])
