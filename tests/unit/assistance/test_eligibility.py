"""Eligibility advice, rule by rule, as a table; and the dates it rests on."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_policy
from services.assistance.domain.eligibility import (
    Advice,
    Facts,
    Parent,
    advise,
    birthday,
    months_after,
)

POLICY = load_policy("2026-11")
ON = date(2026, 11, 20)
BORN = date(2016, 5, 2)
RULES = tuple(f"E-{number}" for number in range(1, 12))
STATES = ("severe_disability", "serious_illness", "serving_sentence", "compulsory_detox", "other_restraint", "missing",
          "guardianship_revoked", "deported")  # fmt: skip
LONG, SHORT = date(2026, 1, 10), date(2026, 9, 1)


def ask(rule: str, on: date = ON, papers: tuple[str, ...] = (), **facts: Any) -> Advice:
    [advice] = advise(Facts(**facts), on, POLICY, rules=[rule], papers=papers)
    return advice


def gone(state: str, since: date | None = None, **more: Any) -> Parent:
    return Parent(state, since, **more)


POOR = {"income_below_line": True, "assets_within_limits": True}
HELPLESS = {"birth_date": BORN, "no_income": True, "no_able_supporter": True}
TABLE: list[tuple[str, dict[str, Any], str]] = [
    ("E-1", POOR, "likely"),
    ("E-1", {**POOR, "income_below_line": False}, "unlikely"),
    ("E-1", {**POOR, "assets_within_limits": False}, "unlikely"),
    ("E-1", {"income_below_line": True}, "unknown"),
    ("E-1", {"income_below_line": False}, "unlikely"),
    ("E-2", {"orphan": True, "birth_date": BORN}, "likely"),
    ("E-2", {"father": gone("dead"), "mother": gone("declared_missing"), "age": 9}, "likely"),
    ("E-2", {"father": gone("dead"), "mother": gone("missing", LONG), "age": 9}, "unlikely"),
    ("E-2", {"father": gone("dead"), "age": 9}, "unknown"),
    ("E-2", {"orphan": True, "birth_date": date(2008, 11, 20)}, "unlikely"),
    ("E-3", {"birth_date": BORN, "father": gone("serving_sentence", LONG), "mother": gone("missing", LONG)}, "likely"),
    ("E-3", {"birth_date": BORN, "father": gone("dead"), "mother": gone("deported")}, "likely"),
    ("E-3", {"birth_date": BORN, "father": gone("declared_missing"), "mother": gone("serious_illness")}, "likely"),
    ("E-3", {"birth_date": BORN, "father": gone("serving_sentence", LONG), "mother": gone("none")}, "unlikely"),
    ("E-3", {"birth_date": BORN, "father": gone("serving_sentence", LONG)}, "unknown"),
    ("E-3", {"birth_date": BORN, "father": gone("dead"), "mother": gone("dead")}, "unlikely"),
    ("E-3", {"birth_date": BORN, "father": gone("missing", SHORT), "mother": gone("deported")}, "not_yet"),
    ("E-3", {"birth_date": BORN, "father": gone("missing"), "mother": gone("deported")}, "unknown"),
    ("E-3", {"birth_date": BORN, "father": gone("severe_disability", grade=2), "mother": gone("deported")}, "likely"),
    ("E-3", {"birth_date": BORN, "father": gone("severe_disability", grade=3), "mother": gone("deported")}, "unlikely"),
    (
        "E-3",
        {"birth_date": BORN, "father": gone("severe_disability", grade=4, mental=True), "mother": gone("deported")},
        "likely",
    ),
    ("E-3", {"birth_date": BORN, "father": gone("severe_disability"), "mother": gone("deported")}, "unknown"),
    ("E-3", {"birth_date": date(2008, 11, 20), "father": gone("dead"), "mother": gone("deported")}, "unlikely"),
    ("E-3", {"birth_date": date(2008, 11, 21), "father": gone("dead"), "mother": gone("deported")}, "likely"),
    ("E-3", {"birth_date": date(2008, 12, 1), "father": gone("dead"), "mother": gone("missing", SHORT)}, "unlikely"),
    ("E-4", HELPLESS, "likely"),
    ("E-4", {**HELPLESS, "birth_date": date(2010, 11, 20)}, "unlikely"),
    ("E-4", {**HELPLESS, "birth_date": date(2010, 11, 21)}, "likely"),
    ("E-4", {**HELPLESS, "no_able_supporter": False}, "unlikely"),
    ("E-4", {**HELPLESS, "no_income": None}, "unknown"),
    ("E-5", {"sudden_hardship": True}, "likely"),
    ("E-5", {"sudden_hardship": False}, "unlikely"),
    ("E-5", {}, "unknown"),
    ("E-6", {"grade": 1, "dibao": True}, "priority"),
    ("E-6", {"grade": 9, "impoverished_by_illness": True}, "priority"),
    ("E-6", {"grade": 5, "impoverished_by_incident": True}, "priority"),
    ("E-6", {"grade": 10, "dibao": True}, "unlikely"),
    ("E-6", {"grade": 0, "dibao": True}, "unlikely"),
    (
        "E-6",
        {"grade": 5, "dibao": False, "impoverished_by_illness": False, "impoverished_by_incident": False},
        "unlikely",
    ),
    ("E-6", {"grade": 5, "dibao": False}, "unknown"),
    ("E-7", {"senior_high": True, "on_ledger": True}, "priority"),
    ("E-7", {"senior_high": True, "on_ledger": False}, "unlikely"),
    ("E-7", {"senior_high": False, "on_ledger": True}, "unlikely"),
    ("E-7", {"senior_high": True}, "unknown"),
    ("E-8", {"birth_date": date(2010, 11, 21)}, "not_yet"),
    ("E-8", {"birth_date": date(2010, 11, 20)}, "likely"),
    ("E-8", {"age": 16}, "unknown"),
    ("E-8", {"age": 13}, "not_yet"),
    ("E-9", {"hukou": "elsewhere", "birth_date": BORN}, "likely"),
    ("E-9", {"hukou": "local", "birth_date": BORN}, "unlikely"),
    ("E-9", {"hukou": "elsewhere", "age": 5}, "unlikely"),
    ("E-9", {"hukou": "elsewhere", "age": 16}, "unlikely"),
    ("E-9", {"hukou": "elsewhere", "age": 16, "compulsory_stage": True}, "likely"),
    ("E-9", {"hukou": "unknown", "age": 8}, "unknown"),
    ("E-10", {"correction_document": True}, "likely"),
    ("E-10", {"correction_document": False}, "unlikely"),
    ("E-11", {"disability_certificate": True}, "likely"),
    ("E-11", {"assessment_pending": True, "disability_certificate": False}, "likely"),
    ("E-11", {"assessment_pending": False, "disability_certificate": False}, "unlikely"),
    ("E-11", {"disability_certificate": False}, "unknown"),
]


@pytest.mark.parametrize(("rule", "facts", "result"), TABLE)
def test_the_advice_follows_the_table(rule: str, facts: dict[str, Any], result: str) -> None:
    advice = ask(rule, **facts)
    assert advice.result == result
    assert bool(advice.missing_facts) == (result == "unknown" or (rule, facts.get("age")) == ("E-8", 13))


def test_every_rule_of_the_policy_is_advised_on_and_names_its_department_and_papers() -> None:
    found = advise(Facts(), ON, POLICY)
    assert tuple(one.rule for one in found) == RULES
    assert all(one.documents for one in found)
    assert {one.rule: one.department for one in found} == {
        **dict.fromkeys(("E-1", "E-2", "E-3", "E-4", "E-5"), "civil_affairs"),
        **dict.fromkeys(("E-6", "E-7"), "school"),
        "E-8": "employment",
        "E-9": "township_government",
        "E-10": "justice",
        "E-11": "disabled_federation",
    }


def test_nothing_known_is_unknown_and_never_a_no() -> None:
    assert {one.result for one in advise(Facts(), ON, POLICY)} == {"unknown"}


@given(st.sampled_from(STATES), st.sampled_from(STATES), st.dates(date(2025, 1, 1), ON), st.dates(date(2025, 1, 1), ON))
def test_both_parents_count_and_months_that_are_short_give_the_later_date(
    one: str, other: str, since: date, then: date
) -> None:
    facts: dict[str, Any] = {
        "birth_date": BORN,
        "father": gone(one, since, grade=1),
        "mother": gone(other, then, grade=1),
    }
    short = {"serving_sentence", "compulsory_detox", "other_restraint", "missing"}
    ready = max((months_after(day, 6) for code, day in ((one, since), (other, then)) if code in short), default=ON)
    advice = ask("E-3", **facts)
    if ready <= ON:
        assert (advice.result, advice.from_date) == ("likely", None)
    else:
        assert (advice.result, advice.from_date) == ("not_yet", ready)
        assert ask("E-3", on=ready, **facts).result == "likely"
        assert ask("E-3", on=ready - timedelta(days=1), **facts).result == "not_yet"
    assert ask("E-3", **{**facts, "mother": gone("none")}).result == "unlikely"


@given(st.dates(date(2004, 1, 1), ON))
def test_work_is_blocked_until_the_sixteenth_birthday_by_the_exact_date(born: date) -> None:
    sixteen, advice = birthday(born, 16), ask("E-8", birth_date=born)
    if sixteen > ON:
        assert (advice.result, advice.from_date, advice.blocks) == ("not_yet", sixteen, "work placement")
        assert advice.offer == ("school",)
        assert ask("E-8", on=sixteen - timedelta(days=1), birth_date=born).result == "not_yet"
    else:
        assert (advice.result, advice.blocks) == ("likely", None)
    assert ask("E-8", on=sixteen, birth_date=born).because == ("training_or_allowed_work",)


def test_an_adult_of_the_family_may_have_job_help_while_the_child_may_not_work() -> None:
    advice = ask("E-8", birth_date=BORN, family_member_age=18)
    assert (advice.result, advice.because, advice.blocks) == ("not_yet", ("family_job_help",), "work placement")
    assert ask("E-8", birth_date=BORN, family_member_age=17).because == ()


@pytest.mark.parametrize(
    ("born", "years", "day"),
    [
        (date(2008, 2, 29), 16, date(2024, 2, 29)),
        (date(2012, 2, 29), 14, date(2026, 3, 1)),
        (date(2010, 11, 20), 16, date(2026, 11, 20)),
    ],
)
def test_a_birthday_on_the_leap_day_falls_on_the_first_of_march(born: date, years: int, day: date) -> None:
    assert birthday(born, years) == day


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 7, 15), date(2027, 1, 15)),
    ],
)
def test_six_months_end_on_the_same_day_or_the_months_last(start: date, end: date) -> None:
    assert months_after(start, 6) == end


def test_the_checklist_says_which_papers_are_missing() -> None:
    advice = ask("E-2", orphan=True, age=9, papers=("household_register", "application_form"))
    assert set(advice.missing_documents) == {"identity_papers", "death_or_missing_finding"}
    pending = ask("E-11", assessment_pending=True, papers=("assessment_receipt", "identity_papers"))
    assert pending.missing_documents == ()
    assert ask("E-10", correction_document=False).documents == ()
