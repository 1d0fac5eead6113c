"""The inbox: a department's queue and one referral, from signing to completing, losing nothing on the way."""

import re

from selectolax.lexbor import LexborHTMLParser

from tests.integration.console.people import Person
from tests.product import Product

POLICE, CIVIL_AFFAIRS = "st092", "st088"


async def _referral(town: Product, who: str, case_id: str) -> dict[str, object]:
    """The referral of somebody's unit in a case."""
    unit = {POLICE: "YX-PS", CIVIL_AFFAIRS: "YX-CA"}[who]
    listed = (await town.ask(who, "dispatch", "GET", f"/api/v1/referrals?limit=200&organisation={unit}")).json()[
        "items"
    ]
    (found,) = [one for one in listed if one["case_id"] == case_id]
    return dict(found)


def _fields(page: str, act: str) -> dict[str, str]:
    """The hidden fields of an act's form, as the browser would send them."""
    form = LexborHTMLParser(page).css_first(f'form[action$="/acts/{act}"]')
    assert form is not None, act
    return {i.attributes["name"] or "": i.attributes.get("value") or "" for i in form.css("input[type=hidden]")}


async def test_a_queue_shows_its_own_referrals_and_signs_one_from_the_list(town: Product) -> None:
    case = (await town.report("YX-01"))["case_id"]
    referral = await _referral(town, POLICE, case)
    async with Person.signed_in(town, POLICE) as officer:
        page = await officer.get("/inbox", tab="issued")
        assert f'id="r-{referral["referral_id"]}"' in page.text
        row = LexborHTMLParser(page.text).css_first(f"#r-{referral['referral_id']} form")
        assert row is not None
        form = {i.attributes["name"] or "": i.attributes.get("value") or "" for i in row.css("input[type=hidden]")}
        answer = await officer.post(f"/inbox/{referral['referral_id']}/acts/acknowledge", form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    assert (await _referral(town, POLICE, case))["state"] == "acknowledged"


async def test_somebody_else_was_first_and_what_was_typed_is_kept(town: Product) -> None:
    case = (await town.report("YX-12"))["case_id"]
    referral = await _referral(town, POLICE, case)
    path = f"/inbox/{referral['referral_id']}"
    act = f"/api/v1/referrals/{referral['referral_id']}/actions"
    await town.ask(POLICE, "dispatch", "POST", f"{act}/acknowledge", {}, version=int(str(referral["version"])))
    async with Person.signed_in(town, POLICE) as person:
        form = _fields((await person.get(path)).text, "complete")
        arrived = {"arrived_at": (await town.now()).isoformat(), "child_seen": True}
        colleague = await town.ask(
            POLICE, "dispatch", "POST", f"{act}/report-arrival", arrived, version=int(form["version"])
        )
        assert colleague.status_code == 200, colleague.text
        text = "已核实并移交民政办"
        answer = await person.post(f"{path}/acts/complete", {**form, "outcome": "handed_over", "note_text": text})
        assert answer.status_code == 412
        assert "其他人已先一步更新" in answer.text
        assert text in answer.text
        again = _fields(answer.text, "complete")
        assert int(again["version"]) > int(form["version"])
        done = await person.post(f"{path}/acts/complete", {**again, "outcome": "handed_over", "note_text": text})
        assert done.status_code == 303
    ended = await town.ask(POLICE, "dispatch", "GET", f"/api/v1/referrals/{referral['referral_id']}")
    assert ended.json()["state"] == "completed"


async def test_arrival_and_completion_with_a_text_that_goes_to_the_vault_first(town: Product) -> None:
    case = (await town.report("YX-12"))["case_id"]
    referral = await _referral(town, POLICE, case)
    path = f"/inbox/{referral['referral_id']}"
    async with Person.signed_in(town, POLICE) as officer:
        for act, answers in (
            ("acknowledge", {}),
            ("report-arrival", {"arrived_at": "{now}", "child_seen": "yes", "note_text": "见到孩子，情绪平稳"}),
        ):
            page = await officer.get(path)
            local = re.search(r'max="([0-9T:-]+)"', page.text)
            form = _fields(page.text, act) | answers
            if "arrived_at" in form:
                assert local
                form["arrived_at"] = local.group(1)
            answer = await officer.post(f"{path}/acts/{act}", form)
            assert answer.status_code == 303, answer.text
            await town.settle()
        story = await officer.get(path)
        assert "到达现场" in story.text
        assert "见到孩子，情绪平稳" not in story.text, "the page of a referral shows no text of the vault unasked"


async def test_a_unit_without_a_part_is_told_that_there_is_nothing(town: Product) -> None:
    case = (await town.report("YX-02"))["case_id"]
    referral = await _referral(town, POLICE, case)
    async with Person.signed_in(town, "st002") as village:
        assert (await village.get(f"/inbox/{referral['referral_id']}")).status_code == 404


async def test_an_owner_that_is_away_is_said_and_nothing_else_breaks(town: Product) -> None:
    async with Person.signed_in(town, POLICE) as officer:
        owners = town.console.process.runtime.resources["owners"]
        kept = owners._addresses["dispatch"]
        owners._addresses["dispatch"] = "http://127.0.0.1:1"
        try:
            answer = await officer.get("/inbox")
        finally:
            owners._addresses["dispatch"] = kept
        assert answer.status_code == 503
        assert "暂时没有回答" in answer.text
