"""A measure goes only where its state, the actor's part and its special kind allow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_policy
from contracts.vocabulary import Actor
from services.assistance.domain.measures import (
    Measure,
    Refusal,
    Who,
    act_on,
    available,
    finish,
    missing,
    receipt,
    record_round,
    sign,
    with_papers,
)

POLICY = load_policy("2026-11")
CATALOGUE = POLICY.assistance.by_code
NOW = datetime(2026, 9, 24, 9, tzinfo=UTC)
NOTE = uuid5(NAMESPACE_URL, "note")
STATES = ("requested", "accepted", "granted", "refused", "completed", "cancelled", "stopped")
ACTS = ("accept", "grant", "refuse", "complete", "cancel", "stop")


def who(department: str, person: str = "1", *, coordinates: bool = False) -> Who:
    actor = Actor(
        kind="person", account=f"{department}-{person}", staff=f"{department}-{person}", department=department
    )
    return Who(actor, coordinates)


POLICE, SCHOOL, VILLAGE = who("police"), who("school"), who("village_committee")
CIVIL = who("civil_affairs", coordinates=True)


def measure(code: str, **changes: Any) -> Measure:
    entry = CATALOGUE[code]
    found = Measure(
        measure_id=uuid5(NAMESPACE_URL, code), case_id=NOTE, response_no=1, code=code, owner_department=entry.owner,
        requested_at=NOW, requested_by={"department": "women_federation"}, due_at=NOW + timedelta(days=3),
        parties=dict.fromkeys(entry.parties), every_days=30 if entry.schedule else None,
    )  # fmt: skip
    return replace(found, **changes)


def done(result: Measure | Refusal) -> Measure:
    assert isinstance(result, Measure), result
    return result


def rule(result: Measure | Refusal) -> str:
    assert isinstance(result, Refusal), result
    return result.rule


@given(
    st.sampled_from(STATES), st.sampled_from(ACTS), st.sampled_from(["owner", "requester", "coordinator", "stranger"])
)
def test_only_the_right_part_moves_a_measure_from_the_right_state(state: str, act: str, part: str) -> None:
    found = measure("TEMPORARY_AID", owner_department="health", state=state)
    people = {
        "owner": who("health"), "requester": who("women_federation"), "coordinator": CIVIL, "stranger": POLICE,
    }  # fmt: skip
    actor, entry = people[part], CATALOGUE["TEMPORARY_AID"]
    right = {
        "accept": ({"requested"}, {"owner"}),
        "grant": ({"requested", "accepted"}, {"owner"}),
        "refuse": ({"requested", "accepted"}, {"owner"}),
        "complete": ({"requested", "accepted", "granted"}, {"owner", "coordinator"}),
        "cancel": ({"requested", "accepted"}, {"requester", "coordinator"}),
        "stop": ({"granted"}, {"owner", "coordinator"}),
    }[act]
    result = act_on(found, act, actor, entry, NOW, reason="not_needed")
    allowed = state in right[0] and part in right[1]
    assert isinstance(result, Measure) is allowed
    assert (act in available(found, actor, entry)) is allowed
    if isinstance(result, Refusal):
        assert result.rule == ("wrong_state" if state not in right[0] else "not_the_owner")


@pytest.mark.parametrize(("act", "by"), [("refuse", CIVIL), ("cancel", CIVIL)])
def test_who_refuses_or_cancels_says_why(act: str, by: Who) -> None:
    assert rule(act_on(measure("DIBAO"), act, by, CATALOGUE["DIBAO"], NOW)) == "reason_missing"


@given(st.integers(-200_000, 200_000))
def test_late_is_counted_once_by_the_act_that_answers_the_clock_and_stays(seconds: int) -> None:
    entry, found = CATALOGUE["DIBAO"], measure("DIBAO")
    assert found.due_at is not None
    at = found.due_at + timedelta(seconds=seconds)
    accepted = done(act_on(found, "accept", CIVIL, entry, at))
    assert (accepted.late_seconds, accepted.due_at) == (0, found.due_at)
    granted = done(act_on(accepted, "grant", CIVIL, entry, at))
    assert (granted.late_seconds, granted.due_at) == (max(0, seconds), None)
    completed = done(act_on(granted, "complete", CIVIL, entry, at + timedelta(days=300)))
    assert completed.late_seconds == max(0, seconds)


def test_a_return_to_school_runs_until_both_responsible_parties_confirm() -> None:
    entry, found = CATALOGUE["RETURN_TO_SCHOOL"], measure("RETURN_TO_SCHOOL")
    granted = done(act_on(found, "grant", SCHOOL, entry, NOW))
    assert granted.due_at == found.due_at, "a grant is no attendance"
    assert rule(act_on(granted, "complete", SCHOOL, entry, NOW)) == "not_complete"
    assert rule(sign(granted, "school", POLICE, NOW, None)) == "not_the_party"
    half = done(sign(granted, "school", SCHOOL, NOW, None))
    assert missing(half, entry, paid=True) == ("party:guardian",)
    assert rule(sign(half, "guardian", VILLAGE, NOW, None)) == "note_missing"
    assert rule(sign(half, "guardian", SCHOOL, NOW, NOTE)) == "second_person"
    both = done(sign(half, "guardian", VILLAGE, NOW, NOTE))
    assert rule(sign(both, "guardian", VILLAGE, NOW, NOTE)) == "already_confirmed"
    assert done(act_on(both, "complete", SCHOOL, entry, NOW)).state == "completed"


def test_the_township_may_order_only_once_the_longer_limit_passed() -> None:
    entry, government = CATALOGUE["RETURN_TO_SCHOOL"], who("township_government")
    found = measure("RETURN_TO_SCHOOL")
    assert "order" not in available(found, government, entry)
    late = replace(found, unresolved_at=NOW)
    assert available(late, government, entry) == ("order",)
    assert "order" not in available(late, SCHOOL, entry)
    assert available(replace(late, ordered_at=NOW), government, entry) == ()


def test_an_escort_is_signed_for_by_two_sides_the_escort_first() -> None:
    entry, found = CATALOGUE["ESCORT"], measure("ESCORT")
    assert rule(receipt(found, "received", CIVIL, NOW, "county", NOTE)) == "not_handed_over"
    assert rule(receipt(found, "handed_over", SCHOOL, NOW, "county", NOTE)) == "not_the_escort"
    given_ = done(receipt(found, "handed_over", POLICE, NOW, "police", None))
    assert rule(act_on(given_, "complete", POLICE, entry, NOW)) == "not_complete"
    assert rule(receipt(given_, "received", POLICE, NOW, "county", NOTE)) == "second_person"
    assert rule(receipt(given_, "received", who("police", "2"), NOW, "county", NOTE)) == "second_person"
    taken = done(receipt(given_, "received", CIVIL, NOW, "county", NOTE))
    assert rule(receipt(taken, "received", CIVIL, NOW, "county", NOTE)) == "already_signed"
    assert done(act_on(taken, "complete", POLICE, entry, NOW)).state == "completed"


def test_a_joint_escort_also_needs_the_village_or_the_township_along() -> None:
    entry, found = CATALOGUE["JOINT_ESCORT"], measure("JOINT_ESCORT")
    given_ = done(receipt(found, "handed_over", POLICE, NOW, "police", None))
    taken = done(receipt(given_, "received", CIVIL, NOW, "home", NOTE))
    assert missing(taken, entry, paid=True) == ("party:village_committee|township_government",)
    joined = done(sign(taken, "village_committee", VILLAGE, NOW, None))
    assert missing(joined, entry, paid=True) == ()


def test_the_papers_of_emergency_help_come_after_it_and_before_its_end() -> None:
    entry, due = CATALOGUE["EMERGENCY_AID"], NOW + timedelta(days=14)
    granted = replace(done(act_on(measure("EMERGENCY_AID"), "grant", CIVIL, entry, NOW)), papers_due_at=due, due_at=due)
    assert rule(act_on(granted, "complete", CIVIL, entry, NOW)) == "not_complete"
    assert "papers" in available(granted, CIVIL, entry)
    papers = with_papers(granted, due + timedelta(hours=1))
    assert (papers.late_seconds, papers.due_at) == (3600, None)
    assert done(act_on(papers, "complete", CIVIL, entry, NOW)).state == "completed"


@given(st.lists(st.integers(0, 100), min_size=1, max_size=8))
def test_the_next_round_is_due_from_the_last_and_missed_rounds_do_not_pile_up(gaps: list[int]) -> None:
    found, at, late = measure("MEDICAL_ROUND", due_at=NOW + timedelta(days=30)), NOW, 0
    for gap in gaps:
        at += timedelta(days=gap)
        late += max(0, int((at - found.due_at).total_seconds())) if found.due_at else 0
        found = record_round(found, at)
    assert (found.rounds_done, found.due_at, found.late_seconds) == (len(gaps), at + timedelta(days=30), late)


def test_money_with_an_approval_trail_is_done_when_it_is_paid() -> None:
    entry, found = CATALOGUE["FUND_DISBURSEMENT"], measure("FUND_DISBURSEMENT")
    assert rule(act_on(found, "complete", who("finance"), entry, NOW)) == "not_complete"
    assert done(act_on(found, "complete", who("finance"), entry, NOW, paid=True)).state == "completed"


@pytest.mark.parametrize(
    ("state", "outcome", "ends"),
    [
        ("requested", "achieved", "completed"),
        ("granted", "partly_achieved", "completed"),
        ("accepted", "not_eligible", "refused"),
        ("requested", "refused_by_family", "refused"),
        ("accepted", "replaced", "cancelled"),
        ("granted", "moved_away", "stopped"),
    ],
)
def test_an_outcome_ends_a_measure_from_where_it_stands(state: str, outcome: Any, ends: str) -> None:
    entry = CATALOGUE["DIBAO"]
    ended = done(finish(measure("DIBAO", state=state), outcome, CIVIL, entry, NOW, paid=False))
    assert (ended.state, ended.finished_at) == (ends, NOW)
    assert rule(finish(ended, outcome, CIVIL, entry, NOW, paid=False)) == "measure_finished"
    assert rule(finish(measure("DIBAO"), outcome, POLICE, entry, NOW, paid=False)) == "not_the_owner"


def test_nothing_is_offered_once_a_measure_is_over() -> None:
    for state in ("refused", "completed", "cancelled", "stopped"):
        for code in ("ESCORT", "RETURN_TO_SCHOOL", "MEDICAL_ROUND", "DIBAO"):
            assert available(measure(code, state=state), who(CATALOGUE[code].owner), CATALOGUE[code]) == ()
