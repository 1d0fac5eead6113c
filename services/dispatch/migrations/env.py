"""Alembic environment of dispatch."""

from chassis.migrations import run_env
from services.dispatch.store.tables import Table

run_env(Table.metadata)
