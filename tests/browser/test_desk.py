"""The desk in a browser: a RED report by keyboard alone, drafts that survive, two calls at once."""

from playwright.async_api import Page, expect

from tests.browser.site import Site, accessibility_faults, keep

OPERATOR = "st127"


async def _saved(page: Page) -> None:
    async with page.expect_response("**/draft"):
        await page.keyboard.press("Control+s")
    await expect(page.locator("#saved")).to_contain_text("已保存")


async def test_a_red_report_goes_out_by_keyboard_alone_and_an_input_method_sends_nothing(here: Site) -> None:
    async with here.person(OPERATOR) as page:
        await page.keyboard.press("F2")
        await page.wait_for_url("**/desk?draft=*")
        await expect(page.locator("#place-text")).to_be_focused()
        await page.keyboard.type("slc")
        await expect(page.locator("#place-list [aria-selected=true]")).to_contain_text("松岭村")
        await page.keyboard.press("Enter")
        await expect(page.locator("#i-phone")).to_be_focused()
        await page.keyboard.type("13800001234")
        await page.keyboard.press("Enter")
        await page.keyboard.press("1")
        await expect(page.locator("input[name=concerns][value=H1]")).to_be_checked()
        await expect(page.locator("#send")).to_be_disabled()
        await page.focus("#i-address")
        await _compose(page, "松岭小学旁", "songlingxiaoxuepang")
        assert "draft=" in page.url
        await expect(page.locator("#sent")).to_have_count(0)
        await expect(page.locator("#i-address")).to_have_value("松岭小学旁")
        await page.focus("input[name='c.R1'][value=unknown]")
        await page.keyboard.press("Alt+y")
        await expect(page.locator("#assessed [data-level=red]")).to_be_visible()
        await expect(page.locator("#assessed .recipients li").first).to_be_visible()
        assert await accessibility_faults(page) == []
        await keep(page, "desk")
        await page.keyboard.press("F4")
        await expect(page.locator("#sent")).to_contain_text("查询编号")
        await expect(page.locator("#became .recipients li").first).to_be_visible()
        await keep(page, "desk-sent")
        assert await accessibility_faults(page) == []


async def _compose(page: Page, words: str, letters: str) -> None:
    """Type through an input method: letters being composed, Enter within the composition, then the words."""
    tools = await page.context.new_cdp_session(page)
    end = len(letters)
    await tools.send("Input.imeSetComposition", {"text": letters, "selectionStart": end, "selectionEnd": end})
    for kind in ("rawKeyDown", "keyUp"):
        # What a browser hears of a key while an input method has it.
        await tools.send(
            "Input.dispatchKeyEvent", {"type": kind, "windowsVirtualKeyCode": 229, "key": "Enter", "code": "Enter"}
        )
    await tools.send("Input.insertText", {"text": words})
    await tools.detach()


async def test_a_draft_survives_a_reload_and_two_calls_are_kept_apart(here: Site) -> None:
    async with here.person(OPERATOR) as page:
        await page.keyboard.press("F2")
        await page.wait_for_url("**/desk?draft=*")
        first = page.url
        await page.fill("#i-narrative", "第一个来电")
        await page.keyboard.press("F2")
        await page.wait_for_url(lambda url: "draft=" in url and url != first)
        await page.fill("#i-narrative", "第二个来电")
        await _saved(page)
        await page.reload()
        await expect(page.locator("#i-narrative")).to_have_value("第二个来电")
        await page.keyboard.press("Alt+[")
        await page.wait_for_url(first)
        await expect(page.locator("#i-narrative")).to_have_value("第一个来电")
        await page.keyboard.press("Alt+]")
        await expect(page.locator("#i-narrative")).to_have_value("第二个来电")


async def test_a_call_that_is_no_case_takes_a_digit_and_a_confirmation(here: Site) -> None:
    async with here.person(OPERATOR) as page:
        await page.keyboard.press("F2")
        await page.wait_for_url("**/desk?draft=*")
        await page.keyboard.press("Alt+0")
        await expect(page.locator("#panel [name=kind]").first).to_be_focused()
        await page.keyboard.press("1")
        assert await accessibility_faults(page) == []
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url("**/desk?done=*")


async def test_everything_fits_the_screen_of_a_desk_and_the_keys_are_explained(here: Site) -> None:
    async with here.person(OPERATOR) as page:
        await page.goto("/desk")
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        for field in ("#place-text", "#i-address", "#i-phone", "#i-channel", "#q-concerns", "#i-narrative", "#send"):
            await expect(page.locator(field)).to_be_in_viewport()
        await expect(page.locator("[name='c.R1']").first).to_be_in_viewport()
        assert await page.locator("#send").get_attribute("aria-keyshortcuts") == "F4"
