"""One product and one browser for all browser tests; every test fails for what its pages complained about.

Where there is no Chromium these tests are not collected, and the head of the report says so (CI installs it).
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser.site import CHROMIUM, Site, site
from tests.product import product

collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]


def pytest_report_header() -> str:
    return f"browser: {CHROMIUM or 'none found, browser tests are left out (Debian: apt-get install chromium fonts-noto-cjk)'}"


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with product(tmp_path_factory.mktemp("browser")) as town, site(town) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def here(shared_site: Site) -> AsyncIterator[Site]:
    shared_site.troubles.clear()
    yield shared_site
    assert shared_site.troubles == []
