"""The tables a service declares are the tables its migrations make."""

import inspect
import sys

import asyncpg
import pytest
from sqlmodel import SQLModel

from chassis.migrations import ENGINE_TABLES
from chassis.testing import drop_database, fresh_database
from tests.architecture.tree import SERVICES, service

Columns = dict[str, dict[str, bool]]
"""Table → column → may it be null."""


def declared(name: str) -> Columns:
    """What the SQLModel classes of a service say."""
    service(name)  # imports every module of it
    package = f"services.{name}."
    tables = {
        model.__table__
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(package)
        for model in vars(module).values()
        if inspect.isclass(model) and issubclass(model, SQLModel) and hasattr(model, "__table__")
    }
    return {table.name: {column.name: bool(column.nullable) for column in table.columns} for table in tables}


async def migrated(dsn: str) -> Columns:
    """What the migrations made, without the engine's tables."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            """
            SELECT c.table_name, c.column_name, c.is_nullable = 'YES' AS nullable
            FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
            WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
            """
        )
    finally:
        await connection.close()
    found: Columns = {}
    for row in rows:
        table = row["table_name"]
        if table not in ENGINE_TABLES and table != "alembic_version" and not table.startswith("outbox_"):
            found.setdefault(table, {})[row["column_name"]] = row["nullable"]
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_uses_a_name_of_the_engine(name: str) -> None:
    assert declared(name).keys() & ENGINE_TABLES == set()


@pytest.mark.parametrize("name", SERVICES)
async def test_the_declared_tables_are_the_migrated_ones(name: str) -> None:
    dsn = await fresh_database(service(name))
    try:
        assert await migrated(dsn) == declared(name)
    finally:
        await drop_database(dsn)
