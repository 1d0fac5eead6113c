"""Plans that open with safety, what a conference agrees, and visits."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import PlanAgreed, PlanOpened, VisitRecorded
from services.assistance.service import SERVICE
from services.assistance.store import Table
from tests.integration.assistance import story
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    GRID,
    HEALTH,
    KEY,
    LEAGUE,
    POLICE,
    START,
    VILLAGE,
    get,
    happen,
    id_of,
    post,
    visit,
)

pytestmark = pytest.mark.integration

HELD = {"held_at": START.isoformat(), "attendees": ["ST301", "ST401", "V01-VC"]}
MEASURES = [
    {"code": "PSYCHOLOGICAL", "owner_department": "health", "goal": "development"},
    {"code": "DIBAO", "owner_department": "civil_affairs", "beneficiary": "family", "goal": "living"},
]


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def safe_case(app: Running) -> None:
    await happen(app, story.report(), story.risk(), story.response(), story.safety())


async def agree(app: Running, measures: Any = MEASURES, who: dict[str, Any] = CIVIL_AFFAIRS, **headers: str) -> Any:
    return await post(app, f"plans/{CASE}/agree", who, {"measures": measures, "conference": HELD}, **headers)


# Plans ---------------------------------------------------------------------------------------------------------------


async def test_the_plan_opens_once_when_safety_is_confirmed(app: Running) -> None:
    await happen(app, story.report(), story.risk("red", score=70), story.response("red"))
    assert (await get(app, f"plans/{CASE}")).json()["state"] == "not_open"
    await happen(app, story.safety(), story.safety(story.SAFE + timedelta(hours=1)))
    [opened] = await app.published(PlanOpened)
    assert (opened.level, opened.case_number, opened.response_no) == ("red", "YX-1", 1)
    plan = (await get(app, f"plans/{CASE}")).json()
    assert (plan["state"], plan["plan_id"]) == ("open", str(opened.plan_id))
    assert plan["level"]["zh"] == "红"


async def test_safety_that_arrives_before_the_level_opens_the_plan_all_the_same(app: Running) -> None:
    await happen(app, story.response("yellow"), story.safety())
    [opened] = await app.published(PlanOpened)
    assert opened.level == "yellow"


async def test_the_conference_agrees_measures_with_their_owners_and_due_times(app: Running) -> None:
    await safe_case(app)
    answer = await agree(app)
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert plan["state"] == "agreed"
    assert plan["attendees"] == HELD["attendees"]
    by_code = {measure["measure"]["code"]: measure for measure in plan["measures"]}
    assert by_code["PSYCHOLOGICAL"]["measure"]["zh"] == "心理疏导首次接触"
    assert by_code["PSYCHOLOGICAL"]["owner"]["en"] == "township health centre"
    agreed_at = datetime.fromisoformat(by_code["PSYCHOLOGICAL"]["requested_at"])
    assert datetime.fromisoformat(by_code["PSYCHOLOGICAL"]["due_at"]) == agreed_at + timedelta(hours=72)
    [event] = await app.published(PlanAgreed)
    assert event.measures == {"PSYCHOLOGICAL": "health", "DIBAO": "civil_affairs"}


async def test_a_later_conference_adds_to_the_measures_that_run(app: Running) -> None:
    await safe_case(app)
    await agree(app)
    more = await agree(
        app, [{"code": "LEGAL_AID", "owner_department": "police", "owner_reason": "conflict_of_interest"}]
    )
    assert more.status_code == 200
    assert set((await app.published(PlanAgreed))[-1].measures) == {"PSYCHOLOGICAL", "DIBAO", "LEGAL_AID"}


@pytest.mark.parametrize(
    ("measure", "pointer", "code"),
    [
        ({"code": "DIBAO", "owner_department": "police"}, "#/measures/0/owner_department", "wrong_owner"),
        ({"code": "HUG", "owner_department": "police"}, "#/measures/0/code", "unknown_measure"),
        ({"code": "EMPLOYMENT", "owner_department": "employment"}, "#/measures/0/code", "too_young_to_work"),
        (
            {"code": "DIBAO", "owner_department": "civil_affairs", "note": "text"},
            "#/measures/0/note",
            "extra_forbidden",
        ),
    ],
)
async def test_a_measure_that_cannot_be_agreed_names_its_field(
    app: Running, measure: dict[str, Any], pointer: str, code: str
) -> None:
    await safe_case(app)
    answer = await agree(app, [measure])
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert await app.published(PlanAgreed) == []


async def test_a_plan_is_not_agreed_before_it_opens_nor_by_others_nor_twice_on_one_version(app: Running) -> None:
    await happen(app, story.report(), story.risk(), story.response())
    early = await agree(app)
    assert (early.status_code, early.json()["code"]) == (409, "plan_not_open")
    await happen(app, story.safety())
    assert (await agree(app, who=POLICE)).status_code == 403
    version = (await get(app, f"plans/{CASE}")).headers["ETag"]
    assert (await agree(app, if_match=version)).status_code == 200
    assert (await agree(app, if_match=version)).status_code == 412


async def test_the_owner_finishes_its_measure_with_an_outcome(app: Running) -> None:
    await safe_case(app)
    plan = (await agree(app)).json()
    ids = {measure["measure"]["code"]: measure["measure_id"] for measure in plan["measures"]}
    path = f"plans/{CASE}/measures/{ids['PSYCHOLOGICAL']}/finish"
    stranger = await post(app, path, POLICE, {"outcome": "achieved"})
    assert (stranger.status_code, stranger.json()["reason"]) == (403, "not_the_owner")
    done = await post(app, path, HEALTH, {"outcome": "achieved"})
    assert done.status_code == 200, done.text
    again = await post(app, path, HEALTH, {"outcome": "achieved"})
    assert (again.status_code, again.json()["current_state"]) == (409, "completed")
    ended = await post(app, f"plans/{CASE}/measures/{ids['DIBAO']}/finish", CIVIL_AFFAIRS, {"outcome": "not_eligible"})
    assert {m["measure"]["code"]: m["state"] for m in ended.json()["measures"]} == {
        "PSYCHOLOGICAL": "completed",
        "DIBAO": "refused",
    }
    assert (
        await post(app, f"plans/{CASE}/measures/{id_of('x')}/finish", HEALTH, {"outcome": "achieved"})
    ).status_code == 404


# Visits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "post_code"),
    [
        (GRID, "grid_member"),
        (VILLAGE, "child_director"),
        (POLICE, "police"),
        (CIVIL_AFFAIRS, "civil_affairs"),
        ({"sub": "gh-1", "dept": "township_government", "posts": ["grid_head"]}, "grid_head"),
    ],
)
async def test_a_visit_is_recorded_under_the_visitors_post(app: Running, who: dict[str, Any], post_code: str) -> None:
    await safe_case(app)
    answer = await visit(app, who, key="v", note_id=str(id_of("note")))
    assert answer.status_code == 201, answer.text
    [event] = await app.published(VisitRecorded)
    assert (event.post, event.by.account, event.note_id) == (post_code, who["sub"], id_of("note"))
    assert answer.json()["visit_id"] == str(event.visit_id)


async def test_a_visitor_with_several_posts_says_which(app: Running) -> None:
    await safe_case(app)
    assert (await visit(app, POLICE, key="1", post="lead_department")).json()["post"] == "lead_department"
    answer = await visit(app, POLICE, key="2", post="grid_member")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_your_post")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ({"ago": timedelta(minutes=-5)}, "in_the_future"),
        ({"ago": timedelta(days=2)}, "before_the_case"),
        ({"child_seen": False}, "child_not_seen"),
    ],
)
async def test_a_visit_that_cannot_have_been_is_refused(app: Running, found: dict[str, Any], code: str) -> None:
    await safe_case(app)
    answer = await visit(app, key="v", **found)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert await app.published(VisitRecorded) == []


async def test_the_same_visit_sent_twice_is_one(app: Running) -> None:
    await safe_case(app)
    at = (await app.database.now()).isoformat()
    body = {"case_id": KEY, "visited_at": at, "child_seen": True, "in_person": True, "satisfactory": True}
    body["heard_alone"] = True
    first = await post(app, "visits", GRID, body, idempotency_key="same")
    again = await post(app, "visits", GRID, body, idempotency_key="same")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert len(await app.published(VisitRecorded)) == 1
    assert (await post(app, "visits", GRID, body)).status_code == 400


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({**GRID, "groups": ["V01-G3"]}, 404),
        ({**VILLAGE, "villages": ["V02"]}, 404),
        (LEAGUE, 403),
        ({"sub": "fi", "dept": "finance"}, 404),
    ],
)
async def test_only_those_with_a_part_in_the_case_record_visits(app: Running, who: dict[str, Any], status: int) -> None:
    await safe_case(app)
    assert (await visit(app, who, key="v")).status_code == status
    assert (await get(app, f"visits?case_id={CASE}", who)).status_code == status


async def test_a_case_nobody_reported_is_not_found(app: Running) -> None:
    for path in (f"plans/{CASE}", f"closures/{CASE}", f"visits?case_id={CASE}"):
        assert (await get(app, path)).status_code == 404


async def test_a_raised_referral_is_work_again_and_new_departments_join(app: Running) -> None:
    await safe_case(app)
    await happen(app, *[story.completed(department) for department in ("police", "civil_affairs", "village_committee")])

    async def tasks() -> list[str]:
        items = (await get(app, f"closures/{CASE}")).json()["items"]
        return [code for item in items if item["code"] == "no_open_task" for code in item["detail"]]

    assert await tasks() == []
    await happen(app, story.revision("red", {"youth_league": "assist", "health": "assist", "civil_affairs": "lead"}))
    assert await tasks() == ["referral:civil_affairs", "referral:health", "referral:youth_league"]


async def test_the_migrations_build_the_declared_tables(app: Running) -> None:
    async with app.database.reading() as db:
        rows = await db.fetch(
            "SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns "
            "WHERE table_schema = 'public'"
        )
    built = {(row["table_name"], row["column_name"], row["nullable"]) for row in rows}
    for table in Table.metadata.tables.values():
        declared = {(table.name, column.name, bool(column.nullable)) for column in table.columns}
        assert declared == {entry for entry in built if entry[0] == table.name}
