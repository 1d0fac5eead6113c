"""The registers' pages: who reads which, masked and shown, the file, the child's card, and handing in a survey."""

from typing import Any

from selectolax.lexbor import LexborHTMLParser

from tests.integration.console.people import Person
from tests.product import Product
from tests.samples import surveys

CIVIL_AFFAIRS, DIRECTOR = "st088", "st002"


async def _listed(town: Product) -> dict[str, Any]:
    """A child on REG-01: its case is reported and tagged."""
    receipt = await town.report("YX-15")
    body = {"tag": "IN_DIFFICULTY", "reason": "survey_finding"}
    path = f"/api/v1/cases/{receipt['case_id']}/tags"
    answer = await town.ask(CIVIL_AFFAIRS, "intake", "POST", path, body)
    assert answer.status_code in {200, 201, 409}, answer.text
    await town.settle()
    return receipt


async def test_every_register_is_listed_with_owner_and_count_and_opens_for_its_readers(town: Product) -> None:
    await _listed(town)
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        page = LexborHTMLParser((await person.get("/registers")).text)
        assert [row.attributes["id"] for row in page.css("tbody tr")] == [f"REG-{n:02d}" for n in range(1, 14)]
        grouped = await person.get("/registers/REG-02")
        assert "类型 × 等级" in grouped.text
        assert (await person.get("/registers/REG-02/history")).status_code == 200
    async with Person.signed_in(town, "st092") as officer:
        assert (await officer.get("/registers/REG-01")).status_code == 403


async def test_identity_is_shown_for_a_purpose_and_the_card_takes_new_sections(town: Product) -> None:
    receipt = await _listed(town)
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        page = await person.get("/registers/REG-01")
        assert receipt["case_number"] in page.text
        assert "data-remask" not in page.text
        shown = await person.post("/registers/REG-01", {"fields": ["name", "guardian_phone"], "purpose": "task"})
        assert "data-remask" in shown.text
        refused = await person.post("/registers/REG-01", {"fields": ["name"], "purpose": ""})
        assert refused.status_code == 422
        child = receipt["children"][0]["child_id"]
        form = {"section": "family", "text": "奶奶照顾，父母在外", "key": f"section-{child}"}
        assert (await person.post(f"/registers/children/{child}/sections", form)).status_code == 303
        card = f"/registers/children/{child}"
        assert "奶奶照顾" not in (await person.get(card)).text
        asked = await person.post(card, {"fields": ["family_situation"], "purpose": "task"})
        assert "奶奶照顾" in asked.text


async def test_a_register_is_handed_out_as_a_file_with_its_name_and_purpose(town: Product) -> None:
    await _listed(town)
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        file = await person.post("/registers/REG-01/export", {"format": "csv", "purpose": "supervision"})
        assert file.status_code == 200
        assert file.headers["content-disposition"].startswith('attachment; filename="REG-01-')
        assert file.headers["cache-control"] == "no-store"
        assert "YX-2026-" in file.text
        sheet = await person.post("/registers/REG-01/export", {"format": "xlsx", "purpose": "supervision"})
        assert sheet.content.startswith(b"PK")
        nothing = await person.post("/registers/REG-01/export", {"format": "csv", "purpose": "curiosity"})
        assert nothing.status_code == 422


async def test_a_survey_is_handed_in_and_each_row_answered(town: Product) -> None:
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        template = await person.get("/registers/surveys/template")
        assert template.content.startswith(b"PK")
        wrong = await _upload(person, b"no,such,columns\n1,2,3\n")
        assert wrong.status_code == 422
        assert "不认识这一列" in wrong.text
        answer = await _upload(person, surveys.workbook(list(surveys.many(3, ["V01"]))))
        assert answer.status_code == 303, answer.text
        page = await person.get(answer.headers["location"])
        assert "行" in page.text
        assert "处理中" in page.text or "已完成" in page.text
    async with Person.signed_in(town, "st116") as leader:
        assert (await leader.get("/registers/surveys/new")).status_code == 403


async def _upload(person: Person, content: bytes) -> Any:
    """Send the file as the browser does, with the secret of the page."""
    page = LexborHTMLParser((await person.get("/registers/surveys/new")).text)
    form = page.css_first("form[enctype]")
    assert form is not None
    fields = {str(i.attributes["name"]): i.attributes.get("value") or "" for i in form.css("input[type=hidden]")}
    headers = {"X-CSRF-Token": fields["csrf"]}
    files = {"file": ("survey.csv", content)}
    return await person.browser.post("/registers/surveys", data=fields, files=files, headers=headers)
