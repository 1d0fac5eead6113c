"""Contacts beside cases: calls, call-backs, hand-overs, amendments; what reporters knew and may learn.

Revision ID: 0003
Revises: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of contacts, and what reports and case files now remember."""
    _contacts()
    _tasks()
    _amendments()
    op.add_column("report", must("duty_bearing", sa.Boolean, server_default=sa.false()))
    op.add_column("report", may("known_since", MOMENT, comment="when the reporter came to know"))
    op.add_column(
        "report", must("unreported_by", JSONB, server_default="[]", comment="kinds who knew and did not report")
    )
    op.add_column("report", may("child_seen_at", MOMENT))
    op.add_column("report", may("safe_at", MOMENT))
    op.add_column(
        "case_file", must("referrals", JSONB, server_default="{}", comment="referral -> department, live ones")
    )


def _contacts() -> None:
    op.create_table(
        "contact",
        key("contact_id", sa.Uuid),
        must("contact_number", sa.Text, unique=True),
        must("township", sa.Text),
        must("kind", sa.Text, comment="policy contacts.kinds"),
        must("channel", sa.Text),
        may("village", sa.Text),
        must("reporter_kind", sa.Text),
        must("anonymous", sa.Boolean),
        must("reporter_id", sa.Uuid, comment="owner of the data key of caller and words"),
        may("case_id", sa.Uuid),
        may("family_id", sa.Uuid),
        may("call_id", sa.Uuid),
        may("note_id", sa.Uuid),
        must("policy_version", sa.Text),
        must("received_at", MOMENT),
        must("recorded_at", MOMENT),
        must("recorded_by", JSONB),
    )
    op.create_index("contact_feed", "contact", ["township", "received_at", "contact_id"])
    op.create_index("contact_of_family", "contact", ["family_id", "received_at"])
    op.create_table(
        "call_log",
        key("call_id", sa.Uuid),
        must("township", sa.Text),
        must("channel", sa.Text),
        may("medium", sa.Text),
        must("offered_at", MOMENT),
        may("answered_at", MOMENT),
        may("ended_at", MOMENT),
        may("due_at", MOMENT, comment="S1"),
        must("abandoned", sa.Boolean),
        may("contact_id", sa.Uuid, comment="the contact or report it became"),
        must("caller_id", sa.Uuid, comment="owner of the data key of the caller's number"),
        must("policy_version", sa.Text),
        must("recorded_by", JSONB),
        must("version", sa.Integer),
    )
    op.create_index("call_feed", "call_log", ["township", "offered_at", "call_id"])


def _tasks() -> None:
    op.create_table(
        "callback",
        key("callback_id", sa.Uuid),
        must("township", sa.Text),
        must("contact_id", sa.Uuid, comment="the contact, or the unanswered call, that waits"),
        must("caller_id", sa.Uuid, comment="owner of the data key of the number to call"),
        may("family_id", sa.Uuid),
        must("reason", sa.Text),
        sa.Column("state", sa.Text, sa.CheckConstraint("state IN ('open', 'settled')"), nullable=False),
        may("outcome", sa.Text),
        may("report_id", sa.Uuid, comment="the report it led to"),
        must("opened_at", MOMENT),
        must("due_at", MOMENT),
        must("attempts", JSONB, comment="at, by, reached"),
        must("late_seconds", sa.Integer, comment="of the first attempt, or of the settling without one"),
        may("settled_at", MOMENT),
        may("settled_by", JSONB),
        must("policy_version", sa.Text),
        must("version", sa.Integer),
    )
    op.create_index("callback_feed", "callback", ["township", "state", "due_at", "callback_id"])
    op.create_index("callback_of_contact", "callback", ["contact_id"])
    op.create_table(
        "transfer",
        key("transfer_id", sa.Uuid),
        must("township", sa.Text),
        must("contact_id", sa.Uuid, comment="the contact or report that was handed over"),
        may("family_id", sa.Uuid),
        must("direction", sa.Text),
        must("receiver", sa.Text, comment="policy contacts.transfer.receivers"),
        sa.Column(
            "state",
            sa.Text,
            sa.CheckConstraint("state IN ('sent', 'acknowledged', 'refused', 'withdrawn')"),
            nullable=False,
        ),
        may("reason", sa.Text),
        may("receipt", sa.Text, comment="the receiver's number of its receipt"),
        may("report_id", sa.Uuid, comment="the report that took it over"),
        must("sent_at", MOMENT),
        must("sent_by", JSONB),
        must("due_at", MOMENT),
        may("decided_at", MOMENT),
        may("decided_by", JSONB),
        must("late_seconds", sa.Integer),
        must("policy_version", sa.Text),
        must("version", sa.Integer),
    )
    op.create_index("transfer_feed", "transfer", ["township", "sent_at", "transfer_id"])
    op.create_index("transfer_of_family", "transfer", ["family_id"])
    op.create_index("transfer_of_contact", "transfer", ["contact_id"])


def _amendments() -> None:
    op.create_table(
        "report_amendment",
        key("amendment_id", sa.Uuid),
        must("report_id", sa.Uuid),
        must("family_id", sa.Uuid),
        must("response_no", sa.Integer),
        must("aspects", JSONB),
        must("children", JSONB, comment="what changed, per child, in codes"),
        may("place", JSONB),
        may("safe_until", MOMENT),
        may("note_id", sa.Uuid),
        must("recorded_at", MOMENT),
        must("recorded_by", JSONB),
    )
    op.create_index("amendment_of_report", "report_amendment", ["report_id", "recorded_at"])
    op.create_index("amendment_of_family", "report_amendment", ["family_id", "recorded_at"])


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
