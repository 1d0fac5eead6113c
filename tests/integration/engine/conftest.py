from collections.abc import AsyncIterator, Iterator

import pytest

from chassis.testing import Running, running
from tests.integration.engine.toy import TOY, Fault


@pytest.fixture
async def toy() -> AsyncIterator[Running]:
    async with running(TOY) as app:
        yield app


@pytest.fixture(autouse=True)
def _no_faults_left() -> Iterator[None]:
    yield
    Fault.poison, Fault.not_yet, Fault.bad_clock = set(), False, ""
