"""Messages that stand in for one nobody received, and departments that only carry out a safety task.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add one column to each table."""
    op.add_column(
        "told_case",
        sa.Column(
            "safety_only",
            JSONB,
            nullable=False,
            server_default=sa.text("'[]'::jsonb"),
            comment="departments that learn the words of their task and nothing of the case",
        ),
    )
    op.add_column(
        "delivery",
        sa.Column("stands_in_for", sa.Uuid, comment="the notice that did not reach its recipient"),
    )
