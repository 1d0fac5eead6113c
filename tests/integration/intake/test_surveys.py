"""A survey from the uploaded file to the registers: its report, its repeats, a crash in the middle, and what is suggested."""

import asyncio
import io
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from openpyxl import load_workbook

from chassis.testing import Running
from contracts.intake import ChildSurveyed, ReportReceived, TagsChanged
from contracts.risk_scoring import ChildScreened
from services.intake import birthdays, surveying
from services.intake.store import surveys
from tests.integration.intake.story import (
    CIVIL,
    DIRECTOR,
    HEALTH,
    NEIGHBOUR,
    SUPERVISOR,
    Claims,
    Desk,
    person,
)  # fmt: skip
from tests.integration.intake.test_registers import on, scored
from tests.samples.surveys import HEADER, id_number, row, upload, workbook

BORN = date(2015, 3, 8)
ROWS = [
    row(name="赵安宁", birth_date=BORN, id_number=id_number(BORN, 1), village="V06", group=3, household="H1", concerns="家庭贫困",
        guardian_name="赵大", guardian_phone="00012340001"),
    row(name="赵安乐", birth_date=date(2017, 5, 1), village="V06", group=3, household="H1", concerns="N5", parent_imprisoned="是"),
    row(name="钱小雨", birth_date=date(2012, 1, 1), village="V01", dropout="已辍学", C1="nobody"),
    row(name="孙文", birth_date=date(2014, 1, 1), village="V06", confined="是"),
    row(name="无村", birth_date=date(2014, 1, 1), village="V77"),
    row(name="赵安宁", birth_date=BORN, id_number=id_number(BORN, 1), village="V06", group=3),
]  # fmt: skip


async def hand_in(desk: Desk, content: bytes, claims: Claims = CIVIL, key: str | None = None) -> httpx.Response:
    headers = {**desk.app.as_(**claims), "Idempotency-Key": key or uuid4().hex}
    return await desk.app.client.post("/api/v1/surveys", files=dict(upload(content)), headers=headers)


async def take_over(desk: Desk, content: bytes, claims: Claims = CIVIL) -> dict[str, Any]:
    """Hand a file in and let the service take it over; how it stands then."""
    answer = await hand_in(desk, content, claims)
    assert answer.status_code == 202, answer.text
    await surveying.work(desk.app.process.runtime)
    return dict((await desk.get(f"/surveys/{answer.json()['survey_id']}", claims)).json())


async def children(desk: Desk, survey: dict[str, Any]) -> dict[int, str]:
    report = (await desk.get(f"/surveys/{survey['survey_id']}/report")).json()["items"]
    return {item["row_no"]: item["child_id"] for item in report if item["child_id"]}


async def screen(
    desk: Desk, survey: dict[str, Any], child: str, level: str, suggests: str, key: str | None = None
) -> None:
    said = ChildScreened(
        child_id=UUID(child), survey_id=UUID(survey["survey_id"]), level=level, score=40, score_upper=60,  # type: ignore[arg-type]
        completeness=50, fired=("R8",) if level == "red" else (), suggests=suggests, instrument="risk-v1",  # type: ignore[arg-type]
        policy_version="2026-11", at=await desk.app.database.now(),
    )  # fmt: skip
    await desk.app.publish(said, key or child)
    await desk.app.settle()


async def test_rows_become_children_with_tags_on_registers_and_each_is_announced(app: Running, desk: Desk) -> None:
    survey = await take_over(desk, workbook(ROWS))
    assert (survey["state"], survey["rows_total"], survey["rows_done"]) == ("done", 6, 6)
    assert survey["counts"] == {"created": 4, "refused": 2, "emergency": 1, "suspected_harm": 0}
    report = (await desk.get(f"/surveys/{survey['survey_id']}/report", state="refused")).json()["items"]
    told = {item["row_no"]: [(p["field"], p["code"]) for p in item["problems"]] for item in report}
    assert told == {6: [("village", "unknown_village")], 7: [("name", "duplicate_row")]}
    assert report[0]["problems"][0]["remedy"]["zh"]
    announced = {event.village: event for event in await app.published(ChildSurveyed)}
    assert (announced["V01"].answers, announced["V01"].tags, announced["V01"].case_id) == (
        {"C1": "nobody"}, ("DROPOUT",), None,
    )  # fmt: skip
    assert len(await app.published(ChildSurveyed)) == 4
    assert len(await app.published(TagsChanged)) == 3
    assert await app.published(ReportReceived) == []
    counts = {item["id"]: item["count"] for item in (await desk.get("/registers")).json()["items"]}
    assert {register: n for register, n in counts.items() if n} == {"REG-06": 1, "REG-11": 1, "REG-12": 1, "REG-13": 1}
    [family] = (await desk.get("/registers/REG-11", DIRECTOR, fields="name", purpose="task")).json()["items"]
    assert sorted(child["fields"]["name"]["value"] for child in family["children"]) == ["赵安乐", "赵安宁"]


async def test_the_same_file_twice_changes_nothing_and_a_corrected_one_updates(app: Running, desk: Desk) -> None:
    first = await take_over(desk, workbook(ROWS))
    before = len(await app.published())
    again = await take_over(desk, workbook(ROWS))
    assert again["counts"] == {"unchanged": 4, "refused": 2, "emergency": 1, "suspected_harm": 0}
    assert len(await app.published()) == before
    corrected = [
        row(name="赵安宁", birth_date="2015-03-08", id_number=id_number(BORN, 1), village="V01", concerns="N7", household="H1"),
        row(name="钱小雨", birth_date="2012/1/1", village="V01", dropout="已返校"),
    ]  # fmt: skip
    updated = await take_over(desk, workbook(corrected))
    assert updated["counts"] == {"updated": 2, "emergency": 0, "suspected_harm": 0}
    known, now = await children(desk, first), await children(desk, updated)
    assert (now[2], now[3]) == (known[2], known[4])
    tags = (await desk.get(f"/persons/{known[2]}/tags")).json()
    assert [tag["tag"] for tag in tags["tags"]] == ["DISABILITY"]
    assert {tag["tag"]: tag["end_reason"] for tag in tags["history"]} == {"POVERTY": "survey_corrected"}
    returned = (await desk.get("/registers/REG-06", state="returned")).json()["items"]
    assert [entry["children"][0]["child_id"] for entry in returned] == [known[4]]
    card = (await desk.get(f"/registers/children/{known[2]}", fields="guardian_name", purpose="task")).json()
    assert (card["village"], card["fields"]["guardian_name"]["value"]) == ("V01", "赵大")


async def test_a_crash_between_pieces_loses_and_doubles_nothing(
    app: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "CHUNK_ROWS", 2)
    survey_id = (await hand_in(desk, workbook(ROWS))).json()["survey_id"]
    office = app.process.runtime.resources["office"]
    assert await surveying.take_piece(app.database, office)
    whole = surveys.save_outcomes

    async def crash(*arguments: Any) -> None:
        await whole(*arguments)
        raise ConnectionError

    monkeypatch.setattr(surveys, "save_outcomes", crash)
    with pytest.raises(ConnectionError):
        await surveying.take_piece(app.database, office)
    monkeypatch.setattr(surveys, "save_outcomes", whole)
    half = (await desk.get(f"/surveys/{survey_id}")).json()
    assert (half["state"], half["rows_done"]) == ("running", 2)
    await surveying.work(app.process.runtime)
    survey = (await desk.get(f"/surveys/{survey_id}")).json()
    assert (survey["state"], survey["counts"]["created"], survey["counts"]["refused"]) == ("done", 4, 2)
    assert len(await app.published(ChildSurveyed)) == 4


async def test_two_processes_take_one_survey_over_once(
    app: Running, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "CHUNK_ROWS", 1)
    await hand_in(desk, workbook(ROWS))
    await asyncio.gather(*(surveying.work(app.process.runtime) for _ in range(3)))
    assert len(await app.published(ChildSurveyed)) == 4


async def test_suggestions_begin_with_danger_and_a_person_opens_the_case(app: Running, desk: Desk) -> None:
    survey = await take_over(desk, workbook(ROWS))
    known = await children(desk, survey)
    for line, level, suggests in (
        (2, "blue", "register_only"),
        (3, "yellow", "fact_finding"),
        (4, "orange", "open_case"),
    ):
        await screen(desk, survey, known[line], level, suggests)
    path = f"/surveys/{survey['survey_id']}/suggestions"
    listed = (await desk.get(path)).json()["items"]
    assert [(item["child_id"], item["state"], item["level"]) for item in listed] == [
        (known[5], "waiting", None), (known[4], "open", "orange"), (known[3], "open", "yellow"),
    ]  # fmt: skip
    first_page = (await desk.get(path, limit=1)).json()
    assert first_page["items"][0]["emergency"]
    second = (await desk.get(path, limit=1, cursor=first_page["next_cursor"])).json()["items"]
    assert second[0]["child_id"] == known[4]
    emergency, dropout = f"{path}/{known[5]}/actions", f"{path}/{known[4]}/actions"
    assert (await desk.post(f"{emergency}/dismiss", {"reason": "was_a_game"}, CIVIL)).status_code == 403
    opened = await desk.post(f"{dropout}/open-case", {}, CIVIL, key="open")
    assert opened.status_code == 201, opened.text
    assert opened.json()["children"][0]["child_id"] == known[4]
    assert (await desk.post(f"{dropout}/open-case", {}, CIVIL, key="open")).json() == opened.json()
    [event] = await app.published(ReportReceived)
    assert (event.report.channel, event.children[0].answers, event.report.place.village) == (
        "department", {"C1": "nobody"}, "V01",
    )  # fmt: skip
    assert (await desk.post(f"{dropout}/dismiss", {"reason": "too_late"}, CIVIL)).status_code == 409
    await desk.score(opened.json(), "orange")
    assert await on(desk, "REG-02") == [opened.json()["case_number"]]
    gone = await desk.post(f"{path}/{known[3]}/actions/dismiss", {"reason": "cared_for"}, CIVIL)
    assert gone.json()["state"] == "dismissed"
    assert (await desk.post(f"{emergency}/dismiss", {"reason": "was_a_game"}, SUPERVISOR)).status_code == 200
    assert (await desk.get(path)).json()["items"] == []


async def test_a_child_with_an_open_case_is_found_and_keeps_its_case(app: Running, desk: Desk) -> None:
    answer = await scored(desk, "orange", concerns=["H5"])
    same = row(name="彭乐乐", birth_date=date(2019, 11, 2), village="V06", group=3, concerns="N5")
    survey = await take_over(desk, workbook([same]))
    known = await children(desk, survey)
    [event] = await app.published(ChildSurveyed)
    assert known[2] == answer["children"][0]["child_id"]
    assert (str(event.case_id), event.level_in_force) == (answer["case_id"], "orange")
    assert {"HARMED", "POVERTY", "IN_DIFFICULTY"} <= set(event.tags)
    assert (await desk.get(f"/surveys/{survey['survey_id']}/suggestions")).json()["items"] == []


async def test_a_report_on_a_surveyed_child_is_filed_under_the_child_on_file(desk: Desk) -> None:
    survey = await take_over(desk, workbook(ROWS))
    known = await children(desk, survey)
    child = {"name": "赵安宁", "id_number": id_number(BORN, 1), "birth_date": "2015-03-08"}
    answer = await desk.report(child=child, concerns=["N5"])
    assert answer["children"][0]["child_id"] == known[2]


async def test_a_village_hands_in_and_sees_its_own_children_only(desk: Desk) -> None:
    survey = await take_over(desk, workbook(ROWS), DIRECTOR)
    refused = (await desk.get(f"/surveys/{survey['survey_id']}/report", DIRECTOR, state="refused")).json()["items"]
    assert [(item["row_no"], item["problems"][0]["code"]) for item in refused] == [
        (4, "other_village"), (6, "other_village"), (7, "duplicate_row"),
    ]  # fmt: skip
    assert (await desk.get(f"/surveys/{survey['survey_id']}", {**NEIGHBOUR, "org": "V01-VC"})).status_code == 404
    assert (await desk.get(f"/surveys/{survey['survey_id']}", HEALTH)).status_code == 404
    assert (await hand_in(desk, workbook(ROWS), HEALTH)).status_code == 403
    assert len((await desk.get("/surveys", CIVIL)).json()["items"]) == 1
    assert (await desk.get("/surveys", person("justice"))).json()["items"] == []


BAD = [
    (b"%PDF-1.7\0", "unreadable_file"),
    (workbook([ROWS[0]], [*HEADER[:-1], "秘密"]), "unknown_column"),
    (workbook([ROWS[0]], HEADER[1:]), "missing_column"),
    (workbook([]), "no_rows"),
]


@pytest.mark.parametrize(("content", "code"), BAD, ids=[code for _, code in BAD])
async def test_a_file_that_cannot_be_taken_over_is_refused_by_name(desk: Desk, content: bytes, code: str) -> None:
    answer = await hand_in(desk, content)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert "秘密" not in answer.text


async def test_a_repeat_of_the_upload_is_one_survey_and_too_much_is_refused_at_the_door(desk: Desk) -> None:
    first, again = [await hand_in(desk, workbook(ROWS), key="one") for _ in range(2)]
    assert first.json() == again.json()
    other = await hand_in(desk, workbook(ROWS[:2]), key="one")
    large = await hand_in(desk, b"x" * (9 * 1024 * 1024))
    assert (other.status_code, large.status_code) == (422, 413)


async def test_the_template_and_the_report_are_workbooks(desk: Desk) -> None:
    template = await desk.get("/surveys/template")
    book = load_workbook(io.BytesIO(template.content), read_only=True)
    assert book.sheetnames == ["调查表", "说明", "代码", "问题"]
    [header] = list(book["调查表"].iter_rows(values_only=True))
    taken = await take_over(desk, workbook([ROWS[4]], HEADER))
    assert set(HEADER) <= set(header)
    report = await desk.get(f"/surveys/{taken['survey_id']}/report", format="xlsx")
    lines = list(load_workbook(io.BytesIO(report.content), read_only=True).worksheets[0].iter_rows(values_only=True))
    assert lines[1][:4] == (2, "未收", "village", "没有这个村")
    plain = await desk.get(f"/surveys/{taken['survey_id']}/report", format="csv")
    assert plain.content.decode("utf-8-sig").splitlines()[1].startswith("2,未收,village")


async def test_what_was_staged_is_sealed_and_gone_after_the_work(app: Running, desk: Desk) -> None:
    await hand_in(desk, workbook(ROWS))
    staged = "SELECT count(*) FROM survey_row WHERE sealed IS NOT NULL AND position($1::bytea IN sealed) = 0"
    async with app.database.reading() as db:
        assert await db.fetchval(staged, "赵安宁".encode()) == len(ROWS)
        assert await db.fetchval("SELECT count(*) FROM vault_key") == 1
    await surveying.work(app.process.runtime)
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM survey_row WHERE sealed IS NOT NULL") == 0
        assert await db.fetchval("SELECT count(*) FROM vault_key k JOIN survey s ON s.survey_id = k.owner_id") == 0


async def test_who_turns_18_leaves_the_registers_for_minors(app: Running, desk: Desk) -> None:
    born = date(2009, 6, 1)
    await take_over(desk, workbook([row(name="周远", birth_date=born, village="V06", parent_imprisoned="是")]))
    async with app.database.transaction() as tx:
        await birthdays.note_birthdays(tx, app.process.runtime.resources["office"].vault, UUID(int=0))
    count = len((await desk.get("/registers/REG-13")).json()["items"])
    await app.set_clock((await app.database.now()).replace(year=2027, month=6, day=2))
    await birthdays.work(app.process.runtime)
    assert (count, (await desk.get("/registers/REG-13")).json()["items"]) == (1, [])
