"""The village's pages on a phone: own tasks only, forms that do nothing twice, and pages small enough for a bad line."""

import gzip
from typing import Any
from urllib.parse import urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from services.console.web.rendering import STATIC
from tests.integration.console.people import Person
from tests.product import Product

DIRECTOR, GRID_1, GRID_2, POLICE = "st002", "st004", "st006", "st092"
"""Songling Village's child director, the grid members of its first and second group, and the police."""
FIRST_LOAD, LATER_PAGE = 60 * 1024, 10 * 1024
RECEIPT = {"Accept": "application/json"}


def _one(page: str, selector: str) -> LexborNode:
    """The one node that must be there."""
    found = LexborHTMLParser(page).css_first(selector)
    assert found is not None, selector
    return found


def _form(page: str, ending: str) -> dict[str, str]:
    """What the browser would send for the form whose address ends so: hidden fields and what is filled in already."""
    found = {}
    for field in _one(page, f'form[action$="{ending}"]').css("input"):
        kind, name = field.attributes.get("type", "text"), field.attributes.get("name")
        if name and kind not in {"radio", "checkbox"}:
            found[name] = field.attributes.get("value") or ""
    return found


async def _send(person: Person, page: str, ending: str, **answers: Any) -> Any:
    """Fill a form in and send it; its own address, its own secret."""
    action = _one(page, f'form[action$="{ending}"]').attributes["action"]
    return await person.browser.post(str(action), data=_form(page, ending) | answers)


async def _case(town: Product, who: str = DIRECTOR, **changed: Any) -> dict[str, Any]:
    """A RED case in the second group, and the referral of the village's committee."""
    case = (await town.report("YX-01", **changed))["case_id"]
    listed = (await town.ask(who, "dispatch", "GET", "/api/v1/referrals?limit=200&organisation=V01-VC")).json()
    (referral,) = [one for one in listed["items"] if one["case_id"] == case]
    return dict(referral)


async def _made_safe(town: Product, case: str) -> None:
    """The police have seen the child and it is safe: from then on the village owes visits."""
    listed = (await town.ask(POLICE, "dispatch", "GET", "/api/v1/referrals?limit=200&organisation=YX-PS")).json()
    (referral,) = [one for one in listed["items"] if one["case_id"] == case]
    now, version = (await town.now()).isoformat(), int(referral["version"])
    for act, body in (
        ("report-arrival", {"arrived_at": now, "child_seen": True}),
        ("confirm-safety", {"basis": "safety_plan", "confirmed_at": now}),
    ):
        path = f"/api/v1/referrals/{referral['referral_id']}/actions/{act}"
        answer = await town.ask(POLICE, "dispatch", "POST", path, body, version=version)
        assert answer.status_code == 200, answer.text
        version = int(answer.json()["version"])
    await town.settle()


async def _whole_list(person: Person) -> str:
    """The tasks of all pages: others of the shared township may be due sooner."""
    address: str | None = "/m"
    found = ""
    while address:
        text = (await person.browser.get(address)).text
        found += text
        more = LexborHTMLParser(text).css_first('a.button[href^="/m?cursor="]')
        address = more.attributes["href"] if more else None
    return found


async def test_a_grid_member_sees_the_own_grid_and_nothing_else(town: Product) -> None:
    referral = await _case(town)
    address = f"/m/tasks/{referral['referral_id']}"
    async with Person.signed_in(town, GRID_2) as own, Person.signed_in(town, GRID_1) as other:
        assert (await own.get("/")).headers["location"] == "/m"
        assert f'href="{address}"' in await _whole_list(own)
        assert f'href="{address}"' not in await _whole_list(other)
        assert (await own.get(address)).status_code == 200
        assert (await other.get(address)).status_code in {403, 404}


async def test_safety_advice_and_the_duty_desks_number_come_before_anything_to_do(town: Product) -> None:
    referral = await _case(town)
    async with Person.signed_in(town, DIRECTOR) as person:
        page = (await person.get(f"/m/tasks/{referral['referral_id']}")).text
        text = _one(page, "main").text()
        assert text.index("不要追问孩子经过") < text.index("打给值班台") < text.index("要做什么")
        assert "不要替孩子清洗伤口" in text, "what is to be kept in mind when a child is beaten"
        assert 'href="tel:00000090000"' in page
        assert 'href="tel:110"' in page


async def test_a_double_tap_signs_once_and_a_colleagues_change_does_not_stop_an_arrival(town: Product) -> None:
    referral = await _case(town)
    address = f"/m/tasks/{referral['referral_id']}"
    async with Person.signed_in(town, DIRECTOR) as person:
        page = (await person.get(address)).text
        stale = (await person.get(f"{address}/arrival")).text
        answers = [await _send(person, page, "/acknowledge") for _ in range(2)]
        assert [answer.headers["location"] for answer in answers] == [address, address]
        sent = await _send(person, stale, "/arrival", child_seen="yes", safe="yes", note="孩子在奶奶家")
        assert (sent.status_code, sent.headers["location"]) == (303, address), sent.text
    await town.settle()
    story = (
        await town.ask(DIRECTOR, "intake", "GET", f"/api/v1/cases/{referral['case_id']}/timeline?limit=100")
    ).json()
    own = [one["type"].partition(".v")[0] for one in story["items"] if one["actor"].get("staff") == "ST002"]
    assert own.count("referral.acknowledged") == 1
    assert own.count("arrival.reported") == 1


async def test_a_child_who_is_not_safe_is_signalled_and_the_next_page_says_whom_to_call(town: Product) -> None:
    referral = await _case(town)
    address = f"/m/tasks/{referral['referral_id']}"
    async with Person.signed_in(town, GRID_2) as person:
        page = (await person.get(f"{address}/arrival")).text
        unanswered = await _send(person, page, "/arrival", child_seen="no", note="门锁着，听见哭声")
        assert unanswered.status_code == 422
        assert "还有问题没有回答" in unanswered.text
        assert "门锁着，听见哭声" in unanswered.text, "what was typed is kept"
        assert _form(unanswered.text, "/arrival")["key"] == _form(page, "/arrival")["key"]
        sent = await _send(person, unanswered.text, "/arrival", child_seen="no", safe="no", note="门锁着，听见哭声")
        assert sent.headers["location"] == f"{address}/unsafe"
        assert 'href="tel:110"' in (await person.get(f"{address}/unsafe")).text
    signals = await town.ask(DIRECTOR, "risk_scoring", "GET", f"/api/v1/signals?case_id={referral['case_id']}")
    assert [one["kind"]["code"] for one in signals.json()["items"]] == ["on_scene_findings"]


async def test_a_report_sent_twice_is_one_report_with_one_number(town: Product) -> None:
    async with Person.signed_in(town, GRID_2) as person:
        page = (await person.get("/m/report")).text
        assert 'value="V01-G2" selected' in page, "a grid member's own group is chosen already"
        said = {"place": "V01-G2", "danger": "yes", "concern": ["H1", "H5"], "child_name": "祁小禾", "age": "7"}
        form = _form(page, "/m/report") | said
        assert form["phone"] == "00000000006", "the own number is known"
        receipts = [(await person.browser.post("/m/report", data=form, headers=RECEIPT)).json() for _ in range(2)]
        assert receipts[0] == receipts[1]
        kept = await person.get(receipts[0]["address"])
        assert receipts[0]["receipt"] in kept.text
    report = (
        await town.ask(GRID_2, "intake", "GET", f"/api/v1/reports/{receipts[0]['address'].rpartition('/')[2]}")
    ).json()
    assert (report["channel"], report["group_code"], report["mandated"]) == ("grid_app", "V01-G2", True)
    await town.settle()
    listed = (await town.ask(DIRECTOR, "dispatch", "GET", "/api/v1/referrals?limit=1&level=red")).json()["items"]
    assert listed, "danger now makes it RED"


async def test_a_report_that_is_refused_keeps_every_word(town: Product) -> None:
    async with Person.signed_in(town, GRID_2) as person:
        page = (await person.get("/m/report")).text
        said = {"place": "V01", "danger": "no", "narrative": "孩子好几天没去学校", "age": "9"}
        wrong = said | {"place": "V99"}
        refused = await _send(person, page, "/m/report", **wrong)
        assert refused.status_code == 422
        assert _one(refused.text, "#narrative").text() == "孩子好几天没去学校"
        assert _one(refused.text, "input[name=danger][checked]").attributes["value"] == "no"
        told = await person.browser.post("/m/report", data=_form(page, "/m/report") | wrong, headers=RECEIPT)
        assert told.status_code == 422
        assert told.json()["title"]
        again = await _send(person, refused.text, "/m/report", **said | {"danger": "unknown"})
        assert again.status_code == 303, "the key of a refused form is still good"


@pytest.mark.parametrize("seen", [True, False])
async def test_a_planned_visit_is_recorded_or_said_to_have_failed(town: Product, seen: bool) -> None:
    referral = await _case(town)
    await _made_safe(town, referral["case_id"])
    async with Person.signed_in(town, DIRECTOR) as person:
        listing = LexborHTMLParser((await person.get("/m")).text)
        links = [str(a.attributes["href"]) for a in listing.css(".acts a[href^='/m/visits/']")]
        (address,) = [link for link in links if link.endswith(f"case_id={referral['case_id']}")]
        page = (await person.browser.get(address)).text
        planned = urlsplit(address).path
        if seen:
            sent = await _send(person, page, planned, heard="under_age", satisfactory="yes", note="在写作业")
        else:
            sent = await _send(person, page, f"{planned}/failed", failure="nobody_home")
        assert (sent.status_code, sent.headers["location"]) == (303, "/m?sent=1"), sent.text
        assert "已送达" in (await person.get("/m", sent=1)).text
    visits = await town.ask(DIRECTOR, "assistance", "GET", f"/api/v1/visits?case_id={referral['case_id']}")
    assert len(visits.json()["items"]) == (1 if seen else 0)


async def test_large_letters_are_remembered_by_this_browser(town: Product) -> None:
    async with Person.signed_in(town, GRID_2) as person:
        await person.post("/m/size", {"size": "large"})
        assert 'class="large"' in (await person.get("/m")).text
        await person.post("/m/size", {"size": "normal"})
        assert 'class="large"' not in (await person.get("/m")).text


async def test_the_first_load_and_every_later_page_fit_a_bad_line(town: Product) -> None:
    for _ in range(3):
        referral = await _case(town)
    async with Person.signed_in(town, DIRECTOR) as person:
        first = (await person.get("/m")).text
        page = LexborHTMLParser(first)
        linked = {str(n.attributes["href"]) for n in page.css("link[href]")} | {
            str(n.attributes["src"]) for n in page.css("script[src]")
        }
        files = {urlsplit(address).path.removeprefix("/ui/static/") for address in linked} | {"js/clocks.js"}
        assert {"css/m.css", "js/outbox.js", "js/m.js"} <= files
        assert sum(_packed((STATIC / name).read_bytes()) for name in files) + _packed(first.encode()) <= FIRST_LOAD
        task = f"/m/tasks/{referral['referral_id']}"
        for later in (task, f"{task}/arrival", "/m/report", "/m/me"):
            assert _packed((await person.get(later)).content) <= LATER_PAGE, later


def _packed(content: bytes) -> int:
    return len(gzip.compress(content))
