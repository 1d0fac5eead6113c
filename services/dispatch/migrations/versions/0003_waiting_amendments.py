"""Amendments that arrive before the response to their report.

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


def upgrade() -> None:
    """Add the table; it is nearly always empty."""
    op.create_table(
        "waiting_amendment",
        sa.Column("amendment_id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("body", JSONB, nullable=False, comment="the amendment as announced"),
    )
    op.create_index("waiting_amendment_case", "waiting_amendment", ["case_id"])
