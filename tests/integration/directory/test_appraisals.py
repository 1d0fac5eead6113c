"""Commendation and criticism: recorded, answered by the unit within five working days, final, or withdrawn."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running
from contracts.directory import AppraisalRecorded
from tests.integration.directory.conftest import Headers, LogIn

NOW = datetime.fromisoformat("2026-11-23T10:00:00+08:00")  # a Monday
PATH = "/api/v1/appraisals"
CRITICISM = {
    "subject_kind": "department", "subject": "police", "ground": "late_response", "period": "2026-Q4",
    "remark": "三次到场超时",
}  # fmt: skip


@pytest.fixture
async def office(app: Running, log_in: LogIn) -> Headers:
    await app.set_clock(NOW)
    return await log_in("st088")


async def record(app: Running, headers: Headers, key: str = "k", **changed: Any) -> Any:
    return await app.client.post(PATH, json=CRITICISM | changed, headers={**headers, "Idempotency-Key": key})


async def test_a_criticism_is_answered_by_the_unit_and_becomes_final_after_five_working_days(
    app: Running, log_in: LogIn, office: Headers
) -> None:
    made = await record(app, office)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    assert (made.json()["state"], made.json()["reply_due_at"][:10]) == ("recorded", "2026-11-30")
    police, clinic = await log_in("st092"), await log_in("st096")
    seen = (await app.client.get(place, headers=police)).json()
    assert (seen["remark"], seen["available_actions"]) == ("三次到场超时", ["reply"])
    assert (await app.client.get(place, headers=clinic)).json()["remark"] is None
    assert (await app.client.post(f"{place}/reply", json={"reply": "x"}, headers=clinic)).status_code == 403
    reply = await app.client.post(f"{place}/reply", json={"reply": "道路中断"}, headers=police)
    assert (reply.status_code, reply.json()["state"]) == (200, "replied"), reply.text
    twice = await app.client.post(f"{place}/reply", json={"reply": "again"}, headers=police)
    assert twice.json()["code"] == "already_replied"
    assert await app.fire(timedelta(days=6)) == 0
    assert await app.fire(timedelta(days=2)) == 1
    states = [one.state for one in await app.published(AppraisalRecorded)]
    assert states == ["recorded", "replied", "final"]
    texts = str(await app.published())
    assert "超时" not in texts
    assert "道路" not in texts
    listed = (await app.client.get(f"{PATH}?period=2026-Q4&about=police", headers=office)).json()["items"]
    assert [(one["state"], one["available_actions"]) for one in listed] == [("final", ["withdraw"])]


async def test_a_reply_after_the_period_is_refused_and_a_withdrawn_criticism_never_becomes_final(
    app: Running, log_in: LogIn, office: Headers
) -> None:
    late = (await record(app, office, "k1")).headers["location"]
    withdrawn = (await record(app, office, "k2")).headers["location"]
    answer = await app.client.post(f"{withdrawn}/withdraw", headers={**office, "If-Match": '"v1"'})
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    police = await log_in("st092")
    await app.set_clock(NOW + timedelta(days=8))
    refused = await app.client.post(f"{late}/reply", json={"reply": "x"}, headers=police)
    assert (refused.status_code, refused.json()["code"]) == (409, "reply_period_over")
    assert await app.fire() == 1
    assert [one.state for one in await app.published(AppraisalRecorded)] == [
        "recorded", "recorded", "withdrawn", "final",
    ]  # fmt: skip
    year = (await app.client.get("/api/v1/programme/summary?year=2026", headers=office)).json()
    assert year["appraisals"] == {"positive": {}, "negative": {"late_response": 1}}
    assert year["criticisms_by_subject"] == {"police": 1}


async def test_praise_is_final_at_once_and_takes_no_reply(app: Running, log_in: LogIn, office: Headers) -> None:
    made = await record(app, office, subject_kind="village", subject="V01", ground="outstanding_results", remark=None)
    assert (made.json()["sign"], made.json()["state"], made.json()["reply_due_at"]) == ("positive", "final", None)
    reply = await app.client.post(
        f"{made.headers['location']}/reply", json={"reply": "谢谢"}, headers=await log_in("st002")
    )
    assert reply.json()["code"] == "no_reply_to_commendation"
    assert await app.fire(timedelta(days=30)) == 0


async def test_nobody_judges_the_own_unit_and_only_known_subjects_and_grounds_are_judged(
    app: Running, log_in: LogIn, office: Headers
) -> None:
    assert (await record(app, office, "k1", subject="civil_affairs")).status_code == 403
    assert (await record(app, office, "k2", subject_kind="person", subject="ST089")).status_code == 403
    assert (await record(app, await log_in("st092"), "k3", subject="health")).status_code == 403
    unknown = await record(app, office, "k4", subject="court")
    assert unknown.json()["errors"][0]["pointer"] == "#/subject"
    ground = await record(app, office, "k5", ground="bad_weather")
    assert ground.json()["errors"][0]["pointer"] == "#/ground"
    assert await app.published(AppraisalRecorded) == []
