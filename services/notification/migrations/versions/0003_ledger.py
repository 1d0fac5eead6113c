"""The township's whole ledger, newest first.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index."""
    op.create_index("delivery_ledger", "delivery", ["township", sa.text("created_at DESC"), sa.text("id DESC")])
