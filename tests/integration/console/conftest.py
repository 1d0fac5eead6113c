"""The product with its console, for tests of pages by HTTP."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.console.people import Person
from tests.product import Product, product


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with product(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def operator(town: Product) -> AsyncIterator[Person]:
    async with Person.signed_in(town, "st127") as person:
        yield person


@pytest_asyncio.fixture(loop_scope="session")
async def civil_affairs(town: Product) -> AsyncIterator[Person]:
    async with Person.signed_in(town, "st088") as person:
        yield person
