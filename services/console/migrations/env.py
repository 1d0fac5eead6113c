"""Alembic runs this; the chassis knows how."""

from chassis.migrations import run_env
from services.console.store import Table

run_env(Table.metadata)
