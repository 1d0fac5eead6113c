"""Milestones of a child's age that were announced.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table that keeps a milestone from being announced twice."""
    op.create_table(
        "child_milestone",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("milestone", sa.Text, primary_key=True),
        sa.Column(
            "announced_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="in the week after it; no birthday stands here",
        ),
        comment="which children of open cases reached which age, said once",
    )
