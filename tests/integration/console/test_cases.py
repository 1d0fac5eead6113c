"""The pages of a case: who is offered what, what is shown masked, and the acts from the first visit to the closure."""

import re
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from services.console.web.rendering import newest_policy
from tests.integration.console.people import Person
from tests.product import Product

CIVIL_AFFAIRS, COLLEAGUE, POLICE, DIRECTOR = "st088", "st089", "st092", "st002"
LEADS = {
    "police": POLICE,
    "civil_affairs": CIVIL_AFFAIRS,
    "health": "st094",
    "women_federation": "st103",
    "school": "st109",
    "justice": "st101",
}


def _place(page: Any, selector: str) -> Any:
    """The first place of the page that fits; there has to be one."""
    found = page.css_first(selector)
    assert found is not None, selector
    return found


def _form(page: str, act: str, it: str = "") -> dict[str, Any]:
    """The hidden fields of an act's form as the browser would send them, and the local time where one is asked for."""
    for form in LexborHTMLParser(page).css(f'form[action$="/{act}"]'):
        sent: dict[str, Any] = {
            str(i.attributes["name"]): i.attributes.get("value") or "" for i in form.css("input[type=hidden]")
        }
        if it and sent.get("it") != it:
            continue
        for moment in form.css("input[type=datetime-local][required]"):
            sent[str(moment.attributes["name"])] = moment.attributes.get("value") or ""
        return sent
    raise AssertionError(f"no form for {act}")


def _refusal(page: str) -> str:
    """What the page says stood in the way."""
    bar = LexborHTMLParser(page).css_first("#refusal")
    return page if bar is None else re.sub(r"\s+", " ", bar.text())


async def _do(person: Person, case: str, tab: str, act: str, answers: dict[str, Any], it: str = "") -> None:
    """Fill in an act's form on its page and send it."""
    place = f"/cases/{case}" if tab == "overview" else f"/cases/{case}/pages/{tab}"
    page = await person.get(place)
    assert page.status_code == 200, page.text
    answer = await person.post(f"/cases/{case}/pages/{tab}/{act}", _form(page.text, act, it) | answers)
    assert answer.status_code == 303, _refusal(answer.text)
    await person.town.settle()


async def _made_safe(town: Product, case: str) -> None:
    """The departments confirm that the child is safe, so that there can be a plan."""
    response = (await town.ask(CIVIL_AFFAIRS, "dispatch", "GET", f"/api/v1/responses/{case}")).json()
    lead = next(one for one in response["referrals"] if one["role"] == "lead")
    who = LEADS[lead["department"]]
    now = (await town.now()).isoformat()
    for act, body in (
        ("acknowledge", {}),
        ("report-arrival", {"arrived_at": now, "child_seen": True}),
        ("confirm-safety", {"basis": "safe_place", "confirmed_at": now}),
    ):
        path = f"/api/v1/referrals/{lead['referral_id']}"
        version = (await town.ask(who, "dispatch", "GET", path)).json()["version"]
        answer = await town.ask(who, "dispatch", "POST", f"{path}/actions/{act}", body, version=version)
        assert answer.status_code == 200, answer.text
    await town.settle()


@pytest.fixture
async def case(town: Product) -> str:
    """A RED case of violence, led by the police."""
    return str((await town.report("YX-01"))["case_id"])


async def test_the_list_is_filtered_and_links_to_cases_and_knows_the_links_of_the_board(
    town: Product, case: str, civil_affairs: Person
) -> None:
    page = await civil_affairs.get("/cases", state="open", since="today", level="red")
    assert f'id="c-{case}"' in page.text
    assert f'id="c-{case}"' not in (await civil_affairs.get("/cases", level="blue")).text
    part = await civil_affairs.part("/cases")
    assert "<html" not in part.text
    assert f"/cases/{case}" in part.text


async def test_search_goes_by_number_or_person_and_never_through_an_address(
    town: Product, civil_affairs: Person
) -> None:
    receipt = await town.report("YX-12", child={"name": "欧阳晨曦", "sex": "female", "phone": "13900001234"})
    straight = await civil_affairs.post("/cases/search", {"sought": receipt["case_number"].lower()})
    assert straight.headers["location"] == f"/cases/{receipt['case_id']}"
    by_phone = await civil_affairs.post("/cases/search", {"sought": "139 0000 1234"})
    assert "电话相同" in by_phone.text
    assert f"/cases/{receipt['case_id']}" in by_phone.text
    assert "13900001234" not in _place(LexborHTMLParser(by_phone.text), "table").text()
    nothing = await civil_affairs.post("/cases/search", {"sought": ""})
    assert "请填写案号" in nothing.text


async def test_each_reader_gets_the_pages_and_the_sight_of_their_role(town: Product, case: str) -> None:
    for who, whole in ((CIVIL_AFFAIRS, True), (POLICE, True), ("st127", None)):
        async with Person.signed_in(town, who) as person:
            page = await person.get(f"/cases/{case}/file")
            assert page.status_code == 200, (who, page.text)
            told = _place(LexborHTMLParser(page.text), ".masked-name").text()
            assert re.fullmatch(r".\*", told), "the name is masked before anybody said what for"
            form = {"fields": ["name", "reporter_name"], "purpose": "task"}
            shown = LexborHTMLParser((await person.post(f"/cases/{case}/file", form)).text)
            name = _place(shown, '[data-field="name"]')
            if whole:
                assert _place(name, "[data-remask]") is not None
                assert "*" not in name.text()
            assert shown.css_first('[data-field="reporter_name"] [data-remask]') is None or who == "st127"


async def test_a_restricted_case_is_not_there_for_its_own_village(town: Product) -> None:
    restricted = await town.report("YX-02")
    async with Person.signed_in(town, "st050") as village:
        assert (await village.get(f"/cases/{restricted['case_id']}")).status_code == 404


async def test_revealing_needs_a_purpose_and_is_in_the_log_with_it(
    town: Product, case: str, civil_affairs: Person
) -> None:
    refused = await civil_affairs.post(f"/cases/{case}/file", {"fields": ["name"]})
    assert refused.status_code == 422
    await civil_affairs.post(f"/cases/{case}/file", {"fields": ["id_number"], "purpose": "supervision"})
    log = (await civil_affairs.get(f"/cases/{case}/log")).text
    assert "督导检查" in log
    assert "记录完整" in log


async def test_the_story_is_a_fragment_and_a_note_is_read_one_by_one(
    town: Product, case: str, civil_affairs: Person
) -> None:
    await _do(civil_affairs, case, "overview", "note", {"kind": "visit", "text": "孩子愿意去上学"})
    story = await civil_affairs.part(f"/cases/{case}/story")
    assert "<html" not in story.text
    assert "书面记录" in story.text
    page = (await civil_affairs.get(f"/cases/{case}/timeline")).text
    assert "孩子愿意去上学" not in page
    action = re.search(rf'action="(/cases/{case}/notes/[0-9a-f-]+)"', page)
    assert action
    text = await civil_affairs.post(action.group(1), {"purpose": "task"}, part=True)
    assert "孩子愿意去上学" in text.text


async def test_the_level_is_raised_at_once_and_lowered_by_two_persons(town: Product) -> None:
    case = str((await town.report("YX-20"))["case_id"])
    await _made_safe(town, case)
    async with Person.signed_in(town, COLLEAGUE) as colleague, Person.signed_in(town, CIVIL_AFFAIRS) as supervisor:
        before = (await town.ask(CIVIL_AFFAIRS, "risk_scoring", "GET", f"/api/v1/assessments/cases/{case}")).json()
        up = {"red": "red", "orange": "red", "yellow": "orange", "blue": "yellow"}[before["level"]["code"]]
        await _do(colleague, case, "overview", "raise", {"to": up, "evidence": "R1"})
        texts = {"text.reason_note_id": "情况缓和", "text.best_interest_note_id": "对孩子最好"}
        await _do(colleague, case, "overview", "propose_lowering", {"to": before["level"]["code"], **texts})
        assert 'action$="/approve_lowering"' not in (await colleague.get(f"/cases/{case}")).text
        await _do(supervisor, case, "overview", "approve_lowering", {})
    after = (await town.ask(CIVIL_AFFAIRS, "risk_scoring", "GET", f"/api/v1/assessments/cases/{case}")).json()
    assert after["level"]["code"] == before["level"]["code"]


async def test_pressing_pausing_and_adding_from_the_overview(town: Product) -> None:
    case = str((await town.report("YX-12"))["case_id"])
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        await _do(person, case, "overview", "urge", {})
        await _do(person, case, "overview", "supervise", {"text.note_id": "请今日回复"})
        page = (await person.get(f"/cases/{case}")).text
        assert "已督办" in page
        await _do(person, case, "overview", "amend", {"narrative": "邻居说父亲已外出"})
    response = (await town.ask(CIVIL_AFFAIRS, "dispatch", "GET", f"/api/v1/responses/{case}")).json()
    assert any(one["urged_at"] for one in response["referrals"])
    assert any(one["amended_at"] for one in response["referrals"])


async def test_a_plan_is_agreed_and_a_measure_goes_from_asking_to_done(town: Product, case: str) -> None:
    await _made_safe(town, case)
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        agreed: dict[str, Any] = {
            "conference.attended": ["civil_affairs", "police"],
            "conference.attendees": ["YX-CA", "YX-PS"],
            "text.conference.minutes_note_id": "会议一致同意",
        }
        page = (await person.get(f"/cases/{case}/pages/plan")).text
        form = _place(LexborHTMLParser(page), 'form[action$="/agree"]')
        agreed["measures"] = [_place(form, 'input[name="measures"]').attributes["value"]]
        agreed["goals"] = [_place(form, 'input[name="goals"]').attributes["value"]]
        await _do(person, case, "plan", "agree", agreed)
        plan = (await town.ask(CIVIL_AFFAIRS, "assistance", "GET", f"/api/v1/plans/{case}")).json()
        assert plan["state"] == "agreed"
        assert [one["measure"]["code"] for one in plan["measures"]] == agreed["measures"]
        code = _owned("civil_affairs")
        wanted = {"code": code, "owner_department": "civil_affairs", "beneficiary": "family"}
        await _do(person, case, "plan", "request", wanted)
        plan = (await town.ask(CIVIL_AFFAIRS, "assistance", "GET", f"/api/v1/plans/{case}")).json()
        measure = next(
            one for one in plan["measures"] if one["measure"]["code"] == code and one["beneficiary"] == "family"
        )
        await _do(person, case, "plan", "accept", {}, measure["measure_id"])
        await _do(person, case, "plan", "grant", {}, measure["measure_id"])
        shown = (await person.get(f"/cases/{case}/pages/plan")).text
        assert "已同意" in shown


def _owned(department: str) -> str:
    """A measure of the catalogue whose owner is this department and that is not a matter of money."""
    return next(
        one.code
        for one in newest_policy().assistance.catalogue
        if one.owner == department
        and not one.approval_trail
        and not one.parties
        and one.receipt is None
        and not one.eligibility
    )


async def test_a_visit_and_a_failed_visit_of_the_village(town: Product) -> None:
    case = str((await town.report("YX-12"))["case_id"])
    village = (await town.ask(CIVIL_AFFAIRS, "intake", "GET", f"/api/v1/cases/{case}")).json()["village"]
    who = {
        "V01": "st002",
        "V02": "st015",
        "V03": "st026",
        "V04": "st035",
        "V05": "st050",
        "V06": "st063",
        "V07": "st073",
    }[village]
    async with Person.signed_in(town, who) as director:
        answers = {
            "child_seen": "yes",
            "in_person": "yes",
            "heard_alone": "yes",
            "satisfactory": "yes",
            "text.note_id": "家里整洁",
        }
        await _do(director, case, "visits", "record", answers)
        await _do(director, case, "visits", "fail", {"failure": "nobody_home"})
        page = (await director.get(f"/cases/{case}/pages/visits")).text
    assert "情况良好" in _place(LexborHTMLParser(page), '[aria-labelledby="made-title"]').text()


async def test_the_ladder_takes_a_step_and_its_check_and_says_what_else_would_be_allowed(
    town: Product, case: str
) -> None:
    async with Person.signed_in(town, DIRECTOR) as director:
        page = (await director.get(f"/cases/{case}/pages/ladder")).text
        step = {"issuer": "village_committee", "reason": "neglect", "response": "accepts", "text.note_id": "已当面约谈"}
        too_far = _form(page, "step") | step | {"document": "order_to_correct", "document_number": "云责〔2026〕3号"}
        refused = await director.post(f"/cases/{case}/pages/ladder/step", too_far)
        assert refused.status_code in {403, 409}
        assert "已当面约谈" in refused.text, "what was typed is kept"
        await _do(director, case, "ladder", "step", step | {"document": "interview"})
        ladder = (await town.ask(CIVIL_AFFAIRS, "assistance", "GET", f"/api/v1/ladders/{case}")).json()
        [taken] = ladder["steps"]
        await _do(director, case, "ladder", "check", {"complied": "no"}, taken["ladder_step_id"])
        assert "未履行" in (await director.get(f"/cases/{case}/pages/ladder")).text


async def test_a_placement_is_proposed_approved_started_and_ended_by_those_who_may(town: Product, case: str) -> None:
    await _made_safe(town, case)
    async with Person.signed_in(town, COLLEAGUE) as colleague, Person.signed_in(town, CIVIL_AFFAIRS) as supervisor:
        page = (await colleague.get(f"/cases/{case}/pages/placement")).text
        child = _place(LexborHTMLParser(page), 'input[name="child_ids"]').attributes["value"]
        wish = {
            "child_ids": [child],
            "kind": "P1",
            "reason": "domestic_violence",
            "unavailable.P0": "removal_reason_stands",
            "relative_of_suspected_harmer": "no",
            "text.medical_note_id": "已体检，无需住院",
        }
        await _do(colleague, case, "placement", "propose", wish)
        placements = f"/api/v1/placements?case_id={case}"
        [one] = (await town.ask(CIVIL_AFFAIRS, "assistance", "GET", placements)).json()["placements"]
        await _do(supervisor, case, "placement", "approve", {}, one["placement_id"])
        receipt = {
            "hand_over.given_by": "ST092",
            "hand_over.received_by": "CARER-1",
            "hand_over.at": _local(page),
            "text.hand_over.receipt_note_id": "双方签字",
        }
        await _do(supervisor, case, "placement", "start", receipt, one["placement_id"])
        await _do(supervisor, case, "placement", "end", {"cause": "ran_away"}, one["placement_id"])
        [one] = (await town.ask(CIVIL_AFFAIRS, "assistance", "GET", placements)).json()["placements"]
        assert (one["state"], one["end_cause"]) == ("ended", "ran_away")


def _local(page: str) -> str:
    """The local time as the page gives it to its forms."""
    found = re.search(r'max="([0-9T:-]+)"', page)
    assert found
    return found.group(1)


async def test_the_closure_checklist_says_what_is_open_and_a_proposal_too_early_is_refused_with_reasons(
    town: Product, case: str
) -> None:
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        page = LexborHTMLParser((await person.get(f"/cases/{case}/pages/closure")).text)
        states = {str(item.attributes["data-item"]): item.attributes["class"] for item in page.css("[data-item]")}
        assert states["level"] == "item-open"
        assert len(states) == 12
        moot = LexborHTMLParser((await person.get(f"/cases/{case}/pages/closure", reason="UNFOUNDED")).text)
        assert _place(moot, '[data-item="observation"]').attributes["class"] == "item-skipped"
    async with Person.signed_in(town, DIRECTOR) as director:
        page_ = await director.get(f"/cases/{case}/pages/closure")
        if page_.status_code == 404:
            return
        form = _form(page_.text, "propose") | {"reason": "GOAL_MET", "text.summary_note_id": "已经稳定"}
        early = await director.post(f"/cases/{case}/pages/closure/propose", form)
        assert early.status_code == 409
        assert "已经稳定" in early.text


async def test_somebody_else_was_first_and_the_words_are_kept(town: Product, case: str, civil_affairs: Person) -> None:
    page = (await civil_affairs.get(f"/cases/{case}")).text
    form = _form(page, "propose_lowering") | {
        "to": "yellow",
        "text.reason_note_id": "理由甲",
        "text.best_interest_note_id": "考虑乙",
    }
    stale = await civil_affairs.post(f"/cases/{case}/pages/overview/propose_lowering", form | {"version": "0"})
    assert stale.status_code == 412
    assert "理由甲" in stale.text
    assert "您填写的内容保留在下面" in stale.text


async def test_family_and_closed_doors(town: Product, case: str, civil_affairs: Person) -> None:
    assert "未成年人" in (await civil_affairs.get(f"/cases/{case}/family")).text
    assert (await civil_affairs.get("/cases/YX-2026-999999")).status_code == 404
