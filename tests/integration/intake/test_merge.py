"""Two records of one child: joined they read as one, taken back everything is as it was."""

import random
from typing import Any
from uuid import UUID

from chassis.testing import Running
from contracts.intake import ChildrenMerged, ReportAmended
from services.intake.store import persons
from tests.integration.intake.story import AUDITOR, CIVIL, OPERATOR, POLICE, Desk

GIRL = {"name": "沈小满", "birth_date": "2014-05-05", "phone": "13800138000", "school": "中心小学"}
AGAIN = {"name": "沈小曼", "birth_date": "2014-05-15", "id_number": "330000201405150019"}


async def note(desk: Desk, case: str) -> str:
    made = await desk.post(f"/cases/{case}/notes", {"kind": "other", "text": "同一孩子，户口本已核对"}, CIVIL)
    assert made.status_code == 201, made.text
    return str(made.json()["note_id"])


async def two(desk: Desk) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two open cases of one girl, the second written down another way."""
    first = await desk.report(child=GIRL)
    second = await desk.report(child=AGAIN)
    assert second["disposition"] == "case_opened"
    return first, second


def child_of(answer: dict[str, Any]) -> str:
    return str(answer["children"][0]["child_id"])


async def join(desk: Desk, kept: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    body = {"duplicate_id": child_of(merged), "reason_note_id": await note(desk, kept["case_id"])}
    made = await desk.post(f"/persons/{child_of(kept)}/merges", body, CIVIL)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def profile(desk: Desk, person: str) -> dict[str, Any]:
    """What civil affairs read of a person, without the story of the joining itself."""
    answer = await desk.get(f"/persons/{person}", CIVIL, purpose="task")
    assert answer.status_code == 200, answer.text
    read = dict(answer.json())
    told = ("children.merged.v1", "report.amended.v1")
    read["history"] = [item for item in read["history"] if item["type"] not in told]
    del read["merges"]
    return read


async def test_joined_records_read_as_one_and_taken_back_as_before(app: Running, desk: Desk) -> None:
    first, second = await two(desk)
    before = [await profile(desk, child_of(answer)) for answer in (first, second)]
    made = await join(desk, first, second)
    joined = [await profile(desk, child_of(answer)) for answer in (first, second)]
    values = {view["field"]: view["value"] for view in joined[0]["fields"]}
    assert joined[0] == joined[1]
    assert joined[0]["person_id"] == child_of(first)
    assert [case["case_number"] for case in joined[0]["cases"]] == [first["case_number"], second["case_number"]]
    assert (values["name"], values["school"], values["id_number"]) == ("沈小曼", "中心小学", AGAIN["id_number"])
    assert made["may_close_as_duplicate"] == [second["case_id"]]

    path = f"/persons/{child_of(second)}/merges/{made['merge_id']}/actions/undo"
    undone = await desk.post(path, {"reason_note_id": await note(desk, second["case_id"])}, CIVIL)
    again = await desk.post(path, {"reason_note_id": await note(desk, second["case_id"])}, CIVIL)
    assert undone.status_code == 200, undone.text
    assert undone.json()["undone_at"]
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")
    assert [await profile(desk, child_of(answer)) for answer in (first, second)] == before


async def test_a_joining_is_announced_to_each_case_logged_and_told(app: Running, desk: Desk) -> None:
    first, second = await two(desk)
    made = await join(desk, first, second)
    events = [e for e in await app.published(ChildrenMerged) if str(e.merge_id) == made["merge_id"]]
    household = [e for e in await app.published(ReportAmended) if e.aspects == ("household",)]
    assert {(str(e.case_id), e.duplicate_of and str(e.duplicate_of)) for e in events} == {
        (first["case_id"], None),
        (second["case_id"], first["case_id"]),
    }
    assert {(str(e.case_id), tuple(map(str, e.household_cases or ()))) for e in household} == {
        (first["case_id"], (second["case_id"],)),
        (second["case_id"], (first["case_id"],)),
    }
    for answer in (first, second):
        log = (await desk.get(f"/cases/{answer['case_id']}/access-log", AUDITOR)).json()
        story = (await desk.get(f"/cases/{answer['case_id']}/timeline", CIVIL)).json()["items"]
        assert log["intact"]
        assert "person.merged" in {entry["action"] for entry in log["items"]}
        assert "children.merged.v1" in {entry["type"] for entry in story}


async def test_a_report_on_a_joined_child_goes_to_the_open_case_of_either(desk: Desk) -> None:
    first, second = await two(desk)
    await join(desk, first, second)
    await desk.close(first, (await desk.announced(second["report_id"])).recorded_at)
    third = await desk.report(child=GIRL)
    assert (third["disposition"], third["case_id"]) == ("attached_to_open_case", second["case_id"])


async def test_a_joining_settles_the_suspicion_and_a_refused_one_stays_refused(desk: Desk) -> None:
    first, second = await two(desk)
    [waiting] = (await desk.get("/persons/duplicates", CIVIL)).json()["items"]
    path = f"/persons/duplicates/{waiting['duplicate_id']}/actions/decide"
    refused = await desk.post(path, {"outcome": "different"}, CIVIL)
    twice = await desk.post(path, {"outcome": "different"}, CIVIL)
    assert (refused.status_code, refused.json()["state"]) == (200, "different")
    assert (twice.status_code, twice.json()["code"]) == (409, "already_decided")
    await join(desk, first, second)
    listed = {
        state: len((await desk.get("/persons/duplicates", CIVIL, state=state)).json()["items"])
        for state in ("open", "same", "different")
    }
    assert listed == {"open": 0, "same": 1, "different": 0}


async def test_a_joining_that_makes_no_sense_is_refused_with_the_rule(desk: Desk) -> None:
    first, second = await two(desk)
    third = await desk.report(child={"name": "方圆", "birth_date": "2010-01-01"}, place={"village": "V01"})
    reason = await note(desk, first["case_id"])
    path = f"/persons/{child_of(first)}/merges"
    same = await desk.post(path, {"duplicate_id": child_of(first), "reason_note_id": reason}, CIVIL)
    no_note = await desk.post(path, {"duplicate_id": child_of(second), "reason_note_id": first["report_id"]}, CIVIL)
    nobody = await desk.post(path, {"duplicate_id": first["report_id"], "reason_note_id": reason}, CIVIL)
    operator = await desk.post(path, {"duplicate_id": child_of(second), "reason_note_id": reason}, OPERATOR)
    police = await desk.post(path, {"duplicate_id": child_of(second), "reason_note_id": reason}, POLICE)
    await join(desk, first, second)
    twice = await desk.post(path, {"duplicate_id": child_of(second), "reason_note_id": reason}, CIVIL)
    body = {"duplicate_id": child_of(second), "reason_note_id": await note(desk, third["case_id"])}
    elsewhere = await desk.post(f"/persons/{child_of(third)}/merges", body, CIVIL)
    assert (same.status_code, same.json()["errors"][0]["code"]) == (422, "same_record")
    assert (no_note.status_code, no_note.json()["errors"][0]["code"]) == (422, "unknown_note")
    assert (nobody.status_code, operator.status_code, police.status_code) == (404, 403, 403)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_merged")
    assert (elsewhere.status_code, elsewhere.json()["person_id"]) == (409, child_of(first))


async def test_a_case_in_conflict_keeps_its_child_from_being_joined(desk: Desk) -> None:
    first = await desk.report(child=GIRL)
    second = await desk.report(child=AGAIN, facts={"conflict_unit": "civil_affairs"})
    body = {"duplicate_id": child_of(second), "reason_note_id": await note(desk, first["case_id"])}
    assert (await desk.post(f"/persons/{child_of(first)}/merges", body, CIVIL)).status_code == 404


async def test_any_sequence_of_joining_and_taking_back_restores_what_was(app: Running, desk: Desk) -> None:
    """Against a model: records are one person exactly when joinings in force connect them."""
    chance = random.Random(20261124)
    names = ("赵一", "钱二", "孙三", "李四", "周五")
    people = [
        child_of(await desk.report(child={"name": name, "birth_date": f"201{n}-01-01"}, place={"village": village}))
        for n, (name, village) in enumerate(zip(names, ("V01", "V02", "V03", "V04", "V06"), strict=True))
    ]
    cases = {person: (await desk.get(f"/persons/{person}", CIVIL, purpose="task")).json() for person in people}
    reasons = {person: await note(desk, view["cases"][0]["case_id"]) for person, view in cases.items()}
    in_force: dict[str, tuple[str, str]] = {}
    before: dict[str, Any] = {}
    for _ in range(24):
        groups = _model(people, in_force.values())
        if in_force and chance.random() < 0.4:
            merge_id = list(in_force)[-1]
            kept, merged = in_force.pop(merge_id)
            path = f"/persons/{kept}/merges/{merge_id}/actions/undo"
            assert (await desk.post(path, {"reason_note_id": reasons[merged]}, CIVIL)).status_code == 200
            assert await _groups(app, people) == before.pop(merge_id)
            continue
        kept, merged = chance.sample(people, 2)
        body = {"duplicate_id": merged, "reason_note_id": reasons[kept]}
        answer = await desk.post(f"/persons/{kept}/merges", body, CIVIL)
        possible = groups[kept] != groups[merged] and merged not in {m for _, m in in_force.values()}
        assert (answer.status_code == 201) is possible, answer.text
        if possible:
            before[answer.json()["merge_id"]] = groups
            in_force[answer.json()["merge_id"]] = (kept, merged)
        assert await _groups(app, people) == _model(people, in_force.values())


def _model(people: list[str], joined: Any) -> dict[str, frozenset[str]]:
    groups = {person: frozenset({person}) for person in people}
    for kept, merged in joined:
        whole = groups[kept] | groups[merged]
        groups |= dict.fromkeys(whole, whole)
    return groups


async def _groups(app: Running, people: list[str]) -> dict[str, frozenset[str]]:
    async with app.database.reading() as db:
        roots = await persons.groups(db, [UUID(person) for person in people])
    return {person: frozenset(str(p) for p, root in roots.items() if root == roots[UUID(person)]) for person in people}
