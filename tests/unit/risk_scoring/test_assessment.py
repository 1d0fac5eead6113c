"""The instrument: golden cases, single rules at their boundaries, reasons, siblings, and what holds for every child."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk_scoring.domain import Assessment, Reason, assess, report_level
from tests.samples.golden import (
    POLICY,
    Child,
    Reporter,
    children_of,
    golden_cases,
    harmless,
    read,
    reporter_of,
    rule_check,
    zero_points,
)
from tests.samples.strategies import children, reporters

SCORES = ("level", "score", "score_known", "score_upper", "completeness", "band", "provisional", "fired")


def assess_one(child: Child, reporter: Reporter | None = None) -> Assessment:
    [assessment] = assess([child], [reporter or Reporter()], POLICY)
    return assessment


def facts_of(assessment: Assessment, expected: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value := getattr(assessment, name), tuple) else value for name in expected}


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case["id"])
def test_golden_cases_get_the_expected_assessment(case: Any) -> None:
    expected = case["expected"]
    assessments = assess(children_of(case), [reporter_of(case)], POLICY)
    for assessment, wanted in zip(assessments, [expected, *expected.get("siblings", [])], strict=True):
        assert facts_of(assessment, SCORES) == {name: wanted[name] for name in SCORES}
    assert report_level(assessments, POLICY) == expected["report_level"]
    assert any(assessment.restricted for assessment in assessments) is expected["restricted"]


@pytest.mark.parametrize("check", read("rules.yaml")["rules"], ids=lambda check: check["id"])
def test_each_rule_fires_at_its_boundary_and_not_beside_it(check: Any) -> None:
    assessment = assess_one(rule_check(check), reporter_of(check))
    wanted = {name: check[name] for name in SCORES if name in check}
    assert list(assessment.fired) == check["fires"]
    assert facts_of(assessment, wanted) == wanted


# Reasons ---------------------------------------------------------------------------------------------------------


def test_every_factor_gives_its_option_and_points_or_says_unknown() -> None:
    assessment = assess_one(Child(facts={"age": 9}, answers=zero_points(A2="now", C1="unknown")))
    reasons = {reason.code: reason for reason in assessment.reasons if reason.kind == "factor"}
    assert len(reasons) == 20
    assert reasons["A2"] == Reason("factor", "A2", "now", 12)
    assert reasons["B1"] == Reason("factor", "B1", "6-11", 3)
    assert reasons["C1"] == Reason("factor", "C1", None, None, ("unknown",))
    assert sum(reason.points or 0 for reason in reasons.values()) == assessment.score_known


def test_every_fired_rule_names_the_facts_that_made_it_fire() -> None:
    child = Child(
        ("H2",),
        {"age": 7, "left_alone": True, "guardian_unreachable": True, "prior_reports_12m": 2, "runaway_found": True},
        zero_points(A1="severe", A2="unknown"),
    )
    because = {reason.code: (reason.kind, reason.because) for reason in assess_one(child).reasons}
    assert because["R1"] == ("override", ("answer:A1=severe",))
    assert because["R2"] == ("override", ("assumed:sexual_assault_suspected",))
    assert because["R5"] == ("override", ("fact:age<8", "fact:left_alone", "fact:guardian_unreachable"))
    assert because["O2"] == ("floor", ("not:fact:safety_verified", "fact:runaway_found"))
    assert because["Y1"] == ("floor", ("unknown:A2",))
    assert because["O6"] == ("plus_one", ("fact:prior_reports_12m>=2",))


def test_the_assessment_shows_every_factor_as_it_was_read() -> None:
    answers = assess_one(Child(facts={"age": 9}, answers={"A1": "none", "B1": "0-2"})).answers
    assert answers["A1"] == "none"
    assert answers["B1"] == "6-11"
    assert answers["A2"] == "unknown"
    assert len(answers) == 20


# Restricted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("child", "restricted"),
    [
        (Child(("H2",), {"sexual_assault_suspected": False}), True),
        (Child(("H3",)), True),
        (Child(answers={"A5": "vague"}), True),
        (Child(answers={"A5": "none"}), False),
        (Child(facts={"sexualised_online_contact": True}), True),
        (Child(facts={"online_meeting_demanded": True}), True),
        (Child(facts={"police_restricted_mark": True}), True),
        (Child(("H1",), {"confined": True}), False),
    ],
)
def test_any_sexual_element_or_the_police_mark_restricts_the_case(child: Child, restricted: bool) -> None:
    assert assess_one(child).restricted is restricted


# Several children ------------------------------------------------------------------------------------------------


def test_a_red_sibling_lifts_the_others_to_orange_wherever_it_stands() -> None:
    calm, red = harmless(age=6), harmless(age=9, confined=True)
    for order in ([calm, red], [red, calm]):
        results = dict(zip([child.facts["age"] for child in order], assess(order, [Reporter()], POLICY), strict=True))
        assert (results[9].level, results[9].fired) == ("red", ("R8",))
        assert (results[6].level, results[6].fired) == ("orange", ("O7",))
        assert results[6].facts["household_child_red"] is True


def test_two_red_children_are_each_a_sibling_of_a_red_child() -> None:
    results = assess([harmless(age=9, confined=True), harmless(age=9, life_threatened=True)], [Reporter()], POLICY)
    assert [result.fired for result in results] == [("R8", "O7"), ("R1", "O7")]


def test_a_sibling_that_becomes_red_through_the_household_counts_for_the_first() -> None:
    first, second = harmless(age=9, confined=True), harmless(age=6, prior_reports_12m=2)
    results = assess([first, second], [Reporter()], POLICY)
    assert [(result.level, result.fired) for result in results] == [("red", ("R8", "O7")), ("red", ("O7", "O6"))]


def test_scoring_leaves_the_intake_as_it_was() -> None:
    calm = harmless(age=6)
    before = dict(calm.facts)
    assess([calm, harmless(confined=True)], [Reporter()], POLICY)
    assert calm.facts == before


def test_a_mandated_reporter_among_several_keeps_its_floor() -> None:
    child = Child(("H11",), {"age": 12}, zero_points())
    [assessment] = assess([child], [Reporter("teacher", mandated=True), Reporter("public")], POLICY)
    assert assessment.fired == ("Y3",)


# What holds for every child --------------------------------------------------------------------------------------


@given(children(), reporters())
def test_known_score_and_upper_are_ordered_and_within_the_total(child: Child, reporter: Reporter) -> None:
    a = assess_one(child, reporter)
    assert 0 <= a.score_known <= a.score <= a.score_upper <= 100
    assert a.completeness == 100 - (a.score_upper - a.score_known)
    assert POLICY.rank(a.level) >= POLICY.rank(a.band)
    assert assess_one(child, reporter) == a


@given(children(), st.sampled_from([f.code for f in POLICY.risk.factors if f.from_fact is None]), st.data())
def test_more_points_never_lower_score_or_level(child: Child, factor: str, data: st.DataObject) -> None:
    options = next(f for f in POLICY.risk.factors if f.code == factor).options
    ordered = sorted(options, key=lambda option: option.points)
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(ordered) - 1)] * 2)))
    less, more = (
        assess_one(replace(child, answers={**child.answers, factor: ordered[index].code})) for index in (low, high)
    )
    assert less.score <= more.score
    assert POLICY.rank(less.level) <= POLICY.rank(more.level)


@given(children(), st.sampled_from([f.code for f in POLICY.risk.factors if f.from_fact is None]))
def test_leaving_a_factor_unknown_is_never_cheaper_than_its_zero_option(child: Child, factor: str) -> None:
    zero = assess_one(replace(child, answers={**child.answers, factor: zero_points()[factor]}))
    unknown = assess_one(replace(child, answers={**child.answers, factor: "unknown"}))
    assert unknown.score >= zero.score
    assert POLICY.rank(unknown.level) >= POLICY.rank(zero.level)


@given(children(), reporters())
def test_an_override_always_means_red_and_reasons_match_the_fired_rules(child: Child, reporter: Reporter) -> None:
    a = assess_one(child, reporter)
    if any(code.startswith("R") for code in a.fired):
        assert a.level == "red"
    rules = [reason for reason in a.reasons if reason.kind != "factor"]
    assert tuple(reason.code for reason in rules) == a.fired
    assert all(reason.because for reason in rules)


@given(st.lists(children(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_children_does_not_matter(family: list[Child], chance: Any) -> None:
    order = list(range(len(family)))
    chance.shuffle(order)
    straight = assess(family, [Reporter()], POLICY)
    shuffled = assess([family[i] for i in order], [Reporter()], POLICY)
    assert [straight[i] for i in order] == list(shuffled)
