"""Who reads what of a file, and what the access log keeps of it."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running
from tests.integration.intake.story import (
    AUDITOR,
    CIVIL,
    CLERK,
    COLLEAGUE,
    DIRECTOR,
    DUTY_LEADER,
    FINANCE,
    GRID,
    HEALTH,
    NEIGHBOUR,
    OPERATOR,
    POLICE,
    REPORTER,
    SCHOOL,
    SECRETS,
    SUPERVISOR,
    WORDS,
    Claims,
    Desk,
    report_body,
)

ROLES = {"police": "assist", "civil_affairs": "lead", "school": "assist", "health": "inform", "finance": "assist"}
MASKED_NAME, MASKED_ID = "彭*", "330***********0019"

SEEN: list[tuple[str, Claims, dict[str, Any]]] = [
    (
        "the operator who took it down",
        OPERATOR,
        {"name": SECRETS["name"], "narrative": WORDS, "reporter_name": "罗阿姨"},
    ),
    ("another operator", COLLEAGUE, {"name": MASKED_NAME, "narrative": None, "reporter_name": None}),
    ("civil affairs", CIVIL, {"id_number": SECRETS["id_number"], "narrative": WORDS, "reporter_name": None}),
    ("police with a task", POLICE, {"name": SECRETS["name"], "narrative": WORDS, "reporter_name": None}),
    ("the school", SCHOOL, {"name": MASKED_NAME, "school": SECRETS["school"], "health": None, "payee": None}),
    ("a department that is only informed", HEALTH, {"name": "彭某", "health": None, "address": None}),
    ("finance", FINANCE, {"payee": SECRETS["payee"], "name": None, "narrative": None}),
    (
        "the township government",
        CLERK,
        {"name": MASKED_NAME, "id_number": MASKED_ID, "address": "V06-G3", "health": None},
    ),
    ("the village", DIRECTOR, {"name": SECRETS["name"], "id_number": MASKED_ID, "narrative": None, "health": None}),
    (
        "the grid member",
        GRID,
        {"name": SECRETS["name"], "address": SECRETS["address"], "phone": None, "narrative": None},
    ),
]


@pytest.mark.parametrize(("claims", "expected"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
async def test_each_role_sees_its_fields_and_no_more(desk: Desk, claims: Claims, expected: dict[str, Any]) -> None:
    answer = await desk.report()
    await desk.dispatch(answer, **ROLES)
    seen = await desk.file(answer["case_id"], claims)
    assert {name: seen[name]["value"] for name in expected} == expected


HIDDEN_FROM = [("another village", NEIGHBOUR), ("a department without a role", HEALTH)]


@pytest.mark.parametrize("claims", [row[1] for row in HIDDEN_FROM], ids=[row[0] for row in HIDDEN_FROM])
async def test_those_without_a_part_in_it_do_not_learn_that_the_case_exists(desk: Desk, claims: Claims) -> None:
    answer = await desk.report()
    await desk.dispatch(answer, civil_affairs="lead")
    for path in ("", "/timeline", "/file?fields=all&purpose=task"):
        assert (await desk.get(f"/cases/{answer['case_id']}{path}", claims)).status_code == 404


async def test_a_restricted_case_is_hidden_from_village_and_grid_and_foreign_operators(desk: Desk) -> None:
    answer = await desk.report(concerns=["H2"])
    await desk.dispatch(answer, civil_affairs="assist", police="lead", village_committee="assist")
    for claims in (DIRECTOR, GRID, COLLEAGUE):
        for path in ("", "/timeline", "/file?fields=all&purpose=task&reason=imminent_danger"):
            assert (await desk.get(f"/cases/{answer['case_id']}{path}", claims)).status_code == 404
        assert (await desk.get("/cases", claims)).json()["items"] == []
    assert (await desk.file(answer["case_id"], CIVIL, "narrative"))["narrative"]["reason"] == "needs_grant"


async def test_the_unit_in_conflict_sees_nothing_not_even_with_a_reason(desk: Desk) -> None:
    answer = await desk.report(facts={"conflict_unit": "health", "violence_in_progress": True})
    await desk.score(answer, "red")
    await desk.dispatch(answer, "red", health="assist", police="lead")
    path = f"/cases/{answer['case_id']}/file?fields=all&purpose=emergency&reason=imminent_danger"
    assert (await desk.get(path, HEALTH)).status_code == 404
    assert (await desk.get("/cases", HEALTH)).json()["items"] == []


async def test_after_a_day_the_operator_sees_the_masked_form(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    await app.set_clock(await app.database.now() + timedelta(hours=25))
    seen = await desk.file(answer["case_id"], OPERATOR)
    assert (seen["name"]["value"], seen["narrative"]["value"], seen["reporter_name"]["value"]) == (
        MASKED_NAME,
        None,
        None,
    )


async def test_a_leader_on_duty_opens_a_red_file_with_a_reason_only(desk: Desk) -> None:
    answer = await desk.report(facts={"violence_in_progress": True})
    await desk.score(answer, "red")
    without = await desk.file(answer["case_id"], DUTY_LEADER, "name")
    having = await desk.file(answer["case_id"], DUTY_LEADER, "name", reason="imminent_danger")
    assert (without["name"]["value"], having["name"]["value"]) == (MASKED_NAME, SECRETS["name"])
    assert (await desk.get("/cases/access-reviews", SUPERVISOR)).json()["items"] == []


async def test_break_glass_on_red_is_given_logged_and_reviewed_by_somebody_else(desk: Desk) -> None:
    answer = await desk.report(facts={"violence_in_progress": True})
    await desk.score(answer, "red")
    case = answer["case_id"]
    seen = await desk.file(case, SCHOOL, "address,reporter_name", reason="imminent_danger")
    assert (seen["address"]["value"], seen["reporter_name"]["value"]) == (SECRETS["address"], None)
    [review] = (await desk.get("/cases/access-reviews", SUPERVISOR)).json()["items"]
    path = f"/cases/{case}/access-reviews/{review['review_id']}/actions/decide"
    assert (await desk.post(path, {"outcome": "justified"}, AUDITOR)).status_code == 403
    assert (await desk.post(path, {"outcome": "justified"}, SUPERVISOR)).json()["state"] == "justified"
    assert (await desk.post(path, {"outcome": "justified"}, SUPERVISOR)).status_code == 409


async def test_break_glass_needs_red(desk: Desk) -> None:
    answer = await desk.report()
    await desk.score(answer, "orange")
    path = f"/cases/{answer['case_id']}/file?fields=name&purpose=emergency&reason=imminent_danger"
    assert (await desk.get(path, SCHOOL)).status_code == 404


async def test_a_reason_in_prose_is_refused(desk: Desk) -> None:
    answer = await desk.report()
    path = f"/cases/{answer['case_id']}/file"
    wrong = await desk.get(path, CIVIL, fields="name", purpose="task", reason="他要来了 快看")
    assert wrong.status_code == 422


async def test_police_learn_the_reporter_only_by_request_and_approval(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    await desk.dispatch(answer, police="lead")
    case = answer["case_id"]
    asked = await desk.post(f"/cases/{case}/grants", {"fields": ["reporter_identity"], "reason": "legal_order"}, POLICE)
    decide = f"/cases/{case}/grants/{asked.json()['grant_id']}/actions/decide"
    assert (await desk.file(case, POLICE, "reporter_phone"))["reporter_phone"]["value"] is None
    assert (await desk.post(decide, {"granted": True}, POLICE)).status_code == 403
    assert (await desk.post(decide, {"granted": True, "hours": 2}, SUPERVISOR)).json()["state"] == "granted"
    assert (await desk.file(case, POLICE, "reporter_phone"))["reporter_phone"]["value"] == REPORTER["phone"]
    await app.set_clock(await app.database.now() + timedelta(hours=3))
    assert (await desk.file(case, POLICE, "reporter_phone"))["reporter_phone"]["value"] is None


async def test_civil_affairs_read_a_secret_narrative_by_named_grant(desk: Desk) -> None:
    answer = await desk.report(concerns=["H2"])
    case = answer["case_id"]
    body = {"account": CIVIL["sub"], "fields": ["narrative"], "reason": "task"}
    assert (await desk.post(f"/cases/{case}/grants", body, {**CIVIL, "sub": "ca-2"})).status_code == 403
    assert (await desk.post(f"/cases/{case}/grants", body, SUPERVISOR)).json()["state"] == "granted"
    assert (await desk.file(case, CIVIL, "narrative"))["narrative"]["value"] == WORDS
    assert (await desk.file(case, {**CIVIL, "sub": "ca-2"}, "narrative"))["narrative"]["value"] is None


async def test_every_reading_and_every_refusal_is_in_the_log_and_the_chain_holds(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    await desk.file(answer["case_id"], CIVIL, "name,narrative")
    await desk.get(f"/cases/{answer['case_id']}/file?fields=name&purpose=task", NEIGHBOUR)
    await desk.post("/persons/search", {"phone": "+86 000-1234-5678"}, CIVIL)
    log = (await desk.get(f"/cases/{answer['case_id']}/access-log", AUDITOR)).json()
    read, refused, search = log["items"]
    assert log["intact"] is True
    assert (read["actor"]["account"], read["detail"]["purpose"], read["detail"]["field_classes"]) == (
        CIVIL["sub"],
        "task",
        ["P2"],
    )
    assert read["detail"]["fields"] == {"name": "full", "narrative": "full"}
    assert read["detail"]["source_ip"]
    assert (refused["actor"]["account"], refused["detail"]["result"]) == (NEIGHBOUR["sub"], "denied")
    assert search["action"] == "person.search"
    async with app.database.reading() as db:
        await db.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_insert_only")
        await db.execute("""UPDATE audit_entry SET detail = '{"purpose": "none"}' WHERE sequence = 2""")
    broken = (await desk.get(f"/cases/{answer['case_id']}/access-log", AUDITOR)).json()
    assert (broken["intact"], broken["first_broken"]) == (False, 2)


async def test_the_access_log_is_for_auditors_and_supervisors(desk: Desk) -> None:
    answer = await desk.report()
    assert (await desk.get(f"/cases/{answer['case_id']}/access-log", CIVIL)).status_code == 403
    assert (await desk.get(f"/cases/{answer['case_id']}/file?fields=all&purpose=task", AUDITOR)).status_code == 403


@pytest.mark.parametrize(
    "particular", [{"name": "彭 乐乐"}, {"id_number": "330000202001250019"}, {"phone": "0001-234-5678"}]
)
async def test_a_person_is_found_by_one_particular_with_the_name_masked(desk: Desk, particular: dict[str, str]) -> None:
    answer = await desk.report()
    [found] = (await desk.post("/persons/search", particular, OPERATOR)).json()["items"]
    nothing = (await desk.post("/persons/search", {**particular, "village": "V01"}, OPERATOR)).json()["items"]
    assert (found["case_number"], found["name"], nothing) == (answer["case_number"], MASKED_NAME, [])


async def test_a_search_needs_a_particular_and_the_right(desk: Desk) -> None:
    village = await desk.post("/persons/search", {"village": "V06"}, CIVIL)
    school = await desk.post("/persons/search", {"name": "甲"}, SCHOOL)
    assert (village.status_code, school.status_code) == (422, 403)


async def test_a_restricted_case_is_not_found_by_an_operator_who_did_not_enter_it(desk: Desk) -> None:
    await desk.report(concerns=["H2"])
    found = [
        len((await desk.post("/persons/search", {"name": SECRETS["name"]}, claims)).json()["items"])
        for claims in (OPERATOR, COLLEAGUE, CIVIL, POLICE)
    ]
    assert found == [1, 0, 1, 0]


async def test_a_note_is_read_by_its_author_and_those_who_see_notes(desk: Desk) -> None:
    answer = await desk.report()
    await desk.dispatch(answer, **ROLES)
    body = {"kind": "return_reason", "text": "不属于本单位"}
    made = await desk.post(f"/cases/{answer['case_id']}/notes", body, SCHOOL, key="note")
    again = await desk.post(f"/cases/{answer['case_id']}/notes", body, SCHOOL, key="note")
    path = f"/cases/{answer['case_id']}/notes/{made.json()['note_id']}?purpose=task"
    texts = [(await desk.get(path, claims)).json().get("text") for claims in (SCHOOL, CIVIL, POLICE)]
    assert made.json() == again.json()
    assert texts == [body["text"]] * 3
    assert (await desk.get(path, FINANCE)).status_code == 403
    assert (await desk.get(path, NEIGHBOUR)).status_code == 404


async def test_a_sealed_value_moved_to_another_row_does_not_open(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    async with app.database.reading() as db:
        await db.execute(
            "UPDATE vault_child SET sealed = (SELECT sealed FROM vault_child WHERE field = 'phone') WHERE field = 'name'"
        )
    path = f"/cases/{answer['case_id']}/file?fields=name&purpose=task"
    assert (await desk.get(path, CIVIL)).status_code == 500


async def test_destroying_a_childs_key_leaves_its_file_empty(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    async with app.database.reading() as db:
        await db.execute("DELETE FROM vault_key WHERE owner_id = $1", answer["children"][0]["child_id"])
    seen = await desk.file(answer["case_id"], CIVIL, "name,narrative")
    note = await desk.post(f"/cases/{answer['case_id']}/notes", {"kind": "other", "text": "补记"}, CIVIL)
    assert [view["value"] for view in seen.values()] == [None, None]
    assert (note.status_code, note.json()["code"]) == (409, "identity_erased")


async def test_reports_of_one_name_share_no_ciphertext(app: Running, desk: Desk) -> None:
    await desk.report()
    await desk.post("/reports", report_body())
    async with app.database.reading() as db:
        sealed = await db.fetch("SELECT DISTINCT sealed FROM vault_child WHERE field = 'name'")
    assert len(sealed) == 2
