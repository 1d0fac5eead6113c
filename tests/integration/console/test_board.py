"""The board: its numbers are those of the owners, every view has an address, and what leaves it keeps to the same limits."""

import io

from openpyxl import load_workbook
from selectolax.lexbor import LexborHTMLParser

from services.console.web.board_export import safe
from tests.integration.console.people import Person
from tests.product import Product

CIVIL_AFFAIRS = "st088"


def _figure(page: str, title: str) -> str:
    """The value of a number by its title."""
    for card in LexborHTMLParser(page).css(".figure"):
        name, value = card.css_first(".figure-title"), card.css_first(".figure-value")
        assert name is not None
        assert value is not None
        if name.text() == title:
            return value.text()
    raise AssertionError(title)


async def test_the_numbers_equal_the_owners_own(town: Product) -> None:
    await town.report("YX-12")
    open_cases = 0
    cursor = ""
    while True:
        answer = (await town.ask(CIVIL_AFFAIRS, "intake", "GET", f"/api/v1/cases?state=open&limit=200{cursor}")).json()
        open_cases += len(answer["items"])
        if not answer["next_cursor"]:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    late = (await town.ask(CIVIL_AFFAIRS, "dispatch", "GET", "/api/v1/deadlines?state=overdue&limit=200")).json()[
        "items"
    ]
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        page = (await person.get("/board", period="12m")).text
    assert int(_figure(page, "在办")) == open_cases
    assert int(_figure(page, "超时")) == len(late)


async def test_a_part_a_filter_and_the_wallboard_have_addresses_of_their_own(town: Product) -> None:
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        part = await person.part("/board/parts/villages", period="7d", village="V01")
        assert "<html" not in part.text
        assert "tile" in part.text
        assert (await person.get("/board/wall")).status_code == 200


async def test_the_workbook_has_a_sheet_for_each_widget_and_csv_opens_in_a_spreadsheet(town: Product) -> None:
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        answer = await person.get("/board/export.xlsx", period="30d")
        book = load_workbook(io.BytesIO(answer.content), read_only=True)
        assert book.sheetnames == ["等级 × 环节及时率", "各村在办", "接报趋势", "部门", "需要关注", "info"]
        text = (await person.get("/board/export/departments.csv")).content
        assert text.startswith(b"\xef\xbb\xbf")
        assert "派出所" in text.decode("utf-8-sig")


def test_a_cell_that_looks_like_a_formula_is_written_as_text() -> None:
    assert [safe(cell) for cell in ("=1+1", "+1", "-1", "@x", "\tx", "V01", 7)] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        "V01",
        7,
    ]


async def test_urging_from_the_board_reaches_the_department(town: Product) -> None:
    case = (await town.report("YX-12"))["case_id"]
    async with Person.signed_in(town, CIVIL_AFFAIRS) as person:
        answer = await person.post("/board/urge", {"case_id": case, "key": f"urge-{case}"}, part=True)
    assert "已催办" in answer.text
    listed = await town.ask("st092", "dispatch", "GET", "/api/v1/referrals?limit=200")
    (own,) = [one for one in listed.json()["items"] if one["case_id"] == case]
    assert own["urged_at"] is not None


async def test_formal_sheets_are_pdfs_without_names(town: Product) -> None:
    case = (await town.report("YX-12"))["case_id"]
    listed = (await town.ask("st092", "dispatch", "GET", "/api/v1/referrals?limit=200")).json()["items"]
    (own,) = [one for one in listed if one["case_id"] == case]
    async with Person.signed_in(town, "st092") as officer:
        for path in (f"/inbox/{own['referral_id']}/sheet.pdf", f"/cases/{case}/mandated-report.pdf"):
            answer = await officer.get(path)
            assert answer.status_code == 200, answer.text
            assert answer.content.startswith(b"%PDF-")
