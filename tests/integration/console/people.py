"""People at the console's pages: a browser without a screen, with cookies and the forms' secret."""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.product import PASSWORD, Product

HTML = {"Accept": "text/html"}


@dataclass
class Person:
    """Somebody signed in at a browser."""

    town: Product
    browser: httpx.AsyncClient

    @classmethod
    @contextlib.asynccontextmanager
    async def signed_in(cls, town: Product, who: str, password: str = PASSWORD) -> AsyncIterator["Person"]:
        """Sign in at the entrance."""
        transport = town.console.client._transport
        async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=HTML) as browser:
            answer = await browser.post("/login", data={"username": who, "password": password})
            assert answer.status_code == 303, answer.text
            yield cls(town, browser)

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Open a page."""
        return await self.browser.get(path, params=parameters)

    async def part(self, path: str, **parameters: Any) -> httpx.Response:
        """Ask for a part of a page, as htmx does."""
        return await self.browser.get(path, params=parameters, headers={"HX-Request": "true"})

    async def post(self, path: str, form: Mapping[str, Any], *, part: bool = False) -> httpx.Response:
        """Send a form of ours."""
        page = await self.browser.get("/help")
        found = re.search(r'name="csrf" content="([0-9a-f]+)"', page.text)
        assert found, "the page has no secret for its forms"
        headers = {"HX-Request": "true"} if part else {}
        return await self.browser.post(path, data={**form, "csrf": found.group(1)}, headers=headers)
