"""Alembic runs this; the chassis knows how."""

from chassis.migrations import run_env
from services.directory.accounts import AccountRow

run_env(AccountRow.metadata)
