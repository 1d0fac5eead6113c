"""The township's structure, rosters, accounts and failed logins.

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
        "township",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("label", JSONB, nullable=False, comment="zh, en"),
        sa.Column("county", JSONB, nullable=False, comment="zh, en"),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, comment="rises with every change; the version announced"),
        sa.Column("source_digest", sa.Text, nullable=False, comment="SHA-256 of the reference file last loaded"),
    )
    _structure()
    op.create_table(
        "account",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('person', 'client')"), nullable=False),
        sa.Column("township", sa.Text, nullable=False, index=True),
        sa.Column("staff", sa.Text),
        sa.Column("organisation", sa.Text),
        sa.Column("posts", JSONB, nullable=False, comment="posts of the account itself: admin, auditor"),
        sa.Column("scopes", JSONB, nullable=False),
        sa.Column("secret_hash", sa.Text, comment="argon2 for people, SHA-256 of a random secret for clients"),
        sa.Column("disabled_at", MOMENT),
        sa.Column("session", sa.Integer, nullable=False, comment="tokens of an earlier session no longer count"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "login_failure",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
    )


def _structure() -> None:
    _part(
        "village",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("label", JSONB, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("director", sa.Text, comment="staff id; null = vacant"),
        sa.Column("child_director", sa.Text, comment="staff id; null = vacant"),
        sa.Column("responsible", sa.Text, comment="staff id; null = vacant"),
        sa.Column("station", JSONB),
    )
    _part(
        "villager_group",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("village", sa.Text, nullable=False),
        sa.Column("no", sa.Integer, nullable=False),
        sa.Column("label", JSONB, nullable=False),
        sa.Column("zone", sa.Text, nullable=False, comment="decides the police call-out limit"),
        sa.Column("landmarks", JSONB, nullable=False),
        sa.Column("grid", sa.Text, nullable=False),
        sa.Column("member", sa.Text, comment="staff id; null = vacant"),
        sa.Column("deputy", sa.Text, comment="staff id; null = vacant"),
    )
    _part(
        "organisation",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("department", sa.Text, comment="code of the policy; null = township, hotline, bodies outside"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("label", JSONB, nullable=False),
        sa.Column("desk_phone", sa.Text),
        sa.Column("head", sa.Text),
        sa.Column("staff", JSONB, nullable=False, comment="staff ids in calling order"),
        sa.Column("area", sa.Text),
        sa.Column("grades", JSONB, comment="first and last grade of a school"),
        sa.Column("lines", JSONB, nullable=False),
    )
    _part(
        "staff_member",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sex", sa.Text),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("posts", JSONB, nullable=False),
        sa.Column("phone", sa.Text),
    )
    _part(
        "post_holder",
        sa.Column("post", sa.Text, primary_key=True),
        sa.Column("staff", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("villages", JSONB, nullable=False, comment="a grid head's villages"),
    )
    _part(
        "roster",
        sa.Column("code", sa.Text, primary_key=True, comment="organisation code, duty_leader or duty_room"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("shifts", JSONB, nullable=False, comment="weekday (0 = Monday), starts, ends, staff; local time"),
        sa.Column("holidays", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    _part(
        "place",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("label", JSONB, nullable=False),
        sa.Column("group", sa.Text, nullable=False),
    )


def _part(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(name, sa.Column("township", sa.Text, primary_key=True), *columns)
