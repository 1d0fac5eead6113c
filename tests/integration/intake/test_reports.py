"""A report comes in: what is kept, what is announced, what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running
from contracts.intake import ContactRecorded, ReportReceived
from tests.integration.intake.story import CIVIL, OPERATOR, REPORTER, SECRETS, WORDS, Desk, report_body
from tests.samples.golden import golden_case, golden_cases

PERSONAL = [*SECRETS.values(), *REPORTER.values(), WORDS]


def body_of(golden: Any, **extra: Any) -> dict[str, Any]:
    """A golden case as a request."""
    keys = ("received_at", "channel", "reporter", "place", "child", "narrative", "concerns", "facts", "answers")
    siblings = golden.get("siblings", ())
    return {key: golden[key] for key in keys if key in golden} | {"siblings": siblings} | extra


async def count(app: Running, table: str) -> int:
    async with app.database.reading() as db:
        return int(await db.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_report_opens_a_case_and_is_announced_in_codes_only(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    event = await desk.announced(answer["report_id"])
    assert answer["disposition"] == "case_opened"
    assert answer["case_number"].startswith("YX-2026-")
    assert answer["report_number"].startswith("YX-R2026-")
    assert str(event.case_id) == answer["case_id"]
    assert event.report.place.model_dump() == {"village": "V06", "group": "V06-G3", "zone": "rural", "outside": False}
    assert event.children[0].facts["age"] == 7
    assert not [value for value in PERSONAL if value in event.model_dump_json()]


async def test_every_golden_case_is_taken_down_as_expected(app: Running, desk: Desk) -> None:
    await app.set_clock(datetime(2027, 1, 1, tzinfo=UTC))
    for golden in golden_cases(opened=False):
        if "duplicate_of" in golden or "reopens" in golden:
            continue
        answer = await desk.post("/reports", body_of(golden))
        assert answer.status_code == 201, (golden["id"], answer.text)
        found = answer.json()
        assert found["disposition"] == golden["expected"]["disposition"], golden["id"]
        opens = golden["expected"]["level"] is not None
        assert len(found["children"]) == (1 + len(golden.get("siblings", ())) if opens else 0)


async def test_the_same_command_again_is_answered_from_its_commit(app: Running, desk: Desk) -> None:
    first = await desk.post("/reports", report_body(), key="one call")
    second = await desk.post("/reports", report_body(), key="one call")
    other = await desk.post("/reports", report_body(concerns=["H1"]), key="one call")
    assert (first.status_code, second.status_code, other.status_code) == (201, 201, 422)
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"
    assert len(await app.published(ReportReceived)) == 1


async def test_two_identical_commands_at_once_keep_one_report(app: Running, desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.post("/reports", report_body(), key="twice") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["report_id"] for answer in answers}) == 1
    assert await count(app, "report") == await count(app, "case_file") == 1


async def test_without_an_idempotency_key_nothing_is_recorded(app: Running, desk: Desk) -> None:
    answer = await app.client.post("/api/v1/reports", json=report_body(), headers=app.as_(**OPERATOR))
    assert answer.status_code == 400
    assert await count(app, "report") == 0


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"received_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "#/received_at", "in_future"),
    ({"received_at": "2026-03-01T10:00:00"}, "#/received_at", "timezone_aware"),
    ({"channel": "pigeon"}, "#/channel", "unknown_channel"),
    ({"reporter": {"kind": "wizard"}}, "#/reporter/kind", "unknown_kind"),
    ({"reporter": {"kind": "public", "mandated": True}}, "#/reporter/mandated", "contradicts_kind"),
    ({"reporter": {"kind": "public", "anonymous": True, "name": "甲"}}, "#/reporter/name", "anonymous_with_name"),
    ({"place": {"village": "V99"}}, "#/place/village", "unknown_village"),
    ({"place": {"village": "V06", "group": 99}}, "#/place/group", "unknown_group"),
    ({"place": {"village": "V06", "group": "V01-G1"}}, "#/place/group", "group_of_another_village"),
    ({"concerns": ["Z9"]}, "#/concerns", "unknown_concern"),
    ({"facts": {"age": 9}}, "#/facts/age", "contradictory_age"),
    ({"facts": {"hungry": True}}, "#/facts/hungry", "unknown_fact"),
    ({"answers": {"A1": "very"}}, "#/answers/A1", "unknown_option"),
    ({"checklist": {"R99": True}}, "#/checklist/R99", "unknown_override"),
    ({"siblings": [{"facts": {"age": "old"}}]}, "#/siblings/0/facts/age", "wrong_value"),
    ({"child": {"birth_date": "2031-01-01"}}, "#/child/birth_date", "birth_date_in_future"),
    ({"attach_to_case": "YX-2026-999999"}, "#/attach_to_case", "unknown_case"),
    ({"attach_to_case": "YX-1-1", "reopen_case": "YX-1-1"}, "#/reopen_case", "attach_or_reopen"),
    ({"nickname": "乐乐"}, "#/nickname", "extra_forbidden"),
]


@pytest.mark.parametrize(("change", "pointer", "code"), WRONG, ids=[code for _, _, code in WRONG])
async def test_what_is_wrong_is_named_by_field_and_rule(
    app: Running, desk: Desk, change: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await desk.post("/reports", report_body(**change))
    assert answer.status_code == 422
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert await count(app, "report") == await count(app, "vault_child") == await count(app, "outbox") == 0


async def test_before_the_township_is_known_the_desk_is_told_to_try_again(app: Running, desk: Desk) -> None:
    elsewhere = {**OPERATOR, "township": "ZZ"}
    answer = await desk.post("/reports", report_body(), elsewhere)
    assert (answer.status_code, answer.json()["code"]) == (503, "township_unknown")


async def test_a_consultation_opens_no_case_and_arms_no_watchdog(app: Running, desk: Desk) -> None:
    answer = await desk.report(concerns=[], facts={"pure_consultation": True}, answers={})
    assert (answer["disposition"], answer["case_id"]) == ("consultation", None)
    [contact] = await app.published(ContactRecorded)
    assert str(contact.report_id) == answer["report_id"]
    assert await count(app, "deadline") == await count(app, "case_file") == await count(app, "vault_child") == 0


async def test_a_yes_on_the_checklist_keeps_a_consultation_from_being_screened_out(app: Running, desk: Desk) -> None:
    answer = await desk.report(facts={"pure_consultation": True}, checklist={"R8": True})
    event = await desk.announced(answer["report_id"])
    assert answer["disposition"] == "case_opened"
    assert event.children[0].facts["confined"] is True


async def test_an_adult_opens_no_case(app: Running, desk: Desk) -> None:
    answer = await desk.report(child={"birth_date": "2001-05-05"}, concerns=[], facts={})
    assert answer["disposition"] == "not_a_minor"


async def test_a_child_outside_the_township_becomes_a_case_to_be_transferred(app: Running, desk: Desk) -> None:
    answer = await desk.report(place={"outside": "临江镇"}, facts={})
    event = await desk.announced(answer["report_id"])
    assert answer["disposition"] == event.report.disposition == "transfer_out"
    assert event.report.place.outside
    assert event.children[0].facts["outside_township"] is True


async def test_siblings_get_linked_cases_of_one_family(app: Running, desk: Desk) -> None:
    sibling = {"child": {"name": "彭小妹"}, "concerns": ["H5"], "facts": {"age": 3}}
    answer = await desk.report(siblings=[sibling])
    first, second = answer["children"]
    event = await desk.announced(answer["report_id"])
    assert [str(child.case_id) for child in event.children] == [first["case_id"], second["case_id"]]
    assert [link["case_id"] for link in (await desk.case(first["case_id"]))["linked_cases"]] == [second["case_id"]]
    assert (await desk.case(second["case_number"]))["family_id"] == first["case_id"]


async def test_the_caller_with_the_receipt_code_learns_the_progress_and_nothing_personal(desk: Desk) -> None:
    answer = await desk.report()
    path = f"/api/v1/receipts/{answer['receipt_code']}"
    before = (await desk.app.client.get(path)).json()
    await desk.dispatch(answer, civil_affairs="lead")
    after = (await desk.app.client.get(path.lower())).json()
    wrong = await desk.app.client.get("/api/v1/receipts/0000-0000-0000-0000")
    assert (before["stage"], after["stage"], wrong.status_code) == ("received", "handed_over", 404)
    assert set(after) == {
        "report_number",
        "received_at",
        "stage",
        "stages",
        "result",
        "transfer",
        "handed_over_at",
        "finished_at",
        "feedback_at",
    }


async def test_no_table_but_the_vault_and_no_event_holds_anything_personal(app: Running, desk: Desk) -> None:
    answer = await desk.report(siblings=[{"child": {"name": "彭小妹"}, "narrative": "妹妹也没有饭吃"}])
    await desk.post(f"/cases/{answer['case_id']}/notes", {"kind": "visit", "text": "家里只有冷馒头"}, CIVIL)
    await desk.file(answer["case_id"], CIVIL)
    await desk.post("/persons/search", {"name": SECRETS["name"]}, CIVIL)
    hidden = [*PERSONAL, "彭小妹", "妹妹也没有饭吃", "家里只有冷馒头", "2019-11-02", "水塔"]
    async with app.database.reading() as db:
        tables = await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for table in tables:
            rows = await db.fetch(f'SELECT t::text AS row, row_to_json(t)::text AS json FROM "{table["tablename"]}" t')
            for row in rows:
                for value in hidden:
                    assert value not in row["row"] + row["json"], (table["tablename"], value)
                    assert value.encode().hex() not in row["row"], (table["tablename"], value)


async def test_a_report_can_be_read_back_in_codes(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    found = (await desk.get(answer["links"]["self"].removeprefix("/api/v1"), CIVIL)).json()
    assert found["disposition"] == "case_opened"
    assert found["children"][0]["concerns"] == ["H5"]
    assert not [value for value in PERSONAL if value in str(found)]


async def test_a_crash_before_the_commit_leaves_nothing_and_the_repeat_succeeds(app: Running, desk: Desk) -> None:
    async with app.database.reading() as db:
        await db.execute("ALTER TABLE outbox RENAME TO outbox_away")
    broken = await desk.post("/reports", report_body(), key="crash")
    async with app.database.reading() as db:
        await db.execute("ALTER TABLE outbox_away RENAME TO outbox")
    tables = (
        "report",
        "case_file",
        "vault_key",
        "vault_child",
        "vault_text",
        "blind_index",
        "timeline_entry",
        "deadline",
    )
    assert broken.status_code == 500
    assert [await count(app, table) for table in tables] == [0] * len(tables)
    assert (await desk.post("/reports", report_body(), key="crash")).status_code == 201


async def test_golden_case_two_is_restricted_from_its_first_moment(app: Running, desk: Desk) -> None:
    body = body_of(golden_case("YX-02"))
    answer = (await desk.post("/reports", body)).json()
    assert (await desk.case(answer["case_id"]))["restricted"] is True
