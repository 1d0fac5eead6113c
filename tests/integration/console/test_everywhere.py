"""What holds for every page: headers, no outside origin, no inline code, refusals that help, the language of strangers."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from selectolax.lexbor import LexborHTMLParser

from chassis.clock import new_uuid7
from chassis.transaction import Cause
from services.console.web.page import Page
from services.console.web.rendering import STATIC
from tests.integration.console.people import HTML, Person
from tests.product import Product

POLICE = "st092"
NOT_PAGES = ("/api/", "/docs", "/openapi", "/metrics", "/healthz", "/readyz", "/problems", "/ops", "/ui/events")
ANSWERED = {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.SEE_OTHER, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
REFUSED_ASKING = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
"""A made-up value in the address, or a question without its parameters."""


def _pages(town: Product) -> list[str]:
    """The addresses of all pages, parameters in braces."""
    app = town.console.client._transport.app  # type: ignore[attr-defined]  # the app behind the client
    found = {
        route.path
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and "GET" in (route.original_route.methods or ())
    }
    return sorted(path for path in found if path and not path.startswith(NOT_PAGES))


async def _filled(town: Product, pages: list[str]) -> Iterator[str]:
    case = (await town.report("YX-05"))["case_id"]
    listed = (await town.ask("st088", "dispatch", "GET", "/api/v1/referrals?limit=200")).json()["items"]
    referral = next(one["referral_id"] for one in listed if one["case_id"] == case)
    known = {
        "case_id": case,
        "referral_id": referral,
        "number": "REG-01",
        "register_id": "REG-01",
        "quarter": "2026-Q4",
    }
    return iter([re.sub(r"\{(\w+)[^}]*\}", lambda m: known.get(m[1], str(UUID(int=1))), page) for page in pages])


def _faults(page: str) -> list[str]:
    """What the content security policy would block, or what leads to another machine."""
    tree = LexborHTMLParser(page)
    found = [f"style attribute: {node.html[:80]}" for node in tree.css("[style]") if node.html]
    found += [
        f"inline script: {(script.html or '')[:80]}"
        for script in tree.css("script")
        if "src" not in script.attributes and script.attributes.get("type") != "application/json"
    ]
    found += ["inline style sheet" for _ in tree.css("style")]
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            if name.startswith(("on", "hx-on")):
                found.append(f"handler {name}")
            if name in {"src", "href", "action", "hx-get", "hx-post", "poster", "data"} and value:
                if re.match(r"(?:https?:)?//", value):
                    found.append(f"outside address: {value}")
                if value.startswith("javascript:"):
                    found.append(f"script address: {value}")
    return found


async def test_every_page_answers_with_its_headers_and_nothing_inline_or_from_outside(
    town: Product, civil_affairs: Person
) -> None:
    faults: dict[str, object] = {}
    pages = 0
    for path in await _filled(town, _pages(town)):
        answer = await civil_affairs.get(path)
        html = answer.headers.get("content-type", "").startswith("text/html")
        allowed = answer.status_code in ANSWERED | REFUSED_ASKING
        secure = (
            answer.headers["x-content-type-options"] == "nosniff"
            and answer.headers["x-frame-options"] == "DENY"
            and answer.headers["referrer-policy"] == "no-referrer"
            and answer.headers["cache-control"] == "no-store"
            and "unsafe" not in answer.headers["content-security-policy"]
        )
        inside = _faults(answer.text) if html else []
        pages += html
        if not allowed or not secure or inside:
            faults[path] = (answer.status_code, secure, inside)
    assert faults == {}
    assert pages > 15


def _texts() -> list[Path]:
    own = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".svg"}]
    return [path for path in own if "vendor" not in path.parts]


def test_no_static_file_of_ours_asks_another_machine_and_nothing_moves_for_who_does_not_want_it() -> None:
    for path in _texts():
        text = path.read_text(encoding="utf-8")
        outside = re.findall(r"(?:https?:|[\"'(])//[a-z0-9][^\s\"')]*", text)
        assert [one for one in outside if "www.w3.org" not in one] == [], path.name
        if path.suffix == ".css":
            calm = re.sub(
                r"@media \(prefers-reduced-motion: no-preference\) \{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}", "", text
            )
            assert re.findall(r"(?<![\w-])(?:animation|transition|scroll-behavior)\s*:", calm) == [], path.name


async def test_what_nobody_expected_is_told_to_a_browser_as_a_page_with_a_trace_id_to_copy(
    civil_affairs: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the page cannot be made")

    monkeypatch.setattr(Page, "show", fail)
    page = await civil_affairs.get("/help")
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    tree = LexborHTMLParser(page.text)
    trace = tree.css_first("#trace-id")
    assert trace is not None
    assert trace.text() == page.headers["traceresponse"].split("-")[1]
    assert tree.css_first('button[data-copy="trace-id"]') is not None
    assert "cannot be made" not in page.text
    part = await civil_affairs.part("/help")
    assert (part.status_code, part.headers["hx-retarget"]) == (500, "#trouble")
    program = await civil_affairs.browser.get("/help", headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (500, "internal_error")


async def test_a_refusal_says_whom_to_ask(town: Product) -> None:
    async with Person.signed_in(town, POLICE) as officer:
        answer = await officer.get("/admin")
        assert answer.status_code == 403
        assert "请联系本单位负责人" in answer.text


async def test_strangers_are_met_in_the_language_their_browser_prefers_or_last_chose(town: Product) -> None:
    ask = town.console.client.get
    for accepted, lang in (
        ("en-GB,en;q=0.9", "en"),
        ("fr, en;q=0.8, zh;q=0.5", "en"),
        ("en;q=0.3, zh-CN", "zh-CN"),
        ("", "zh-CN"),
    ):
        page = await ask("/login", headers={"Accept-Language": accepted})
        assert f'<html lang="{lang}">' in page.text, accepted
    async with Person.signed_in(town, POLICE) as officer:
        await officer.post("/ui/language", {"language": "en", "back": "/help"})
        await officer.post("/logout", {})
        page = await officer.browser.get("/login")
        assert '<html lang="en">' in page.text


async def test_a_page_out_of_reach_leads_back_with_its_question_after_signing_in(town: Product) -> None:
    answer = await town.console.client.get("/inbox?tab=overdue&level=red", headers=HTML)
    entrance = await town.console.client.get(answer.headers["location"])
    field = LexborHTMLParser(entrance.text).css_first("input[name=onward]")
    assert field is not None
    assert field.attributes["value"] == "/inbox?tab=overdue&level=red"


async def test_signing_in_again_ends_the_session_before_and_gives_the_open_page_the_new_secret(town: Product) -> None:
    async with Person.signed_in(town, POLICE) as officer:
        before = (await officer.browser.get("/ui/session")).json()
        old = officer.browser.cookies["sw_session"]
        form = {"username": POLICE, "password": "cloud-creek-demo"}
        again = await officer.browser.post("/login", data=form, headers={"HX-Request": "true"})
        assert (again.status_code, again.headers["hx-trigger"]) == (204, "signed-in")
        after = (await officer.browser.get("/ui/session")).json()
        assert after["account"] == before["account"]
        assert after["csrf"] != before["csrf"]
        stale = await town.console.client.get("/help", headers={**HTML, "Cookie": f"sw_session={old}"})
        assert stale.status_code == 303
        # A page may have renewed its form but not its header, or the other way round.
        headers = {"X-CSRF-Token": before["csrf"]}
        data = {"language": "zh", "csrf": after["csrf"]}
        assert (await officer.browser.post("/ui/language", data=data, headers=headers)).status_code == 303
        data["csrf"] = before["csrf"]
        assert (await officer.browser.post("/ui/language", data=data, headers=headers)).status_code == 403


async def test_a_part_asked_for_after_the_session_ended_opens_the_dialog_and_replaces_nothing(town: Product) -> None:
    async with Person.signed_in(town, POLICE) as officer:
        account = (await officer.browser.get("/ui/session")).json()["account"]
        id_ = new_uuid7()
        async with town.console.database.transaction(Cause(id_, str(id_), None)) as tx:
            await tx.db.execute("DELETE FROM session WHERE account = $1", account)
        answer = await officer.part("/inbox")
        assert answer.status_code == 401
        assert (answer.headers["hx-trigger"], answer.headers["hx-reswap"]) == ("session-ended", "none")
