"""Drafts of the desk.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the drafts."""
    op.create_table(
        "draft",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account", sa.Text, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False, comment="opened only with DRAFT_KEY"),
        sa.Column("started_at", MOMENT, nullable=False, index=True),
        sa.Column("saved_at", MOMENT, nullable=False),
    )
