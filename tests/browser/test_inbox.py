"""The department's pages in a browser: live without losing what is typed, conflicts that lose nothing, clocks that tell the truth."""

import asyncio

from playwright.async_api import Page, expect

from tests.browser.site import Site, accessibility_faults, keep

POLICE, CIVIL_AFFAIRS = "st092", "st088"


async def _referral(here: Site, case_id: str) -> str:
    listed = (await here.town.ask(POLICE, "dispatch", "GET", "/api/v1/referrals?limit=200")).json()["items"]
    (found,) = [one["referral_id"] for one in listed if one["case_id"] == case_id]
    return str(found)


async def _live(page: Page) -> None:
    await expect(page.locator("#line")).to_have_attribute("data-state", "live", timeout=15000)


async def test_a_new_referral_appears_by_itself_and_focus_and_filter_stay(here: Site) -> None:
    async with here.person(POLICE) as page:
        await page.goto("/inbox")
        await _live(page)
        assert await accessibility_faults(page) == []
        await page.focus("select[name=level]")
        case = (await here.town.report("YX-12"))["case_id"]
        row = page.locator(f"#r-{await _referral(here, case)}")
        await expect(row).to_be_visible(timeout=10000)
        assert await page.evaluate("document.activeElement.name") == "level"
        await expect(row.locator("time[data-clock] .countdown")).to_contain_text("剩余")
        await keep(page, "inbox")


async def test_what_is_being_written_survives_a_reload_and_somebody_elses_act(here: Site) -> None:
    case = (await here.town.report("YX-12"))["case_id"]
    referral = await _referral(here, case)
    version = (await here.town.ask(POLICE, "dispatch", "GET", f"/api/v1/referrals/{referral}")).json()["version"]
    await here.town.ask(
        POLICE, "dispatch", "POST", f"/api/v1/referrals/{referral}/actions/acknowledge", {}, version=version
    )
    async with here.person(POLICE) as page:
        await page.goto(f"/inbox/{referral}?act=complete")
        await _live(page)
        assert await accessibility_faults(page) == []
        await keep(page, "referral")
        form = page.locator('form[action$="/acts/complete"]')
        await form.locator("textarea").fill("已核实情况，正在移交民政办")
        await page.reload()
        await expect(form.locator("textarea")).to_have_value("已核实情况，正在移交民政办")
        arrived = {"arrived_at": (await here.town.now()).isoformat(), "child_seen": True}
        colleague = await here.town.ask(
            POLICE,
            "dispatch",
            "POST",
            f"/api/v1/referrals/{referral}/actions/report-arrival",
            arrived,
            version=version + 1,
        )
        assert colleague.status_code == 200, colleague.text
        await form.locator("select").select_option("handed_over")
        await form.locator("input[type=checkbox]").check()
        await form.locator("button.primary").click()
        await expect(page.locator("#refusal")).to_contain_text("其他人已先一步更新")
        await expect(form.locator("textarea")).to_have_value("已核实情况，正在移交民政办")
        await form.locator("select").select_option("handed_over")
        await form.locator("input[type=checkbox]").check()
        await form.locator("button.primary").click()
        await expect(page.locator("h1").locator("..")).to_contain_text("已办结")


async def test_twelve_tabs_share_one_line_and_a_wrong_clock_of_the_device_is_corrected(here: Site) -> None:
    async with here.person(CIVIL_AFFAIRS) as page:
        await page.goto("/inbox")
        await _live(page)
        line = here.town.console.process.runtime.resources["live"]
        before = len(line._listeners)
        others = [await page.context.new_page() for _ in range(4)]
        await asyncio.gather(*(other.goto("/help") for other in others))
        for other in others:
            await _live(other)
        assert len(line._listeners) == before
        await page.context.clock.install(time="2020-01-01T00:00:00Z")
        fresh = await page.context.new_page()
        await fresh.goto("/inbox")
        await expect(fresh.locator("time[data-clock] .countdown").first).not_to_contain_text("2020")
        text = await fresh.locator("time[data-clock] .countdown").first.inner_text()
        assert "天" not in text or int(text.split("天")[0].split()[-1]) < 400, text
