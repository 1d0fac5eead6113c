"""The door: which contacts open no case, and which entries are malformed."""

from typing import Any

import pytest

from contracts.policy import Screened, intake_problems, screen
from tests.samples.golden import POLICY, children_of, golden_cases, zero_points

SCREENED_AS: dict[str, Screened] = {
    "consultation": "pure_consultation",
    "not_a_minor": "not_a_minor",
    "transfer_out": "outside_township",
}


@pytest.mark.parametrize("case", golden_cases(opened=False), ids=lambda case: case["id"])
def test_golden_cases_are_screened_as_their_disposition_says(case: Any) -> None:
    child = children_of(case)[0]
    seen = POLICY.circumstances(concerns=child.concerns, facts=child.facts, answers=child.answers)
    assert screen(seen, POLICY) == SCREENED_AS.get(case["expected"]["disposition"])


@pytest.mark.parametrize("claim", ["pure_consultation", "not_a_minor"])
def test_nothing_is_screened_out_while_an_override_holds(claim: str) -> None:
    assert screen(POLICY.circumstances(facts={claim: True}), POLICY) == claim
    assert screen(POLICY.circumstances(facts={claim: True, "confined": True}), POLICY) is None


def test_a_child_outside_the_township_is_transferred_even_at_red() -> None:
    child = POLICY.circumstances(facts={"outside_township": True, "confined": True})
    assert screen(child, POLICY) == "outside_township"


@pytest.mark.parametrize(
    ("facts", "result"),
    [
        ({"age": 18}, "not_a_minor"),
        ({"age": 17}, None),
        ({"age": 18, "age_estimated": True}, None),
        ({"age": 18, "not_a_minor": False}, None),
    ],
)
def test_only_an_exact_age_or_a_clear_statement_makes_somebody_an_adult(
    facts: dict[str, Any], result: Screened | None
) -> None:
    assert screen(POLICY.circumstances(facts=facts), POLICY) == result


@pytest.mark.parametrize("case", golden_cases(opened=False), ids=lambda case: case["id"])
def test_golden_intakes_are_sound(case: Any) -> None:
    for child in children_of(case):
        assert intake_problems(child.concerns, child.facts, child.answers, POLICY) == ()


@pytest.mark.parametrize(
    ("concerns", "facts", "answers", "pointer", "code"),
    [
        (["H99"], {}, {}, "/concerns", "unknown_concern"),
        ([], {"shoe_size": 40}, {}, "/facts/shoe_size", "unknown_fact"),
        ([], {"confined": "yes"}, {}, "/facts/confined", "wrong_value"),
        ([], {"age": -1}, {}, "/facts/age", "wrong_value"),
        ([], {"age": True}, {}, "/facts/age", "wrong_value"),
        ([], {"hukou": "mars"}, {}, "/facts/hukou", "wrong_value"),
        ([], {"conflict_unit": "bakery"}, {}, "/facts/conflict_unit", "wrong_value"),
        ([], {"safe_until": "soon"}, {}, "/facts/safe_until", "wrong_value"),
        ([], {"safe_until": "2026-03-09T18:00:00"}, {}, "/facts/safe_until", "wrong_value"),
        ([], {}, {"A1": "awful"}, "/answers/A1", "unknown_option"),
        ([], {}, {"Z9": "unknown"}, "/answers/Z9", "unknown_option"),
    ],
)
def test_a_malformed_entry_is_pointed_at(
    concerns: list[str], facts: dict[str, Any], answers: dict[str, str], pointer: str, code: str
) -> None:
    [problem] = intake_problems(concerns, facts, answers, POLICY)
    assert (problem.pointer, problem.code) == (pointer, code)
    assert problem.message.zh
    assert problem.message.en


def test_unknown_is_always_an_allowed_answer() -> None:
    facts = dict.fromkeys(POLICY.facts, "unknown")
    answers = dict.fromkeys([*zero_points(), "B1"], "unknown")
    assert intake_problems(["H1"], facts, answers, POLICY) == ()
