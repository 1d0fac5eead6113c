"""What a report says of one child becomes facts: age, place, and the override checklist."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Problem, load_policy
from contracts.vocabulary import Reporter
from services.intake.domain.children import Prepared, Said, age_on, prepare
from tests.samples.golden import golden_case, golden_cases

POLICY = load_policy("2026-11")
RECEIVED = datetime(2026, 3, 24, 6, 20, tzinfo=UTC)
OVERRIDES = [rule.code for rule in POLICY.compiled.overrides]


def prepared(outside: bool = False, received: datetime = RECEIVED, **said: Any) -> tuple[Prepared, tuple[Problem, ...]]:
    given = {"concerns": (), "facts": {}, "answers": {}, "checklist": {}, "birth_date": None, **said}
    return prepare(Said(**given), Reporter(kind="public"), received, outside=outside, policy=POLICY)


def holds(child: Prepared, code: str) -> bool:
    c = POLICY.circumstances(concerns=child.concerns, facts=child.facts, answers=child.answers)
    return next(rule for rule in POLICY.compiled.overrides if rule.code == code).condition.holds(c)


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2016, 3, 24), date(2026, 3, 23), 9),
        (date(2016, 3, 24), date(2026, 3, 24), 10),
        (date(2016, 2, 29), date(2026, 2, 28), 9),
        (date(2016, 2, 29), date(2026, 3, 1), 10),
    ],
)
def test_age_is_counted_in_full_years(birth: date, day: date, age: int) -> None:
    assert age_on(birth, day) == age


def test_the_day_of_receipt_is_the_local_one() -> None:
    just_before_midnight_utc = datetime(2026, 3, 23, 17, tzinfo=UTC)
    child, _ = prepared(birth_date=date(2016, 3, 24), received=just_before_midnight_utc)
    assert child.facts["age"] == 10


@pytest.mark.parametrize("stated", [{}, {"age": "unknown", "age_estimated": True}])
def test_the_age_follows_from_the_birth_date(stated: dict[str, Any]) -> None:
    child, problems = prepared(birth_date=date(2016, 3, 24), facts=stated)
    assert (child.facts, problems) == ({"age": 10}, ())


def test_another_age_stands_only_as_an_estimate() -> None:
    _, problems = prepared(birth_date=date(2016, 3, 24), facts={"age": 9})
    assert [(p.pointer, p.code) for p in problems] == [("/facts/age", "contradictory_age")]
    child, none = prepared(birth_date=date(2016, 3, 24), facts={"age": 9, "age_estimated": True})
    assert (child.facts["age"], none) == (9, ())


def test_the_golden_ages_agree_with_the_golden_birth_dates() -> None:
    for golden in golden_cases():
        if "birth_date" in golden["child"]:
            birth, received = (golden["child"]["birth_date"], golden["received_at"])
            _, problems = prepared(
                birth_date=date.fromisoformat(birth), facts=golden["facts"], received=datetime.fromisoformat(received)
            )
            assert problems == (), golden["id"]


def test_a_place_outside_makes_the_fact_and_contradicts_a_no() -> None:
    child, _ = prepared(outside=True)
    _, problems = prepared(outside=True, facts={"outside_township": False})
    assert (child.screened, [p.code for p in problems]) == ("outside_township", ["contradictory_place"])


@given(
    st.sampled_from(OVERRIDES),
    st.dictionaries(st.sampled_from(sorted(POLICY.facts)), st.just(False), max_size=8),
    st.one_of(st.none(), st.integers(0, 17)),
)
def test_a_yes_always_leads_to_red(code: str, facts: dict[str, Any], age: int | None) -> None:
    """Against every "no" given elsewhere, at every age: the rule itself fires, or where age forbids it the threat to life."""
    booleans = {name: value for name, value in facts.items() if POLICY.facts[name].type == "boolean"}
    child, problems = prepared(facts=booleans | ({} if age is None else {"age": age}), checklist={code: True})
    assert problems == ()
    assert child.emergency
    assert holds(child, code) or (code == "R9" and (age or 0) >= 3 and holds(child, "R1"))


def test_a_yes_that_what_was_said_already_fires_adds_nothing() -> None:
    child, _ = prepared(facts={"serious_injury": True}, checklist={"R1": True})
    assert child.facts == {"serious_injury": True}


def test_a_no_answers_the_question_that_silence_would_assume() -> None:
    silent, _ = prepared(concerns=("H2",), facts={"age": 15})
    asked, _ = prepared(concerns=("H2",), facts={"age": 15}, checklist={"R2": False})
    assert (silent.emergency, asked.emergency) == (True, False)


def test_a_no_does_not_unsay_a_fact() -> None:
    child, _ = prepared(facts={"confined": True}, checklist={"R8": False})
    assert child.emergency


def test_unknown_on_the_checklist_changes_nothing() -> None:
    child, _ = prepared(checklist=dict.fromkeys(OVERRIDES, "unknown"))
    assert child.facts == {}


def test_every_golden_case_is_restricted_as_expected_from_the_first_moment() -> None:
    for golden in golden_cases():
        child, _ = prepared(concerns=tuple(golden["concerns"]), facts=golden["facts"], answers=golden["answers"])
        assert child.restricted is golden["expected"]["restricted"], golden["id"]


def test_the_unit_in_conflict_is_named() -> None:
    child, _ = prepared(facts=golden_case("YX-04")["facts"])
    assert child.conflict_unit == "health"


def test_malformed_entries_are_named_below_the_child() -> None:
    _, problems = prepared(facts={"x": 1}, checklist={"R99": True})
    assert {p.pointer for p in problems} == {"/facts/x", "/checklist/R99"}
