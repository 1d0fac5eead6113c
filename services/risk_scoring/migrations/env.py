"""Alembic runs this; the chassis knows how."""

from chassis.migrations import run_env
from services.risk_scoring.store.tables import Table

run_env(Table.metadata)
