"""What every page of the console does when something ends, stops or fails: it says so, keeps what is there, recovers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from playwright.async_api import Page, expect

from chassis.clock import new_uuid7
from chassis.testing import free_port
from chassis.transaction import Cause
from contracts.dispatch import ReferralCompleted
from services.console.web import live
from tests.browser.site import Site, accessibility_faults, serving
from tests.product import PASSWORD, Product

POLICE = "st092"


async def _live(page: Page) -> None:
    await expect(page.locator("#line")).to_have_attribute("data-state", "live", timeout=15000)


async def _referral(here: Site, case_id: str) -> dict[str, object]:
    listed = (await here.town.ask(POLICE, "dispatch", "GET", "/api/v1/referrals?limit=200")).json()["items"]
    (found,) = [one for one in listed if one["case_id"] == case_id]
    return dict(found)


async def _sessions(town: Product, statement: str, *values: object) -> None:
    """Change the table of sessions, as time or an administrator does."""
    id_ = new_uuid7()
    async with town.console.database.transaction(Cause(id_, str(id_), None)) as tx:
        await tx.db.execute(statement, *values)


async def test_a_session_that_ends_over_a_half_written_form_loses_nothing_and_sends_once(here: Site) -> None:
    referral = await _referral(here, (await here.town.report("YX-12"))["case_id"])
    path = f"/api/v1/referrals/{referral['referral_id']}"
    acts = f"{path}/actions"
    await here.town.ask(POLICE, "dispatch", "POST", f"{acts}/acknowledge", {}, version=int(str(referral["version"])))
    arrived = {"arrived_at": (await here.town.now()).isoformat(), "child_seen": True}
    version = (await here.town.ask(POLICE, "dispatch", "GET", path)).json()["version"]
    await here.town.ask(POLICE, "dispatch", "POST", f"{acts}/report-arrival", arrived, version=version)
    async with here.person(POLICE) as page:
        await page.goto(f"/inbox/{referral['referral_id']}?act=complete")
        await _live(page)
        other = await page.context.new_page()
        await other.goto("/help")
        form = page.locator('form[action$="/acts/complete"]')
        await form.locator("select").select_option("handed_over")
        await form.locator("textarea").fill("写到一半的办结说明")
        await form.locator("input[type=checkbox]").check()
        dialog = page.locator("#session-dialog")

        end = await here.town.now() + timedelta(minutes=4)
        account = await page.get_attribute("body", "data-account")
        await _sessions(here.town, "UPDATE session SET expires_at = $1 WHERE account = $2", end, account)
        await page.evaluate("document.body.dispatchEvent(new CustomEvent('session-doubtful'))")
        await expect(dialog).to_contain_text("登录即将到期")
        await expect(dialog.locator("input[name=password]")).to_be_focused()
        assert await accessibility_faults(page) == []
        await dialog.locator("[data-later]").click()
        await expect(dialog).not_to_be_visible()

        await _sessions(here.town, "DELETE FROM session WHERE account = $1", account)
        await live.dismiss(here.town.console.process.runtime)
        await expect(dialog).to_contain_text("登录已到期")
        await dialog.locator("[data-later]").click()
        await page.locator("button[name=language]").click()
        await expect(dialog).to_be_visible()  # a form that htmx does not send would leave the page for the entrance
        await dialog.locator("[data-later]").click()
        await form.locator("button.primary").click()
        await expect(dialog).to_be_visible()
        await dialog.locator("input[name=username]").fill(POLICE)
        await dialog.locator("input[name=password]").fill("wrong")
        await dialog.locator("button.primary").click()
        await expect(dialog).to_contain_text("用户名或密码不对")
        await dialog.locator("input[name=username]").fill(POLICE)
        await dialog.locator("input[name=password]").fill(PASSWORD)
        await dialog.locator("button.primary").click()
        await expect(dialog).not_to_be_visible()
        await _live(page)
        async with page.expect_response(lambda answer: answer.url.endswith(f"/inbox/{referral['referral_id']}")):
            await page.evaluate("document.body.dispatchEvent(new CustomEvent('resync'))")
        await expect(page.locator("#referral")).not_to_have_class("htmx-request")
        await expect(form.locator("textarea")).to_be_visible()
        await expect(form.locator("textarea")).to_have_value("写到一半的办结说明")
        await expect(form.locator("select")).to_have_value("handed_over")
        secret = await page.get_attribute('meta[name="csrf"]', "content") or ""
        await expect(other.locator('meta[name="csrf"]')).to_have_attribute("content", secret)
        await form.locator("button.primary").click()
        await expect(page.locator("h1").locator("..")).to_contain_text("已办结")
    sent = await here.town.apps["dispatch"].published(ReferralCompleted)
    assert [str(one.referral_id) for one in sent].count(str(referral["referral_id"])) == 1


@contextlib.asynccontextmanager
async def _refusing(port: int) -> AsyncIterator[asyncio.Event]:
    """A stand-in before a console that is down: everything is answered 503. Set when the live line was refused."""
    refused = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if b"/ui/events" in head:
            refused.set()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield refused


async def test_an_open_page_outlives_the_console_a_refusing_proxy_and_misses_nothing(here: Site) -> None:
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        address = await first.enter_async_context(serving(here.town, port))
        restarted = Site(here.town, address, here.browser)
        page = await stack.enter_async_context(restarted.person(POLICE))
        await page.goto("/inbox")
        await _live(page)
        await first.aclose()
        await expect(page.locator("#line")).to_have_attribute("data-state", "offline")
        async with _refusing(port) as refused:
            case = (await here.town.report("YX-12"))["case_id"]
            await asyncio.wait_for(refused.wait(), 15)
        referral = await _referral(here, case)
        await stack.enter_async_context(serving(here.town, port))
        await _live(page)
        await expect(page.locator(f"#r-{referral['referral_id']}")).to_be_visible()
        await expect(page.locator("#undelivered")).not_to_be_visible()
    # The queue may have asked once more while nobody answered; the browser's console notes that, and nothing else.
    assert [one for one in restarted.troubles if "Failed to fetch" not in one] == []


async def test_a_list_whose_owner_is_away_stays_says_from_when_it_is_and_recovers_by_itself(here: Site) -> None:
    await here.town.report("YX-12")
    async with here.person(POLICE) as page:
        await page.goto("/inbox")
        await _live(page)
        rows = await page.locator("#rows tr").count()
        owners = here.town.console.process.runtime.resources["owners"]
        kept = owners._addresses["dispatch"]
        owners._addresses["dispatch"] = "http://127.0.0.1:1"
        try:
            case = (await here.town.report("YX-12"))["case_id"]
            notice = page.locator(".stale")
            await expect(notice).to_contain_text("数据暂不可用（截至")
            assert await page.locator("#rows tr").count() == rows
            await expect(page.locator("#trouble")).to_be_empty()
            assert await accessibility_faults(page) == []
        finally:
            owners._addresses["dispatch"] = kept
        referral = await _referral(here, case)
        await expect(page.locator(f"#r-{referral['referral_id']}")).to_be_visible(timeout=10000)
        await expect(notice).to_have_count(0)


async def test_alerts_only_when_asked_for_and_only_for_own_work_and_keys_that_can_be_switched_off(here: Site) -> None:
    async with here.person(POLICE) as page:
        await page.goto("/help")
        await _live(page)
        await page.evaluate(
            "() => { window.tones = 0; document.body.addEventListener('toned', () => { window.tones += 1; }); }"
        )
        say = "(detail) => document.body.dispatchEvent(new CustomEvent('arrival-changed', { detail }))"
        await page.evaluate(say, {"own": True, "level": "red"})
        assert await page.evaluate("window.tones") == 0, "no tone before somebody pressed the button"
        await page.click("#sound")
        assert await page.evaluate("window.tones") == 1, "the button lets hear what it turned on"
        for detail in ({"own": False, "level": "red"}, {"own": True, "level": "blue"}):
            await page.evaluate(say, detail)
        assert await page.evaluate("window.tones") == 1
        await page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
        await page.evaluate("document.getElementById('alarm').textContent = ''")
        await here.town.report("YX-01")
        await expect(page.locator("#alarm")).to_contain_text("一级工单到达")
        assert await page.evaluate("window.tones") == 2
        assert (await page.title()).startswith("(1)")

        await page.locator("#main").focus()
        await page.keyboard.press("Shift+?")
        help_ = page.locator("#help-dialog")
        await expect(help_.locator("tr").first).to_contain_text("?")
        assert await accessibility_faults(page) == []
        await help_.locator("[data-single-keys]").uncheck()
        await page.keyboard.press("Escape")
        await expect(help_).not_to_be_visible()
        await page.reload()
        await expect(page.locator("#main [data-single-keys]")).not_to_be_checked()
        await page.locator("#main").focus()
        await page.keyboard.press("Shift+?")
        await expect(help_).not_to_be_visible()
        await page.keyboard.press("Alt+/")
        await expect(help_).to_be_visible()
