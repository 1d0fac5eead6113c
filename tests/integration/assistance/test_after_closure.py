"""What a closure asks of ladder, placements and failed visits, and what follows it: who is told, and what is learnt."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import TaskFired
from contracts.intake import ChildrenMerged
from services.assistance.service import SERVICE
from tests.integration.assistance import story
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    GRID,
    KEY,
    LEADER,
    LEAGUE,
    POLICE,
    START,
    VILLAGE,
    concur,
    decide,
    get,
    happen,
    id_of,
    propose,
    ready_to_close,
)
from tests.integration.assistance.working import command

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def open_items(app: Running, reason: str = "GOAL_MET") -> dict[str, list[str]]:
    """What the checklist names beside the notes that come with the proposal."""
    shown = (await get(app, f"closures/{CASE}?reason={reason}")).json()["items"]
    return {i["code"]: i["detail"] for i in shown if i["state"] == "open" and i["code"] not in {"views", "summary"}}


async def closed(app: Running, **changes: Any) -> None:
    await ready_to_close(app, **changes)
    assert (await propose(app)).status_code == 201
    for party in (POLICE, LEADER):
        await concur(app, party)
    assert (await decide(app)).status_code == 200


async def test_papers_proceedings_and_checks_of_the_ladder_keep_the_case_open(app: Running) -> None:
    await ready_to_close(app)

    async def step(document: str, issuer: str, who: dict[str, Any], **more: Any) -> None:
        now = (await app.database.now()).isoformat()
        body = {
            "document": document,
            "issuer": issuer,
            "issued_on": now,
            "reason": "harm",
            "response": "accepts",
            **more,
        }
        answer = await story.post(app, f"ladders/{CASE}/steps", who, body, idempotency_key=document)
        assert answer.status_code == 201, answer.text

    await step("interview", "village_committee", VILLAGE)
    await step("protection_order_application", "civil_affairs", CIVIL_AFFAIRS)
    found = await open_items(app)
    assert found["no_order"] == ["pending:protection_order_application"]
    assert found["no_open_task"] == ["check:G0"]
    until = (await app.database.now() + 90 * DAY).isoformat()
    await step("protection_order", "court", POLICE, document_number="民保令1号", in_force_until=until)
    assert (await open_items(app))["no_order"] == ["order:protection_order"]


async def test_a_failed_attempt_after_the_last_visit_keeps_the_case_open(app: Running) -> None:
    await ready_to_close(app)
    at = (await app.database.now()).isoformat()
    await command(app, "visits/failures", GRID, {"case_id": KEY, "attempted_at": at, "failure": "nobody_home"})
    assert await open_items(app) == {"visits": ["failed_attempt"]}
    await story.visit(app, key="seen again")
    assert await open_items(app) == {}


async def test_visits_by_two_people_are_the_two_checks_of_an_unfounded_report(app: Running) -> None:
    await ready_to_close(app, without="first visit")
    assert (await open_items(app, "UNFOUNDED"))["independent_checks"] == ["checks:1"]
    await story.visit(app, key="another pair of eyes")
    assert "independent_checks" not in await open_items(app, "UNFOUNDED")


async def test_a_duplicate_is_closed_into_the_case_the_merge_named(app: Running) -> None:
    await ready_to_close(app)
    other = id_of("other case")
    for payload in (story.report("other report"), story.risk("red", score=70)):
        await app.publish(payload.model_copy(update={"case_id": other}), str(other))
    merge: dict[str, Any] = {
        "merge_id": id_of("merge"), "case_id": CASE, "kept_child_id": id_of("kept"), "merged_child_id": id_of("child"),
        "duplicate_of": other, "by": story.WORKER, "at": START,
    }  # fmt: skip
    await happen(app, ChildrenMerged(**merge))
    wrong = await propose(app, reason="DUPLICATE_MERGED", handover={"merged_into": str(CASE)})
    assert wrong.status_code == 409
    answer = await propose(app, key="2", reason="DUPLICATE_MERGED")
    assert answer.status_code == 201, answer.text
    await concur(app, POLICE)
    assert (await decide(app)).status_code == 200


async def test_everybody_who_must_hear_of_the_closure_is_listed_until_told(app: Running) -> None:
    await closed(app)

    async def listed() -> dict[str, str]:
        shown = (await get(app, f"closures/{CASE}")).json()["notices"]
        return {f"{one['recipient']}:{one['reference']}": one["state"] for one in shown}

    child, report = f"child:{id_of('child')}", f"reporter:{id_of('report 1')}"
    first = await listed()
    assert {name for name, state in first.items() if state == "owed"} == {child, report, "guardian:guardian"}
    assert first["department:police"] == "told"
    told = await command(app, f"closures/{CASE}/notices", CIVIL_AFFAIRS, {"recipient": "guardian"})
    assert told.status_code == 200, told.text
    reason = {"recipient": "child", "reference": str(id_of("child")), "reason": "too_young"}
    await command(app, f"closures/{CASE}/notices", CIVIL_AFFAIRS, reason)
    after = await listed()
    assert (after["guardian:guardian"], after[child], after[report]) == ("told", "not_told", "owed")
    unknown = await command(app, f"closures/{CASE}/notices", CIVIL_AFFAIRS, {"recipient": "child", "reference": "x"})
    assert unknown.json()["errors"][0]["code"] == "not_on_the_list"
    assert (await command(app, f"closures/{CASE}/notices", VILLAGE, {"recipient": "guardian"})).status_code == 403


REVIEW: dict[str, Any] = {
    "attended": ["civil_affairs", "police"],
    "lessons": ["found_late"],
    "note_id": str(id_of("review")),
}


async def test_a_case_that_was_ever_red_is_reviewed_afterwards(app: Running) -> None:
    await closed(app, level="red")
    [owed] = (await get(app, "after-case-reviews")).json()["items"]
    assert (owed["state"], owed["available_actions"], owed["case_id"]) == ("owed", ["record"], KEY)
    assert (await get(app, "after-case-reviews", LEAGUE)).json()["items"] == []
    await app.fire(20 * DAY)
    told = [event for event in await app.published(TaskFired) if event.subject == "after_case_review"]
    assert [event.stage for event in told[:2]] == ["due_soon", "overdue"]
    held = {**REVIEW, "held_at": (await app.database.now()).isoformat()}
    path = f"after-case-reviews/{CASE}"
    wrong = await command(app, path, CIVIL_AFFAIRS, {**held, "lessons": ["luck"], "attended": ["nobody"]})
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["#/lessons/0", "#/attended/0"]
    assert (await command(app, path, POLICE, held)).status_code == 403
    done = await command(app, path, CIVIL_AFFAIRS, held)
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["lessons"][0]["zh"]) == ("done", "发现过晚")
    assert done.json()["late_seconds"] > 0
    again = await command(app, path, CIVIL_AFFAIRS, {**held, "lessons": ["roster_gap"]})
    assert (again.status_code, again.json()["code"]) == (409, "already_recorded")
    assert (await get(app, "after-case-reviews")).json()["items"] == []
    assert len((await get(app, path, POLICE)).json()["items"]) == 1
    count = len(await app.published(TaskFired))
    await app.fire(20 * DAY)
    assert len(await app.published(TaskFired)) == count


async def test_a_case_that_was_never_red_needs_no_review(app: Running) -> None:
    await closed(app)
    assert (await get(app, f"after-case-reviews/{CASE}")).json()["items"] == []
    answer = await command(app, f"after-case-reviews/{CASE}", CIVIL_AFFAIRS, {**REVIEW, "held_at": START.isoformat()})
    assert answer.status_code == 404
