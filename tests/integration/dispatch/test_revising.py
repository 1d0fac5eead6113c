"""A running response under another report, another level, new facts, and its end."""

from datetime import timedelta
from typing import Any

from chassis.testing import Running
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested, PlanAgreed, VisitRecorded
from contracts.dispatch import ResponseOpened, ResponseRevised
from contracts.notification import NoticesRecorded
from contracts.vocabulary import SYSTEM, Actor, Fact
from tests.integration.dispatch.story import (
    CIVIL,
    DIRECTOR,
    HEALTH,
    POLICE,
    Story,
    again,
    deliver,
    id_of,
    opened,
    person,
    scored,
    seen_and_safe,
)
from tests.samples.golden import golden_case, moment

WORKER = Actor(kind="person", account="ca-1", staff="ST088", organisation="YX-CA", department="civil_affairs")
GRID_6 = person("village_committee", "V06-VC", "grid_member", villages=["V06"], groups=["V06-G3"])


async def attach_second_report(app: Running) -> Story:
    """The golden pair: YX-05 opens, its grid member arrives, YX-06 is attached the next day."""
    story = await opened(app, "YX-05")
    arrived = {"arrived_at": (await story.now()).isoformat(), "child_seen": False}
    await story.must(GRID_6, "report-arrival", arrived)
    await app.set_clock(moment(golden_case("YX-06")["received_at"]) + timedelta(minutes=2))
    await deliver(app, scored("YX-06", case="YX-05"), story.key)
    return story


# Another report -----------------------------------------------------------------------------------------------------------


async def test_the_attached_golden_report_raises_the_level_the_referrals_and_the_clocks(app: Running) -> None:
    story = await attach_second_report(app)
    expected, event = golden_case("YX-06")["expected"], await story.revised()
    assert (event.level_before, event.level) == (expected["level_before"], expected["level"])
    view = await story.view(CIVIL)
    assert {r["department"]: r["role"] for r in view["referrals"]} == expected["referrals"]
    added = {r.department for r in event.referrals if r.department in expected["referrals_added_or_raised"]}
    assert added == set(expected["referrals_added_or_raised"])
    mine = str(event.report_id)
    own = {d["step"]: d for d in view["deadlines"] if d["report_id"] == mine or d["step"] not in ("S3", "S13")}
    for step, due in expected["deadlines"].items():
        assert moment(own[step]["due_at"]) == moment(due), step
    first = next(d for d in view["deadlines"] if d["step"] == "S13" and d["report_id"] == str(story.opened.report_id))
    assert moment(first["due_at"]) == moment(expected["first_report_S13"])
    assert moment((await story.clock("reassessment"))["due_at"]) == moment(expected["reassessment_due"])
    assert moment((await story.clock("N-9"))["due_at"]) == moment(expected["guardian_notice"]["due"])
    assert {(m.step, m.late_seconds) for m in event.met} == {("S3", 0)}
    assert own["S5a"]["state"] == "met"


async def test_departments_that_join_sign_within_the_limit_from_their_own_dispatch(app: Running) -> None:
    story = await attach_second_report(app)
    event = await story.revised()
    police = [d for d in event.deadlines if d.department == "police" and d.step == "S4"]
    assert len(police) == 1
    assert police[0].due_at - (await story.now()) <= timedelta(minutes=30)
    assert police[0].anchor_at > event.revised_at
    assert police[0].referral_id in {r.referral_id for r in event.referrals}
    assert (await story.must(POLICE, "acknowledge", on=police[0].referral_id))["state"] == "acknowledged"


async def test_both_reporters_get_feedback_of_their_own(app: Running) -> None:
    story = await attach_second_report(app)
    second = str(id_of("YX-06 report"))
    await story.must(CIVIL, "give-feedback", {"report_id": second})
    view = await story.view(CIVIL)
    states = {d["report_id"]: d["state"] for d in view["deadlines"] if d["step"] == "S13"}
    assert states == {second: "met", str(story.opened.report_id): "running"}
    assert (
        "give-feedback" in next(r for r in view["referrals"] if r["department"] == "civil_affairs")["available_actions"]
    )


async def test_the_policy_version_of_the_opening_stays(app: Running) -> None:
    story = await opened(app, "YX-05")
    later = again(story.data, "manual_raise", "orange", await story.now(), policy_version="2099-01")
    await deliver(app, later, story.key)
    assert ((await story.revised()).policy_version, await app.parked()) == ("2026-11", 0)


# Levels -------------------------------------------------------------------------------------------------------------------


async def test_a_raise_brings_open_clocks_forward_from_the_moment_of_the_change(app: Running) -> None:
    story = await opened(app, "YX-05")
    await app.set_clock(story.received + timedelta(hours=2))
    at = await story.now()
    await deliver(app, again(story.data, "manual_raise", "red", at), story.key)
    event = await story.revised()
    assert (event.cause, event.level_before, event.level) == ("manual_raise", "yellow", "red")
    due = {d.step: d.due_at for d in event.deadlines if d.step != "S4"}
    assert due["S5a"] == at + timedelta(minutes=30)
    assert due["S6"] == at + timedelta(hours=4)
    assert {r.department for r in event.referrals} >= {"police", "township_government"}
    async with app.database.reading() as db:
        pages = await db.fetchval("SELECT count(*) FROM deadline WHERE kind = 'S4-page' AND state = 'armed'")
        unsigned = await db.fetchval("SELECT count(*) FROM deadline WHERE kind = 'S4' AND state = 'armed'")
    assert pages == unsigned > 0


async def test_a_lower_result_never_lowers_but_two_persons_do(app: Running) -> None:
    story = await opened(app, "YX-01")
    at = await story.now()
    await deliver(app, again(story.data, "assessment", "yellow", at), story.key)
    assert (await story.view(CIVIL))["level"] == "red"
    before = {d["step"]: d["due_at"] for d in (await story.view(CIVIL))["deadlines"] if d["department"] != "hotline"}
    await deliver(app, again(story.data, "manual_lowering", "orange", at), story.key)
    view = await story.view(CIVIL)
    after = {d["step"]: d["due_at"] for d in view["deadlines"]}
    assert view["level"] == "orange"
    assert after["S6"] == before["S6"]
    assert after["S8"] > before["S8"]
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM deadline WHERE kind = 'S4-page' AND state = 'armed'") == 0


async def test_a_written_assessment_starts_the_next_review_and_the_systems_own_does_not(app: Running) -> None:
    story = await opened(app, "YX-01")
    at = await story.now()
    await deliver(app, again(story.data, "assessment", "red", at, assessed_by=SYSTEM), story.key)
    assert await app.published(ResponseRevised) == []
    await deliver(app, again(story.data, "assessment", "red", at), story.key)
    review = await story.clock("S11")
    assert moment(review["due_at"]) == at + timedelta(days=7)
    later = at + timedelta(days=2)
    await deliver(app, again(story.data, "assessment", "red", later), story.key)
    view = await story.view(CIVIL)
    reviews = {d["state"]: d["due_at"] for d in view["deadlines"] if d["step"] == "S11"}
    assert set(reviews) == {"met", "running"}
    assert moment(reviews["running"]) == later + timedelta(days=7)


async def test_a_case_that_becomes_restricted_withdraws_the_village_and_its_clocks(app: Running) -> None:
    story = await opened(app, "YX-01")
    marked: dict[str, Fact] = {**story.data.children[0].facts, "police_restricted_mark": True}
    children = (story.data.children[0].model_copy(update={"facts": marked}),)
    at = await story.now()
    await deliver(app, again(story.data, "assessment", "red", at, restricted=True, children=children), story.key)
    event = await story.revised()
    assert event.restricted
    assert event.withdrawn == (story.referral("village_committee"),)
    ended = {d["step"]: d for d in (await story.view(CIVIL))["deadlines"] if d["state"] == "cancelled"}
    assert {"S5a", "S5b", "S4", "task"} <= set(ended)
    assert {event.cancelled[d["deadline_id"]] for d in ended.values()} == {"restricted"}
    assert (await story.get(DIRECTOR, f"/referrals/{story.referral('village_committee')}")).status_code == 404
    for filters in ({"state": "ended"}, {"updated_since": story.received.isoformat()}):
        assert (await story.get(DIRECTOR, "/referrals", **filters)).json()["items"] == []
    assert await story.view(POLICE)


async def test_a_returned_task_stays_moved_when_the_case_is_routed_again(app: Running) -> None:
    story = await opened(app, "YX-01")
    back = {"reason": "not_our_duty", "proposed_department": "disabled_federation"}
    await story.must(HEALTH, "return", back)
    await story.must(CIVIL, "decide-return", {"upheld": True}, on=story.referral("health"))
    await deliver(app, again(story.data, "assessment", "red", await story.now()), story.key)
    view = await story.view(CIVIL)
    roles = {r["department"]: r["role"] for r in view["referrals"] if r["state"] != "ended"}
    assert roles["disabled_federation"] == "assist"
    assert "health" not in roles


# Steps met elsewhere ------------------------------------------------------------------------------------------------------


async def test_steps_that_other_services_see_done_end_their_clocks(app: Running) -> None:
    story = await opened(app, "YX-01")
    await seen_and_safe(story, POLICE)
    at = await story.now()
    recorded = NoticesRecorded(case_id=story.data.case_id, cause_type=ResponseOpened.TYPE, notices=(), recorded_at=at)
    await deliver(app, recorded, story.key)
    assert (await story.clock("S7"))["state"] == "met"
    plan = PlanAgreed(case_id=story.data.case_id, plan_id=id_of("plan"), by=WORKER, at=at)
    await deliver(app, plan, story.key)
    assert (await story.clock("S9"))["state"] == "met"


async def test_only_a_visit_of_the_grid_after_safety_that_saw_the_child_is_the_first_visit(app: Running) -> None:
    story = await opened(app, "YX-01")
    safe = await story.now()
    await seen_and_safe(story, POLICE)

    async def visit(name: str, **changes: Any) -> str:
        content: dict[str, Any] = {
            "case_id": story.data.case_id,
            "visit_id": id_of(name),
            "post": "grid_member",
            "visited_at": safe + timedelta(hours=3),
            "child_seen": True,
            "in_person": True,
            "satisfactory": True,
            "by": WORKER,
        }
        await deliver(app, VisitRecorded(**{**content, **changes}), story.key)
        return str((await story.clock("S10"))["state"])

    assert await visit("by the grid head", post="grid_head") == "running"
    assert await visit("nobody home", child_seen=False) == "running"
    assert await visit("before safety", visited_at=safe - timedelta(minutes=1)) == "running"
    assert await visit("seen") == "met"


# Closing ------------------------------------------------------------------------------------------------------------------


def closure(story: Story, at: Any, **changes: Any) -> CaseClosed:
    return CaseClosed(
        **{
            "case_id": story.data.case_id,
            "case_number": story.opened.case_number,
            "township": "YX",
            "closure_id": id_of("closure"),
            "reason": "GOAL_MET",
            "highest_level": "red",
            "proposed_by": WORKER,
            "decided_by": (WORKER,),
            "at": at,
            "response_no": 1,
            **changes,
        }
    )


async def test_closing_decides_the_request_and_ends_every_clock_and_referral(app: Running) -> None:
    story = await opened(app, "YX-01")
    at = await story.now()
    await story.must(HEALTH, "acknowledge")
    await story.must(HEALTH, "complete", {"outcome": "done"})
    asked: dict[str, Any] = {"case_id": story.data.case_id, "closure_id": id_of("closure"), "by": WORKER, "at": at}
    await deliver(app, ClosureRequested(**asked, reason="GOAL_MET"), story.key)
    assert (await story.clock("S12"))["state"] == "running"
    await deliver(app, closure(story, at + timedelta(minutes=1)), story.key)
    view = await story.view(CIVIL)
    assert view["state"] == "closed"
    assert {r["state"] for r in view["referrals"]} == {"completed", "ended"}
    states = {d["step"]: (d["state"], d["reason"]) for d in view["deadlines"]}
    assert states["S12"] == ("met", None)
    assert states["S6"] == ("cancelled", "case_closed")
    assert all(d["state"] in ("met", "cancelled") for d in view["deadlines"])
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM deadline WHERE state = 'armed'") == 0


async def test_a_refused_closure_ends_its_clock_and_the_case_goes_on(app: Running) -> None:
    story = await opened(app, "YX-01")
    asked: dict[str, Any] = {
        "case_id": story.data.case_id,
        "closure_id": id_of("closure"),
        "by": WORKER,
        "at": await story.now(),
    }
    await deliver(app, ClosureRequested(**asked, reason="GOAL_MET"), story.key)
    await deliver(app, ClosureRefused(**asked), story.key)
    assert (await story.clock("S12"))["state"] == "met"
    assert (await story.view(CIVIL))["state"] == "open"


async def test_a_reopening_that_overtakes_the_closure_starts_its_own_round(app: Running) -> None:
    story = await opened(app, "YX-01")
    second = scored("YX-20", case="YX-01", response_no=2)
    await deliver(app, second, story.key)
    rounds = await app.published(ResponseOpened)
    assert [event.response_no for event in rounds] == [1, 2]
    await deliver(app, closure(story, await story.now()), story.key)
    view = await story.view(CIVIL)
    assert (view["response_no"], view["state"]) == (2, "open")
    assert any(d["state"] == "running" for d in view["deadlines"])
    await deliver(app, closure(story, await story.now(), response_no=2), story.key)
    assert (await story.view(CIVIL))["state"] == "closed"


async def test_a_report_attached_to_a_case_that_was_just_closed_still_reaches_the_departments(app: Running) -> None:
    story = await opened(app, "YX-05")
    await deliver(app, closure(story, await story.now()), story.key)
    await app.set_clock(moment(golden_case("YX-06")["received_at"]) + timedelta(minutes=1))
    await deliver(app, scored("YX-06", case="YX-05"), story.key)
    event = (await app.published(ResponseOpened))[-1]
    assert (event.report_id, len(event.referrals) >= 4) == (id_of("YX-06 report"), True)
    assert (await story.view(CIVIL))["state"] == "open"


async def test_what_is_assessed_after_the_end_changes_nothing(app: Running) -> None:
    story = await opened(app, "YX-05")
    await deliver(app, closure(story, await story.now()), story.key)
    events = len(await app.published())
    await deliver(app, again(story.data, "assessment", "red", await story.now()), story.key)
    assert (len(await app.published()), await app.parked()) == (events, 0)
