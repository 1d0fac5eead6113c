"""Contacts apart from cases: recorded quickly, listed, one more about a case, and the words that stay in the vault."""

from datetime import timedelta

import pytest

from chassis.testing import Running
from contracts.intake import ContactRecorded, ReportReceived
from contracts.policy import load_policy
from tests.integration.intake.story import (
    CIVIL,
    COLLEAGUE,
    DIRECTOR,
    GRID,
    OPERATOR,
    POLICE,
    SCHOOL,
    Claims,
    Desk,
    person,
)

POLICY = load_policy("2026-11")
PARTNER: Claims = {"sub": "client-line-b", "kind": "client", "org": "YX-PS", "scopes": ["reports:create"]}


@pytest.mark.parametrize("kind", ["wrong_number", "nuisance", "suggestion", "consultation", "not_a_minor"])
async def test_a_call_that_is_no_case_is_recorded_with_two_fields(app: Running, desk: Desk, kind: str) -> None:
    answer = await desk.post("/contacts", {"kind": kind, "channel": "hotline_a"})
    assert answer.status_code == 201, answer.text
    [recorded] = await app.published(ContactRecorded)
    assert (str(recorded.report_id), recorded.disposition) == (answer.json()["contact_id"], kind)
    assert (recorded.township, recorded.case_id) == ("YX", None)
    assert await app.published(ReportReceived) == []
    assert (await desk.get("/callbacks", OPERATOR)).json()["items"] == []


async def test_contacts_are_listed_in_pages_with_those_that_came_in_as_reports(desk: Desk) -> None:
    for kind in ("wrong_number", "nuisance", "wrong_number"):
        assert (await desk.post("/contacts", {"kind": kind, "channel": "hotline_a"})).status_code == 201
    await desk.report(concerns=[], facts={"pure_consultation": True}, answers={}, channel="walk_in")
    first = (await desk.get("/contacts", OPERATOR, limit=3)).json()
    rest = (await desk.get("/contacts", OPERATOR, limit=3, cursor=first["next_cursor"])).json()
    kinds = [item["kind"] for item in (*first["items"], *rest["items"])]
    assert (kinds, rest["next_cursor"]) == (["consultation", "wrong_number", "nuisance", "wrong_number"], None)
    wrong = (await desk.get("/contacts", CIVIL, kind="wrong_number")).json()["items"]
    walked_in = (await desk.get("/contacts", CIVIL, channel="walk_in")).json()["items"]
    assert (len(wrong), [item["kind"] for item in walked_in]) == (2, ["consultation"])
    assert (await desk.get("/contacts", SCHOOL)).status_code == 403


WRONG = [
    ({"kind": "chat", "channel": "hotline_a"}, "#/kind", "unknown_kind"),
    ({"kind": "silent", "channel": "fax"}, "#/channel", "unknown_channel"),
    ({"kind": "follow_up", "channel": "hotline_a"}, "#/case", "case_missing"),
    ({"kind": "follow_up", "channel": "hotline_a", "case": "YX-2026-999999"}, "#/case", "unknown_case"),
    ({"kind": "wrong_number", "channel": "hotline_a", "case": "YX-2026-999999"}, "#/case", "no_case_of_this_kind"),
    ({"kind": "transferred", "channel": "hotline_a"}, "#/receiver", "receiver_with_transfer"),
    ({"kind": "silent", "channel": "hotline_a", "receiver": "hotline_b"}, "#/receiver", "receiver_with_transfer"),
    ({"kind": "transferred", "channel": "hotline_a", "receiver": "moon"}, "#/receiver", "unknown_receiver"),
    ({"kind": "transferred", "channel": "hotline_b", "receiver": "hotline_b"}, "#/receiver", "same_line"),
    ({"kind": "silent", "channel": "hotline_a", "village": "V99"}, "#/village", "unknown_village"),
    ({"kind": "silent", "channel": "hotline_a", "caller": {"kind": "wizard"}}, "#/caller/kind", "unknown_kind"),
    (
        {"kind": "silent", "channel": "hotline_a", "call_id": "9d6fbcf7-2299-5c62-8748-06ef0c2768bc"},
        "#/call_id",
        "unknown_call",
    ),
]


async def test_what_is_wrong_with_a_contact_is_named_field_by_field(app: Running, desk: Desk) -> None:
    for body, pointer, code in WRONG:
        answer = await desk.post("/contacts", body)
        assert answer.status_code == 422, body
        assert (pointer, code) in {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert await app.published() == []


async def test_several_contacts_belong_to_one_case_and_to_its_story(app: Running, desk: Desk) -> None:
    report = await desk.report()
    await desk.dispatch(report, civil_affairs="lead", school="assist")
    words = "奶奶又打来，孩子今晚回家了"
    body = {"kind": "follow_up", "channel": "hotline_b", "case": report["case_number"], "narrative": words}
    follow_up = (await desk.post("/contacts", body, COLLEAGUE)).json()
    assert (follow_up["case_id"], follow_up["case_number"]) == (report["case_id"], report["case_number"])
    silent = {"kind": "silent", "channel": "hotline_a", "case": report["case_id"]}
    await desk.post("/contacts", silent)
    file = await desk.case(report["case_id"])
    assert [contact["kind"] for contact in file["contacts"]] == ["follow_up", "silent"]
    assert len(file["reports"]) == 1
    note = await desk.get(f"/cases/{report['case_id']}/notes/{follow_up['note_id']}", CIVIL, purpose="task")
    assert note.json()["text"] == words
    story = (await desk.get(f"/cases/{report['case_id']}/timeline", CIVIL)).json()["items"]
    assert [item["codes"]["disposition"] for item in story if item["type"] == "contact.recorded.v1"] == [
        "follow_up",
        "silent",
    ]
    assert words not in str(await app.published()) + str(story)
    of_case = (await desk.get("/contacts", CIVIL, case=report["case_number"])).json()["items"]
    assert len(of_case) == 2


async def test_a_task_about_a_restricted_case_is_seen_by_other_operators_but_not_its_case(desk: Desk) -> None:
    report = await desk.report(concerns=["H2"])
    await desk.post("/contacts", {"kind": "silent", "channel": "hotline_a", "case": report["case_id"]})
    [own] = (await desk.get("/callbacks", OPERATOR)).json()["items"]
    [others] = (await desk.get("/callbacks", COLLEAGUE)).json()["items"]
    [listed] = (await desk.get("/contacts", COLLEAGUE)).json()["items"]
    assert (own["case_id"], others["case_id"]) == (report["case_id"], None)
    assert (listed["case_id"], listed["case_number"]) == (None, None)


async def test_the_words_of_a_contact_without_a_case_are_for_who_took_them_and_for_civil_affairs(
    app: Running, desk: Desk
) -> None:
    body = {"kind": "consultation", "channel": "hotline_a", "narrative": "想问问低保怎么申请"}
    contact = (await desk.post("/contacts", body)).json()["contact_id"]
    path = f"/contacts/{contact}/words"
    assert (await desk.get(path, OPERATOR)).json()["text"] == body["narrative"]
    assert (await desk.get(path, CIVIL)).json()["text"] == body["narrative"]
    assert (await desk.get(path, COLLEAGUE)).status_code == 403
    await app.set_clock(await app.database.now() + timedelta(hours=25))
    assert (await desk.get(path, OPERATOR)).status_code == 403
    async with app.database.reading() as db:
        log = await db.fetch("SELECT detail FROM audit_entry WHERE key = $1 ORDER BY sequence", contact)
        plain = await db.fetch("SELECT * FROM contact")
    assert [entry["detail"]["result"] for entry in log] == ["given", "given", "denied", "denied"]
    assert "低保" not in str(plain)


async def test_nothing_personal_of_contacts_calls_and_amendments_lies_outside_the_vault(
    app: Running, desk: Desk
) -> None:
    secrets = [f"planted-{n}" for n in range(6)]
    caller = {"kind": "relative", "name": secrets[0], "phone": "00077712345", "contact": secrets[1]}
    report = await desk.report()
    await desk.post("/calls", {"channel": "hotline_a", "caller_number": "00077712345"})
    body = {"kind": "silent", "channel": "hotline_a", "caller": caller, "narrative": secrets[2]}
    first = await desk.post("/contacts", body, key="once")
    again = await desk.post("/contacts", body, key="once")
    assert first.json() == again.json()
    await desk.post("/contacts", {**body, "case": report["case_id"], "narrative": secrets[3]})
    amendment = {
        "narrative": secrets[4],
        "reporter": {"contact": secrets[5]},
        "place": {"address": secrets[1]},
        "children": [{"child": {"name": secrets[0], "phone": "00077712345"}}],
    }
    made = await desk.post(f"/reports/{report['report_id']}/amendments", amendment)
    assert (made.status_code, made.json()["aspects"]) == (201, ["place", "narrative", "reporter", "particulars"])
    async with app.database.reading() as db:
        tables = await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [str(tuple(r)) for t in tables for r in await db.fetch(f'SELECT * FROM "{t["tablename"]}"')]
    kept = "\n".join(rows)
    assert len(await app.published(ContactRecorded)) == 2
    assert [secret for secret in (*secrets, "00077712345") if secret in kept] == []


# Ways in --------------------------------------------------------------------------------------------------------------

WAYS_IN = [
    ("hotline_a", OPERATOR, "public"),
    ("hotline_b", POLICE, "state_organ"),
    ("hotline_b", PARTNER, "public"),
    ("grid_app", GRID, "grid_member"),
    ("mini_programme", PARTNER, "child"),
    ("walk_in", DIRECTOR, "relative"),
    ("text_message", OPERATOR, "friend"),
    ("mailbox", CIVIL, "unknown"),
    ("department", SCHOOL, "school_unit"),
    ("department", person("health"), "doctor"),
]


async def test_every_way_in_opens_a_case_and_tells_by_kind_who_had_a_duty_to_report(app: Running, desk: Desk) -> None:
    kinds = {kind.code: kind for kind in POLICY.reporter_kinds}
    for channel, claims, kind in WAYS_IN:
        answer = await desk.report(claims, channel=channel, reporter={"kind": kind}, child={}, concerns=["N1"])
        told = (await desk.announced(answer["report_id"])).report
        assert (answer["disposition"], told.channel) == ("case_opened", channel)
        assert (told.reporter.mandated, told.reporter.duty_bearing) == (kinds[kind].mandated, kinds[kind].duty_bearing)
    assert {channel for channel, _, _ in WAYS_IN} == {channel.code for channel in POLICY.channels}
    assert kinds["relative"].duty_bearing
    assert not kinds["relative"].mandated


async def test_an_anonymous_reporter_gives_nothing_and_gets_a_query_code(app: Running, desk: Desk) -> None:
    answer = await desk.report(reporter={"kind": "unknown", "anonymous": True})
    assert answer["receipt_code"]
    assert (await desk.get("/callbacks", OPERATOR, state="open")).json()["items"] == []
    seen = await desk.app.client.get(f"/api/v1/receipts/{answer['receipt_code']}")
    assert (seen.status_code, seen.json()["result"]) == (200, "not_yet")


async def test_who_had_a_duty_and_waited_or_did_not_report_is_flagged(app: Running, desk: Desk) -> None:
    now = await app.database.now()
    late = await desk.report(
        reporter={"kind": "teacher"},
        known_since=(now - timedelta(hours=30)).isoformat(),
        unreported_by=["village_worker", "relative"],
    )
    seen = (await desk.get(f"/reports/{late['report_id']}", OPERATOR)).json()
    assert (seen["reported_late"], seen["reported_after_minutes"]) == (True, 1800)
    digest = (await desk.announced(late["report_id"])).report
    assert digest.known_since == now - timedelta(hours=30)
    assert digest.unreported_by == ("village_worker", "relative")
    stranger = await desk.report(
        reporter={"kind": "public"}, known_since=(now - timedelta(hours=30)).isoformat(), child={}, place={}
    )
    assert (await desk.get(f"/reports/{stranger['report_id']}", OPERATOR)).json()["reported_late"] is None
    wrong = {"unreported_by": ["public"], "known_since": (now + timedelta(hours=1)).isoformat()}
    answer = await desk.post("/reports", {"channel": "walk_in", "reporter": {"kind": "public"}, **wrong})
    assert {error["pointer"] for error in answer.json()["errors"]} == {"#/unreported_by/0", "#/known_since"}
