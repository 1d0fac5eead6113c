"""Conferences with their decisions and tasks, plan versions and goals; money from request to payment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import ConferenceHeld, DisbursementChanged, MeasureChanged, PlanAgreed
from services.assistance.service import SERVICE
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    COLLEAGUE,
    KEY,
    LEADER,
    POLICE,
    START,
    get,
    id_of,
    post,
)
from tests.integration.assistance.working import FINANCE, SCHOOL, asked, command, fired, reported, safe, silent, stepped

pytestmark = pytest.mark.integration
MINUTES = str(id_of("minutes"))
INVITED = ["civil_affairs", "police", "village_committee"]


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def called(app: Running, days: float = 2, **changes: Any) -> dict[str, Any]:
    at = (START + timedelta(days=days)).isoformat()
    body = {"case_id": KEY, "scheduled_at": at, "invited": INVITED, "agenda": ["safety", "plan"], **changes}
    answer = await command(app, "conferences", CIVIL_AFFAIRS, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def held(app: Running, conference: dict[str, Any], **changes: Any) -> Any:
    now = (await app.database.now()).isoformat()
    body = {
        "held_at": now, "attended": ["civil_affairs", "police"], "attendees": ["ST301", "ST401"],
        "decisions": ["plan_agreed"], "minutes_note_id": MINUTES,
        "measures": [{"code": "LEGAL_AID", "owner_department": "justice", "goal": "guardianship"}],
        "goals": [{"head": "guardianship"}, {"head": "living"}], **changes,
    }  # fmt: skip
    path = f"conferences/{conference['conference_id']}"
    return await command(app, f"{path}/hold", CIVIL_AFFAIRS, body, if_match=f'"v{conference["version"]}"')


async def test_a_conference_decides_the_plan_and_gives_its_tasks_in_one_commit(app: Running) -> None:
    await safe(app)
    conference = await called(app)
    assert conference["plan_due_at"] == "2026-03-09T09:30:00Z"
    answer = await held(app, conference)
    assert answer.status_code == 200, answer.text
    record = answer.json()
    assert [one["code"] for one in record["absent"]] == ["village_committee"]
    [event] = await app.published(ConferenceHeld)
    [agreed] = await app.published(PlanAgreed)
    [task] = await app.published(MeasureChanged)
    assert (event.tasks, event.absent, event.decisions) == (
        (task.measure_id,),
        ("village_committee",),
        ("plan_agreed",),
    )
    assert agreed.measures == {"LEGAL_AID": "justice"}
    plan = (await get(app, f"plans/{CASE}")).json()
    assert [goal["head"]["code"] for goal in plan["goals"]] == ["guardianship", "living"]
    assert (plan["state"], plan["attendees"]) == ("agreed", ["ST301", "ST401"])
    again = await held(app, {**conference, "version": 2})
    assert (again.status_code, again.json()["current_state"]) == (409, "held")
    assert (await get(app, f"conferences?case_id={CASE}", POLICE)).json()["items"][0]["state"] == "held"


async def test_a_decision_that_cannot_be_leaves_nothing_behind(app: Running) -> None:
    await safe(app)
    conference = await called(app)
    wrong = await held(app, conference, measures=[{"code": "DIBAO", "owner_department": "police"}])
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [
        ("#/measures/0/owner_department", "wrong_owner")
    ]
    stranger = await held(app, conference, attended=["civil_affairs", "health"])
    assert [(e["pointer"], e["code"]) for e in stranger.json()["errors"]] == [("#/attended", "not_invited")]
    future = await held(app, conference, held_at=(START + timedelta(days=9)).isoformat())
    assert future.json()["errors"][0]["code"] == "in_the_future"
    assert await app.published(ConferenceHeld) == await app.published(PlanAgreed) == []
    assert (await get(app, f"plans/{CASE}")).json()["goals"] == []


async def test_a_conference_that_nobody_holds_is_overdue_until_it_is_called_off(app: Running) -> None:
    await safe(app)
    conference = await called(app)
    late = await command(
        app, "conferences", CIVIL_AFFAIRS,
        {"case_id": KEY, "scheduled_at": (START + timedelta(days=20)).isoformat(), "invited": INVITED, "agenda": ["plan"]},
    )  # fmt: skip
    assert late.json()["errors"][0]["code"] == "after_plan_due"
    await app.fire(timedelta(days=2))
    assert [(code, stage) for code, stage, _ in await fired(app)] == [
        ("conference", "due_soon"),
        ("conference", "overdue"),
    ]
    path = f"conferences/{conference['conference_id']}/cancel"
    assert (await command(app, path, POLICE, if_match='"v1"')).status_code == 403
    assert (await command(app, path, CIVIL_AFFAIRS, if_match='"v1"')).json()["state"] == "cancelled"
    assert await silent(app, timedelta(days=5))


async def test_the_plan_keeps_its_versions_and_asks_for_its_review(app: Running) -> None:
    await safe(app)
    await held(app, await called(app))
    await asked(app, "TEMPORARY_AID", "civil_affairs", POLICE)
    plan = (await get(app, f"plans/{CASE}")).json()
    await app.fire(timedelta(days=15))
    assert ("plan_review", "overdue", ()) in await fired(app)
    goal = plan["goals"][0]["goal_id"]
    reviewed = await post(app, f"plans/{CASE}/goals/{goal}/review", CIVIL_AFFAIRS, {"outcome": "partly_met"})
    assert reviewed.json()["goals"][0]["outcome"] == "partly_met"
    versions = (await get(app, f"plans/{CASE}/versions")).json()
    assert [(one["number"], one["kind"]) for one in versions] == [(3, "reviewed"), (2, "amended"), (1, "agreed")]
    assert sorted(versions[1]["measures"].values()) == ["LEGAL_AID", "TEMPORARY_AID"]
    assert (await get(app, f"plans/{CASE}/versions", {"sub": "j", "dept": "justice", "org": "J"})).status_code == 403
    before = len(await fired(app))
    await app.fire(timedelta(days=1))
    assert "plan_review" not in [code for code, _, _ in (await fired(app))[before:]]
    suggested = (await get(app, f"plans/{CASE}/template")).json()
    assert (suggested["level"]["code"], len(suggested["goals"])) == ("orange", 4)


async def test_where_civil_affairs_has_a_conflict_the_leader_calls_and_agrees(app: Running) -> None:
    await safe(app, conflict_unit="civil_affairs")
    body = {"measures": [{"code": "FAMILY_EDU", "owner_department": "women_federation"}],
            "conference": {"held_at": START.isoformat(), "attendees": ["ST201"]}}  # fmt: skip
    assert (await post(app, f"plans/{CASE}/agree", CIVIL_AFFAIRS, body, if_match='"v1"')).status_code == 404
    answer = await post(app, f"plans/{CASE}/agree", LEADER, body, if_match='"v1"')
    assert answer.status_code == 200, answer.text
    [event] = await app.published(ConferenceHeld)
    assert event.attended == ("township_government",)


# Money ---------------------------------------------------------------------------------------------------------------


async def line(app: Running, amount: int = 100_000) -> str:
    body = {"year": 2026, "code": "2080199", "amount": amount}
    answer = await command(app, "budget-lines", LEADER, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["line_id"])


async def money(app: Running, line_id: str, measure: str, amount: int, reference: str = "P-1") -> Any:
    body = {"measure_id": measure, "line_id": line_id, "amount": amount, "payee_reference": reference}
    return await command(app, "disbursements", CIVIL_AFFAIRS, body)


async def move(app: Running, one: str, act: str, who: dict[str, Any], version: int, body: Any = None) -> Any:
    return await command(app, f"disbursements/{one}/{act}", who, body, if_match=f'"v{version}"')


async def test_money_goes_from_request_to_payment_by_three_people(app: Running) -> None:
    await safe(app)
    line_id, measure = await line(app), await asked(app, "FUND_DISBURSEMENT", "finance")
    one = (await money(app, line_id, measure, 80_000)).json()["disbursement_id"]
    unseen = await get(app, f"disbursements/{one}", FINANCE)
    assert unseen.status_code == 404
    own = await move(app, one, "approve", CIVIL_AFFAIRS, 1)
    assert (own.status_code, own.json()["reason"]) == (403, "second_person")
    early = await move(app, one, "pay", FINANCE, 1)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    open_ = await command(app, f"measures/{measure}/complete", FINANCE, {}, if_match='"v1"')
    assert (open_.status_code, open_.json()["code"]) == (409, "not_complete")
    assert (await move(app, one, "approve", COLLEAGUE, 1)).status_code == 200
    [seen] = (await get(app, "disbursements", FINANCE)).json()["items"]
    shown = {name for name, value in seen.items() if value}
    assert shown == {
        "disbursement_id", "case_number", "amount", "payee_reference", "state", "due_at", "requested_at",
        "available_actions", "version",
    }  # fmt: skip
    assert (await move(app, one, "pay", FINANCE, 2)).json()["state"] == "paid"
    await stepped(app, measure, "complete", FINANCE)
    [budget] = (await get(app, "budget-lines", FINANCE)).json()
    assert (budget["committed"], budget["left"]) == (80_000, 20_000)
    trail = [event.state for event in await app.published(DisbursementChanged)]
    assert trail == ["requested", "approved", "paid"]
    assert all("80000" not in str(value) for _, value in await app.published())
    back = await move(app, one, "return", FINANCE, 3, {"reason": "payee_unknown"})
    assert back.json()["state"] == "returned"
    assert (await get(app, "budget-lines")).json()[0]["left"] == 100_000


async def test_two_approvals_at_once_never_overdraw_a_line(app: Running) -> None:
    await safe(app)
    line_id, measure = await line(app, 100_000), await asked(app, "TEMPORARY_AID", "civil_affairs")
    asked_for = [(await money(app, line_id, measure, 60_000, f"P-{n}")).json()["disbursement_id"] for n in range(4)]
    answers = await asyncio.gather(*(move(app, one, "approve", COLLEAGUE, 1) for one in asked_for))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(one["code"], *one["available_actions"]) for one in refused} == {("line_exceeded", "refuse")}
    [budget] = (await get(app, "budget-lines")).json()
    assert (budget["committed"], budget["left"]) == (60_000, 40_000)
    async with app.database.reading() as db:
        held_ = await db.fetchval("SELECT sum(amount) FROM disbursement WHERE state IN ('approved', 'paid')")
    assert held_ == 60_000


async def test_money_that_waits_is_reminded_of_and_keeps_its_measure_open(app: Running) -> None:
    await safe(app)
    line_id, measure = await line(app), await asked(app, "TEMPORARY_AID", "civil_affairs")
    one = (await money(app, line_id, measure, 1_000)).json()["disbursement_id"]
    await app.fire(timedelta(days=4))
    assert ("disbursement:requested", "overdue", ()) in await fired(app)
    tied = await command(app, f"measures/{measure}/complete", CIVIL_AFFAIRS, {}, if_match='"v1"')
    assert (tied.status_code, tied.json()["code"]) == (409, "money_moves")
    assert (await move(app, one, "refuse", LEADER, 1, {})).status_code == 409
    assert (await move(app, one, "refuse", LEADER, 1, {"reason": "not_in_budget"})).json()["state"] == "refused"
    await stepped(app, measure, "complete", CIVIL_AFFAIRS)
    assert await silent(app, timedelta(days=9))


async def test_a_request_names_a_line_that_has_enough_and_a_measure_of_its_own(app: Running) -> None:
    await safe(app)
    line_id, measure = await line(app, 500), await asked(app, "TEMPORARY_AID", "civil_affairs")
    too_much = await money(app, line_id, measure, 501)
    assert [(e["pointer"], e["code"]) for e in too_much.json()["errors"]] == [("#/amount", "line_exceeded")]
    unknown = await money(app, str(id_of("line")), measure, 1)
    assert [(e["pointer"], e["code"]) for e in unknown.json()["errors"]] == [("#/line_id", "unknown_line")]
    body = {"measure_id": measure, "line_id": line_id, "amount": 5, "payee_reference": "P-1"}
    assert (await command(app, "disbursements", POLICE, body)).status_code == 403
    assert (await command(app, "disbursements", SCHOOL, body)).status_code == 404
    assert (await command(app, "disbursements", CIVIL_AFFAIRS, {**body, "payee_reference": "张 三"})).status_code == 422
    twice = await command(app, "budget-lines", FINANCE, {"year": 2026, "code": "2080199", "amount": 9})
    assert (twice.status_code, twice.json()["code"]) == (409, "line_exists")
    assert (
        await command(app, f"budget-lines/{line_id}/amount", LEADER, {"amount": 9}, if_match='"v1"')
    ).status_code == 200
    assert (await get(app, "budget-lines", POLICE)).status_code == 403


async def test_a_conference_before_safety_cannot_agree_a_plan(app: Running) -> None:
    await reported(app)
    answer = await held(app, await called(app))
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_not_open")
    told = await held(app, await called(app, 3), decisions=["no_change"], measures=[], goals=[])
    assert told.status_code == 200, told.text
