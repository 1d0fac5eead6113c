"""Settings every test shares: logs as in production, so that no test log shows what a request carried."""

import asyncio
import os
from collections.abc import Iterator

import asyncpg
import pytest

from chassis.log import configure
from chassis.testing import TEST_DATABASE_URL, server_dsn


@pytest.fixture(scope="session", autouse=True)
def _logs_as_in_production() -> None:
    configure("tests", "WARNING")


@pytest.fixture(scope="session", autouse=True)
def _no_template_left_behind() -> Iterator[None]:
    yield
    if os.environ.get(TEST_DATABASE_URL):
        asyncio.run(_drop_templates())


async def _drop_templates() -> None:
    admin = await asyncpg.connect(server_dsn())
    try:
        for row in await admin.fetch(
            "SELECT datname FROM pg_database WHERE datname LIKE $1", f"template\\_%\\_{os.getpid()}"
        ):
            await admin.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')
    finally:
        await admin.close()
