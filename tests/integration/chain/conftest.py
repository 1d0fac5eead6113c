"""One running product for all end-to-end tests: starting seven processes takes seconds, so it is shared."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chain import Chain, chain


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    superuser, bootstrap = os.environ["TEST_DATABASE_URL"], os.environ["TEST_KAFKA_BOOTSTRAP_SERVERS"]
    async with chain(folder, superuser=superuser, bootstrap=bootstrap) as running:
        yield running
