"""Acts that decide: guardian notice, assessment, feedback, completion, returns and the rulings on them."""

from datetime import datetime, timedelta

from chassis.testing import Running
from contracts.dispatch import (
    AssessmentRecorded,
    FeedbackGiven,
    GuardianNotified,
    ReferralCompleted,
    ReferralReturned,
    ReturnDecided,
    SafetyConfirmed,
)
from tests.integration.dispatch.story import (
    CIVIL,
    HEALTH,
    JUSTICE,
    LEADER,
    POLICE,
    WOMEN,
    id_of,
    opened,
    seen_and_safe,
)

NOTE = str(id_of("a note"))


# Guardian, assessment, feedback, completion -----------------------------------------------------------------------------


async def test_a_guardian_who_may_be_told_is_told_by_the_lead_once(app: Running) -> None:
    story = await opened(app, "YX-01")
    assert (await story.act(CIVIL, "notify-guardian")).json()["reason"] == "not_your_notice"
    await story.must(POLICE, "notify-guardian", {"note_id": NOTE})
    event = (await app.published(GuardianNotified))[0]
    assert ([m.step for m in event.met], str(event.note_id)) == (["N-9"], NOTE)
    again = await story.act(POLICE, "notify-guardian")
    assert (again.status_code, again.json()["code"]) == (409, "guardian_already_notified")


async def test_a_withheld_notice_becomes_due_only_after_safety(app: Running) -> None:
    story = await opened(app, "YX-09")
    assert story.data.children[0].facts["guardian_suspected_harmer"] is True
    lead = POLICE
    withheld = await story.act(lead, "notify-guardian")
    assert (withheld.status_code, withheld.json()["code"]) == (409, "notice_withheld")
    await seen_and_safe(story, lead)
    event = (await app.published(SafetyConfirmed))[0]
    assert {d.step for d in event.deadlines} == {"S10", "deferred_notice"}
    view = await story.view(CIVIL)
    assert view["guardian_notice"]["status"] == "deferred"
    await story.must(lead, "notify-guardian")
    assert [m.step for m in (await app.published(GuardianNotified))[0].met] == ["deferred_notice"]


async def test_nobody_can_be_told_where_no_guardian_is_known(app: Running) -> None:
    story = await opened(app, "YX-08")
    refused = await story.act(POLICE, "notify-guardian")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_guardian_known")


async def test_the_assessment_is_signed_for_every_child_by_civil_affairs(app: Running) -> None:
    story = await opened(app, "YX-07")
    children = [str(child.child_id) for child in story.data.children]
    assert (await story.act(POLICE, "record-assessment", {"child_id": children[0], "note_id": NOTE})).status_code == 403
    assert (await story.act(CIVIL, "record-assessment", {"child_id": children[0]})).status_code == 422
    await story.must(
        CIVIL,
        "record-assessment",
        {"child_id": children[0], "answers": {"A1": "none"}, "facts": {"enrolled": True}, "note_id": NOTE},
    )
    assert (await story.clock("S8"))["state"] == "running"
    await story.must(CIVIL, "record-assessment", {"child_id": children[1], "note_id": NOTE})
    assert (await story.clock("S8"))["state"] == "met"
    first, second = await app.published(AssessmentRecorded)
    assert (first.answers, first.facts, str(first.note_id)) == ({"A1": "none"}, {"enrolled": True}, NOTE)
    assert [m.step for m in second.met] == ["S8"]


async def test_findings_in_codes_nobody_defined_are_refused_with_their_place(app: Running) -> None:
    story = await opened(app, "YX-05")
    child = str(story.data.children[0].child_id)
    wrong = {"child_id": child, "facts": {"hair": "red"}, "answers": {"A1": "purple"}, "note_id": NOTE}
    answer = await story.act(CIVIL, "record-assessment", wrong)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"#/facts/hair", "#/answers/A1"}
    stranger = await story.act(CIVIL, "record-assessment", {"child_id": str(id_of("nobody")), "note_id": NOTE})
    assert stranger.json()["errors"][0]["pointer"] == "#/child_id"


async def test_feedback_ends_the_clock_of_its_own_report_even_where_nobody_can_be_reached(app: Running) -> None:
    story = await opened(app, "YX-05")
    report = str(story.opened.report_id)
    assert (await story.act(CIVIL, "give-feedback", {"report_id": NOTE})).status_code == 422
    await story.must(CIVIL, "give-feedback", {"report_id": report, "possible": False})
    event = (await app.published(FeedbackGiven))[0]
    assert ([m.step for m in event.met], event.possible) == (["S13"], False)
    again = await story.act(CIVIL, "give-feedback", {"report_id": report})
    assert (again.status_code, again.json()["code"]) == (409, "feedback_given")


async def test_a_task_is_completed_after_signing_and_by_the_lead_only_after_safety(app: Running) -> None:
    story = await opened(app, "YX-01")
    done = {"outcome": "done"}
    assert (await story.act(HEALTH, "complete", done)).json()["code"] == "not_acknowledged"
    await story.must(HEALTH, "acknowledge")
    completed = await story.must(HEALTH, "complete", done)
    assert (completed["state"], completed["outcome"], completed["next_deadline"]) == ("completed", "done", None)
    event = (await app.published(ReferralCompleted))[0]
    assert ([m.step for m in event.met], event.outcome) == (["task"], "done")
    assert (await story.act(HEALTH, "complete", done)).json()["code"] == "already_completed"
    await story.must(POLICE, "acknowledge")
    early = await story.act(POLICE, "complete", done)
    assert (early.status_code, early.json()["code"]) == (409, "safety_not_confirmed")
    at = (await story.now()).isoformat()
    await story.must(POLICE, "report-arrival", {"arrived_at": at, "child_seen": True})
    await story.must(POLICE, "confirm-safety", {"basis": "safety_plan", "confirmed_at": at})
    assert (await story.must(POLICE, "complete", done))["state"] == "completed"


# Returns ----------------------------------------------------------------------------------------------------------------

BACK = {"reason": "not_our_duty", "proposed_department": "justice", "note_id": NOTE}


async def test_a_return_waits_for_civil_affairs_while_the_clocks_run_on(app: Running) -> None:
    story = await opened(app, "YX-01")
    returned = await story.must(HEALTH, "return", BACK)
    assert (returned["state"], returned["returns"], returned["buck_passing"]) == ("returning", 1, False)
    event = (await app.published(ReferralReturned))[0]
    assert (event.reason, event.proposed_department, str(event.note_id)) == ("not_our_duty", "justice", NOTE)
    ruling = await story.clock("return_decision")
    assert ruling["department"] == "civil_affairs"
    assert datetime.fromisoformat(ruling["due_at"]) == event.decision_due_at == event.at + timedelta(hours=1)
    assert (await story.act(HEALTH, "return", BACK)).json()["code"] == "return_pending"
    assert (await story.act(HEALTH, "complete", {"outcome": "done"})).json()["code"] == "return_pending"
    view = await story.view(CIVIL)
    own = [d for d in view["deadlines"] if d["step"] == "S4" and d["department"] == "health"]
    assert own[0]["state"] == "running"


async def test_a_refused_return_leaves_the_task_where_it_was(app: Running) -> None:
    story = await opened(app, "YX-01")
    await story.must(HEALTH, "return", BACK)
    health = story.referral("health")
    assert (await story.act(JUSTICE, "decide-return", {"upheld": False}, on=health)).status_code == 403
    kept = await story.must(CIVIL, "decide-return", {"upheld": False}, on=health)
    assert (kept["state"], kept["department"]) == ("issued", "health")
    event = (await app.published(ReturnDecided))[0]
    assert ([m.step for m in event.met], event.upheld, event.issued) == (["return_decision"], False, None)
    again = await story.act(CIVIL, "decide-return", {"upheld": True}, on=health)
    assert (again.status_code, again.json()["code"]) == (409, "no_return_pending")


async def test_an_upheld_return_moves_the_task_with_clocks_of_its_own(app: Running) -> None:
    story = await opened(app, "YX-01")
    await story.must(HEALTH, "return", {**BACK, "proposed_department": "disabled_federation"})
    given_back = await story.must(CIVIL, "decide-return", {"upheld": True}, on=story.referral("health"))
    assert (given_back["state"], given_back["ended_reason"]) == ("ended", "returned")
    event = (await app.published(ReturnDecided))[0]
    assert event.issued is not None
    assert (event.issued.department, event.issued.organisation, event.issued.role) == (
        "disabled_federation",
        "YX-DF",
        "assist",
    )
    assert {d.step for d in event.deadlines} == {"S4", "task"}
    assert all(d.referral_id == event.issued.referral_id and d.anchor_at == event.at for d in event.deadlines)
    assert set(event.cancelled.values()) == {"returned"}
    assert len(event.cancelled) == 2
    view = await story.view(CIVIL)
    assert {r["department"] for r in view["referrals"] if r["state"] != "ended"} >= {"disabled_federation"}


async def test_a_task_that_moves_to_a_department_already_there_raises_its_part(app: Running) -> None:
    story = await opened(app, "YX-01")
    before = {r.department: r.role for r in story.opened.referrals}
    assert before["township_government"] == "inform"
    await story.must(LEADER, "acknowledge")
    await story.must(HEALTH, "return", {**BACK, "proposed_department": "township_government"})
    await story.must(CIVIL, "decide-return", {"upheld": True}, on=story.referral("health"))
    event = (await app.published(ReturnDecided))[0]
    assert event.issued is not None
    assert (event.issued.referral_id, event.issued.role) == (story.referral("township_government"), "assist")
    signed = await story.must(LEADER, "acknowledge")
    assert (signed["role"], signed["state"]) == ("assist", "acknowledged")


async def test_the_case_lead_moves_with_its_task_and_so_do_its_clocks(app: Running) -> None:
    story = await opened(app, "YX-04")
    assert story.opened.case_lead == "women_federation"
    await story.must(WOMEN, "return", {**BACK, "proposed_department": "justice"})
    await story.must(CIVIL, "decide-return", {"upheld": True}, on=story.referral("women_federation"))
    view = await story.view(CIVIL)
    assert view["case_lead"] == "justice"
    assert (await story.clock("S6"))["department"] == "justice"
    assert (await story.act(JUSTICE, "confirm-safety", {})).status_code == 422


async def test_a_second_return_of_the_same_task_is_flagged_as_buck_passing(app: Running) -> None:
    story = await opened(app, "YX-04")
    await story.must(WOMEN, "return", {**BACK, "proposed_department": "youth_league"})
    await story.must(CIVIL, "decide-return", {"upheld": True}, on=story.referral("women_federation"))
    issued = (await app.published(ReturnDecided))[0].issued
    assert issued is not None
    league = {**WOMEN, "sub": "yl", "dept": "youth_league", "org": "YX-YL"}
    again = await story.must(league, "return", BACK, on=issued.referral_id)
    assert (again["returns"], again["buck_passing"]) == (2, True)
    assert (await app.published(ReferralReturned))[1].buck_passing


async def test_a_return_after_the_acknowledgement_limit_is_too_late(app: Running) -> None:
    story = await opened(app, "YX-01")
    await app.set_clock(story.due("S4", "health") + timedelta(seconds=1))
    late = await story.act(HEALTH, "return", BACK)
    assert (late.status_code, late.json()["code"]) == (409, "return_too_late")


async def test_a_task_cannot_be_passed_to_who_is_kept_out_of_the_case(app: Running) -> None:
    story = await opened(app, "YX-02")
    for department in ("village_committee", "health", "nobody"):
        answer = await story.act(HEALTH, "return", {**BACK, "proposed_department": department})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/proposed_department")
    conflict = await opened(app, "YX-04")
    blocked = await conflict.act(JUSTICE, "return", {**BACK, "proposed_department": "health"})
    assert blocked.status_code == 409  # justice is only informed there
    assert (await conflict.act(WOMEN, "return", {**BACK, "proposed_department": "health"})).status_code == 422
