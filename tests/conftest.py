"""Settings every test shares: logs as in production, so that no test log shows what a request carried."""

import asyncio
import os
from collections.abc import Iterator

import asyncpg
import pytest

from chassis.log import configure
from chassis.testing import TEST_DATABASE_URL, server_dsn

TOGETHER = ("tests/integration/chain", "tests/browser", "tests/integration/console", "tests/simulation")
"""Folders that share one running product, or are long: each stays on one worker, and they begin first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests stay on one worker, in their order: those of a folder in TOGETHER, else those of a file."""

    def place(item: pytest.Item) -> tuple[int, str]:
        path = item.path.relative_to(item.config.rootpath).as_posix()
        for turn, folder in enumerate(TOGETHER):
            if path.startswith(f"{folder}/"):
                return turn, folder
        return len(TOGETHER), path

    items.sort(key=lambda item: place(item)[0])
    for item in items:
        item.add_marker(pytest.mark.xdist_group(place(item)[1]))


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
