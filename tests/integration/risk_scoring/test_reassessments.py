"""Reassessments: what calls for one, the list, its clock, and what ends it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import (
    CaseClosed,
    ClosureRequested,
    ComplianceChecked,
    LadderStepRecorded,
    MeasureChanged,
    OrderEnded,
    PlacementChanged,
    VisitFailed,
    VisitRecorded,
)
from contracts.intake import ChildMilestoneReached
from contracts.risk_scoring import (
    ReassessmentDone,
    ReassessmentDueSoon,
    ReassessmentOpened,
    ReassessmentOverdue,
    RiskAssessed,
)
from services.risk_scoring.service import SERVICE
from tests.integration.risk_scoring import story
from tests.integration.risk_scoring.story import (
    CASE,
    CIVIL_AFFAIRS,
    LEAGUE,
    NOW,
    POLICE,
    VILLAGE,
    ZERO_POINTS,
    act,
    child,
    happen,
    id_of,
    report,
    risk,
)

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
INJURED = child(concerns=["H1"], facts={"visible_injury": True, "abuser_co_resident": True})
THIN = child(concerns=["N12"], answers=dict.fromkeys(ZERO_POINTS, "unknown"))
SCHOOL: dict[str, Any] = {"sub": "sc-1", "dept": "school", "org": "SC1", "posts": ["teacher"]}


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=NOW) as service:
        yield service


async def tasks(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS, query: str = "") -> dict[str, dict[str, Any]]:
    """The open reassessments somebody sees, by trigger."""
    answer = await app.client.get(f"/api/v1/reassessments?limit=100&{query}", headers=app.as_(**who))
    assert answer.status_code == 200, answer.text
    return {one["trigger"]["code"]: one for one in answer.json()["items"]}


async def signal(app: Running, kind: str, who: dict[str, Any] = POLICE, key: str = "s-1", **more: Any) -> Any:
    body = {"case_id": str(CASE), "kind": kind, "at": (await app.database.now() - HOUR).isoformat(), **more}
    return await app.client.post("/api/v1/signals", json=body, headers={**app.as_(**who), "Idempotency-Key": key})


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Fact-finding ----------------------------------------------------------------------------------------------------


async def test_a_thin_report_owes_fact_finding_until_the_child_was_seen_and_scored_again(app: Running) -> None:
    await happen(app, report("report 1", THIN), story.response())
    found = (await tasks(app))["fact_finding"]
    assert found["level"]["code"] == "yellow"
    expected = NOW + 144 * HOUR
    assert abs(moment(found["due_at"]) - expected) < timedelta(minutes=1)
    assert found["trigger"]["zh"] == "补充事实后重新评分"

    await happen(app, story.arrival(first_contact=True))
    moved = (await tasks(app))["fact_finding"]
    assert moment(moved["due_at"]) == NOW + timedelta(minutes=40) + 72 * HOUR
    assert moved["task_id"] == found["task_id"]

    await app.set_clock(NOW + 2 * HOUR)
    answer = await act(app, "review", CIVIL_AFFAIRS, {"children": [], "note_id": str(id_of("note"))})
    assert answer.status_code == 200, answer.text
    assert answer.json()["provisional"] is True
    assert await tasks(app) == {}
    done = {one.trigger: one for one in await app.published(ReassessmentDone)}
    assert done.keys() == {"fact_finding", "on_scene_findings"}
    assert {(one.outcome, one.late_seconds) for one in done.values()} == {("assessed", 0)}
    [opened, again] = [one for one in await app.published(ReassessmentOpened) if one.trigger == "fact_finding"]
    assert (opened.task_id, opened.township, again.due_at < opened.due_at) == (again.task_id, "YX", True)


async def test_facts_that_come_later_make_the_fact_finding_needless(app: Running) -> None:
    await happen(app, report("report 1", THIN), story.response())
    assert "fact_finding" in await tasks(app)
    await happen(app, story.amendment(child(concerns=["N12"])))
    assert await tasks(app) == {}
    [done] = await app.published(ReassessmentDone)
    assert (done.outcome, done.by.kind) == ("superseded", "system")


async def test_an_overdue_reassessment_is_called_to_mind_and_again_until_it_is_done(app: Running) -> None:
    await happen(app, report("report 1", INJURED), story.response())
    await signal(app, "hospitalised")
    assert await app.fire(timedelta(hours=20)) == 1
    [soon] = await app.published(ReassessmentDueSoon)
    assert (soon.trigger, soon.level, soon.case_number) == ("hospitalised", "orange", "YX-first")
    await app.fire(timedelta(hours=5))
    await app.fire(timedelta(hours=12))
    assert [one.repeat_no for one in await app.published(ReassessmentOverdue)] == [0, 1]
    assert (await tasks(app, query="overdue=true"))["hospitalised"]["overdue"] is True

    await act(app, "review", VILLAGE, {})
    assert await app.fire(timedelta(days=3)) == 0
    assert len(await app.published(ReassessmentOverdue)) == 2
    [done] = await app.published(ReassessmentDone)
    assert 12 * 3600 < done.late_seconds < 14 * 3600
    over = await tasks(app, query="state=assessed")
    assert over["hospitalised"]["late_seconds"] == done.late_seconds
    assert over["hospitalised"]["ended_by"]["account"] == "vc-1"


# Triggers --------------------------------------------------------------------------------------------------------


def of_case(**more: Any) -> dict[str, Any]:
    return {"case_id": CASE, "by": story.WORKER, **more}


def named(**more: Any) -> dict[str, Any]:
    return of_case(case_number="YX-first", township="YX", at=NOW, **more)


def placement(state: Any, name: str = "place 1", cause: str | None = None) -> PlacementChanged:
    return PlacementChanged(
        cause=cause,
        **named(placement_id=id_of(name), child_id=id_of("first"), kind="P1", reason="guardian_absent", state=state),
        responsible="this_township",
    )


def ladder(document: str) -> LadderStepRecorded:
    return LadderStepRecorded(
        **named(ladder_step_id=id_of(document), step="G3", document=document, issuer="police", issued_on=NOW)
    )


def failed(failure: Any, in_a_row: int) -> VisitFailed:
    return VisitFailed(
        **of_case(post="grid_member", attempted_at=NOW, failure=failure, failures_in_row=in_a_row, level="orange")
    )


def measure(state: Any) -> MeasureChanged:
    return MeasureChanged(
        **of_case(measure_id=id_of("m"), code="DIBAO", department="civil_affairs", state=state, at=NOW)
    )


async def test_what_happens_to_a_child_calls_for_a_reassessment_once_per_reason(app: Running) -> None:
    await happen(app, report("report 1", INJURED), story.response())
    visit = VisitRecorded(
        **of_case(visit_id=id_of("v"), post="grid_head", visited_at=NOW, child_seen=True, in_person=True),
        satisfactory=False,
    )
    closing = ClosureRequested(**of_case(closure_id=id_of("c"), reason="GOAL_MET", at=NOW, response_no=1))
    for payload, expected in (
        (visit, {"on_scene_findings"}),
        (failed("nobody_home", 1), set()),
        (failed("entry_refused", 2), {"two_failed_visits", "entry_refused"}),
        (failed("moved_away", 3), {"child_moves"}),
        (placement("proposed"), set()),
        (placement("started"), {"placement_start"}),
        (placement("ended", cause="moved"), set()),  # assistance announces the end of the old place first
        (placement("started", "place 2"), {"placement_move"}),
        (placement("ended"), set()),
        (placement("returned_home", "place 2"), {"placement_end"}),
        (measure("granted"), {"benefit_granted"}),
        (measure("stopped"), {"benefit_stopped"}),
        (closing, {"closure_request"}),
        (ChildMilestoneReached(case_id=CASE, case_number="YX-first", child_id=id_of("first"), milestone="age_17y11m",
                               policy_version="2026-11", at=NOW), {"age_17y11m"}),
        (report("report 2", INJURED, disposition="attached_to_open_case"), {"new_report"}),
        (story.fired("S11", "warn_80", NOW + 30 * HOUR), {"scheduled_review"}),
        (failed("nobody_home", 4), set()),
    ):  # fmt: skip
        before = set(await tasks(app))
        await happen(app, payload)
        assert set(await tasks(app)) - before == expected, payload
    listed = await tasks(app)
    assert moment(listed["placement_start"]["due_at"]) == NOW + 24 * HOUR
    assert moment(listed["scheduled_review"]["due_at"]) == NOW + 30 * HOUR

    await happen(
        app,
        CaseClosed(
            case_id=CASE, case_number="YX-first", township="YX", closure_id=id_of("closure"), reason="GOAL_MET",
            highest_level="orange", proposed_by=story.WORKER, decided_by=(story.WORKER,), at=NOW, response_no=1,
        ),
    )  # fmt: skip
    assert await tasks(app) == {}
    assert {one.outcome for one in await app.published(ReassessmentDone)} == {"case_closed"}
    assert await app.fire(timedelta(days=9)) == 0


async def test_an_order_in_force_makes_new_violence_red_and_its_end_is_a_reason_to_look(app: Running) -> None:
    await happen(app, report("report 1", child(concerns=["H1"], facts={"new_violence": True})), story.response())
    assert (await risk(app))["level"]["code"] == "blue"
    await happen(app, ladder("warning_letter"))
    assert (await risk(app))["level"]["code"] == "red"
    event = (await app.published(RiskAssessed))[-1]
    assert (event.cause, event.children[0].fired[0], event.assessed_by) == ("trigger", "R11", story.WORKER)
    breached = ComplianceChecked(
        **named(ladder_step_id=id_of("warning_letter"), step="G3", document="warning_letter", complied=False),
        breached_order=True,
    )
    ended = OrderEnded(
        case_id=CASE, ladder_step_id=id_of("warning_letter"), document="warning_letter", cause="expired", at=NOW
    )
    await happen(app, breached, ended)
    event = (await app.published(RiskAssessed))[-1]
    assert (event.report_level, event.computed_level) == ("red", "blue")
    assert event.children[0].answers["C4"] == "repeat"
    assert {"order_issued", "order_breached", "order_ended"} <= set(await tasks(app))


async def test_a_level_that_rises_brings_every_open_task_forward(app: Running) -> None:
    await happen(app, report("report 1", child(concerns=["N3"])), story.response())
    await signal(app, "guardian_detained")
    before = moment((await tasks(app))["guardian_detained"]["due_at"])
    await act(app, "raise", POLICE, {"to": "red", "evidence": "guardian_detained"})
    after = (await tasks(app))["guardian_detained"]
    assert after["level"]["code"] == "red"
    assert moment(after["due_at"]) < before - 24 * HOUR


# Signals ---------------------------------------------------------------------------------------------------------


async def test_an_absence_the_school_reports_raises_the_level_and_opens_one_reassessment(app: Running) -> None:
    await happen(app, report("report 1", child(concerns=["N5"])), story.response(**story.with_role("school", "inform")))
    assert (await risk(app))["level"]["code"] == "blue"
    first = await signal(app, "absent_3_school_days", SCHOOL, child_id=str(id_of("first")))
    assert first.status_code == 201, first.text
    assert (await risk(app))["level"]["code"] == "yellow"
    event = (await app.published(RiskAssessed))[-1]
    assert (event.cause, event.children[0].fired, event.assessed_by.department) == ("trigger", ("Y2",), "school")
    again = await signal(app, "absent_3_school_days", SCHOOL, "s-2")
    assert again.json()["task_id"] == first.json()["task_id"]
    assert len(await app.published(RiskAssessed)) == 2
    listed = await app.client.get(f"/api/v1/signals?case_id={CASE}", headers=app.as_(**CIVIL_AFFAIRS))
    assert [one["kind"]["code"] for one in listed.json()["items"]] == ["absent_3_school_days"] * 2


@pytest.mark.parametrize(
    ("kind", "more", "pointer"),
    [
        ("birthday_16", {}, "#/kind"),
        ("a_feeling", {}, "#/kind"),
        ("hospitalised", {"at": (NOW + 2 * HOUR).isoformat()}, "#/at"),
        ("hospitalised", {"at": "2026-03-24T08:00:00"}, "#/at"),
        ("hospitalised", {"child_id": str(id_of("somebody else"))}, "#/child_id"),
    ],
)
async def test_a_signal_that_cannot_be_names_the_field(app: Running, kind: str, more: Any, pointer: str) -> None:
    await happen(app, report(), story.response())
    answer = await signal(app, kind, **more)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_only_who_may_know_of_a_case_reports_on_it_and_only_while_it_is_open(app: Running) -> None:
    await happen(app, report(), story.response())
    stranger = {"sub": "fi-1", "dept": "finance", "org": "FI"}
    assert (await signal(app, "hospitalised", stranger)).status_code == 404
    reader = {**SCHOOL, "kind": "client", "scopes": ["referrals:read"]}
    assert (await signal(app, "hospitalised", reader)).status_code == 403
    closed = CaseClosed(
        case_id=CASE, case_number="YX-first", township="YX", closure_id=id_of("closure"), reason="GOAL_MET",
        highest_level="blue", proposed_by=story.WORKER, decided_by=(story.WORKER,), at=NOW, response_no=1,
    )  # fmt: skip
    await happen(app, closed)
    assert (await signal(app, "hospitalised")).json()["code"] == "case_closed"


# Who sees them ---------------------------------------------------------------------------------------------------


async def test_the_list_shows_the_tasks_of_the_cases_one_may_read_and_no_other(app: Running) -> None:
    hidden = child(concerns=["H2"], facts={"conflict_unit": "school"})
    await happen(app, report("report 1", hidden), story.response(restricted=True))
    await signal(app, "hospitalised")
    [task] = [one for trigger, one in (await tasks(app)).items() if trigger == "hospitalised"]
    readers: list[tuple[dict[str, Any], int]] = [
        (CIVIL_AFFAIRS, 200), (POLICE, 200), (VILLAGE, 404), (SCHOOL, 404), (LEAGUE, 403),
        ({"sub": "tl-1", "dept": "township_government", "posts": ["responsible_leader"]}, 200),
        ({"sub": "tg-1", "dept": "township_government", "posts": ["duty_clerk"]}, 404),
        ({**CIVIL_AFFAIRS, "township": "ZZ"}, 404),
    ]  # fmt: skip
    for who, status in readers:
        assert ("hospitalised" in await tasks(app, who)) is (status == 200), who
        answer = await app.client.get(f"/api/v1/reassessments/{task['task_id']}", headers=app.as_(**who))
        assert answer.status_code == status, who
