"""The desk by HTTP: drafts that only their account can read, sending after four facts, amendments, calls that are no case."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio
from selectolax.lexbor import LexborHTMLParser

from services.console.web.desk import drafts
from services.console.web.desk.drafts import Draft, master_key
from services.console.web.desk.typed import Typed
from services.console.web.rendering import newest_policy
from tests.integration.console.people import Person
from tests.product import Product

OPERATOR, COLLEAGUE, POLICE = "st127", "st128", "st092"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(town: Product) -> AsyncIterator[Person]:
    async with Person.signed_in(town, OPERATOR) as person:
        yield person


async def begun(desk: Person) -> str:
    """A new call; its draft's id."""
    answer = await desk.post("/desk/new", {})
    assert answer.status_code == 303, answer.text
    (id_,) = parse_qs(urlsplit(answer.headers["location"]).query)["draft"]
    return id_


def four_facts(**more: Any) -> dict[str, Any]:
    """The least that is sent: where, whom to call back, what, danger."""
    said = {"mode": "report", "channel": "hotline_a", "reporter_kind": "public", "place": "V01", "phone": "13800001234"}
    return said | {"concerns": ["H1"], "c.R1": "yes", "narrative": "隔壁在打孩子，哭声很大"} | more


async def sent(desk: Person, town: Product, **more: Any) -> tuple[str, dict[str, str]]:
    """A report sent; the draft's id and the receipt's numbers as the page shows them."""
    id_ = await begun(desk)
    answer = await desk.post(f"/desk/{id_}/dispatch", four_facts(**more))
    assert answer.status_code == 303, answer.text
    await town.settle()
    page = (await desk.get("/desk", draft=id_)).text
    box = LexborHTMLParser(page).css_first("#sent")
    assert box is not None
    link = box.css_first('a[href^="/cases/"]')
    assert link is not None
    return id_, {"case_id": str(link.attributes["href"]).rpartition("/")[2], "case": link.text(), "page": page}


async def test_a_draft_is_kept_sealed_for_its_account_at_every_seat(desk: Person, town: Product) -> None:
    id_ = await begun(desk)
    typed = four_facts(**{"child.name": "宁小满", "concerns": ["H1", "N2"]})
    saved = await desk.post(f"/desk/{id_}/draft", typed, part=True)
    assert "已保存" in saved.text
    async with Person.signed_in(town, OPERATOR) as other_seat:
        page = LexborHTMLParser((await other_seat.get("/desk", draft=id_)).text)
        name = page.css_first('input[name="child.name"]')
        assert name is not None
        assert name.attributes["value"] == "宁小满"
        ticked = [box.attributes["value"] for box in page.css("input[name=concerns][checked]")]
        assert ticked == ["H1", "N2"]
        assert page.css_first('input[name="c.R1"][value=yes][checked]') is not None
    async with Person.signed_in(town, COLLEAGUE) as colleague:
        assert "宁小满" not in (await colleague.get("/desk", draft=id_)).text
        assert (await colleague.post(f"/desk/{id_}/draft", typed, part=True)).status_code == 404
    async with town.console.database.reading() as db:
        sealed = await db.fetchval("SELECT sealed FROM draft WHERE id = $1::uuid", id_)
    assert "宁小满".encode() not in sealed
    await desk.post(f"/desk/{id_}/discard", {})
    assert id_ not in (await desk.get("/desk")).text


async def test_a_draft_outlives_the_process_and_is_gone_after_a_day(desk: Person, town: Product) -> None:
    id_ = await begun(desk)
    await desk.post(f"/desk/{id_}/draft", four_facts(narrative="电话那头有人在哭"), part=True)
    resources = town.console.process.runtime.resources
    kept = resources[drafts.MASTER]
    resources[drafts.MASTER] = master_key("ab" * 32)
    try:
        assert "电话那头有人在哭" not in (await desk.get("/desk", draft=id_)).text, "another key opens nothing"
    finally:
        resources[drafts.MASTER] = kept
    assert "电话那头有人在哭" in (await desk.get("/desk", draft=id_)).text
    async with town.console.database.reading() as db:
        await db.execute("UPDATE draft SET started_at = started_at - interval '25 hours' WHERE id = $1::uuid", id_)
    assert "电话那头有人在哭" not in (await desk.get("/desk", draft=id_)).text
    await drafts.forget(town.console.process.runtime)
    async with town.console.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM draft WHERE id = $1::uuid", id_) == 0


@pytest.mark.parametrize("text", ["", "short", "zz" * 32])
def test_a_draft_key_that_is_no_32_bytes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        master_key(text)


async def test_level_and_recipients_are_shown_with_reasons_before_anything_is_sent(desk: Person, town: Product) -> None:
    id_ = str(uuid4())
    answer = await desk.post(f"/desk/{id_}/assess", four_facts(), part=True)
    page = LexborHTMLParser(answer.text)
    assert page.css_first("[data-level=red]") is not None
    assert "R1" in [chip.text() for chip in page.css(".reasons .chip")]
    recipients = page.css_first(".recipients")
    assert recipients is not None
    assert "云溪派出所" in recipients.text()
    calmer = await desk.post(f"/desk/{id_}/assess", four_facts(**{"concerns": ["N5"], "c.R1": "no"}), part=True)
    assert LexborHTMLParser(calmer.text).css_first("[data-level=red]") is None
    async with town.console.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM draft WHERE id = $1::uuid", id_) == 0, "asking keeps nothing"


async def test_a_report_goes_after_four_facts_and_its_words_leave_the_draft(desk: Person, town: Product) -> None:
    id_, receipt = await sent(desk, town, **{"child.name": "顾小雨"})
    assert re.fullmatch(r"YX-\d{4}-\d+(-\d+)?|YX.*", receipt["case"])
    assert "查询编号" in receipt["page"]
    assert "顾小雨" not in receipt["page"], "what was sent lies in the vault, not in the draft"
    assert 'data-mode="amendment"' in receipt["page"]
    progress = (await desk.get(f"/desk/{id_}/progress")).text
    assert "云溪派出所" in progress
    again = await desk.post(f"/desk/{id_}/dispatch", four_facts())
    assert again.status_code == 303
    cases = (await town.ask("st088", "intake", "GET", f"/api/v1/cases/{receipt['case_id']}")).json()
    assert len(cases["reports"]) == 1, "sent twice, it is one report"


async def test_what_is_missing_or_refused_is_said_and_the_form_stays(desk: Person) -> None:
    id_ = await begun(desk)
    thin = await desk.post(f"/desk/{id_}/dispatch", {"mode": "report", "concerns": ["H1"], "narrative": "听不清"})
    assert thin.status_code == 422
    assert "还差几项才能派发" in thin.text
    assert "① 孩子在哪里" in thin.text
    assert "听不清" in thin.text
    wrong = four_facts(anonymous="1", reporter_name="王大姐")
    refused = await desk.post(f"/desk/{id_}/dispatch", wrong)
    assert refused.status_code == 422
    assert "匿名报告不得记录姓名" in refused.text
    assert "隔壁在打孩子" in refused.text
    part = await desk.post(f"/desk/{id_}/dispatch", wrong, part=True)
    assert part.status_code == 200
    assert "匿名报告不得记录姓名" in part.text
    assert "<form" not in part.text, "only the refusal is put on the page"
    await desk.post(f"/desk/{id_}/discard", {})


async def test_what_becomes_known_later_reaches_the_department_as_an_amendment(desk: Person, town: Product) -> None:
    id_, receipt = await sent(desk, town)
    later = four_facts(**{"mode": "amendment", "f.visible_injury": "yes", "f.age": "９", "phone": ""})
    stale = await desk.post(f"/desk/{id_}/draft", four_facts(narrative="旧页面的内容"), part=True)
    assert stale.status_code == 200
    assert "旧页面的内容" not in (await desk.get("/desk", draft=id_)).text
    answer = await desk.post(f"/desk/{id_}/amend", later | {"narrative": "孩子额头有伤"})
    assert answer.status_code == 303, answer.text
    await town.settle()
    assert "补充已发送" in (await desk.get("/desk", draft=id_)).text
    listed = (await town.ask(POLICE, "dispatch", "GET", "/api/v1/referrals?limit=200&organisation=YX-PS")).json()
    (referral,) = [one for one in listed["items"] if one["case_id"] == receipt["case_id"]]
    assert referral["amended_at"] is not None


def test_an_amendment_holds_only_what_is_new() -> None:
    before = Typed.of([("concerns", "H1"), ("c.R1", "yes"), ("place", "V01"), ("f.age", "9")])
    policy = newest_policy()
    assert before.amendment(before, policy) == {}
    more = [("concerns", "H1"), ("concerns", "H5"), ("c.R1", "yes"), ("place", "V01/V01-G2"), ("f.age", "10")]
    body = Typed.of([*more, ("child.name", "小雨"), ("a.A1", "unknown")]).amendment(before, policy)
    assert body == {
        "children": [
            {"concerns": ["H5"], "facts": {"age": 10}, "answers": {"A1": "unknown"}, "child": {"name": "小雨"}}
        ],
        "place": {"village": "V01", "group": "V01-G2"},
    }


async def test_a_call_that_is_no_case_takes_one_form_and_a_silent_one_leaves_a_call_back(
    desk: Person, town: Product
) -> None:
    id_ = await begun(desk)
    panel = await desk.part("/desk/panels/contact", draft=id_)
    assert panel.text.count('name="kind"') == 8
    form = {"kind": "transferred", "channel": "hotline_a", "draft": id_, "key": str(uuid4())}
    refused = await desk.post("/desk/contacts", form, part=True)
    assert "转接须且仅转接须填接收方" in refused.text
    silent = form | {"kind": "silent", "phone": "13900005678", "key": str(uuid4())}
    done = await desk.post("/desk/contacts", silent, part=True)
    assert done.headers["hx-redirect"].startswith("/desk?done=")
    assert id_ not in (await desk.get("/desk")).text, "the call is over"
    await town.settle()
    listed = (await desk.part("/desk/panels/callbacks")).text
    callback = LexborHTMLParser(listed).css_first('form[action$="/settle"]')
    assert callback is not None
    path = str(callback.attributes["action"]).removesuffix("/settle")
    assert "13900005678" not in listed
    assert "13900005678" in (await desk.post(f"{path}/number", {}, part=True)).text
    tried = await desk.post(f"{path}/attempt", {"version": "1", "reached": "yes", "key": str(uuid4())}, part=True)
    assert "已拨 1 次" in tried.text
    settle = {"version": "2", "outcome": "no_concern", "key": str(uuid4())}
    ended = await desk.post(f"{path}/settle", settle, part=True)
    assert path not in ended.text
    queue = (await desk.part("/desk/queue")).text
    assert "待回拨" in queue


async def test_a_hand_over_waits_on_the_desk_until_the_receiver_has_it(desk: Person) -> None:
    form = {"kind": "transferred", "receiver": "citizen_hotline", "channel": "hotline_a", "key": str(uuid4())}
    assert (await desk.post("/desk/contacts", form, part=True)).status_code == 204
    page = LexborHTMLParser((await desk.part("/desk/panels/transfers")).text)
    waiting = page.css_first('form[action$="/acknowledge"]')
    assert waiting is not None
    action = str(waiting.attributes["action"])
    version = waiting.css_first("input[name=version]")
    assert version is not None
    said = {"version": str(version.attributes["value"]), "receipt": "CZ-20261", "key": str(uuid4())}
    answer = await desk.post(action, said, part=True)
    assert action not in answer.text


async def test_further_contact_about_a_case_is_added_by_its_number(desk: Person, town: Product) -> None:
    _, receipt = await sent(desk, town)
    form = {"kind": "follow_up", "case": "YX-0000-0000", "narrative": "又打来了", "key": str(uuid4())}
    refused = await desk.post("/desk/contacts", form, part=True)
    assert "没有这个个案" in refused.text
    assert "又打来了" in refused.text
    done = await desk.post("/desk/contacts", form | {"case": receipt["case"], "key": str(uuid4())}, part=True)
    assert done.status_code == 204


async def test_likenesses_are_offered_with_their_reasons_and_nobody_is_joined_by_itself(
    desk: Person, town: Product
) -> None:
    _, receipt = await sent(desk, town, **{"child.name": "闻人静好", "child.guardian_phone": "13700002345"})
    id_ = str(uuid4())
    nothing = await desk.post(f"/desk/{id_}/similar", {"mode": "report"}, part=True)
    assert "填写姓名、号码或证件后自动查找" in nothing.text
    found = await desk.post(f"/desk/{id_}/similar", four_facts(phone="13700002345"), part=True)
    assert receipt["case"] in found.text
    assert "同号码" in found.text
    assert "关联为重复来电" in found.text


def test_what_is_kept_of_a_sent_report_are_codes() -> None:
    typed = Typed.of([("narrative", "x"), ("child.name", "y"), ("phone", "1"), ("c.R1", "no"), ("place", "V01")])
    assert Draft(uuid4(), typed).typed.without_words().values == {"c.R1": ["no"], "place": ["V01"]}


async def test_a_department_has_no_desk(town: Product) -> None:
    async with Person.signed_in(town, POLICE) as officer:
        assert (await officer.get("/desk")).status_code == 403
