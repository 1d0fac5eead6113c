"""Sessions and hints for open pages.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.migrations import engine_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the engine's tables, the sessions and the hints."""
    engine_v1(op)
    op.create_table(
        "session",
        sa.Column("finder", sa.LargeBinary, primary_key=True, comment="SHA-256 of the cookie's first half"),
        sa.Column("sealed_token", sa.LargeBinary, nullable=False, comment="opened only with the cookie's second half"),
        sa.Column("account", sa.Text, nullable=False, index=True),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "hint",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("case_id", sa.Uuid),
        sa.Column("level", sa.Text),
        sa.Column("organisations", ARRAY(sa.Text), nullable=False, comment="whose queues it touches"),
        sa.Column("at", MOMENT, nullable=False, index=True),
    )
