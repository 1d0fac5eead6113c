"""Measures as tasks: asked for, worked through by their owners, reminded of, and what the special kinds ask."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import MeasureChanged
from services.assistance.service import SERVICE
from tests.integration.assistance import story
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    GRID,
    HEALTH,
    KEY,
    LEADER,
    LEAGUE,
    POLICE,
    START,
    VILLAGE,
    get,
    happen,
    id_of,
)
from tests.integration.assistance.working import (
    CHILD,
    EMPLOYMENT,
    FINANCE,
    JUSTICE,
    SCHOOL,
    ask,
    asked,
    changes,
    command,
    fired,
    reported,
    safe,
    silent,
    step,
    stepped,
    tasks_fired,
)

pytestmark = pytest.mark.integration
NOTE = str(id_of("paper"))


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


FIVE = {
    "RETURN_TO_SCHOOL": "school", "MEDICAL_AID": "health", "LEGAL_AID": "justice", "LOCATE": "police",
    "EMERGENCY_AID": "civil_affairs",
}  # fmt: skip


async def test_the_five_emergency_services_are_asked_for_before_any_plan_while_red_or_orange(app: Running) -> None:
    await reported(app, "red")
    for code, owner in FIVE.items():
        answer = await ask(app, code, owner, VILLAGE, emergency=True)
        assert answer.status_code == 201, answer.text
        asked_at, due = (datetime.fromisoformat(answer.json()[name]) for name in ("requested_at", "due_at"))
        assert due - asked_at <= timedelta(hours=24)
    assert (await get(app, f"plans/{CASE}")).json()["state"] == "not_open"
    assert {event.emergency for event in await app.published(MeasureChanged)} == {True}
    ordinary = await ask(app, "DIBAO", "civil_affairs", VILLAGE)
    assert (ordinary.status_code, ordinary.json()["code"]) == (409, "plan_not_open")
    assert ordinary.json()["available_actions"] == ["emergency"]
    wrong = await ask(app, "EMPLOYMENT", "employment", VILLAGE, emergency=True, beneficiary="family")
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [("#/code", "emergency_service")]
    again = await ask(app, "LOCATE", "police", POLICE, emergency=True)
    assert again.json()["errors"][0]["code"] == "measure_running"


async def test_no_emergency_service_below_orange_nor_by_who_is_only_informed(app: Running) -> None:
    await reported(app, "yellow")
    answer = await ask(app, "EMERGENCY_AID", "civil_affairs", VILLAGE, emergency=True)
    assert (answer.status_code, answer.json()["code"], answer.json()["current_state"]) == (
        409,
        "emergency_level",
        "yellow",
    )
    assert (await ask(app, "EMERGENCY_AID", "civil_affairs", LEAGUE, emergency=True)).status_code == 403
    assert (await ask(app, "EMERGENCY_AID", "civil_affairs", JUSTICE, emergency=True)).status_code == 404


async def test_a_measure_goes_from_its_request_to_its_end_by_its_owner(app: Running) -> None:
    await safe(app)
    measure = await asked(app, "LEGAL_AID", "justice", POLICE)
    assert (await step(app, measure, "accept", HEALTH)).status_code == 404
    stranger = await step(app, measure, "accept", POLICE)
    assert (stranger.status_code, stranger.json()["reason"]) == (403, "not_the_owner")
    accepted = await stepped(app, measure, "accept", JUSTICE)
    assert accepted["available_actions"] == ["grant", "refuse", "complete", "assign"]
    unexplained = await step(app, measure, "refuse", JUSTICE)
    assert (unexplained.status_code, unexplained.json()["code"]) == (409, "reason_missing")
    odd = await step(app, measure, "refuse", JUSTICE, {"reason": "bored"})
    assert [(e["pointer"], e["code"]) for e in odd.json()["errors"]] == [("#/reason", "unknown_reason")]
    await app.fire(timedelta(hours=30))
    granted = await stepped(app, measure, "grant", JUSTICE)
    assert granted["late_seconds"] == pytest.approx(6 * 3600, abs=120)
    assert granted["due_at"] is None
    done = await stepped(app, measure, "complete", JUSTICE, {"outcome": "partly_achieved"})
    assert (done["state"], done["outcome"], done["available_actions"]) == ("completed", "partly_achieved", [])
    over = await step(app, measure, "stop", JUSTICE, {"reason": "not_needed"})
    assert (over.status_code, over.json()["current_state"]) == (409, "completed")
    assert await changes(app) == [("LEGAL_AID", s) for s in ("requested", "accepted", "granted", "completed")]


async def test_an_act_on_an_older_version_is_refused_and_a_request_sent_twice_is_one(app: Running) -> None:
    await safe(app)
    first, again = [await ask(app, "LEGAL_AID", "justice") for _ in range(2)]
    assert again.headers["Idempotency-Replayed"] == "true"
    path = f"measures/{first.json()['measure_id']}"
    tag = (await get(app, path, JUSTICE)).headers["ETag"]
    assert (await command(app, f"{path}/accept", JUSTICE, {}, if_match=tag)).status_code == 200
    stale = await command(app, f"{path}/grant", JUSTICE, {}, if_match=tag)
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    assert (await command(app, f"{path}/grant", JUSTICE, {})).status_code == 428


async def test_a_clock_reminds_its_owner_then_tells_others_until_somebody_answers(app: Running) -> None:
    await safe(app)
    measure = await asked(app, "PSYCHOLOGICAL", "health")
    await app.fire(timedelta(hours=58))
    await app.fire(timedelta(hours=14))
    await app.fire(timedelta(hours=24))
    assert await fired(app) == [
        ("PSYCHOLOGICAL", "due_soon", ()),
        ("PSYCHOLOGICAL", "overdue", ("civil_affairs",)),
        ("PSYCHOLOGICAL", "repeat", ("civil_affairs", "civil_affairs_supervisor")),
    ]
    one = (await tasks_fired(app))[1]
    assert (one.subject, str(one.subject_id), one.owner, one.level) == ("measure", measure, "health", "orange")
    [shown] = (await get(app, "measures?overdue=true", HEALTH)).json()["items"]
    assert shown["overdue"] is True
    await stepped(app, measure, "grant", HEALTH)
    assert await silent(app, timedelta(days=9))


async def test_a_raised_level_makes_the_clock_shorter_and_a_lowered_one_never_longer(app: Running) -> None:
    await safe(app, "yellow")
    measure = await asked(app, "PSYCHOLOGICAL", "health")
    await asked(app, "TEMPORARY_AID", "civil_affairs")
    await happen(app, story.risk("red", score=80))
    due = datetime.fromisoformat((await get(app, f"measures/{measure}")).json()["due_at"])
    assert due - await app.database.now() == pytest.approx(timedelta(hours=24), abs=timedelta(minutes=2))
    moved = (await app.published(MeasureChanged))[-1]
    assert (moved.code, moved.state, moved.reason, moved.by.kind) == (
        "PSYCHOLOGICAL",
        "requested",
        "level_raised",
        "system",
    )
    await happen(app, story.risk("yellow", score=30))
    assert datetime.fromisoformat((await get(app, f"measures/{measure}")).json()["due_at"]) == due
    await app.fire(timedelta(hours=24))
    assert [(code, stage) for code, stage, _ in await fired(app)] == [
        ("PSYCHOLOGICAL", "due_soon"),
        ("PSYCHOLOGICAL", "overdue"),
    ]


async def test_the_queue_shows_each_department_its_own_nearest_clock_first(app: Running) -> None:
    await safe(app)
    for code, owner in (("DIBAO", "civil_affairs"), ("LEGAL_AID", "justice"), ("TEMPORARY_AID", "civil_affairs")):
        await asked(app, code, owner)
    await asked(app, "COMMUNITY_CARE", "village_committee")

    async def queue(who: dict[str, Any], **filters: str) -> list[str]:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        answer = await get(app, f"measures?{query}", who)
        assert answer.status_code == 200, answer.text
        return [item["measure"]["code"] for item in answer.json()["items"]]

    assert await queue(CIVIL_AFFAIRS) == ["LEGAL_AID", "COMMUNITY_CARE", "TEMPORARY_AID", "DIBAO"]
    assert await queue(CIVIL_AFFAIRS, department="civil_affairs") == ["TEMPORARY_AID", "DIBAO"]
    assert await queue(JUSTICE, department="civil_affairs") == ["LEGAL_AID"]
    assert await queue(VILLAGE) == ["COMMUNITY_CARE"]
    assert await queue({**VILLAGE, "villages": ["V02"]}) == []
    assert await queue({**GRID, "groups": ["V01-G3"]}) == []
    assert await queue(CIVIL_AFFAIRS, state="completed") == []
    assert await queue(CIVIL_AFFAIRS, code="DIBAO", case_id=KEY, emergency="false", overdue="false") == ["DIBAO"]
    first = (await get(app, "measures?limit=3")).json()
    rest = (await get(app, f"measures?limit=3&cursor={first['next_cursor']}")).json()
    assert [item["measure"]["code"] for item in rest["items"]] == ["DIBAO"]


async def test_a_restricted_or_conflict_case_stays_out_of_the_queues_that_must_not_know(app: Running) -> None:
    await safe(app, conflict_unit="school", restricted=True)
    answer = await ask(app, "RETURN_TO_SCHOOL", "school")
    assert answer.json()["errors"][0]["code"] == "conflict_of_interest"
    measure = await asked(app, "COMMUNITY_CARE", "village_committee")
    assert (await get(app, "measures", VILLAGE)).json()["items"] == []
    assert (await get(app, f"measures/{measure}", VILLAGE)).status_code == 404
    assert (await get(app, f"measures/{measure}", SCHOOL)).status_code == 404


async def test_a_pupils_return_needs_school_and_guardian_and_after_thirty_working_days_the_township(
    app: Running,
) -> None:
    await safe(app, "yellow", concerns=("N4",))
    measure = await asked(app, "RETURN_TO_SCHOOL", "school")
    await stepped(app, measure, "accept", SCHOOL)
    await app.fire(timedelta(days=20))
    assert await fired(app) == [
        ("RETURN_TO_SCHOOL", "due_soon", ()),
        ("RETURN_TO_SCHOOL", "overdue", ("civil_affairs",)),
        ("RETURN_TO_SCHOOL", "repeat", ("civil_affairs", "civil_affairs_supervisor")),
    ]
    await app.fire(timedelta(days=30))
    path = ("township_government", "responsible_leader")
    alarms = [(code, targets) for code, stage, targets in await fired(app) if stage == "alarm"]
    assert alarms == [("RETURN_TO_SCHOOL:unresolved", path)]
    assert (await get(app, f"measures/{measure}", LEADER)).json()["available_actions"] == ["order"]
    assert (await stepped(app, measure, "order", LEADER, {"note_id": NOTE}))["ordered_at"] is not None
    await stepped(app, measure, "confirm", SCHOOL, {"party": "school"})
    early = await step(app, measure, "complete", SCHOOL)
    assert (early.status_code, early.json()["code"]) == (409, "not_complete")
    await stepped(app, measure, "confirm", VILLAGE, {"party": "guardian", "note_id": NOTE})
    assert (await stepped(app, measure, "complete", SCHOOL))["late_seconds"] > 0
    assert await silent(app, timedelta(days=9))


async def test_emergency_help_comes_first_and_its_papers_within_ten_working_days(app: Running) -> None:
    await reported(app, "red")
    measure = await asked(app, "EMERGENCY_AID", "civil_affairs", VILLAGE, emergency=True)
    granted = await stepped(app, measure, "grant", CIVIL_AFFAIRS)
    assert granted["due_at"] == granted["papers_due_at"] == "2026-03-16T09:30:00Z"
    assert granted["missing"] == ["papers"]
    await app.fire(timedelta(days=15))
    assert ("EMERGENCY_AID:papers", "overdue", ()) in await fired(app)
    papers = await stepped(app, measure, "papers", CIVIL_AFFAIRS, {"note_id": NOTE})
    assert papers["late_seconds"] > 0
    await stepped(app, measure, "complete", CIVIL_AFFAIRS)
    assert await silent(app, timedelta(days=9))


async def test_an_escort_ends_when_both_sides_have_signed(app: Running) -> None:
    await reported(app, "orange")
    measure = await asked(app, "JOINT_ESCORT", "police", POLICE, emergency=True)
    first = await step(app, measure, "received", CIVIL_AFFAIRS, {"body": "county_home", "note_id": NOTE})
    assert (first.status_code, first.json()["code"]) == (409, "not_handed_over")
    await stepped(app, measure, "confirm", VILLAGE, {"party": "village_committee"})
    await stepped(app, measure, "handed-over", POLICE, {"body": "police"})
    alone = await step(app, measure, "received", POLICE, {"body": "county_home"})
    assert (alone.status_code, alone.json()["reason"]) == (403, "second_person")
    taken = await stepped(app, measure, "received", CIVIL_AFFAIRS, {"body": "county_home", "note_id": NOTE})
    assert [(one["party"], one["body"]) for one in taken["receipts"]] == [
        ("handed_over", "police"),
        ("received", "county_home"),
    ]
    assert (await stepped(app, measure, "complete", POLICE))["state"] == "completed"


async def test_medical_rounds_come_again_until_they_are_stopped(app: Running) -> None:
    await safe(app)
    measure = await asked(app, "MEDICAL_ROUND", "health")
    await app.fire(timedelta(days=30, hours=12))
    assert [stage for _, stage, _ in await fired(app)] == ["due_soon", "overdue"]
    now = await app.database.now()
    made = await stepped(app, measure, "record-round", HEALTH, {"done_at": now.isoformat()})
    assert (made["rounds_done"], made["state"], made["late_seconds"] > 0) == (1, "granted", True)
    assert datetime.fromisoformat(made["due_at"]) == now + timedelta(days=30)
    future = await step(app, measure, "record-round", HEALTH, {"done_at": (now + timedelta(days=1)).isoformat()})
    assert future.json()["errors"][0]["code"] == "not_a_possible_time"
    await app.fire(timedelta(days=30, hours=12))
    assert [stage for _, stage, _ in await fired(app)] == ["due_soon", "overdue"] * 2
    await stepped(app, measure, "stop", HEALTH, {"reason": "not_needed"})
    assert await silent(app, timedelta(days=9))


async def test_work_is_granted_only_on_a_proven_age_and_never_below_sixteen(app: Running) -> None:
    await safe(app, facts={"age": 15})
    measure = await asked(app, "EMPLOYMENT", "employment")
    unproved = await step(app, measure, "grant", EMPLOYMENT)
    assert (unproved.status_code, unproved.json()["code"]) == (409, "age_not_proved")
    facts: dict[str, Any] = {"case_id": KEY, "child_id": CHILD, "rules": ["E-8"]}
    young = await command(app, "eligibility", EMPLOYMENT, {**facts, "facts": {"birth_date": "2010-06-01"}})
    assert young.json()["items"][0]["from_date"] == "2026-06-01"
    assert (await step(app, measure, "grant", EMPLOYMENT)).status_code == 409
    await stepped(app, measure, "refuse", EMPLOYMENT, {"reason": "not_eligible"})
    refused = await ask(app, "EMPLOYMENT", "employment", CIVIL_AFFAIRS, child_id=CHILD)
    [error] = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == ("#/code", "too_young_to_work")
    assert "2026-06-01" in error["detail"]
    await app.fire(timedelta(days=100))
    old_enough = await asked(app, "EMPLOYMENT", "employment", CIVIL_AFFAIRS, child_id=CHILD)
    assert (await stepped(app, old_enough, "grant", EMPLOYMENT))["state"] == "granted"


async def test_a_department_reads_its_own_measures_and_the_coordinator_the_whole_plan(app: Running) -> None:
    await safe(app)
    await asked(app, "DIBAO", "civil_affairs", beneficiary="family")
    await asked(app, "EDUCATION_AID", "school", child_id=CHILD)
    money = await asked(app, "FUND_DISBURSEMENT", "finance")

    async def plan(who: dict[str, Any]) -> set[str]:
        return {one["measure"]["code"] for one in (await get(app, f"plans/{CASE}", who)).json()["measures"]}

    assert await plan(CIVIL_AFFAIRS) == await plan(VILLAGE) == {"DIBAO", "EDUCATION_AID", "FUND_DISBURSEMENT"}
    assert await plan(SCHOOL) == {"EDUCATION_AID"}
    assert (await get(app, f"plans/{CASE}", FINANCE)).status_code == 404
    shown = (await get(app, f"measures/{money}", FINANCE)).json()
    assert shown["case_number"] == "YX-1"
    assert {shown[name] for name in ("case_id", "child_id", "level", "goal")} == {None}


async def test_a_closed_case_owes_nothing_more(app: Running) -> None:
    await story.ready_to_close(app)
    held = {"held_at": START.isoformat(), "attendees": ["ST301"]}
    body = {"measures": [{"code": "FAMILY_EDU", "owner_department": "women_federation"}], "conference": held}
    plan = (await story.post(app, f"plans/{CASE}/agree", CIVIL_AFFAIRS, body)).json()
    measure = plan["measures"][0]["measure_id"]
    await stepped(app, measure, "complete", {"sub": "wf", "dept": "women_federation", "org": "WF"})
    assert (await story.propose(app)).status_code == 201
    assert (await story.concur(app, POLICE)).status_code == 200
    assert (await story.decide(app)).status_code == 200
    assert await silent(app, timedelta(days=365))
