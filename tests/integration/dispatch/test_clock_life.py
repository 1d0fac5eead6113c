"""Clocks over the life of a case: what others meet is announced, the reviews come round, the first contact is the earliest."""

from datetime import timedelta
from typing import Any

from chassis.testing import Running
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested, PlanAgreed, VisitRecorded
from contracts.dispatch import ArrivalReported, ResponseOpened, StepsMet
from contracts.notification import NoticesRecorded
from contracts.vocabulary import SYSTEM, Actor
from tests.integration.dispatch.story import (
    CIVIL,
    DIRECTOR,
    GRID,
    POLICE,
    Story,
    again,
    deliver,
    id_of,
    opened,
    seen_and_safe,
)
from tests.samples.golden import moment

WORKER = Actor(kind="person", account="gm-1", staff="ST006", organisation="V01-VC", department="village_committee")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def announced(app: Running) -> list[tuple[str, list[str], list[str]]]:
    """Cause, steps met, steps started of each announcement."""
    events: list[StepsMet] = await app.published(StepsMet)
    return [(e.cause_type, [m.step for m in e.met], [d.step for d in e.deadlines]) for e in events]


async def test_whatever_another_service_meets_starts_or_ends_is_announced_once(app: Running) -> None:
    story = await opened(app, "YX-01")
    await seen_and_safe(story, POLICE)
    at = await story.now()
    case: dict[str, Any] = {"case_id": story.data.case_id}
    recorded = NoticesRecorded(**case, cause_type=ResponseOpened.TYPE, notices=(), recorded_at=at)
    await deliver(app, recorded, story.key)
    await deliver(app, recorded, story.key)
    plan = PlanAgreed(**case, plan_id=id_of("plan"), by=WORKER, at=story.due("S9") + HOUR)
    await deliver(app, plan, story.key)
    visit: dict[str, Any] = {"post": "grid_member", "child_seen": True, "in_person": True, "satisfactory": True}
    await deliver(app, VisitRecorded(**case, **visit, visit_id=id_of("v"), visited_at=at + HOUR, by=WORKER), story.key)
    asked: dict[str, Any] = {**case, "closure_id": id_of("closure"), "by": WORKER, "at": at + 2 * HOUR}
    await deliver(app, ClosureRequested(**asked, reason="GOAL_MET"), story.key)
    await deliver(app, ClosureRefused(**asked), story.key)
    assert await announced(app) == [
        ("notices.recorded.v1", ["S7"], []),
        ("plan.agreed.v1", ["S9"], []),
        ("visit.recorded.v1", ["S10"], []),
        ("closure.requested.v1", [], ["S12"]),
        ("closure.refused.v1", ["S12"], []),
    ]
    events: list[StepsMet] = await app.published(StepsMet)
    assert events[1].met[0].late_seconds == HOUR.total_seconds(), "late stays late"
    closed = CaseClosed(
        **case, case_number="YX-01", township="YX", closure_id=id_of("closure"), reason="GOAL_MET", highest_level="red",
        proposed_by=WORKER, decided_by=(WORKER,), at=at + 3 * HOUR, response_no=1,
    )  # fmt: skip
    await deliver(app, closed, story.key)
    last = (await app.published(StepsMet))[-1]
    assert (last.cause_type, last.met, set(last.cancelled.values())) == ("case.closed.v1", (), {"case_closed"})


async def test_a_closure_decision_has_the_days_of_the_level(app: Running) -> None:
    story = await opened(app, "YX-15")
    asked = moment("2026-04-30T10:00:00+08:00")
    await app.set_clock(asked)
    request = ClosureRequested(
        case_id=story.data.case_id, closure_id=id_of("c"), by=WORKER, at=asked, reason="GOAL_MET"
    )
    await deliver(app, request, story.key)
    clock = await story.clock("S12")
    assert (clock["anchor"], clock["owner"]) == ("requested", "civil_affairs")
    assert moment(clock["due_at"]) == moment("2026-05-11T17:30:00+08:00"), "five working days over the May holiday"


async def test_reviews_come_round_from_the_last_assessment_by_a_person(app: Running) -> None:
    story = await opened(app, "YX-15")
    first = story.received + 3 * DAY
    await app.set_clock(first + MINUTE)
    for cause in ("rescreen", "trigger"):
        await deliver(app, again(story.data, cause, "yellow", first, assessed_by=SYSTEM), story.key)
    assert not [d for d in (await story.view(CIVIL))["deadlines"] if d["step"] == "S11"]
    await deliver(app, again(story.data, "assessment", "yellow", first), story.key)
    clock = await story.clock("S11")
    assert (clock["anchor"], moment(clock["due_at"])) == ("last_assessment", first + 90 * DAY)
    second = first + 80 * DAY
    await app.set_clock(second + MINUTE)
    await deliver(app, again(story.data, "review", "yellow", second), story.key)
    running = [d for d in (await story.view(CIVIL))["deadlines"] if d["step"] == "S11" and d["state"] == "running"]
    assert [moment(d["due_at"]) for d in running] == [second + 90 * DAY]
    raised = second + DAY
    await app.set_clock(raised + MINUTE)
    await deliver(app, again(story.data, "manual_raise", "red", raised), story.key)
    running = [d for d in (await story.view(CIVIL))["deadlines"] if d["step"] == "S11" and d["state"] == "running"]
    assert [moment(d["due_at"]) for d in running] == [raised + 7 * DAY]


async def test_the_first_contact_is_the_earliest_sight_in_whatever_order_people_enter_it(app: Running) -> None:
    story: Story = await opened(app, "YX-02", after=50 * MINUTE)
    at = {minutes: (story.received + minutes * MINUTE).isoformat() for minutes in (20, 25, 40)}
    await story.must(POLICE, "report-arrival", {"arrived_at": at[40], "child_seen": True})
    assert moment((await story.view(CIVIL))["first_contact_at"]) == story.received + 40 * MINUTE
    await story.must(POLICE, "report-arrival", {"arrived_at": at[20], "child_seen": True})
    await story.must(POLICE, "report-arrival", {"arrived_at": at[25], "child_seen": True})
    assert moment((await story.view(CIVIL))["first_contact_at"]) == story.received + 20 * MINUTE
    events: list[ArrivalReported] = await app.published(ArrivalReported)
    assert [e.first_contact for e in events] == [True, True, False]
    assert [len(e.deadlines) for e in events] == [1, 0, 0], "the re-scoring clock starts once"


async def test_the_three_arrival_clocks_run_beside_each_other_whoever_comes_first(app: Running) -> None:
    story = await opened(app, "YX-01", after=MINUTE)
    at = (story.received + 5 * MINUTE).isoformat()
    await app.set_clock(story.received + 6 * MINUTE)
    await story.must(POLICE, "report-arrival", {"arrived_at": at, "child_seen": True})
    states = {d["step"]: d["state"] for d in (await story.view(CIVIL))["deadlines"]}
    assert (states["S5a"], states["S5b"], states["S5c"]) == ("running", "running", "met")
    await story.must(GRID, "report-arrival", {"arrived_at": at, "child_seen": False})
    await story.must(DIRECTOR, "report-arrival", {"arrived_at": at, "child_seen": False})
    states = {d["step"]: d["state"] for d in (await story.view(CIVIL))["deadlines"]}
    assert {states[step] for step in ("S5a", "S5b", "S5c", "S5p")} == {"met"}
