from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.testing import Running, running
from services.notification.service import SERVICE
from tests.unit.notification.scene import TUESDAY, township


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    """Where calls and text messages end up."""
    return tmp_path / "sink.jsonl"


@pytest.fixture
async def app(sink: Path) -> AsyncIterator[Running]:
    """The service on a Tuesday afternoon, knowing the sample township."""
    async with running(SERVICE, now=TUESDAY, sink_file=sink, delivery_attempts_max=2) as service:
        await service.publish(township(), "YX")
        await service.settle()
        yield service
