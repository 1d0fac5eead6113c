"""A running dispatch service on a fresh database for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from chassis.testing import Running, running
from services.dispatch.service import SERVICE


@pytest_asyncio.fixture(loop_scope="session")
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE) as service:
        yield service
