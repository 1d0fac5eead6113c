"""The entrance, the frame of every page, and the live line."""

from playwright.async_api import expect

from tests.browser.site import Site, accessibility_faults


async def test_entrance_and_help_are_accessible_and_the_line_is_live(here: Site) -> None:
    async with here.person(None) as page:
        await page.goto("/login")
        assert await accessibility_faults(page) == []
    async with here.person("st088") as page:
        await page.goto("/help")
        await expect(page.locator("#line")).to_have_attribute("data-state", "live")
        await expect(page.locator("#key-map tr").first).to_be_visible()
        assert await accessibility_faults(page) == []
