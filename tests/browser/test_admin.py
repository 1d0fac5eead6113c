"""Administration in a browser: accessible, a key copied from where it is shown once, a roster kept through a conflict."""

from playwright.async_api import expect

from tests.browser.site import Site, accessibility_faults, keep


async def test_health_rosters_and_policies_are_accessible(here: Site) -> None:
    await here.town.report("YX-19")
    async with here.person("admin") as page:
        for path in ("/admin", "/admin/rosters/YX-CA", "/admin/policies?version=2026-11"):
            await page.goto(path)
            assert await accessibility_faults(page) == [], path
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 1366, path
        await page.goto("/admin")
        await keep(page, "admin")
        await page.goto("/admin/rosters/YX-CA")
        await keep(page, "rosters")


async def test_a_new_client_shows_its_key_once_without_leaving_the_page(here: Site) -> None:
    async with here.person("admin") as page:
        await page.goto("/admin/accounts")
        await page.fill("#c-name", "client-browser")
        await page.select_option("#c-unit", "YX-PS")
        await page.click("text=新建并显示密钥")
        await expect(page.locator("#refusal")).to_be_visible()
        await expect(page.locator("#c-name")).to_have_value("client-browser")
        await page.check("[name='scope.referrals:read']")
        await page.click("text=新建并显示密钥")
        await expect(page.locator("#secret")).to_be_visible()
        await expect(page.get_by_role("button", name="复制")).to_be_visible()
        await page.fill("[data-narrows='#account-rows']", "st088")
        await expect(page.locator("#account-rows tr:visible")).to_have_count(1)


async def test_a_roster_saved_by_somebody_else_keeps_what_was_entered(here: Site) -> None:
    async with here.person("admin") as page:
        await page.goto("/admin/rosters/YX-WF")
        answer = await here.town.ask("st088", "directory", "GET", "/api/v1/rosters/YX-WF")
        body = {"shifts": answer.json()["shifts"]}
        version = int(answer.headers["etag"].strip('"v'))
        await here.town.ask("st088", "directory", "PUT", "/api/v1/rosters/YX-WF", body, version=version)
        await page.fill("[name='s0.starts']", "07:15")
        await page.click("text=保存值班表")
        await expect(page.locator("#refusal")).to_be_focused()
        await expect(page.locator("[name='s0.starts']")).to_have_value("07:15")
        await page.click("text=保存值班表")
        await page.wait_for_url("**/admin/rosters/YX-WF?done=saved")
        await expect(page.locator("p.done")).to_be_visible()
