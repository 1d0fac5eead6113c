"""Several reports on one child, the level in force, and level changes that people ask for."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given

from services.risk_scoring.domain import (
    Allowed,
    LevelRequest,
    Person,
    Refused,
    Settled,
    assess,
    attach_intake,
    decide_level_change,
    is_rescreen_month,
    merge_intake,
    settle_level,
)
from tests.samples.golden import POLICY, Child, children_of, golden_case, reporter_of
from tests.samples.strategies import children, levels

# Merging ---------------------------------------------------------------------------------------------------------


def test_the_attached_golden_report_is_scored_with_what_both_reports_say() -> None:
    first, second = golden_case("YX-05"), golden_case("YX-06")
    merged = attach_intake(children_of(first)[0], children_of(second)[0], POLICY)
    [assessment] = assess([merged], [reporter_of(first), reporter_of(second)], POLICY)
    assert (assessment.level, assessment.score, assessment.completeness) == ("orange", 50, 100)
    assert assessment.fired == ("Y3",)


def test_later_answers_win_where_they_are_known_and_earlier_ones_stay_where_not() -> None:
    earlier = Child(("H5",), {"enrolled": True, "confined": True, "age": 6}, {"A1": "mild", "A2": "weeks"})
    later = Child(
        ("H1", "H5"), {"enrolled": "unknown", "confined": False}, {"A1": "unknown", "A2": "now", "A3": "free"}
    )
    merged = merge_intake(earlier, later, POLICY)
    assert merged.concerns == ("H5", "H1")
    assert merged.facts == {"enrolled": True, "confined": False, "age": 6}
    assert merged.answers == {"A1": "mild", "A2": "now", "A3": "free"}


def test_what_neither_report_knows_stays_asked_and_unknown() -> None:
    merged = merge_intake(Child(), Child(facts={"enrolled": "unknown"}, answers={"A1": "unknown"}), POLICY)
    assert merged.facts == {"enrolled": "unknown"}
    assert merged.answers == {"A1": "unknown"}


@pytest.mark.parametrize(
    ("earlier", "later", "merged"),
    [
        ({"age": 6, "age_estimated": True}, {"age": 7}, {"age": 7}),
        ({"age": 6, "age_estimated": True}, {"age": 8, "age_estimated": True}, {"age": 8, "age_estimated": True}),
        ({"age": 6}, {"age": 8, "age_estimated": True}, {"age": 6}),
        ({"age": 6}, {"age": 7}, {"age": 7}),
        ({"age": 6, "age_estimated": True}, {"age": "unknown"}, {"age": 6, "age_estimated": True}),
    ],
)
def test_an_exact_age_is_kept_against_an_estimate(
    earlier: dict[str, Any], later: dict[str, Any], merged: dict[str, Any]
) -> None:
    assert merge_intake(Child(facts=earlier), Child(facts=later), POLICY).facts == merged


@pytest.mark.parametrize(
    ("earlier", "later", "count", "option"),
    [
        ({}, {}, 1, "one"),
        ({"prior_reports_12m": 1}, {}, 2, "two_plus"),
        ({"prior_reports_12m": 5}, {"prior_reports_12m": "unknown"}, 6, "two_plus"),
        ({"prior_reports_12m": 1}, {"prior_reports_12m": 1}, 1, "one"),
    ],
)
def test_attaching_counts_the_earlier_report_unless_the_new_one_states_the_number(
    earlier: dict[str, Any], later: dict[str, Any], count: int, option: str
) -> None:
    merged = attach_intake(Child(facts=earlier), Child(facts=later), POLICY)
    assert merged.facts["prior_reports_12m"] == count
    assert merged.answers["E2"] == option


def test_an_answered_prior_report_factor_is_not_overwritten() -> None:
    assert attach_intake(Child(), Child(answers={"E2": "two_plus"}), POLICY).answers["E2"] == "two_plus"


@given(children(), children())
def test_merging_loses_nothing_that_is_known(earlier: Child, later: Child) -> None:
    merged = merge_intake(earlier, later, POLICY)
    assert set(merged.concerns) == {*earlier.concerns, *later.concerns}
    assert set(POLICY.known_facts(merged.facts)) == {
        *POLICY.known_facts(earlier.facts),
        *POLICY.known_facts(later.facts),
    }
    again = merge_intake(merged, later, POLICY)
    assert (again.facts, again.answers) == (merged.facts, merged.answers)


# The level in force ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_force", "computed", "settled"),
    [
        ("yellow", "orange", Settled("orange", "raised")),
        ("orange", "orange", Settled("orange", "unchanged")),
        ("red", "blue", Settled("red", "lowering_proposed")),
    ],
)
def test_a_higher_level_takes_force_and_a_lower_one_is_only_proposed(
    in_force: str, computed: str, settled: Settled
) -> None:
    assert settle_level(in_force, computed, POLICY) == settled


@given(levels, levels)
def test_nothing_automatic_ever_lowers_a_level(in_force: str, computed: str) -> None:
    assert POLICY.rank(settle_level(in_force, computed, POLICY).level) >= POLICY.rank(in_force)


def test_all_open_cases_are_screened_again_in_march_and_september() -> None:
    assert [month for month in range(1, 13) if is_rescreen_month(date(2026, month, 1), POLICY)] == [3, 9]


# Changes people ask for ------------------------------------------------------------------------------------------

VILLAGE_WORKER = Person("a1", "village_committee", frozenset({"child_director"}))
SUPERVISOR = Person("a2", "civil_affairs", frozenset({"civil_affairs_supervisor"}))
SOUND = LevelRequest(
    current="orange",
    wanted="yellow",
    fired=frozenset({"Y3"}),
    proposer=VILLAGE_WORKER,
    approver=SUPERVISOR,
    has_reason=True,
    has_best_interest_note=True,
    child_seen=True,
    within_step_limit=True,
)


@pytest.mark.parametrize("wanted", ["yellow", "orange", "red"])
def test_anybody_may_raise_by_any_number_of_levels_at_once(wanted: str) -> None:
    request = LevelRequest(current="blue", wanted=wanted, fired=frozenset(), proposer=VILLAGE_WORKER)
    assert decide_level_change(request, POLICY) == Allowed(wanted, "raise")


def test_a_sound_lowering_by_two_persons_is_allowed() -> None:
    assert decide_level_change(SOUND, POLICY) == Allowed("yellow", "lower")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"wanted": "purple"}, "unknown_level"),
        ({"wanted": "orange"}, "unchanged"),
        ({"wanted": "blue"}, "one_level_at_once"),
        ({"current": "red", "wanted": "orange", "fired": frozenset({"R8"})}, "override_holds"),
        ({"has_reason": False}, "reason_missing"),
        ({"has_best_interest_note": False}, "best_interest_missing"),
        ({"child_seen": False}, "child_not_seen"),
        ({"within_step_limit": False}, "step_limit_passed"),
        ({"approver": None}, "second_person"),
        ({"proposer": SUPERVISOR}, "second_person"),
        ({"approver": Person("a3", "civil_affairs", frozenset({"child_supervisor"}))}, "supervisor"),
        ({"approver": Person("a3", "police", frozenset({"civil_affairs_supervisor"}))}, "supervisor"),
        ({"conflict_units": frozenset({"village_committee"})}, "conflicted_unit"),
        ({"conflict_units": frozenset({"civil_affairs"})}, "conflicted_unit"),
    ],
)
def test_a_lowering_is_refused_by_the_first_rule_it_breaks(change: dict[str, Any], rule: str) -> None:
    decision = decide_level_change(replace(SOUND, **change), POLICY)
    assert isinstance(decision, Refused)
    assert decision.rule == rule
    assert decision.reason.zh
    assert decision.reason.en


def test_a_red_level_without_a_holding_override_may_be_lowered_by_one() -> None:
    request = replace(SOUND, current="red", wanted="orange", fired=frozenset({"O1"}))
    assert decide_level_change(request, POLICY) == Allowed("orange", "lower")


def test_a_proposal_is_checked_before_there_is_a_second_person() -> None:
    proposal = replace(SOUND, approver=None, propose_only=True)
    assert decide_level_change(proposal, POLICY) == Allowed("yellow", "lower")
    assert isinstance(decide_level_change(replace(proposal, child_seen=False), POLICY), Refused)
