"""Signing in, staying signed in, and what a page refuses."""

from tests.integration.console.people import HTML, Person
from tests.product import Product


async def test_a_wrong_password_is_told_on_the_same_page_and_gives_no_session(town: Product) -> None:
    answer = await town.console.client.post("/login", data={"username": "st088", "password": "not-it"})
    assert answer.status_code == 400
    assert "用户名或密码不对" in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_page_asked_without_a_session_leads_to_the_entrance_and_back(town: Product) -> None:
    answer = await town.console.client.get("/help", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?onward=/help")
    inside = await town.console.client.get("/login", params={"onward": "https://elsewhere.example/"})
    assert "elsewhere" not in inside.text


async def test_signed_in_people_see_their_menu_and_no_page_may_be_kept_or_framed(civil_affairs: Person) -> None:
    page = await civil_affairs.get("/help")
    assert page.status_code == 200
    assert 'href="/inbox"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


async def test_a_post_without_the_secret_of_our_forms_or_from_another_site_is_refused(civil_affairs: Person) -> None:
    forged = await civil_affairs.browser.post("/ui/language", data={"language": "en"})
    assert forged.status_code == 403
    page = await civil_affairs.get("/help")
    secret = page.text.split('name="csrf" content="')[1].split('"')[0]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    crossed = await civil_affairs.browser.post("/ui/language", data={"language": "en", "csrf": secret}, headers=foreign)
    assert crossed.status_code == 403


async def test_the_language_is_remembered_for_the_session(town: Product) -> None:
    async with Person.signed_in(town, "st090") as person:
        await person.post("/ui/language", {"language": "en", "back": "/help"})
        assert '<html lang="en">' in (await person.get("/help")).text


async def test_after_signing_out_the_cookie_opens_nothing(town: Product) -> None:
    async with Person.signed_in(town, "st089") as person:
        kept = person.browser.cookies["sw_session"]
        await person.post("/logout", {})
        answer = await town.console.client.get("/help", headers={**HTML, "Cookie": f"sw_session={kept}"})
        assert answer.status_code == 303
