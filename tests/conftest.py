"""Settings every test shares: logs as in production, so that no test log shows what a request carried."""

import pytest

from chassis.log import configure


@pytest.fixture(scope="session", autouse=True)
def _logs_as_in_production() -> None:
    configure("tests", "WARNING")
