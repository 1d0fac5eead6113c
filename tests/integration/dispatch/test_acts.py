"""Acts on referrals over HTTP: each done, forbidden, hidden, in the wrong state, against an old version, malformed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running
from contracts.assistance import CaseClosed
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    FeedbackGiven,
    GuardianNotified,
    ReferralAcknowledged,
    ReferralCompleted,
    ReferralReturned,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.vocabulary import Actor
from tests.integration.dispatch.story import (
    CIVIL,
    CLIENT,
    DIRECTOR,
    GRID,
    HEALTH,
    JUSTICE,
    LEADER,
    OTHER_GRID,
    OTHER_VILLAGE,
    POLICE,
    WOMEN,
    Story,
    deliver,
    id_of,
    opened,
    seen_and_safe,
)

NOTE = str(id_of("a note"))


async def arrived(story: Story, *, seen: bool = True, **more: Any) -> dict[str, Any]:
    return {"arrived_at": (await story.now()).isoformat(), "child_seen": seen, **more}


# What every act has in common -----------------------------------------------------------------------------------------


async def test_acknowledging_ends_s4_and_its_paging_and_answers_with_the_next_version(app: Running) -> None:
    story = await opened(app, "YX-01")
    answer = await story.act(POLICE, "acknowledge", version=1)
    body = answer.json()
    assert (answer.status_code, body["state"], body["version"]) == (200, "acknowledged", 2)
    assert answer.headers["ETag"] == '"v2"'
    assert body["next_deadline"]["step"] != "S4"
    event = (await app.published(ReferralAcknowledged))[0]
    assert [m.step for m in event.met] == ["S4"]
    assert (event.department, event.by.account, event.level) == ("police", "yx-ps-staff", "red")
    async with app.database.reading() as db:
        left = await db.fetchval(
            "SELECT count(*) FROM deadline WHERE state = 'armed' AND kind LIKE 'S4%' AND subject = $1",
            story.referral("police"),
        )
        audited = await db.fetchval("SELECT action FROM audit_entry WHERE key = $1", story.key)
    assert (left, audited) == (0, "referral.acknowledge")


async def test_an_act_needs_the_version_it_was_decided_on(app: Running) -> None:
    story = await opened(app, "YX-01")
    assert (await story.act(POLICE, "acknowledge", version=None)).status_code == 428
    stale = await story.act(POLICE, "acknowledge", version=7)
    assert (stale.status_code, stale.json()["current_version"]) == (412, 1)
    assert stale.json()["current_state"] == "issued"
    assert await app.published(ReferralAcknowledged) == []


async def test_an_act_in_the_wrong_state_says_where_it_stands_and_what_is_open(app: Running) -> None:
    story = await opened(app, "YX-01")
    await story.must(POLICE, "acknowledge")
    again = await story.act(POLICE, "acknowledge")
    problem = again.json()
    assert (again.status_code, problem["code"], problem["current_state"]) == (
        409,
        "already_acknowledged",
        "acknowledged",
    )
    assert "report-arrival" in problem["available_actions"]
    assert "acknowledge" not in problem["available_actions"]
    assert len(await app.published(ReferralAcknowledged)) == 1


async def test_unknown_fields_and_unknown_values_are_refused(app: Running) -> None:
    story = await opened(app, "YX-01")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("acknowledge", {"name": "x"}),
        ("complete", {"outcome": "whatever"}),
        ("confirm-safety", {"basis": "hope", "confirmed_at": "2026-03-24T06:30:00Z"}),
        ("report-arrival", {"child_seen": True}),
        ("report-arrival", {"arrived_at": "2026-03-24T06:30:00", "child_seen": True}),
    ]
    for action, body in wrong:
        answer = await story.act(POLICE, action, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), action


async def test_only_the_own_organisation_acts_and_others_do_not_even_learn_of_it(app: Running) -> None:
    story = await opened(app, "YX-01")
    police = story.referral("police")
    assert (await story.act(HEALTH, "acknowledge", on=police)).status_code == 404
    assert (await story.act(CIVIL, "acknowledge", on=police)).status_code == 404
    assert (await story.act(OTHER_VILLAGE, "acknowledge", on=story.referral("village_committee"))).status_code == 404
    assert (await story.act(OTHER_GRID, "acknowledge")).status_code == 404
    assert (await story.act(POLICE, "acknowledge", on=id_of("nothing"), version=1)).status_code == 404
    hotline = {"sub": "op-1", "org": "YX-HL", "posts": ["hotline_operator"]}
    assert (await story.act(hotline, "acknowledge", on=police)).status_code == 403
    reader = {**CLIENT, "scopes": ["referrals:read"]}
    assert (await story.act(reader, "acknowledge", on=police)).status_code == 403


async def test_a_repeat_with_the_same_key_is_answered_from_the_first(app: Running) -> None:
    story = await opened(app, "YX-01")
    first = await story.act(POLICE, "acknowledge", version=1, key="phone-1")
    again = await story.act(POLICE, "acknowledge", version=1, key="phone-1")
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await story.act(POLICE, "complete", {"outcome": "done"}, version=1, key="phone-1")
    assert other.status_code == 422
    assert len(await app.published(ReferralAcknowledged)) == 1


async def test_an_informed_department_marks_its_notice_as_read_and_has_nothing_else_to_do(app: Running) -> None:
    story = await opened(app, "YX-01")
    read = await story.must(LEADER, "acknowledge")
    assert (read["state"], read["role"], read["available_actions"]) == ("acknowledged", "inform", [])
    refused = await story.act(LEADER, "complete", {"outcome": "done"})
    assert (refused.status_code, refused.json()["code"]) == (409, "informed_only")


# Arrival and safety -----------------------------------------------------------------------------------------------------


async def test_each_tier_ends_its_own_arrival_clock_and_the_first_sight_is_the_first_contact(app: Running) -> None:
    story = await opened(app, "YX-01")
    await story.must(GRID, "report-arrival", await arrived(story, seen=False))
    await story.must(DIRECTOR, "report-arrival", await arrived(story, seen=True))
    await story.must(POLICE, "report-arrival", await arrived(story, seen=True))
    group, village, township = await app.published(ArrivalReported)
    assert ([m.step for m in group.met], group.tier, group.first_contact) == (["S5a"], "group", False)
    assert ([m.step for m in village.met], village.tier, village.first_contact) == (["S5b"], "village", True)
    assert ({m.step for m in township.met}, township.first_contact) == ({"S5c", "S5p"}, False)
    assert (await story.view(CIVIL))["first_contact_at"] == village.model_dump(mode="json")["arrived_at"]


async def test_an_arrival_counts_when_it_happened_and_never_lies_ahead_or_before_the_report(app: Running) -> None:
    story = await opened(app, "YX-01", after=timedelta(minutes=40))
    early = story.received + timedelta(minutes=20)
    await story.must(GRID, "report-arrival", {"arrived_at": early.isoformat(), "child_seen": True})
    assert (await story.clock("S5a"))["late_seconds"] == 0
    for at in (await story.now() + timedelta(minutes=5), story.received - timedelta(seconds=1)):
        answer = await story.act(POLICE, "report-arrival", {"arrived_at": at.isoformat(), "child_seen": True})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/arrived_at")


async def test_a_client_must_name_the_tier_and_a_person_speaks_for_their_own(app: Running) -> None:
    story = await opened(app, "YX-01")
    assert (await story.act(CLIENT, "report-arrival", await arrived(story))).json()["errors"][0][
        "code"
    ] == "tier_required"
    await story.must(CLIENT, "report-arrival", await arrived(story, tier="township"))
    wrong = await story.act(GRID, "report-arrival", await arrived(story, tier="village"))
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "tier_not_yours")


async def test_first_contact_of_a_provisional_case_starts_the_rescoring_clock(app: Running) -> None:
    story = await opened(app, "YX-02")
    await story.must(POLICE, "report-arrival", await arrived(story))
    event = (await app.published(ArrivalReported))[0]
    assert [(d.step, d.department) for d in event.deadlines] == [("rescore", "civil_affairs")]
    assert event.deadlines[0].due_at - event.arrived_at == timedelta(hours=24)


async def test_safety_needs_the_child_seen_and_starts_the_first_visit(app: Running) -> None:
    story = await opened(app, "YX-01")
    now = (await story.now()).isoformat()
    safe = {"basis": "safe_place", "confirmed_at": now}
    unseen = await story.act(POLICE, "confirm-safety", safe)
    assert (unseen.status_code, unseen.json()["code"]) == (409, "child_not_seen")
    await story.must(GRID, "report-arrival", await arrived(story))
    not_lead = await story.act(HEALTH, "confirm-safety", safe)
    assert (not_lead.status_code, not_lead.json()["reason"]) == (403, "not_case_lead")
    receipt = await story.act(POLICE, "confirm-safety", {**safe, "basis": "receiving_authority_receipt"})
    assert receipt.status_code == 422
    await story.must(CIVIL, "confirm-safety", safe)
    event = (await app.published(SafetyConfirmed))[0]
    assert ([m.step for m in event.met], [d.step for d in event.deadlines]) == (["S6"], ["S10"])
    assert event.deadlines[0].due_at - event.confirmed_at == timedelta(hours=24)
    again = await story.act(POLICE, "confirm-safety", safe)
    assert (again.status_code, again.json()["code"]) == (409, "safety_already_confirmed")


async def test_a_transfer_is_safe_by_the_receipt_of_the_other_township(app: Running) -> None:
    story = await opened(app, "YX-24")
    now = (await story.now()).isoformat()
    assert (await story.act(CIVIL, "confirm-safety", {"basis": "safe_place", "confirmed_at": now})).status_code == 422
    await story.must(CIVIL, "confirm-safety", {"basis": "receiving_authority_receipt", "confirmed_at": now})
    event = (await app.published(SafetyConfirmed))[0]
    assert [m.step for m in event.met] == ["S6"]
    assert "S10" not in {d.step for d in event.deadlines}


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


async def test_after_closing_nothing_can_be_done(app: Running) -> None:
    story = await opened(app, "YX-01")
    by = Actor(kind="person", account="ca-1", department="civil_affairs")
    closed = CaseClosed(
        case_id=story.data.case_id,
        case_number="YX-01",
        township="YX",
        closure_id=id_of("closure"),
        reason="GOAL_MET",
        highest_level="red",
        proposed_by=by,
        decided_by=(by,),
        at=await story.now(),
        response_no=1,
    )
    await deliver(app, closed, story.key)
    answer = await story.act(POLICE, "acknowledge")
    assert (answer.status_code, answer.json()["code"]) == (409, "case_closed")
    assert answer.json()["available_actions"] == []


@pytest.mark.parametrize("action", ["acknowledge", "return", "complete"])
async def test_nothing_is_half_done_when_an_act_is_refused(app: Running, action: str) -> None:
    story = await opened(app, "YX-05")
    async with app.database.reading() as db:
        before = (
            await db.fetch("SELECT * FROM referral ORDER BY referral_id"),
            await db.fetch("SELECT * FROM deadline ORDER BY id"),
        )
    events = len(await app.published())
    bodies: dict[str, dict[str, Any]] = {"acknowledge": {"x": 1}, "return": BACK, "complete": {"outcome": "done"}}
    refused = await story.act(CIVIL, action, bodies[action])
    assert refused.status_code in (403, 409, 422)
    async with app.database.reading() as db:
        after = (
            await db.fetch("SELECT * FROM referral ORDER BY referral_id"),
            await db.fetch("SELECT * FROM deadline ORDER BY id"),
        )
    assert (after, len(await app.published())) == (before, events)
