"""The product at an address of this machine, and Debian's Chromium looking at it.

Browsers are told apart from the product's own troubles: every console error, every report of the content security
policy and every request that leaves this machine is collected, and a test fails for any of them.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

from chassis.http import create_app
from chassis.testing import free_port
from tests.product import PASSWORD, Product

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1366, "height": 768}
PHONE = {"width": 360, "height": 740}
SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"


@dataclass
class Site:
    """The console at an address, and a browser."""

    town: Product
    address: str
    browser: Browser
    troubles: list[str] = field(default_factory=list)
    restart: Callable[[], None] | None = None

    @contextlib.asynccontextmanager
    async def person(
        self, who: str | None, *, size: dict[str, int] | None = None, **options: object
    ) -> AsyncIterator[Page]:
        """A browser of its own with somebody signed in (None: nobody)."""
        context = await self.browser.new_context(
            base_url=self.address,
            locale=str(options.pop("locale", "zh-CN")),
            timezone_id="Asia/Shanghai",
            viewport=size or DESK,  # type: ignore[arg-type]  # a width and a height
            **options,  # type: ignore[arg-type]  # playwright's own options
        )
        self._watch(context)
        page = await context.new_page()
        try:
            if who is not None:
                await page.goto("/login")
                await page.fill("#username", who)
                await page.fill("#password", PASSWORD)
                await page.click("button.primary")
                await page.wait_for_url(lambda url: urlsplit(url).path != "/login")
            yield page
        finally:
            await context.close()

    def _watch(self, context: BrowserContext) -> None:
        def heard(message: ConsoleMessage) -> None:
            if message.type == "error" and "Failed to load resource" not in message.text:
                self.troubles.append(f"console: {message.text}")

        def asked(request: Request) -> None:
            if not request.url.startswith((self.address, "data:", "blob:")):
                self.troubles.append(f"outside request: {request.url}")

        context.on("console", heard)
        context.on("request", asked)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))


async def keep(page: Page, name: str) -> None:
    """A picture for README and manuals, taken only when asked for: `SHOUWANG_SCREENSHOTS=1`."""
    if os.environ.get("SHOUWANG_SCREENSHOTS"):
        await page.screenshot(path=SCREENSHOTS / f"{name}.png")


expect.set_options(timeout=15_000)


async def accessibility_faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA on the page as it stands: rule and place."""
    # The page's own policy forbids injected scripts, so axe runs in the isolated world of the developer tools.
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Page.getFrameTree")
    world = await session.send(
        "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "axe"}
    )
    context = world["executionContextId"]
    source = await asyncio.to_thread(AXE_FILE_PATH.read_text, encoding="utf-8")
    await session.send("Runtime.evaluate", {"expression": source, "contextId": context})
    tags = '["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"]'
    run = f'axe.run(document, {{runOnly: {tags}, resultTypes: ["violations"]}})'
    expression = (
        f"{run}.then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).join(' | ')))"
    )
    result = await session.send(
        "Runtime.evaluate",
        {"expression": expression, "contextId": context, "awaitPromise": True, "returnByValue": True},
    )
    await session.detach()
    if "exceptionDetails" in result:
        raise AssertionError(str(result["exceptionDetails"])[:500])
    return list(result["result"]["value"])


@contextlib.asynccontextmanager
async def serving(town: Product, port: int) -> AsyncIterator[str]:
    """The console behind a real HTTP server."""
    app = create_app(town.console.process.service, town.console.process.runtime)
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        await task
        for connection in list(server.server_state.connections):  # as when the process is killed
            connection.transport.abort()


@contextlib.asynccontextmanager
async def site(town: Product) -> AsyncIterator[Site]:
    """The product at an address, events flowing, and a browser."""
    async with town.running_by_itself(), serving(town, free_port()) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield Site(town, address, browser)
        finally:
            await browser.close()
