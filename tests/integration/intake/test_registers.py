"""Tags and registers from real events: who is on which register, who sees how much of it, as a page and as a file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from openpyxl import load_workbook

from chassis.testing import Running
from contracts.assistance import CaseClosed, ComplianceChecked, LadderStepRecorded
from contracts.intake import TagsChanged
from contracts.vocabulary import SYSTEM
from tests.integration.intake.story import (
    AUDITOR,
    CIVIL,
    CLERK,
    DIRECTOR,
    HEALTH,
    NEIGHBOUR,
    POLICE,
    SCHOOL,
    SECRETS,
    SUPERVISOR,
    Claims,
    Desk,
    person,
)  # fmt: skip

JUSTICE = person("justice")
MASKED_NAME = "彭*"


async def scored(desk: Desk, level: str = "yellow", *, restricted: bool = False, **changes: Any) -> dict[str, Any]:
    """A report with its level and response."""
    answer = await desk.report(**changes)
    await desk.score(answer, level, restricted=restricted)
    await desk.dispatch(answer, level, civil_affairs="lead", village_committee="assist")
    return answer


async def on(desk: Desk, register: str, claims: Claims = CIVIL, **query: Any) -> list[str]:
    """The case numbers on a register, as somebody reads it."""
    answer = await desk.get(f"/registers/{register}", claims, **query)
    assert answer.status_code == 200, answer.text
    return sorted(child["case_number"] for row in answer.json()["items"] for child in row["children"])


async def child_of(answer: dict[str, Any]) -> str:
    return str(answer["children"][0]["child_id"])


async def tags_of(desk: Desk, child: str) -> dict[str, str | None]:
    answer = await desk.get(f"/persons/{child}/tags")
    assert answer.status_code == 200, answer.text
    return {tag["tag"]: tag["state"] for tag in answer.json()["tags"]}


async def test_an_assessment_puts_a_child_on_its_registers_and_announces_the_tags(app: Running, desk: Desk) -> None:
    answer = await scored(desk, concerns=["H5", "N5", "N4"])
    number = answer["case_number"]
    assert set(await tags_of(desk, await child_of(answer))) == {
        "IN_DIFFICULTY", "HARMED", "PROBLEM_FAMILY", "POVERTY", "DROPOUT",
    }  # fmt: skip
    found = {f"REG-{n:02d}": await on(desk, f"REG-{n:02d}") for n in range(1, 14)}
    assert {register for register, numbers in found.items() if numbers == [number]} == set(found) - {"REG-13"}
    [changed] = await app.published(TagsChanged)
    assert (str(changed.case_id), changed.village, "POVERTY" in changed.tags) == (answer["case_id"], "V06", True)
    listed = (await desk.get("/registers")).json()["items"]
    assert [item["count"] for item in listed] == [1] * 12 + [0]
    assert {item["id"]: item["owner"] for item in listed}["REG-13"] == "justice"


async def test_the_registers_show_each_reader_their_rows_and_masks(desk: Desk) -> None:
    answer = await scored(desk, concerns=["H5", "N4"])
    number = answer["case_number"]
    seen = {}
    for name, claims in {"civil": CIVIL, "clerk": CLERK, "village": DIRECTOR, "school": SCHOOL}.items():
        register = "REG-06" if name == "school" else "REG-07" if name == "village" else "REG-01"
        got = await desk.get(f"/registers/{register}", claims, fields="name,health,school", purpose="task")
        [row] = got.json()["items"]
        seen[name] = {field: view["value"] for field, view in row["children"][0]["fields"].items()}
    assert seen["civil"] == {"name": SECRETS["name"], "health": SECRETS["health"], "school": SECRETS["school"]}
    assert seen["clerk"] == {"name": MASKED_NAME, "health": None, "school": None}
    assert seen["village"] == {"name": SECRETS["name"], "health": None, "school": SECRETS["school"]}
    assert seen["school"] == {"name": MASKED_NAME, "health": None, "school": SECRETS["school"]}
    assert await on(desk, "REG-07", NEIGHBOUR) == []
    assert await on(desk, "REG-04", SCHOOL) == [number]  # N4 is the school's business
    assert await on(desk, "REG-04", HEALTH) == [number]  # so is H5 the clinic's
    assert await on(desk, "REG-04", JUSTICE) == [number]
    for claims, register in ((SCHOOL, "REG-01"), (DIRECTOR, "REG-02"), (POLICE, "REG-13")):
        refused = await desk.get(f"/registers/{register}", claims)
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_your_register")
    assert (await desk.get("/registers/REG-99")).status_code == 404


async def test_a_restricted_case_is_on_no_register_of_the_village_whoever_reads_it(desk: Desk) -> None:
    answer = await scored(desk, "red", restricted=True, concerns=["H2", "N5", "N4"])
    number = answer["case_number"]
    assert await on(desk, "REG-01") == [number]
    for register in ("REG-03", "REG-07", "REG-08", "REG-09", "REG-10", "REG-11"):
        assert await on(desk, register) == await on(desk, register, DIRECTOR) == []
    assert await on(desk, "REG-06", SCHOOL) == []
    assert await on(desk, "REG-04", SCHOOL) == []


async def test_the_unit_in_conflict_finds_the_child_on_no_register(desk: Desk) -> None:
    answer = await scored(desk, concerns=["N4"], facts={"conflict_unit": "school"})
    assert await on(desk, "REG-06") == [answer["case_number"]]
    assert await on(desk, "REG-06", SCHOOL) == []


async def test_the_ledger_is_counted_by_type_and_level_now_and_as_it_was(app: Running, desk: Desk) -> None:
    first = await scored(desk, "yellow", concerns=["N5"])
    before = await app.database.now()
    again = await desk.report(attach_to_case=first["case_number"], concerns=["N5"])
    await desk.score(again, "orange")
    await scored(desk, "orange", concerns=["N5", "N7"], child={"name": "另一人"})

    async def counted(**query: Any) -> dict[tuple[str, str], int]:
        groups = (await desk.get("/registers/REG-02/groups", **query)).json()
        return {(item["tag"], item["level"]): item["subjects"] for item in groups["items"]}

    now, then = await counted(), await counted(as_of=before.isoformat())
    assert (now["POVERTY", "orange"], now["DISABILITY", "orange"]) == (2, 1)
    assert then == {("POVERTY", "yellow"): 1, ("IN_DIFFICULTY", "yellow"): 1}
    by_level = (await desk.get("/registers/REG-02/groups", by="level")).json()
    assert (by_level["items"], by_level["total"]) == ([{"tag": None, "level": "orange", "subjects": 2}], 2)
    assert await on(desk, "REG-02", as_of=before.isoformat()) == [first["case_number"]]
    assert await on(desk, "REG-02", tag="DISABILITY", level="orange") != []
    assert await on(desk, "REG-02", level="red") == await on(desk, "REG-02", village="V01") == []
    late = (await app.database.now() + timedelta(hours=1)).isoformat()
    assert (await desk.get("/registers/REG-02", as_of=late)).status_code == 422


async def test_closing_takes_a_case_off_the_ledger_and_leaves_its_history(app: Running, desk: Desk) -> None:
    answer = await scored(desk, concerns=["H5", "N5"])
    open_then = await app.database.now()
    await desk.close(answer, await app.database.now() + timedelta(minutes=1))
    number = answer["case_number"]
    assert (await on(desk, "REG-02"), await on(desk, "REG-01")) == ([], [number])
    assert await on(desk, "REG-02", as_of=open_then.isoformat()) == [number]
    assert (await on(desk, "REG-01", state="open"), await on(desk, "REG-01", state="closed")) == ([], [number])
    assert await on(desk, "REG-05") == []  # no open case, no open ladder step
    assert "POVERTY" in await tags_of(desk, await child_of(answer))
    changes = (await desk.get("/registers/REG-02/history")).json()["items"]
    told = [(change["change"], change["kind"]) for change in changes]
    assert told[0] == ("left", "case")
    assert {("entered", "case"), ("entered", "tag")} <= set(told)


async def test_a_ladder_step_makes_a_problem_family_until_its_checks_are_passed(app: Running, desk: Desk) -> None:
    answer = await scored(desk, concerns=["N6"])
    assert await on(desk, "REG-05") == []
    step, at = uuid4(), await app.database.now()
    common: dict[str, Any] = {
        "case_id": UUID(answer["case_id"]), "case_number": answer["case_number"], "township": "YX",
        "ladder_step_id": step, "step": "G1", "document": "admonition", "by": SYSTEM,
    }  # fmt: skip
    taken = LadderStepRecorded(**common, issuer="village_committee", issued_on=at, at=at, checks_due=(at, at))
    await app.publish(taken, answer["case_id"])
    await app.settle()
    assert await on(desk, "REG-05") == await on(desk, "REG-08", DIRECTOR) == [answer["case_number"]]
    child = await child_of(answer)
    held = await desk.post(f"/persons/{child}/tags", {"act": "end", "tag": "PROBLEM_FAMILY", "reason": "moved"}, CIVIL)
    assert (held.status_code, held.json()["code"]) == (409, "ladder_open")
    await app.publish(ComplianceChecked(**common, complied=True, at=at), answer["case_id"])
    await app.settle()
    assert await on(desk, "REG-05") == [answer["case_number"]]  # one check of two
    await app.publish(ComplianceChecked(**common, complied=True, at=at), answer["case_id"])
    await desk.close(answer, await app.database.now() + timedelta(minutes=1))
    assert await on(desk, "REG-05") == []


async def test_people_set_and_end_tags_with_a_reason_and_the_history_stays(app: Running, desk: Desk) -> None:
    answer = await scored(desk, concerns=["N4"])
    child, case = await child_of(answer), answer["case_id"]
    path = f"/persons/{child}/tags"
    assert (await tags_of(desk, child))["DROPOUT"] == "suspected"
    actual = await desk.post(path, {"tag": "DROPOUT", "state": "actual", "reason": "checked_at_school"}, SCHOOL)
    assert actual.status_code == 200, actual.text
    assert await on(desk, "REG-06", SCHOOL, state="actual") == [answer["case_number"]]
    again = await desk.post(path, {"tag": "DROPOUT", "state": "actual", "reason": "checked_at_school"}, SCHOOL)
    assert (again.status_code, again.json()["code"]) == (409, "already_set")
    done = await desk.post(path, {"act": "end", "tag": "DROPOUT", "reason": "attendance_confirmed"}, SCHOOL, key="end")
    replay = await desk.post(
        path, {"act": "end", "tag": "DROPOUT", "reason": "attendance_confirmed"}, SCHOOL, key="end"
    )
    assert replay.json() == done.json()
    history = {(span["tag"], span["state"]): span["end_reason"] for span in done.json()["history"]}
    assert history == {("DROPOUT", "suspected"): "changed", ("DROPOUT", "actual"): "attendance_confirmed"}
    assert await on(desk, "REG-06") == []
    await desk.score(answer, "yellow")  # the same facts do not bring back what a person ended
    assert "DROPOUT" not in await tags_of(desk, child)
    village = await desk.post(f"/cases/{case}/tags", {"tag": "STREET_NOW", "reason": "grid_found"}, DIRECTOR)
    assert {tag["tag"] for tag in village.json()["tags"]} >= {"STREET_NOW", "STREET_HISTORY"}
    codes = [
        (await desk.post(path, body, claims)).status_code
        for body, claims in (
            ({"act": "end", "tag": "STREET_NOW", "reason": "gone_home"}, DIRECTOR),
            ({"tag": "POVERTY", "reason": "told_so"}, NEIGHBOUR),
            ({"tag": "NO_SUCH", "reason": "told_so"}, CIVIL),
            ({"act": "end", "tag": "IN_DIFFICULTY", "reason": "told_so"}, CIVIL),
            ({"tag": "POVERTY", "reason": "他很穷"}, CIVIL),
        )
    ]
    assert codes == [403, 404, 422, 409, 422]
    assert set((await app.published(TagsChanged))[-1].tags) == {"IN_DIFFICULTY", "STREET_NOW", "STREET_HISTORY"}


async def test_context_sections_are_versioned_and_read_like_the_file(desk: Desk) -> None:
    answer = await scored(desk)
    child = await child_of(answer)
    path = f"/registers/children/{child}"
    for text in ("与祖母同住", "祖母住院，暂住姑姑家"):
        written = await desk.post(f"{path}/sections", {"section": "family", "text": text}, DIRECTOR)
        assert written.status_code == 201, written.text
    card = (await desk.get(path, CIVIL, fields="family_situation,name", purpose="task")).json()
    assert [version["version"] for version in card["sections"]["family"]] == [2, 1]
    assert card["fields"]["family_situation"]["value"] == "祖母住院，暂住姑姑家"
    assert {"REG-01", "REG-02", "REG-09"} <= set(card["registers"])
    clerk = (await desk.get(path, CLERK, fields="family_situation", purpose="task")).json()
    assert clerk["fields"]["family_situation"]["value"] is None
    assert (await desk.post(f"{path}/sections", {"section": "family", "text": "x"}, NEIGHBOUR)).status_code == 404
    assert (await desk.get(path, CIVIL, fields="name")).status_code == 422
    log = (await desk.get(f"/cases/{answer['case_id']}/access-log", AUDITOR)).json()["items"]
    assert [entry["action"] for entry in log] == ["section.write", "section.write", "child.read", "child.read"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_an_export_has_the_masks_of_the_page_and_is_logged_with_its_purpose(desk: Desk, form: str) -> None:
    await scored(desk, child={**SECRETS, "name": "=cmd()", "school": "+1", "birth_date": "2019-11-02"})
    query = {"format": form, "fields": "name,school,id_number", "purpose": "supervision"}
    path = "/registers/REG-01/export"
    full, masked = await desk.get(path, CIVIL, **query), await desk.get(path, CLERK, **query)
    rows = {name: table(form, answer.content) for name, answer in (("full", full), ("masked", masked))}
    assert rows["full"][0][-3:] == ["姓名（name）", "学校班级（school）", "身份证号（id_number）"]
    assert rows["full"][1][-3:] == ["'=cmd()", "'+1", SECRETS["id_number"]]
    assert rows["masked"][1][-3:] == ["'=.*", "", "330***********0019"]
    assert rows["full"][1][3:5] == ["V06", "V06-G3"]
    assert (await desk.get(path, CIVIL, format=form, fields="name")).status_code == 422
    assert (await desk.get(path, CIVIL, fields="narrative", purpose="task")).status_code == 422
    log = (await desk.get("/registers/REG-01/access-log", SUPERVISOR)).json()
    first, second = log["items"]
    assert (log["intact"], first["action"], first["actor"]["account"]) == (True, "register.export", CIVIL["sub"])
    assert (first["detail"]["rows"], first["detail"]["purpose"]) == (1, "supervision")
    assert second["actor"]["account"] == CLERK["sub"]


def table(form: str, content: bytes) -> list[list[str]]:
    """A file's lines as texts."""
    if form == "csv":
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    sheet = load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]


async def test_pages_of_a_register_hold_everyone_once(desk: Desk) -> None:
    numbers = [(await scored(desk, child={"name": f"孩子{n}"}))["case_number"] for n in range(5)]
    seen, cursor = [], None
    while True:
        page = (await desk.get("/registers/REG-01", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [child["case_number"] for row in page["items"] for child in row["children"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(numbers)
    period: dict[str, Any] = {"entered_from": datetime(2020, 1, 1, tzinfo=UTC).isoformat()}
    assert len(await on(desk, "REG-01", **period)) == 5
    assert await on(desk, "REG-01", entered_to=period["entered_from"]) == []


async def test_an_unfounded_case_takes_its_tags_with_it(app: Running, desk: Desk) -> None:
    answer = await scored(desk, concerns=["H1", "N5"])
    child = await child_of(answer)
    await desk.post(f"/persons/{child}/tags", {"tag": "DISABILITY", "reason": "certificate_seen"}, CIVIL)
    closed = CaseClosed(
        case_id=UUID(answer["case_id"]),
        case_number=answer["case_number"],
        township="YX",
        closure_id=uuid4(),
        reason="UNFOUNDED",
        highest_level="yellow",
        proposed_by=SYSTEM,
        decided_by=(SYSTEM,),
        at=await app.database.now() + timedelta(minutes=1),
    )
    await app.publish(closed, answer["case_id"])
    await app.settle()
    assert await tags_of(desk, child) == {"DISABILITY": None}
    assert await on(desk, "REG-01") == []
    assert await on(desk, "REG-09") == [answer["case_number"]]  # the case file stays until its retention ends


async def test_joined_records_stand_on_a_register_as_one_child(app: Running, desk: Desk) -> None:
    kept = await scored(desk, concerns=["N5"], child={"name": "李一"})
    other = await scored(desk, concerns=["N7"], child={"name": "李二"})
    ids = [await child_of(kept), await child_of(other)]
    note = await desk.post(f"/cases/{kept['case_id']}/notes", {"kind": "other", "text": "同一孩子"}, CIVIL)
    merged = await desk.post(
        f"/persons/{ids[0]}/merges", {"duplicate_id": ids[1], "reason_note_id": note.json()["note_id"]}, CIVIL
    )
    assert merged.status_code == 201, merged.text
    [row] = (await desk.get("/registers/REG-01")).json()["items"]
    [child] = row["children"]
    assert child["child_id"] == ids[0]
    assert {"POVERTY", "DISABILITY"} <= set(child["tags"])
    assert len((await desk.get("/registers/REG-01", tag="DISABILITY")).json()["items"]) == 1
    undone = await desk.post(
        f"/persons/{ids[0]}/merges/{merged.json()['merge_id']}/actions/undo",
        {"reason_note_id": note.json()["note_id"]},
        CIVIL,
    )
    assert undone.status_code == 200, undone.text
    assert len((await desk.get("/registers/REG-01")).json()["items"]) == 2
