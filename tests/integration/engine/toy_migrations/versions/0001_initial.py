"""The toy's one table."""

from alembic import op

from chassis.migrations import engine_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    engine_v1(op)
    op.execute("CREATE TABLE tally (key text PRIMARY KEY, total int NOT NULL, history int[] NOT NULL DEFAULT '{}')")
