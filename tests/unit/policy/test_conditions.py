"""The condition grammar: what each form asks, and the reasons it gives."""

from typing import Any

import pytest

from contracts.policy import Circumstances, Condition, PolicyError, compile_condition
from contracts.policy.conditions import compile_named
from tests.samples.golden import POLICY, Reporter

CHILD = Circumstances(
    concerns=frozenset({"H1", "N5"}),
    facts={"age": 13, "confined": True, "safety_verified": False, "hukou": "local", "conflict_unit": "health"},
    answers={"A1": "severe"},
    level="orange",
    fired=frozenset({"O1"}),
    reporter_kinds=frozenset({"teacher"}),
    reporter_mandated=True,
)


def compiled(raw: Any) -> Condition:
    return compile_condition(raw, compile_named({"is_orange": {"level": ["orange"]}}))


@pytest.mark.parametrize(
    ("raw", "holds", "because"),
    [
        ("always", True, ("always",)),
        ("is_orange", True, ("level:orange",)),
        ({"fact": "confined"}, True, ("fact:confined",)),
        ({"fact": "safety_verified"}, False, ()),
        ({"fact": "not_given"}, False, ()),
        ({"fact": "safety_verified", "is": False}, True, ("fact:safety_verified=false",)),
        ({"fact": "not_given", "is": False}, False, ()),
        ({"fact": "age", "lt": 14}, True, ("fact:age<14",)),
        ({"fact": "age", "lt": 13}, False, ()),
        ({"fact": "age", "lte": 13}, True, ("fact:age<=13",)),
        ({"fact": "age", "gte": 14}, False, ()),
        ({"fact": "age", "eq": 13}, True, ("fact:age=13",)),
        ({"fact": "not_given", "lt": 14}, False, ()),
        ({"fact": "confined", "lt": 14}, False, ()),
        ({"fact": "hukou", "in": ["local", "none"]}, True, ("fact:hukou=local",)),
        ({"fact": "conflict_unit", "present": True}, True, ("fact:conflict_unit=health",)),
        ({"fact": "not_given", "present": True}, False, ()),
        ({"answer": "A1", "in": ["moderate", "severe"]}, True, ("answer:A1=severe",)),
        ({"answer": "A2", "in": ["now"]}, False, ()),
        ({"unknown": ["A1", "A2", "C1"]}, True, ("unknown:A2", "unknown:C1")),
        ({"unknown": ["A1"]}, False, ()),
        ({"concern": ["H1", "H2", "N5"]}, True, ("concern:H1", "concern:N5")),
        ({"concern": ["H2"]}, False, ()),
        ({"level": ["red"]}, False, ()),
        ({"fired": ["O1", "R2"]}, True, ("fired:O1",)),
        ({"reporter_kind": ["teacher", "doctor"]}, True, ("reporter:teacher",)),
        ({"reporter_mandated": True}, True, ("reporter:mandated",)),
        ({"any": [{"fact": "confined"}, {"concern": ["H2"]}]}, True, ("fact:confined",)),
        ({"any": []}, False, ()),
        ({"all": [{"fact": "confined"}, "is_orange"]}, True, ("fact:confined", "level:orange")),
        ({"all": [{"fact": "confined"}, {"concern": ["H2"]}]}, False, ()),
        ({"not": {"fact": "carer_verified"}}, True, ("not:fact:carer_verified",)),
        ({"not": {"fact": "confined"}}, False, ()),
    ],
    ids=str,
)
def test_a_condition_holds_or_not_and_names_the_leaves_that_made_it(
    raw: Any, holds: bool, because: tuple[str, ...]
) -> None:
    condition = compiled(raw)
    assert condition.holds(CHILD) is holds
    if holds:
        assert condition.because(CHILD) == because


def test_an_assumed_fact_is_named_as_assumed() -> None:
    child = POLICY.circumstances(concerns=["H2"])
    assert compiled({"fact": "sexual_assault_suspected"}).because(child) == ("assumed:sexual_assault_suspected",)


@pytest.mark.parametrize(
    "raw",
    ["no_such_name", {"colour": "red"}, {"fact": "age", "between": [1, 2]}, {"fact": "age", "lt": 3, "gte": 1}],
    ids=str,
)
def test_a_broken_condition_is_refused_when_it_is_compiled(raw: Any) -> None:
    with pytest.raises(PolicyError):
        compiled(raw)


def test_conditions_that_name_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(PolicyError, match="one -> two -> one"):
        compile_named({"one": {"any": ["two"]}, "two": {"not": "one"}})


def test_unknown_is_dropped_unless_it_is_one_of_the_values() -> None:
    child = POLICY.circumstances(facts={"confined": "unknown", "hukou": "unknown"}, answers={"A1": "unknown"})
    assert child.facts == {"hukou": "unknown"}
    assert child.answers == {}


@pytest.mark.parametrize(
    ("age", "option"), [(0, "0-2"), (2, "0-2"), (3, "3-5"), (6, "6-11"), (12, "12-15"), (17, "16-17")]
)
def test_the_age_factor_follows_a_known_age_whatever_was_answered(age: int, option: str) -> None:
    assert POLICY.circumstances(facts={"age": age}, answers={"B1": "3-5"}).answers["B1"] == option


def test_the_age_factor_is_as_answered_while_the_age_is_unknown() -> None:
    assert POLICY.circumstances(answers={"B1": "3-5"}).answers["B1"] == "3-5"
    assert "B1" not in POLICY.circumstances().answers


def test_an_option_nobody_defined_counts_as_unknown_never_as_zero() -> None:
    assert "A1" not in POLICY.circumstances(answers={"A1": "catastrophic"}).answers


@pytest.mark.parametrize(
    ("concern", "fact"), [("H2", "sexual_assault_suspected"), ("H6", "abandoned"), ("H8", "confined")]
)
def test_a_blank_checklist_question_counts_as_yes_until_it_is_answered(concern: str, fact: str) -> None:
    assert POLICY.circumstances(concerns=[concern]).facts[fact] is True
    assert POLICY.circumstances(concerns=[concern], facts={fact: "unknown"}).facts[fact] is True
    assert POLICY.circumstances(concerns=[concern], facts={fact: False}).facts[fact] is False
    assert fact not in POLICY.circumstances(concerns=["N5"]).facts


def test_one_mandated_reporter_among_several_makes_the_case_a_mandated_report() -> None:
    child = POLICY.circumstances(reporters=[Reporter("public"), Reporter("teacher", mandated=True)])
    assert child.reporter_mandated
    assert child.reporter_kinds == {"public", "teacher"}
    assert POLICY.holds("reporter_is_school", child)


def test_a_hand_over_time_without_a_zone_is_refused() -> None:
    assert Circumstances().safe_until is None
    with pytest.raises(ValueError, match="time zone"):
        _ = Circumstances(facts={"safe_until": "2026-03-09T18:00:00"}).safe_until
