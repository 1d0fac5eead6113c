"""Raising at once, lowering by two persons, and each reason to refuse."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import CaseClosed, PlanAgreed
from contracts.dispatch import ReferralAcknowledged, StepMet
from contracts.risk_scoring import LevelLoweringProposed, RiskAssessed
from contracts.vocabulary import ChildIntake
from services.risk_scoring.service import SERVICE
from tests.integration.risk_scoring import story
from tests.integration.risk_scoring.story import (
    CASE,
    CIVIL_AFFAIRS,
    NOW,
    SUPERVISOR,
    VILLAGE,
    act,
    child,
    happen,
    id_of,
    lowering,
    report,
    risk,
)

pytestmark = pytest.mark.integration

INJURED = child(concerns=["H1"], facts={"visible_injury": True, "abuser_co_resident": True})
RAISE = {"to": "red", "evidence": "self_harm_signal", "reason_note_id": str(id_of("reason"))}


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=NOW + timedelta(hours=3)) as service:
        yield service


async def an_orange_case(app: Running, *later: Any, first: ChildIntake = INJURED) -> None:
    """Orange by O1, the child seen and safe."""
    await happen(app, report("report 1", first), story.response(), story.arrival(), story.safety(), *later)


async def propose(app: Running, to: str = "yellow", who: dict[str, Any] = VILLAGE, key: str = "p-1") -> Any:
    return await act(app, "lowerings", who, lowering(to), key=key)


async def decide(app: Running, verb: str, proposal_id: str, who: dict[str, Any] = SUPERVISOR) -> Any:
    return await act(app, f"lowerings/{proposal_id}/{verb}", who)


# Raising -----------------------------------------------------------------------------------------------------------


async def test_anybody_with_a_task_raises_the_level_at_once(app: Running) -> None:
    await an_orange_case(app)
    answer = await act(app, "raise", VILLAGE, RAISE)
    assert answer.status_code == 200
    assert answer.json()["level"] == {"code": "red", "zh": "红", "en": "RED"}
    assert answer.headers["ETag"] == f'"v{answer.json()["version"]}"'
    _, event = await app.published(RiskAssessed)
    assert (event.cause, event.report_level, event.computed_level) == ("manual_raise", "red", "orange")
    assert event.children[0].level == "red"
    assert event.effective_at == event.assessed_at
    assert event.assessed_by.account == "vc-1"


async def test_a_raise_lifts_the_children_that_carried_the_level(app: Running) -> None:
    await happen(app, report("report 1", INJURED, child("second", concerns=["N5"])), story.response())
    await act(app, "raise", CIVIL_AFFAIRS, RAISE)
    _, event = await app.published(RiskAssessed)
    assert {one.child_id: one.level for one in event.children} == {id_of("first"): "red", id_of("second"): "blue"}


async def test_a_raised_level_survives_the_next_lower_assessment(app: Running) -> None:
    await an_orange_case(app)
    await act(app, "raise", VILLAGE, RAISE)
    await happen(app, story.findings(facts={"visible_injury": False}))
    event = (await app.published(RiskAssessed))[-1]
    assert (event.report_level, event.children[0].level) == ("red", "red")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**RAISE, "to": "orange"}, 409, "unchanged"),
        ({**RAISE, "to": "yellow"}, 409, "not_a_raise"),
        ({**RAISE, "evidence": "a feeling"}, 422, "invalid"),
        ({**RAISE, "to": "purple"}, 422, "invalid"),
        ({**RAISE, "reason": "free text"}, 422, "invalid"),
    ],
)
async def test_a_raise_that_is_none_is_refused(app: Running, body: dict[str, Any], status: int, code: str) -> None:
    await happen(app, report("report 1", INJURED), story.response())
    answer = await act(app, "raise", VILLAGE, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(await app.published(RiskAssessed)) == 1


async def test_a_raise_decided_on_an_old_version_is_refused(app: Running) -> None:
    await an_orange_case(app)
    seen = (await risk(app))["version"]
    await happen(app, story.findings(facts={"safety_verified": True}))
    answer = await act(app, "raise", VILLAGE, RAISE, version=seen)
    assert (answer.status_code, answer.json()["current_version"]) == (412, seen + 1)
    bare = await app.client.post(f"/api/v1/assessments/cases/{CASE}/raise", json=RAISE, headers=app.as_(**VILLAGE))
    assert bare.status_code == 428


async def test_a_repeated_raise_is_done_once(app: Running) -> None:
    await an_orange_case(app)
    seen = (await risk(app))["version"]
    first = await act(app, "raise", VILLAGE, RAISE, version=seen, key="k")
    again = await act(app, "raise", VILLAGE, RAISE, version=seen, key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert len(await app.published(RiskAssessed)) == 2


async def test_a_department_that_is_only_informed_cannot_raise(app: Running) -> None:
    await an_orange_case(app)
    answer = await act(app, "raise", story.LEAGUE, RAISE)
    assert (answer.status_code, answer.json()["reason"]) == (403, "informed_only")


async def test_a_closed_case_takes_no_level_change(app: Running) -> None:
    await an_orange_case(app)
    await happen(
        app,
        CaseClosed(
            case_id=CASE,
            case_number="YX-first",
            township="YX",
            closure_id=id_of("closure"),
            reason="GOAL_MET",
            highest_level="orange",
            proposed_by=story.WORKER,
            decided_by=(story.WORKER,),
            at=NOW,
            response_no=1,
        ),
    )
    answer = await act(app, "raise", VILLAGE, RAISE)
    assert (answer.status_code, answer.json()["code"]) == (409, "case_closed")


# Lowering ----------------------------------------------------------------------------------------------------------


async def test_two_persons_lower_the_level_by_one(app: Running) -> None:
    await an_orange_case(app)
    proposed = await propose(app)
    assert proposed.status_code == 201
    [announced] = await app.published(LevelLoweringProposed)
    assert str(announced.proposal_id) == proposed.json()["proposal_id"]
    assert (announced.level_from, announced.level_to) == ("orange", "yellow")
    assert (await risk(app, SUPERVISOR))["available_actions"] == [
        "review",
        "raise",
        "approve_lowering",
        "decline_lowering",
    ]

    answer = await decide(app, "approve", proposed.json()["proposal_id"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["level"]["code"] == "yellow"
    assert answer.json()["lowering"] is None
    event = (await app.published(RiskAssessed))[-1]
    assert (event.cause, event.report_level, event.computed_level) == ("manual_lowering", "yellow", "orange")
    assert event.children[0].level == "yellow"
    history = await app.client.get(f"/api/v1/assessments?case_id={CASE}&limit=1", headers=app.as_(**SUPERVISOR))
    [newest] = history.json()["items"]
    assert newest["best_interest_note_id"] == str(id_of("best interest"))
    assert newest["level_before"]["code"] == "orange"


async def test_every_change_of_level_by_people_is_in_the_audit_chain(app: Running) -> None:
    await an_orange_case(app)
    proposed = (await propose(app)).json()
    await decide(app, "decline", proposed["proposal_id"])
    await act(app, "raise", VILLAGE, RAISE)
    async with app.database.reading() as db:
        rows = await db.fetch("SELECT action FROM audit_entry WHERE key = $1 ORDER BY sequence", story.KEY)
    actions = [row["action"] for row in rows]
    assert actions == ["level.lowering-proposed", "level.lowering-declined", "level.manual_raise"]


async def test_a_declined_proposal_leaves_the_level_and_makes_room_for_another(app: Running) -> None:
    await an_orange_case(app)
    first = (await propose(app)).json()
    second = await propose(app, key="p-2")
    assert (second.status_code, second.json()["code"]) == (409, "lowering_waiting")
    declined = await decide(app, "decline", first["proposal_id"])
    assert (declined.status_code, declined.json()["level"]["code"]) == (200, "orange")
    late = await decide(app, "approve", first["proposal_id"])
    assert (late.status_code, late.json()["current_state"]) == (409, "declined")
    assert (await propose(app, key="p-3")).status_code == 201


async def test_a_level_that_moved_makes_the_waiting_proposal_void(app: Running) -> None:
    await an_orange_case(app)
    waiting = (await propose(app)).json()
    await happen(app, story.findings(facts={"confined": True}))
    answer = await decide(app, "approve", waiting["proposal_id"])
    assert (answer.status_code, answer.json()["current_state"]) == (409, "superseded")
    assert (await risk(app))["level"]["code"] == "red"


@pytest.mark.parametrize(
    ("to", "rule"),
    [("blue", "one_level_at_once"), ("orange", "unchanged")],
)
async def test_only_one_level_down_may_be_proposed(app: Running, to: str, rule: str) -> None:
    await an_orange_case(app)
    answer = await propose(app, to)
    assert (answer.status_code, answer.json()["code"]) == (409, rule)


async def test_the_level_is_not_lowered_before_the_child_was_seen(app: Running) -> None:
    await happen(app, report("report 1", INJURED), story.response(), story.arrival(child_seen=False))
    await happen(app, story.safety("receiving_authority_receipt"))
    answer = await propose(app)
    assert (answer.status_code, answer.json()["code"]) == (409, "child_not_seen")


async def test_a_sighting_of_an_earlier_round_does_not_count(app: Running) -> None:
    await an_orange_case(app)
    later = NOW + timedelta(hours=2, minutes=50)
    await happen(app, report("report 2", INJURED, disposition="case_reopened", response_no=2, at=later))
    await happen(app, story.response(response_no=2))
    answer = await propose(app)
    assert (answer.status_code, answer.json()["code"]) == (409, "child_not_seen")


async def test_the_level_is_not_lowered_while_an_override_holds(app: Running) -> None:
    await an_orange_case(app, first=child(facts={"confined": True}))
    answer = await propose(app, "orange")
    assert (answer.status_code, answer.json()["code"]) == (409, "override_holds")
    await happen(app, story.findings(facts={"confined": False}))
    assert (await propose(app, "orange")).status_code == 201


async def test_what_holds_at_the_approval_counts_not_what_held_at_the_proposal(app: Running) -> None:
    await an_orange_case(app, first=child(facts={"confined": True}))
    await happen(app, story.findings(facts={"confined": False}))
    waiting = (await propose(app, "orange")).json()
    await happen(app, story.findings(facts={"confined": True}))
    answer = await decide(app, "approve", waiting["proposal_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "override_holds")
    assert (await risk(app))["level"]["code"] == "red"


async def test_a_care_step_past_its_limit_forbids_lowering_until_it_is_done(app: Running) -> None:
    await an_orange_case(app, story.breach("S9"), story.breach("S13", "feedback"))
    answer = await propose(app)
    assert (answer.status_code, answer.json()["code"]) == (409, "step_limit_passed")
    assert [step["code"] for step in (await risk(app))["overdue_steps"]] == ["S9"]
    await happen(app, PlanAgreed(case_id=CASE, plan_id=id_of("plan"), by=story.WORKER, at=NOW))
    assert (await propose(app)).status_code == 201


async def test_a_step_finished_late_no_longer_forbids_lowering(app: Running) -> None:
    await an_orange_case(app, story.breach("S4", "signature"))
    assert (await propose(app)).status_code == 409
    met = StepMet(deadline_id=id_of("signature"), step="S4", tier="township", due_at=NOW, met_at=NOW, late_seconds=60)
    await happen(app, ReferralAcknowledged(**story._act(met=(met,))))
    assert (await propose(app)).status_code == 201


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ({**SUPERVISOR, "sub": "other-account"}, 403, "second_person"),
        ({**SUPERVISOR, "dept": "police", "staff": "ST409"}, 403, "supervisor"),
        ({**CIVIL_AFFAIRS, "sub": "ca-2", "staff": "ST302"}, 403, "forbidden"),
        ({**SUPERVISOR, "sub": "other", "staff": "ST310"}, 200, None),
    ],
)
async def test_only_another_civil_affairs_supervisor_approves(
    app: Running, who: dict[str, Any], status: int, code: str | None
) -> None:
    await an_orange_case(app)
    waiting = (await propose(app, who=SUPERVISOR)).json()
    answer = await decide(app, "approve", waiting["proposal_id"], who)
    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_a_conflicted_unit_neither_proposes_nor_learns_of_the_case(app: Running) -> None:
    await an_orange_case(app, first=child(facts={"conflict_unit": "village_committee", "visible_injury": True}))
    answer = await propose(app, who=VILLAGE)
    assert answer.status_code == 404


async def test_a_proposal_without_an_idempotency_key_is_refused(app: Running) -> None:
    await an_orange_case(app)
    answer = await propose(app, key="")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


async def test_a_proposal_of_another_case_cannot_be_decided_here(app: Running) -> None:
    await an_orange_case(app)
    answer = await decide(app, "approve", str(id_of("elsewhere")))
    assert answer.status_code == 404
