"""The supervisors' board in a browser: charts with their tables, accessible, and the wallboard that says when it is blind."""

from playwright.async_api import expect

from tests.browser.site import Site, accessibility_faults, keep

SUPERVISOR = "st088"


async def test_the_board_draws_its_charts_from_its_tables_and_is_accessible(here: Site) -> None:
    for number in ("YX-01", "YX-05", "YX-12"):
        await here.town.report(number)
    async with here.person(SUPERVISOR) as page:
        await page.goto("/board")
        await expect(page.locator('[data-chart="trend"] svg')).to_be_visible()
        await expect(page.locator("#attention-list, #attention").first).to_be_visible()
        assert await accessibility_faults(page) == []
        await keep(page, "board")
        await page.select_option("select[name=level]", "red")
        await page.click("form.filters button")
        assert "level=red" in page.url


async def test_the_board_in_english_fits_and_the_wallboard_is_dark_and_plain(here: Site) -> None:
    async with here.person(SUPERVISOR, locale="en-GB") as page:
        await page.goto("/board")
        await expect(page.locator("h1")).to_have_text("Board")
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0
        await page.set_viewport_size({"width": 1920, "height": 1080})
        await page.goto("/board/wall")
        await expect(page.locator(".wall-numbers strong").first).to_be_visible()
        assert await accessibility_faults(page) == []
        await keep(page, "wall")
