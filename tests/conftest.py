"""Settings every test shares: logs as in production, so that no test log shows what a request carried."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from xdist.scheduler import LoadScopeScheduling

from chassis.log import configure
from chassis.testing import TEST_DATABASE_URL, server_dsn

TOGETHER = ("tests/integration/chain/", "tests/integration/console/", "tests/simulation/", "tests/browser/")
"""Folders that share one running product: each stays on one worker, in its order. Elsewhere a file does."""
TURNS = (*TOGETHER[:3], "tests/integration/", "tests/browser/", "tests/")
"""What begins first: the longest, and never the chain's processes beside the browser."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in the order of TURNS."""
    items.sort(key=lambda item: next(turn for turn, folder in enumerate(TURNS) if item.nodeid.startswith(folder)))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Which tests stay on one worker."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Used with `--dist`, whatever its value."""
    return Scheduling(config, log)


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
