"""Acts on referrals over HTTP: each done, forbidden, hidden, in the wrong state, against an old version, malformed."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running
from contracts.assistance import CaseClosed
from contracts.dispatch import (
    ArrivalReported,
    ReferralAcknowledged,
    SafetyConfirmed,
)
from contracts.vocabulary import Actor
from tests.integration.dispatch.story import (
    CIVIL,
    CLIENT,
    DIRECTOR,
    GRID,
    HEALTH,
    LEADER,
    OTHER_GRID,
    OTHER_VILLAGE,
    POLICE,
    Story,
    deliver,
    id_of,
    opened,
)


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


# After the end, and after a refusal ----------------------------------------------------------------------


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
    bodies: dict[str, dict[str, Any]] = {
        "acknowledge": {"x": 1},
        "return": {"reason": "not_our_duty"},
        "complete": {"outcome": "done"},
    }
    refused = await story.act(CIVIL, action, bodies[action])
    assert refused.status_code in (403, 409, 422)
    async with app.database.reading() as db:
        after = (
            await db.fetch("SELECT * FROM referral ORDER BY referral_id"),
            await db.fetch("SELECT * FROM deadline ORDER BY id"),
        )
    assert (after, len(await app.published())) == (before, events)
