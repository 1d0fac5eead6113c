"""The road to closure over HTTP: the checklist, each refusal, the persons, closing and reopening."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested, VisitRecorded
from services.assistance.service import SERVICE
from tests.integration.assistance import story
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    COLLEAGUE,
    GRID,
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

pytestmark = pytest.mark.integration


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def test_a_case_is_proposed_by_the_village_agreed_by_police_and_closed_by_civil_affairs(app: Running) -> None:
    await ready_to_close(app)
    checklist = (await get(app, f"closures/{CASE}", VILLAGE)).json()
    assert {item["code"] for item in checklist["items"] if item["state"] == "open"} == {"views", "summary"}
    assert checklist["available_actions"] == ["propose"]

    proposed = await propose(app)
    assert proposed.status_code == 201, proposed.text
    assert proposed.json()["ready"] is True
    [requested] = await app.published(ClosureRequested)
    assert (requested.reason, requested.concurrences, requested.response_no) == ("GOAL_MET", ("police",), 1)

    early = await decide(app)
    assert (early.status_code, early.json()["code"], early.json()["parties"]) == (
        409,
        "concurrence_missing",
        ["police"],
    )
    assert (await get(app, f"closures/{CASE}", POLICE)).json()["available_actions"] == ["concur"]
    agreed = await concur(app, POLICE)
    assert agreed.status_code == 200, agreed.text
    assert agreed.json()["concurrences"][0]["by"]["account"] == "po-1"

    decided = await decide(app)
    assert decided.status_code == 200, decided.text
    assert (decided.json()["state"], decided.json()["available_actions"]) == ("closed", [])
    [closed] = await app.published(CaseClosed)
    assert (closed.reason, closed.highest_level, closed.response_no) == ("GOAL_MET", "orange", 1)
    assert closed.proposed_by.account == "vc-1"
    assert [actor.account for actor in closed.decided_by] == ["po-1", "ca-1"]
    assert str(closed.closure_id) == proposed.json()["closure_id"]
    again = await propose(app, key="again")
    assert (again.status_code, again.json()["code"]) == (409, "case_closed")


async def test_a_case_that_was_ever_red_needs_ninety_days_and_the_leader(app: Running) -> None:
    await ready_to_close(app, level="red", case_lead="health")
    await propose(app)
    assert (await decide(app)).json()["parties"] == ["responsible_leader"]
    refused = await concur(app, POLICE)
    assert (refused.status_code, refused.json()["reason"]) == (403, "concurrence_not_asked")
    assert (await concur(app, LEADER)).status_code == 200
    assert (await concur(app, LEADER)).json()["code"] == "already_concurred"
    assert (await decide(app)).status_code == 200
    assert (await app.published(CaseClosed))[0].highest_level == "red"


async def open_items(app: Running, **changes: Any) -> dict[str, list[str]]:
    """Propose, and read what the refusal lists."""
    answer = await propose(app, **changes)
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "closure_items_open"
    assert await app.published(ClosureRequested) == []
    return {item["code"]: item["detail"] for item in answer.json()["open_items"]}


@pytest.mark.parametrize(
    ("without", "item", "detail"),
    [
        ("written_assessment", "high_risk_visit_and_assessment", ["written_assessment"]),
        ("feedback", "feedback", [f"report:{id_of('report 1')}"]),
        ("police", "no_open_task", ["referral:police"]),
        ("first visit", "visits", ["visits:1"]),
    ],
)
async def test_what_was_not_done_is_listed(app: Running, without: str, item: str, detail: list[str]) -> None:
    await ready_to_close(app, without=without)
    assert await open_items(app) == {item: detail}


async def test_level_and_score_are_those_of_the_latest_assessment(app: Running) -> None:
    await ready_to_close(app, without="lower level")
    assert await open_items(app) == {"level": ["level:orange"], "score": ["score:45"]}
    await happen(app, story.risk("blue", score=12, fired=("O3",)))
    assert await open_items(app, key="2") == {"score": ["rule:O3"]}
    await happen(app, story.risk("yellow", score=12))
    assert await open_items(app, key="3") == {"level": ["level:yellow"]}
    handed_over = await propose(app, key="4", handover={"universal_service": "school"})
    assert handed_over.status_code == 201


async def test_the_observation_period_must_be_over(app: Running) -> None:
    await ready_to_close(app, without="observation")
    assert list(await open_items(app)) == ["observation"]
    await app.set_clock(story.SAFE + timedelta(days=60, seconds=5))
    assert (await propose(app, key="2")).status_code == 201


async def test_safety_confirmed_again_starts_the_observation_again(app: Running) -> None:
    await ready_to_close(app)
    await happen(app, story.safety(await app.database.now() - timedelta(days=2)))
    assert list(await open_items(app)) == ["observation"]


async def test_an_unsatisfactory_last_visit_forbids_closing(app: Running) -> None:
    await ready_to_close(app)
    last = await story.visit(app, key="worse", satisfactory=False)
    assert await open_items(app) == {"visits": [f"unsatisfactory:{last.json()['visit_id']}"]}


async def test_the_child_must_have_been_seen_in_person_in_the_last_ten_days(app: Running) -> None:
    await ready_to_close(app)
    await app.set_clock(await app.database.now() + timedelta(days=8))
    await story.visit(app, CIVIL_AFFAIRS, key="by video", in_person=False)
    assert list(await open_items(app)) == ["child_seen"]
    await story.visit(app, key="at home")
    assert (await propose(app, key="2")).status_code == 201


async def test_a_running_measure_forbids_closing(app: Running) -> None:
    await ready_to_close(app)
    held = {"held_at": START.isoformat(), "attendees": ["ST301"]}
    measures = [{"code": "LEGAL_AID", "owner_department": "justice"}]
    await story.post(app, f"plans/{CASE}/agree", CIVIL_AFFAIRS, {"measures": measures, "conference": held})
    assert await open_items(app) == {"no_open_task": ["measure:LEGAL_AID"]}


async def test_an_order_in_force_forbids_closing(app: Running) -> None:
    await ready_to_close(app)
    await happen(app, story.risk("blue", score=12, facts={"age": 9, "protection_order_in_force": True}))
    found = await open_items(app, handover={"pending": ["crime_case"]})
    assert found == {"no_order": ["order:protection_order_in_force", "pending:crime_case"]}


async def test_a_child_in_a_safe_place_needs_a_settled_placement(app: Running) -> None:
    await ready_to_close(app)
    await happen(app, story.safety(basis="safe_place"))
    assert await open_items(app) == {"placement": ["not_stated"]}
    home = (await app.database.now() - timedelta(days=31)).isoformat()
    assert (await propose(app, key="2", handover={"placement": "home", "home_since": home})).status_code == 201


@pytest.mark.parametrize(
    ("left_out", "found"),
    [
        ("summary_note_id", {"summary": ["summary"]}),
        ("child_view_note_id", {"views": ["child_view"]}),
        ("guardian_view_note_id", {"views": ["guardian_view"]}),
    ],
)
async def test_the_notes_must_exist(app: Running, left_out: str, found: dict[str, list[str]]) -> None:
    await ready_to_close(app)
    assert await open_items(app, **{left_out: None}) == found


async def test_feedback_that_is_impossible_is_an_answer(app: Running) -> None:
    await ready_to_close(app, without="feedback")
    await happen(app, story.feedback(possible=False))
    assert (await propose(app)).status_code == 201


async def test_what_changed_since_the_proposal_stops_the_decision(app: Running) -> None:
    await ready_to_close(app)
    await propose(app)
    await concur(app, POLICE)
    await happen(app, story.report("report 2", disposition="attached_to_open_case", at=await app.database.now()))
    await happen(app, story.risk("red", score=70, fired=("R1",)))
    answer = await decide(app)
    assert answer.status_code == 409
    assert [item["code"] for item in answer.json()["open_items"]] == [
        "level",
        "observation",
        "no_open_task",
        "score",
        "feedback",
    ]
    assert await app.published(CaseClosed) == []

    refused = await decide(app, approve=False)
    assert refused.status_code == 200
    assert (refused.json()["state"], refused.json()["refused_for"]) == (
        "refused",
        ["level", "observation", "no_open_task", "score", "feedback"],
    )
    [event] = await app.published(ClosureRefused)
    assert event.open_items == ("level", "observation", "no_open_task", "score", "feedback")


async def test_a_person_may_refuse_though_every_item_holds(app: Running) -> None:
    await ready_to_close(app)
    await propose(app)
    await decide(app, approve=False)
    [event] = await app.published(ClosureRefused)
    assert event.open_items == ()
    assert (await propose(app, key="2")).status_code == 201


# Who ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status", "reason"),
    [
        (CIVIL_AFFAIRS, 403, "not_the_proposing_department"),
        (POLICE, 403, None),
        ({**VILLAGE, "villages": ["V02"]}, 404, None),
        (GRID, 201, None),
    ],
)
async def test_the_village_of_the_case_proposes(
    app: Running, who: dict[str, Any], status: int, reason: str | None
) -> None:
    await ready_to_close(app)
    answer = await propose(app, who)
    assert answer.status_code == status
    if reason:
        assert answer.json()["reason"] == reason


@pytest.mark.parametrize("changes", [{"restricted": True}, {"conflict_unit": "village_committee"}])
async def test_civil_affairs_proposes_where_the_village_may_not_know(app: Running, changes: dict[str, Any]) -> None:
    await ready_to_close(app, **changes)
    assert (await propose(app, VILLAGE)).status_code == 404
    assert (await propose(app, CIVIL_AFFAIRS, key="2")).status_code == 201
    await concur(app, POLICE)
    alone = await decide(app, {**CIVIL_AFFAIRS, "sub": "another-account"})
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person")
    assert (await decide(app, COLLEAGUE)).status_code == 200


@pytest.mark.parametrize(("who", "status"), [(VILLAGE, 403), (POLICE, 403), (LEADER, 403)])
async def test_only_civil_affairs_decides(app: Running, who: dict[str, Any], status: int) -> None:
    await ready_to_close(app)
    await propose(app)
    assert (await decide(app, who)).status_code == status


async def test_an_informed_department_reads_the_checklist_and_no_more(app: Running) -> None:
    await ready_to_close(app)
    answer = await get(app, f"closures/{CASE}", LEAGUE)
    assert (answer.status_code, answer.json()["available_actions"]) == (200, [])
    assert (await get(app, f"plans/{CASE}", LEAGUE)).status_code == 403
    assert (await get(app, f"closures/{CASE}", {"sub": "fi-1", "dept": "finance"})).status_code == 404


async def test_one_proposal_waits_at_a_time_and_a_repeated_one_is_the_same(app: Running) -> None:
    await ready_to_close(app)
    first = await propose(app)
    again = await propose(app)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    other = await propose(app, key="other")
    assert (other.status_code, other.json()["code"]) == (409, "closure_waiting")
    assert len(await app.published(ClosureRequested)) == 1


async def test_a_decision_on_an_old_version_is_refused(app: Running) -> None:
    await ready_to_close(app)
    stale = (await get(app, f"closures/{CASE}")).headers["ETag"]
    await propose(app)
    answer = await story.post(app, f"closures/{CASE}/decide", CIVIL_AFFAIRS, {"approve": True}, if_match=stale)
    assert answer.status_code == 412


async def test_nothing_to_decide_without_a_proposal(app: Running) -> None:
    await ready_to_close(app)
    answer = await decide(app)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_closure_waiting")


# Reasons -------------------------------------------------------------------------------------------------------------


async def test_a_case_known_to_be_outside_closes_on_the_receipt(app: Running) -> None:
    first = [story.report(disposition="transfer_out"), story.risk("red", score=70)]
    outside = story.response(
        "red", transfer_out=True, referrals=story._issued({"civil_affairs": "lead"}), case_lead="civil_affairs"
    )
    await happen(app, *first, outside, story.feedback(), story.completed("civil_affairs"))
    found = await open_items(app, reason="TRANSFERRED")
    assert found == {"receiving_authority": ["acknowledgement"]}
    await happen(app, story.safety(basis="receiving_authority_receipt"))
    assert (await propose(app, key="2", reason="TRANSFERRED")).status_code == 201
    assert (await get(app, f"plans/{CASE}")).json()["state"] == "not_open"


async def test_a_duplicate_is_closed_into_another_open_case(app: Running) -> None:
    await ready_to_close(app, without="lower level")
    other = id_of("other case")
    merged = {"merged_into": str(other)}
    assert await open_items(app, reason="DUPLICATE_MERGED", handover=merged) == {"merged_case": ["merged_into"]}
    for payload in (story.report("other report"), story.risk("red", score=70)):
        await app.publish(payload.model_copy(update={"case_id": other}), str(other))
    await app.settle()
    answer = await propose(app, key="2", reason="DUPLICATE_MERGED", handover=merged, child_view_note_id=None)
    assert answer.status_code == 201, answer.text
    await concur(app, POLICE)
    assert (await decide(app)).status_code == 200


async def test_the_checklist_shows_what_a_reason_makes_moot(app: Running) -> None:
    await ready_to_close(app)
    shown = (await get(app, f"closures/{CASE}?reason=UNFOUNDED")).json()
    states = {item["code"]: item["state"] for item in shown["items"]}
    assert (states["observation"], states["independent_checks"]) == ("skipped", "open")
    assert shown["reason"] == {"code": "UNFOUNDED", "zh": "不成立", "en": "unfounded"}


# Reopening ---------------------------------------------------------------------------------------------------------


async def closed_case(app: Running) -> None:
    await ready_to_close(app)
    await propose(app)
    await concur(app, POLICE)
    assert (await decide(app)).status_code == 200


async def test_a_reopened_case_starts_a_new_round_and_keeps_the_earlier_one(app: Running) -> None:
    await closed_case(app)
    again = await app.database.now() + timedelta(days=20)
    await app.set_clock(again + timedelta(hours=5))
    await happen(
        app,
        story.risk("yellow", score=25, response_no=2),
        story.report("report 2", disposition="case_reopened", response_no=2, at=again),
        story.response("yellow", response_no=2, received_at=again),
    )
    shown = (await get(app, f"closures/{CASE}")).json()
    assert (shown["response_no"], shown["state"]) == (2, "none")
    items = {item["code"]: item["detail"] for item in shown["items"] if item["state"] == "open"}
    assert items["observation"] == ["safety_not_confirmed"]
    assert items["visits"] == ["visits:0"]
    assert items["child_seen"] == ["never_seen"]
    assert items["high_risk_visit_and_assessment"] == ["in_person_visit", "written_assessment"]
    await happen(app, story.safety(again + timedelta(hours=1), response_no=2))
    until = again + timedelta(hours=1, days=60)
    [observed] = [
        item for item in (await get(app, f"closures/{CASE}")).json()["items"] if item["code"] == "observation"
    ]
    assert observed["detail"] == [f"until:{until.isoformat()}"]
    async with app.database.reading() as db:
        rounds = await db.fetch("SELECT response_no, state FROM case_round WHERE case_id = $1 ORDER BY 1", CASE)
    assert [tuple(row) for row in rounds] == [(1, "closed"), (2, "open")]


async def test_a_report_attached_while_the_case_closed_opens_the_round_again(app: Running) -> None:
    await closed_case(app)
    await happen(app, story.report("report 2", disposition="attached_to_open_case", at=await app.database.now()))
    shown = (await get(app, f"closures/{CASE}")).json()
    assert (shown["state"], shown["closure_id"]) == ("none", None)
    assert [item["code"] for item in shown["items"] if item["state"] == "open"] == ["views", "feedback", "summary"]


async def test_visits_are_announced_and_listed_newest_first_over_all_rounds(app: Running) -> None:
    await ready_to_close(app)
    await story.visit(app, key="later")
    listed = (await get(app, f"visits?case_id={CASE}&limit=2")).json()
    rest = (await get(app, f"visits?case_id={CASE}&limit=2&cursor={listed['next_cursor']}")).json()
    shown = [item["visit_id"] for item in [*listed["items"], *rest["items"]]]
    announced = [str(event.visit_id) for event in await app.published(VisitRecorded)]
    assert shown == announced[::-1]
    assert len(shown) == 3
