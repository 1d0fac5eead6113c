"""Planned visits over HTTP: they appear with the case, are met by visits, fail, change with the level, and end with the case."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import TaskFired, VisitFailed, VisitPlanned, VisitRecorded
from services.assistance.service import SERVICE
from tests.integration.assistance import story
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    GRID,
    HEALTH,
    KEY,
    LEAGUE,
    POLICE,
    SAFE,
    START,
    VILLAGE,
    get,
    happen,
    id_of,
    visit,
)
from tests.integration.assistance.working import command, reported, safe

pytestmark = pytest.mark.integration
HEAD: dict[str, Any] = {
    "sub": "gh-1",
    "staff": "ST085",
    "dept": "township_government",
    "org": "TG",
    "posts": ["grid_head"],
}
DAY = timedelta(days=1)


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def queue(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS, asked: str = "") -> list[dict[str, Any]]:
    """The planned visits a reader sees."""
    answer = await get(app, f"visits/planned?limit=50{asked}", who)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def posts(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS) -> list[str]:
    return sorted(item["post"]["code"] for item in await queue(app, who))


async def failed(app: Running, who: dict[str, Any] = GRID, *, key: str, **found: Any) -> Any:
    at = (await app.database.now()).isoformat()
    body = {"case_id": KEY, "attempted_at": at, "failure": "nobody_home", **found}
    return await story.post(app, "visits/failures", who, body, if_match='"v1"', idempotency_key=key)


async def test_every_case_has_its_monthly_visit_and_the_others_once_the_child_is_safe(app: Running) -> None:
    await reported(app, "yellow")
    assert await posts(app) == ["grid_head"]
    await happen(app, story.safety())
    assert await posts(app) == ["child_director", "grid_head", "grid_member", "lead_department"]
    await happen(app, story.safety())
    planned = await app.published(VisitPlanned)
    assert [event.rule for event in planned if event.cancelled] == []
    assert len(planned) == 4
    nearest = await queue(app)
    assert [item["due_at"] for item in nearest] == sorted(item["due_at"] for item in nearest)


async def test_each_reader_sees_what_its_post_owes_and_may_answer_only_that(app: Running) -> None:
    await safe(app, "yellow")
    [own] = await queue(app, GRID, "&post=grid_member")
    assert (own["sees"], own["available_actions"], own["level"]["code"]) == ("child", ["record", "fail"], "yellow")
    assert [item["post"]["code"] for item in await queue(app, HEAD) if item["available_actions"]] == ["grid_head"]
    assert await posts(app, POLICE) == ["lead_department"]
    assert await posts(app, VILLAGE) == ["child_director", "grid_member"]
    assert await posts(app, {**VILLAGE, "villages": ["V02"]}) == []
    assert await posts(app, HEALTH) == []
    assert await posts(app, LEAGUE) == []
    wrong = await visit(app, VILLAGE, key="1", planned_visit_id=own["planned_visit_id"])
    assert (wrong.status_code, wrong.json()["reason"]) == (403, "not_your_visit")
    unknown = await visit(app, key="2", planned_visit_id=str(id_of("nothing")))
    assert unknown.json()["errors"][0]["code"] == "no_such_visit"


async def test_a_visit_meets_the_planned_one_when_it_was_made_and_the_next_follows(app: Running) -> None:
    await safe(app, "orange")
    [owed] = await queue(app, GRID, "&post=grid_member")
    await app.set_clock(SAFE + 8 * DAY)
    made = (await visit(app, key="v", ago=DAY / 2)).json()
    assert (made["planned_visit_id"], made["late_seconds"]) == (owed["planned_visit_id"], 43200)
    [again] = await queue(app, GRID, "&post=grid_member")
    assert datetime.fromisoformat(again["due_at"]) == datetime.fromisoformat(made["visited_at"]) + 7 * DAY
    twice = await visit(app, key="w", planned_visit_id=owed["planned_visit_id"])
    assert (twice.status_code, twice.json()["code"]) == (409, "already_settled")
    early = await visit(app, key="e", ago=DAY, planned_visit_id=again["planned_visit_id"])
    assert (early.status_code, early.json()["code"]) == (409, "before_its_time")
    call = await visit(app, key="c", in_person=False, planned_visit_id=again["planned_visit_id"])
    assert (call.json()["code"], call.json()["remote_allowed"]) == ("remote_not_allowed", False)
    extra = (await visit(app, key="x", in_person=False)).json()
    assert extra["planned_visit_id"] is None
    [event, _] = await app.published(VisitRecorded)
    assert (event.late_seconds, event.heard_alone) == (43200, True)


async def test_the_monthly_visit_of_a_blue_case_may_be_a_call_two_times_of_three(app: Running) -> None:
    await safe(app, "blue")
    allowed = []
    for month in range(1, 4):
        [owed] = await queue(app, HEAD, "&post=grid_head")
        allowed.append(owed["remote_allowed"])
        await app.set_clock(SAFE + 28 * month * DAY)
        answer = await visit(app, HEAD, key=str(month), in_person=month == 3)
        assert answer.json()["planned_visit_id"] == owed["planned_visit_id"], answer.text
    assert allowed == [True, True, False]


async def test_a_child_of_eight_is_heard_alone_or_it_is_said_why_not(app: Running) -> None:
    await safe(app)
    silent = await visit(app, key="1", heard_alone=False)
    assert (silent.status_code, silent.json()["errors"][0]["code"]) == (422, "not_heard_alone")
    vague = await visit(app, key="2", heard_alone=False, not_heard_reason="busy")
    assert vague.json()["errors"][0]["pointer"] == "#/not_heard_reason"
    said = await visit(app, key="3", heard_alone=False, not_heard_reason="child_declined")
    assert (said.status_code, said.json()["not_heard_reason"]) == (201, "child_declined")


async def test_who_owes_a_visit_is_reminded_and_from_its_due_time_civil_affairs_too(app: Running) -> None:
    await safe(app, "orange")
    await app.fire(8 * DAY)
    told = [event for event in await app.published(TaskFired) if event.code == "orange.grid_member"]
    assert [(event.subject, event.owner, event.stage) for event in told[:2]] == [
        ("visit", "grid_member", "due_soon"),
        ("visit", "grid_member", "overdue"),
    ]
    assert told[1].targets == ("civil_affairs",)
    await visit(app, key="v")
    count = len(told)
    await app.fire(3 * DAY)
    after = [event for event in await app.published(TaskFired) if event.code == "orange.grid_member"]
    assert len(after) == count + 1 - 1, "the clock is over, the next is not due yet"


async def test_failed_visits_are_counted_and_a_red_one_sends_the_police(app: Running) -> None:
    await safe(app, "orange")
    first, second = await failed(app, key="1"), await failed(app, POLICE, key="2", failure="child_not_shown")
    assert (first.status_code, first.json()["failures_in_row"], second.json()["failures_in_row"]) == (201, 1, 2)
    await visit(app, key="v")
    assert (await failed(app, key="3")).json()["failures_in_row"] == 1
    await happen(app, story.risk("red", score=70))
    red = (await failed(app, key="4")).json()
    assert (red["failures_in_row"], red["welfare_check"]) == (2, True)
    events = await app.published(VisitFailed)
    assert [(event.failures_in_row, event.welfare_check, event.level) for event in events] == [
        (1, False, "orange"), (2, False, "orange"), (1, False, "orange"), (2, True, "red"),
    ]  # fmt: skip
    [owed] = await queue(app, GRID, "&post=grid_member")
    assert str(events[3].planned_visit_id) == owed["planned_visit_id"], "it stays owed"


async def test_another_level_cancels_what_lies_ahead_and_keeps_what_is_late(app: Running) -> None:
    await safe(app, "orange")
    await app.set_clock(SAFE + 10 * DAY)
    [late] = await queue(app, CIVIL_AFFAIRS, "&overdue=true")
    assert late["rule"] == "orange.grid_member"
    await happen(app, story.risk("blue", score=12))
    rules = sorted(item["rule"] for item in await queue(app))
    assert rules == ["blue.child_director", "blue.grid_head", "orange.grid_member"]
    cancelled = {event.rule for event in await app.published(VisitPlanned) if event.cancelled}
    assert cancelled == {"orange.child_director", "orange.grid_head", "orange.police"}


async def test_village_and_group_owe_nothing_in_a_restricted_case(app: Running) -> None:
    await safe(app, "red", restricted=True)
    assert await posts(app) == ["grid_head", "lead_department"]
    assert await posts(app, VILLAGE) == []
    answer = await visit(app, VILLAGE, key="v")
    assert answer.status_code == 404


async def test_a_warning_letter_brings_village_and_police_to_both_parties(app: Running) -> None:
    facts = {"age": 9, "guardian_suspected_harmer": True}
    await happen(app, story.report(), story.risk("red", score=70, facts=facts, fired=("R1",)), story.response("red"))
    await happen(app, story.safety())
    issued = await app.database.now()
    body = {
        "document": "warning_letter", "document_number": "告字〔2026〕7号", "issuer": "police",
        "issued_on": issued.isoformat(), "reason": "harm", "response": "accepts",
    }  # fmt: skip
    answer = await story.post(app, f"ladders/{CASE}/steps", POLICE, body, idempotency_key="letter")
    assert answer.status_code == 201, answer.text
    every = [item for item in await queue(app) if item["rule"].startswith("after_warning_letter")]
    assert {(item["post"]["code"], item["sees"]) for item in every} == {
        (post, party) for post in ("police", "village_committee") for party in ("victim", "harmer")
    }
    assert {datetime.fromisoformat(item["due_at"]) for item in every} == {issued + 7 * DAY}
    own = next(item for item in every if (item["post"]["code"], item["sees"]) == ("police", "harmer"))
    await app.set_clock(issued + 6 * DAY)
    found = {"child_seen": False, "satisfactory": False, "planned_visit_id": own["planned_visit_id"]}
    assert (await visit(app, POLICE, key="h", **found)).status_code == 201
    step = answer.json()["steps"][0]["ladder_step_id"]
    ended = {"cause": "revoked", "ended_at": (await app.database.now()).isoformat()}
    over = await story.post(app, f"ladders/{CASE}/steps/{step}/end", POLICE, ended)
    assert over.status_code == 200, over.text
    assert not [item for item in await queue(app) if item["rule"].startswith("after_warning_letter")]


async def test_the_queue_pages_nearest_first(app: Running) -> None:
    await safe(app, "orange")
    every = [item["planned_visit_id"] for item in await queue(app)]
    page = (await get(app, "visits/planned?limit=3")).json()
    rest = (await get(app, f"visits/planned?limit=3&cursor={page['next_cursor']}")).json()
    assert [item["planned_visit_id"] for item in page["items"] + rest["items"]] == every
    day_one = (START + DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await queue(app, asked=f"&due_before={day_one}") == []


async def test_nothing_is_planned_after_the_closure_and_a_reopened_case_starts_afresh(app: Running) -> None:
    await story.ready_to_close(app)
    await story.propose(app)
    await story.concur(app, POLICE)
    assert (await story.decide(app)).status_code == 200
    assert await queue(app) == []
    again = await app.database.now() + 20 * DAY
    await app.set_clock(again + DAY / 8)
    await happen(
        app,
        story.risk("yellow", score=25, response_no=2),
        story.report("report 2", disposition="case_reopened", response_no=2, at=again),
        story.response("yellow", response_no=2, received_at=again),
        story.safety(again, response_no=2),
    )
    assert await posts(app) == ["child_director", "grid_head", "grid_member", "lead_department"]
    assert all(datetime.fromisoformat(item["opens_at"]) == again for item in await queue(app))
    await command(
        app, "visits/failures", GRID, {"case_id": KEY, "attempted_at": again.isoformat(), "failure": "moved_away"}
    )
    assert (await app.published(VisitFailed))[-1].failures_in_row == 1
