"""Cases and registers in a browser: reading without obstacles, showing for a minute only, and an act that is refused."""

from playwright.async_api import Page, expect

from tests.browser.site import Site, accessibility_faults, keep


async def _opened(page: Page, path: str) -> None:
    """Open a page and see that nobody is kept out of it."""
    await page.goto(path)
    assert await accessibility_faults(page) == [], path


async def test_the_list_and_every_page_of_a_case_are_accessible(here: Site) -> None:
    case = (await here.town.report("YX-01"))["case_id"]
    async with here.person("st088") as page:
        await _opened(page, "/cases")
        await _opened(page, f"/cases/{case}")
        await keep(page, "case")
        for tab in ("plan", "closure"):
            await _opened(page, f"/cases/{case}/pages/{tab}")
        await page.goto(f"/cases/{case}/pages/placement")
        await page.locator("details.act summary").first.click()
        assert await accessibility_faults(page) == []


async def test_what_is_shown_of_the_file_hides_itself_again_and_never_stands_in_the_address(here: Site) -> None:
    case = (await here.town.report("YX-01"))["case_id"]
    async with here.person("st088") as page:
        await page.clock.install()
        await _opened(page, f"/cases/{case}/file")
        await page.check('input[name="fields"][value="name"]')
        await page.select_option('select[name="purpose"]', "task")
        await page.locator("button.primary", has_text="显示所选").click()
        name = page.locator('[data-field="name"]')
        await expect(name.locator("[data-remask]")).not_to_contain_text("•")
        assert page.url.endswith(f"/cases/{case}/file")
        await page.clock.run_for(61_000)
        await expect(name).to_have_text("••••")
        assert await accessibility_faults(page) == []


async def test_a_refused_act_keeps_its_words_and_says_why(here: Site) -> None:
    case = (await here.town.report("YX-01"))["case_id"]
    async with here.person("st088") as page:
        await page.goto(f"/cases/{case}/pages/ladder")
        act = page.locator("details.act", has_text="登记干预措施")
        await act.locator("summary").click()
        for name, code in (
            ("document", "order_to_correct"),
            ("issuer", "police"),
            ("reason", "harm"),
            ("response", "refuses"),
        ):
            options = act.locator(f'select[name="{name}"] option')
            known = [await one.get_attribute("value") for one in await options.all()]
            await act.locator(f'select[name="{name}"]').select_option(code if code in known else known[-1])
        await act.locator("textarea").fill("监护人拒绝配合")
        await act.locator('input[type="checkbox"][required]').check()
        await act.locator("button.primary").click()
        await expect(page.locator("#refusal")).to_be_focused()
        await expect(page.locator("details.act[open] textarea")).to_have_value("监护人拒绝配合")
        assert await accessibility_faults(page) == []


async def test_registers_and_their_survey_page_are_accessible(here: Site) -> None:
    async with here.person("st088") as page:
        await _opened(page, "/registers")
        await _opened(page, "/registers/REG-02")
        await keep(page, "register")
        await _opened(page, "/registers/surveys/new")
