"""Overrides and gaps of duty rosters, village stations, providers, and the programme's records.

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


def upgrade() -> None:
    """Create the tables, and have the reference file read again: it holds stations and providers."""
    _structure()
    _rosters()
    _programme()
    op.execute("DELETE FROM organisation WHERE kind = 'provider'")
    op.execute("UPDATE township SET source_digest = ''")


def _must(name: str, kind: Any, **rest: Any) -> "sa.Column[Any]":
    return sa.Column(name, kind, nullable=False, **rest)


def _key(name: str, kind: Any = sa.Text) -> "sa.Column[Any]":
    return sa.Column(name, kind, primary_key=True)


def _structure() -> None:
    op.create_table(
        "station",
        _key("township"), _key("code"), _must("position", sa.Integer), _must("village", sa.Text),
        _must("label", JSONB), _must("staff", JSONB, comment="staff ids"), _must("services", JSONB),
        _must("version", sa.Integer),
    )  # fmt: skip
    op.create_table(
        "provider",
        _key("township"), _key("code"), _must("position", sa.Integer), _must("kind", sa.Text), _must("label", JSONB),
        sa.Column("area", sa.Text, comment="village or group; null = the whole township"), _must("services", JSONB),
        sa.Column("phone", sa.Text, comment="never leaves the directory"), _must("version", sa.Integer),
        sa.Column("ended_at", MOMENT),
    )  # fmt: skip


def _rosters() -> None:
    op.create_table(
        "roster_override",
        _key("id", sa.Uuid), _must("township", sa.Text), _must("roster", sa.Text), _must("starts_at", MOMENT),
        _must("ends_at", MOMENT), _must("staff", JSONB, comment="paging order; empty = explicitly nobody"),
        _must("reason", sa.Text), _must("made_by", JSONB), _must("made_at", MOMENT), sa.Column("removed_at", MOMENT),
    )  # fmt: skip
    op.create_index(
        "roster_override_ahead", "roster_override", ["township", "ends_at"],
        postgresql_where=sa.text("removed_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "roster_gap",
        _key("id", sa.Uuid), _must("township", sa.Text), _must("kind", sa.Text), _must("roster", sa.Text),
        sa.Column("post", sa.Text), sa.Column("starts_at", MOMENT), sa.Column("ends_at", MOMENT),
        _must("found_at", MOMENT), _must("announced_at", MOMENT), _must("repeat_no", sa.Integer),
        sa.Column("closed_at", MOMENT),
    )  # fmt: skip
    op.create_index("roster_gap_of_township", "roster_gap", ["township", "found_at"])


def _programme() -> None:
    op.create_table(
        "programme", _key("township"), _must("phases", JSONB, comment="in place of the policy's"),
        _must("version", sa.Integer),
    )  # fmt: skip
    op.create_table(
        "programme_record",
        _key("id", sa.Uuid), _must("township", sa.Text), _must("kind", sa.Text, comment="training, publicity, activity"),
        sa.Column("code", sa.Text, comment="kind of publicity or activity"), _must("topics", JSONB),
        sa.Column("audience", sa.Text), _must("organiser", sa.Text), _must("villages", JSONB), _must("held_on", sa.Date),
        sa.Column("headcount", sa.Integer), _must("hotline_published", sa.Boolean), _must("recorded_by", JSONB),
        _must("recorded_at", MOMENT),
    )  # fmt: skip
    op.create_index("programme_record_list", "programme_record", ["township", "kind", "held_on", "id"])
    op.create_table(
        "appraisal",
        _key("id", sa.Uuid), _must("township", sa.Text), _must("subject_kind", sa.Text), _must("subject", sa.Text),
        _must("answers", sa.Text, comment="the unit or department that may reply"), _must("sign", sa.Text),
        _must("ground", sa.Text), _must("period", sa.Text), _must("state", sa.Text), sa.Column("reply_due_at", MOMENT),
        sa.Column("remark", sa.Text), sa.Column("reply", sa.Text), _must("recorded_by", JSONB),
        _must("recorded_at", MOMENT), sa.Column("replied_by", JSONB), sa.Column("replied_at", MOMENT),
        sa.Column("settled_at", MOMENT, comment="became final or was withdrawn"), _must("version", sa.Integer),
    )  # fmt: skip
    op.create_index("appraisal_list", "appraisal", ["township", "recorded_at", "id"])
