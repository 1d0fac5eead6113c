"""The call log with S1, and call-backs: a silent or broken-off call is a task until somebody settles it."""

from datetime import datetime, timedelta
from typing import Any

from chassis.testing import Running
from contracts.intake import CallbackOverdue, CallLogged
from tests.integration.intake.story import CIVIL, COLLEAGUE, OPERATOR, SCHOOL, Claims, Desk

TELEPHONE: Claims = {"sub": "client-telephone", "kind": "client", "scopes": ["reports:create"]}
NUMBER = "00055512345"


async def logged(desk: Desk, **body: Any) -> dict[str, Any]:
    """A call the telephone system reports."""
    answer = await desk.post("/calls", {"channel": "hotline_a", **body}, TELEPHONE)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def owed(desk: Desk) -> list[dict[str, Any]]:
    """The open call-backs, the one due first first."""
    items: list[dict[str, Any]] = (await desk.get("/callbacks", OPERATOR)).json()["items"]
    return items


async def test_a_call_is_followed_from_ringing_to_its_report(app: Running, desk: Desk) -> None:
    call = await logged(desk, caller_number=NUMBER)
    path = f"/calls/{call['call_id']}"
    assert (call["medium"], call["in_time"], call["waited_seconds"]) == ("call", None, None)
    rung = datetime.fromisoformat(call["offered_at"])
    assert datetime.fromisoformat(call["due_at"]) == rung + timedelta(seconds=15)
    await app.set_clock(rung + timedelta(seconds=9))
    answered = (await desk.post(f"{path}/actions/answer", {"at": (rung + timedelta(seconds=9)).isoformat()})).json()
    assert (answered["in_time"], answered["waited_seconds"]) == (True, 9)
    report = await desk.report(call_id=call["call_id"])
    ended = (await desk.post(f"{path}/actions/end", {})).json()
    assert (ended["contact_id"], ended["abandoned"]) == (report["report_id"], False)
    told = [event for event in await app.published(CallLogged) if str(event.call_id) == call["call_id"]]
    assert [(e.answered_at is not None, e.report_id is not None, e.ended_at is not None) for e in told] == [
        (False, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ]
    assert await owed(desk) == []
    assert NUMBER not in str(await app.published())


async def test_s1_has_a_limit_for_each_medium(app: Running, desk: Desk) -> None:
    now = await app.database.now()
    limits = {"hotline_b": ("call", 15), "text_message": ("text", 180), "mailbox": ("mailbox", 86_400)}
    for channel, (medium, seconds) in limits.items():
        offered = now - timedelta(days=2)
        for waited, in_time in ((seconds, True), (seconds + 1, False)):
            at = {"offered_at": offered.isoformat(), "answered_at": (offered + timedelta(seconds=waited)).isoformat()}
            call = await logged(desk, channel=channel, **at)
            assert (call["medium"], call["in_time"]) == (medium, in_time)
    assert (await logged(desk, channel="walk_in"))["due_at"] is None
    listed = (await desk.get("/calls", CIVIL, channel="mailbox")).json()["items"]
    assert [call["in_time"] for call in listed].count(False) == 1


async def test_times_that_cannot_be_are_refused(app: Running, desk: Desk) -> None:
    now = await app.database.now()
    at = {name: (now + timedelta(minutes=m)).isoformat() for name, m in (("offered_at", -5), ("ended_at", -6))}
    answer = await desk.post("/calls", {"channel": "hotline_a", **at, "answered_at": now.isoformat()}, TELEPHONE)
    assert {error["code"] for error in answer.json()["errors"]} == {"before_offered", "before_answered"}
    assert (await desk.post("/calls", {"channel": "hotline_a"}, SCHOOL)).status_code == 403


async def test_who_hung_up_after_waiting_is_called_back_and_who_hung_up_at_once_is_not(
    app: Running, desk: Desk
) -> None:
    now = await app.database.now()
    for waited in (4, 20):
        ended = (now - timedelta(minutes=1) + timedelta(seconds=waited)).isoformat()
        await logged(desk, offered_at=(now - timedelta(minutes=1)).isoformat(), ended_at=ended, caller_number=NUMBER)
    [task] = await owed(desk)
    assert task["reason"] == "broken_off"
    number = await desk.get(f"/callbacks/{task['callback_id']}/number", OPERATOR)
    assert number.json()["number"] == NUMBER
    assert (await desk.get(f"/callbacks/{task['callback_id']}/number", CIVIL)).status_code == 403


async def test_an_unanswered_text_is_owed_by_its_limit_and_done_when_it_is_answered(app: Running, desk: Desk) -> None:
    text = await logged(desk, channel="text_message")
    [task] = await owed(desk)
    assert (task["reason"], task["due_at"]) == ("unanswered", text["due_at"])
    assert await app.fire(timedelta(minutes=3, seconds=1)) == 1
    await desk.post(f"/calls/{text['call_id']}/actions/answer", {})
    assert await app.fire(timedelta(hours=1)) == 0
    settled = (await desk.get(f"/callbacks/{task['callback_id']}", OPERATOR)).json()
    assert (settled["state"], settled["outcome"], settled["late_seconds"] > 0) == ("settled", "answered", True)


async def test_a_silent_call_rings_until_it_is_settled_and_stays_late(app: Running, desk: Desk) -> None:
    caller = {"kind": "unknown", "phone": NUMBER}
    silent = (await desk.post("/contacts", {"kind": "silent", "channel": "hotline_a", "caller": caller})).json()
    task, path = silent["callback_id"], f"/callbacks/{silent['callback_id']}"
    assert await app.fire(timedelta(minutes=9)) == 0
    assert await app.fire(timedelta(minutes=2)) == 1
    assert await app.fire(timedelta(minutes=5)) == 1
    rings = await app.published(CallbackOverdue)
    assert [(str(ring.callback_id), ring.repeat_no, ring.attempts) for ring in rings] == [(task, 0, 0), (task, 1, 0)]
    assert {str(ring.report_id) for ring in rings} == {silent["contact_id"]}
    assert [item["overdue"] for item in await owed(desk)] == [True]

    tried = await desk.post(f"{path}/actions/attempt", {"reached": False}, COLLEAGUE, version=1)
    assert (tried.status_code, tried.json()["late_seconds"] >= 300) == (200, True)
    assert await app.fire(timedelta(minutes=29)) == 0
    assert await app.fire(timedelta(minutes=2)) == 1
    early = await desk.post(f"{path}/actions/settle", {"outcome": "no_concern"}, version=2)
    assert [error["code"] for error in early.json()["errors"]] == ["nobody_reached"]
    assert (await desk.post(f"{path}/actions/attempt", {"reached": True}, version=1)).status_code == 412
    await desk.post(f"{path}/actions/attempt", {"reached": True}, version=2)
    settled = (await desk.post(f"{path}/actions/settle", {"outcome": "no_concern"}, version=3)).json()
    assert (settled["state"], settled["available_actions"]) == ("settled", [])
    assert settled["late_seconds"] == tried.json()["late_seconds"]
    assert await app.fire(timedelta(days=1)) == 0
    again = await desk.post(f"{path}/actions/settle", {"outcome": "no_concern"}, version=4)
    assert (again.status_code, again.json()["current_state"]) == (409, "settled")


async def test_a_call_back_ends_only_with_what_was_really_done(app: Running, desk: Desk) -> None:
    body = {"kind": "broken_off", "channel": "hotline_a", "caller": {"kind": "child", "phone": NUMBER}}
    path = f"/callbacks/{(await desk.post('/contacts', body)).json()['callback_id']}"
    report = await desk.report()
    refused = {
        "answered": "unknown_outcome",
        "report_made": "report_with_outcome",
        "no_number": "number_known",
        "unreachable": "too_few_attempts",
    }
    for outcome, code in refused.items():
        answer = await desk.post(f"{path}/actions/settle", {"outcome": outcome}, version=1)
        assert [error["code"] for error in answer.json()["errors"]] == [code]
    made = {"outcome": "report_made", "report_id": report["report_id"]}
    settled = await desk.post(f"{path}/actions/settle", made, version=1)
    assert settled.json()["report_id"] == report["report_id"]
    nameless = (await desk.post("/contacts", {"kind": "silent", "channel": "hotline_a"})).json()["callback_id"]
    assert (await desk.get(f"/callbacks/{nameless}/number", OPERATOR)).status_code == 404
    done = await desk.post(f"/callbacks/{nameless}/actions/settle", {"outcome": "no_number"}, version=1)
    assert done.status_code == 200


async def test_a_silent_call_is_called_back_at_the_number_it_came_from(app: Running, desk: Desk) -> None:
    call = await logged(desk, caller_number=NUMBER)
    await desk.post(f"/calls/{call['call_id']}/actions/answer", {})
    body = {"kind": "silent", "channel": "hotline_a", "call_id": call["call_id"]}
    silent = (await desk.post("/contacts", body)).json()
    number = await desk.get(f"/callbacks/{silent['callback_id']}/number", COLLEAGUE)
    assert number.json()["number"] == NUMBER
    assert len(await owed(desk)) == 1


async def test_attempts_about_a_case_stand_in_its_story(app: Running, desk: Desk) -> None:
    report = await desk.report()
    body = {"kind": "broken_off", "channel": "hotline_a", "case": report["case_id"]}
    task = (await desk.post("/contacts", body)).json()["callback_id"]
    await app.fire(timedelta(minutes=11))
    await desk.post(f"/callbacks/{task}/actions/attempt", {"reached": True}, version=1)
    await desk.post(f"/callbacks/{task}/actions/settle", {"outcome": "handed_to_police"}, version=2)
    story = (await desk.get(f"/cases/{report['case_id']}/timeline", CIVIL)).json()["items"]
    told = [item["type"] for item in story if item["type"].startswith("callback")]
    assert told == ["callback.overdue.v1", "callback.attempted", "callback.settled"]
