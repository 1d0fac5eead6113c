"""A running intake service that knows the sample township, on a fresh database for each test."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from chassis.testing import Running, running
from services.intake.service import SERVICE
from tests.integration.intake.story import Desk, township

SETTINGS: dict[str, Any] = {"master_key": "5a" * 32, "receipt_pause_seconds": 0}


@pytest_asyncio.fixture(loop_scope="session")
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, **SETTINGS) as service:
        await service.publish(township(), "YX")
        await service.settle()
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def desk(app: Running) -> Desk:
    return Desk(app)
