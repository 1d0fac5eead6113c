"""The village's pages at a phone: without a script, on a narrow screen, and while the server is away."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Page, expect

from chassis.testing import free_port
from tests.browser.site import PHONE, Site, accessibility_faults, keep, serving

DIRECTOR, GRID = "st002", "st006"
NARROW = {"width": 320, "height": 640}
SMALL_TARGETS = """() => [...document.querySelectorAll(
  "a, button, summary, select, textarea, .choice, input:not([type=hidden], [type=radio], [type=checkbox])")]
  .filter((one) => one.checkVisibility() && !one.classList.contains("skip"))
  .filter((one) => { const box = one.getBoundingClientRect(); return box.height < 44 || box.width < 44; })
  .map((one) => one.outerHTML.slice(0, 80))"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def _task(here: Site) -> str:
    """The address of a RED task of the second group."""
    case = (await here.town.report("YX-01"))["case_id"]
    listed = await here.town.ask(DIRECTOR, "dispatch", "GET", "/api/v1/referrals?limit=200&organisation=V01-VC")
    (found,) = [one for one in listed.json()["items"] if one["case_id"] == case]
    return f"/m/tasks/{found['referral_id']}"


async def _reports(here: Site) -> int:
    async with here.town.apps["intake"].database.reading() as db:
        return int(await db.fetchval("SELECT count(*) FROM report WHERE channel = 'grid_app'"))


async def _fill_report(page: Page) -> None:
    await page.goto("/m/report")
    await page.select_option("#place", "V01-G2")
    await page.check("input[name=danger][value=no]")
    await page.check("input[name=concern][value=N4]")
    await page.fill("#narrative", "孩子好几天没去学校，家里只有老人")


async def test_pages_fit_a_narrow_phone_with_large_targets_and_axe_finds_nothing(here: Site) -> None:
    task = await _task(here)
    async with here.person(DIRECTOR, size=NARROW) as page:
        for address in ("/m", task, f"{task}/arrival", "/m/report", "/m/me"):
            await page.goto(address)
            assert await page.evaluate(TOO_WIDE) == 0, address
            assert await page.evaluate(SMALL_TARGETS) == [], address
            assert await accessibility_faults(page) == [], address
        await page.click("button[name=size]")
        await expect(page.locator("html")).to_have_class("large")
        await page.goto("/m")
        assert await page.evaluate(TOO_WIDE) == 0
        assert await page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
        await page.goto("/m/me")
        await page.click("button[name=size]")
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a width and a height
        await page.goto("/m")
        await keep(page, "village")


async def test_without_a_script_the_list_is_read_and_an_arrival_is_posted(here: Site) -> None:
    task = await _task(here)
    async with here.person(GRID, size=PHONE, java_script_enabled=False) as page:
        await page.goto("/m")
        await page.locator(f'form[action="{task}/acknowledge"] button').click()
        assert urlsplit(page.url).path == task
        await page.click(f'a[href="{task}/arrival"]')
        await page.check("input[name=child_seen][value=yes]")
        await page.check("input[name=safe][value=yes]")
        await page.click("form.form button.primary")
        assert urlsplit(page.url).path == task, await page.locator("main").inner_text()
    seen = await here.town.ask(GRID, "dispatch", "GET", f"/api/v1/referrals/{task.rpartition('/')[2]}")
    assert seen.json()["state"] == "acknowledged"


async def test_a_report_written_while_the_server_is_away_arrives_exactly_once(
    here: Site, stopped_and_started: "Switch"
) -> None:
    before = await _reports(here)
    at = Site(here.town, stopped_and_started.address, here.browser, here.troubles)
    async with at.person(GRID, size=PHONE) as page:
        await _fill_report(page)
        await stopped_and_started.stop()
        await page.click("form.form button.primary")
        await expect(page.locator("#outbox p")).to_have_attribute("data-state", "waiting")
        assert "已送达" not in await page.locator("#outbox").inner_text(), "nothing is claimed before the receipt"
        assert await _reports(here) == before
        await stopped_and_started.start()
        await page.reload()
        await expect(page.locator("#outbox p")).to_have_attribute("data-state", "sent", timeout=15000)
        assert "YX-R" in await page.locator("#outbox").inner_text()
        await page.reload()
        await expect(page.locator("#outbox")).to_be_hidden()
    assert await _reports(here) == before + 1


async def test_signing_out_deletes_what_was_not_sent(here: Site) -> None:
    before = await _reports(here)
    async with here.person(GRID, size=PHONE) as page:
        await page.route(
            "**/m/report", lambda route: route.abort() if route.request.method == "POST" else route.fallback()
        )
        await _fill_report(page)
        await page.click("form.form button.primary")
        await expect(page.locator("#outbox p")).to_have_attribute("data-state", "waiting")
        await page.goto("/m/me")
        await expect(page.locator("#outbox p")).to_have_attribute("data-state", "waiting")
        await page.click("form[data-logout] button")
        await page.wait_for_url("**/login")
        left = """() => new Promise((done) => { const asked = indexedDB.open("shouwang-outbox", 1);
          asked.onupgradeneeded = () => asked.result.createObjectStore("entries", { keyPath: "key" });
          asked.onsuccess = () => { const all = asked.result.transaction("entries").objectStore("entries").getAll();
            all.onsuccess = () => done(all.result.length); }; })"""
        assert await page.evaluate(left) == 0
    assert await _reports(here) == before


class Switch:
    """A server of the product that can be stopped and started again at the same address."""

    def __init__(self, here: Site, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._here, self._port = here, port
        self._leave: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve until stopped."""
        ready, self._leave = asyncio.Event(), asyncio.Event()
        leave = self._leave

        async def run() -> None:
            async with serving(self._here.town, self._port):
                ready.set()
                await leave.wait()

        self._running = asyncio.create_task(run())
        await ready.wait()

    async def stop(self) -> None:
        """Nobody answers at the address any more."""
        if self._leave is not None and self._running is not None:
            self._leave.set()
            await self._running
            self._leave = self._running = None


@pytest_asyncio.fixture(loop_scope="session")
async def stopped_and_started(here: Site) -> AsyncIterator[Switch]:
    switch = Switch(here, free_port())
    await switch.start()
    yield switch
    await switch.stop()
