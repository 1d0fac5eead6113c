"""Eligibility advice E-1 to E-11 over coded facts: what a child or family may be entitled to, from when, and which papers
to bring (policy `assistance.eligibility`). Advice only: the department that owns the benefit decides.

A fact nobody stated is unknown, never no: advice then says which facts are missing.
"""

from calendar import monthrange
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contracts.policy import Policy
from contracts.policy.assistance import EligibilityRule, ParentState

Result = Literal["likely", "priority", "not_yet", "unlikely", "unknown"]
DEAD, MISSING_DECLARED = "dead", "declared_missing"
NONE = "none"
"""The parent is in none of the states of E-3."""
ADULT = 18


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent's state: a code of E-3's `parent_states`, `dead`, `declared_missing`, or `none`. None: not known.

    `since` is the day it began (for `missing`: the police's acceptance). `grade` and `mental` describe a disability.
    """

    state: str | None = None
    since: date | None = None
    grade: int | None = None
    mental: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the child and the family. `age` stands in where the birth date is not known, except for work."""

    birth_date: date | None = None
    age: int | None = None
    income_below_line: bool | None = None
    assets_within_limits: bool | None = None
    orphan: bool | None = None
    father: Parent = Parent()
    mother: Parent = Parent()
    no_income: bool | None = None
    no_able_supporter: bool | None = None
    sudden_hardship: bool | None = None
    grade: int | None = None
    dibao: bool | None = None
    impoverished_by_illness: bool | None = None
    impoverished_by_incident: bool | None = None
    senior_high: bool | None = None
    on_ledger: bool | None = None
    family_member_age: int | None = None
    hukou: str | None = None
    compulsory_stage: bool | None = None
    correction_document: bool | None = None
    disability_certificate: bool | None = None
    assessment_pending: bool | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice on one benefit. `from_date`: the day the answer changes, or work is allowed. `blocks`: what is forbidden until
    then, with `offer` in its place."""

    rule: str
    result: Result
    because: tuple[str, ...] = ()
    missing_facts: tuple[str, ...] = ()
    from_date: date | None = None
    documents: tuple[str, ...] = ()
    missing_documents: tuple[str, ...] = ()
    department: str | None = None
    blocks: str | None = None
    offer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    result: Result
    because: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    from_date: date | None = None
    blocks: str | None = None
    offer: tuple[str, ...] = ()


def advise(
    facts: Facts, on: date, policy: Policy, *, rules: Collection[str] = (), papers: Collection[str] = ()
) -> tuple[Advice, ...]:
    """Advice on every rule (or those named) for a request made on a day. `papers` are documents at hand."""
    found = [rule for rule in policy.assistance.eligibility if not rules or rule.id in rules]
    return tuple(_advice(rule, facts, on, policy, papers) for rule in found)


def _advice(rule: EligibilityRule, facts: Facts, on: date, policy: Policy, papers: Collection[str]) -> Advice:
    answer = _RULES[rule.id](facts, on, rule)
    hopeless = answer.result == "unlikely"
    return Advice(
        rule=rule.id,
        result=answer.result,
        because=answer.because,
        missing_facts=answer.missing,
        from_date=answer.from_date,
        documents=() if hopeless else rule.documents,
        missing_documents=() if hopeless else _lacking(rule, papers),
        department=rule.responsible or policy.assistance.owner_of(rule.id),
        blocks=answer.blocks,
        offer=answer.offer,
    )


_EITHER = frozenset({"disability_certificate", "assessment_receipt"})


def _lacking(rule: EligibilityRule, papers: Collection[str]) -> tuple[str, ...]:
    """A certificate and the receipt of its assessment stand in for each other."""
    settled = _EITHER if _EITHER & set(papers) else frozenset[str]()
    return tuple(paper for paper in rule.documents if paper not in papers and paper not in settled)


# Dates ---------------------------------------------------------------------------------------------------------------


def birthday(birth: date, years: int) -> date:
    """The day somebody is that many full years old. Born on 29 February: 1 March in a common year."""
    year = birth.year + years
    if (birth.month, birth.day) == (2, 29) and monthrange(year, 2)[1] == 28:
        return date(year, 3, 1)
    return birth.replace(year=year)


def months_after(start: date, months: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def under(facts: Facts, years: int, on: date) -> bool | None:
    """Whether the child is under an age on a day; None when neither birth date nor age is known."""
    if facts.birth_date is not None:
        return on < birthday(facts.birth_date, years)
    return None if facts.age is None else facts.age < years


# Rules ---------------------------------------------------------------------------------------------------------------


def _all(needed: Mapping[str, bool | None]) -> _Answer:
    """Likely when everything holds; unlikely as soon as one thing does not."""
    failing = tuple(name for name, value in needed.items() if value is False)
    unknown = tuple(name for name, value in needed.items() if value is None)
    if failing:
        return _Answer("unlikely", failing)
    return _Answer("unknown", missing=unknown) if unknown else _Answer("likely", tuple(needed))


def _any(offered: Mapping[str, bool | None], result: Result = "likely") -> _Answer:
    """One thing that holds is enough."""
    holding = tuple(name for name, value in offered.items() if value)
    unknown = tuple(name for name, value in offered.items() if value is None)
    if holding:
        return _Answer(result, holding)
    return _Answer("unknown", missing=unknown) if unknown else _Answer("unlikely", tuple(offered))


def _dibao(facts: Facts, _on: date, _rule: EligibilityRule) -> _Answer:
    return _all({"income_below_line": facts.income_below_line, "assets_within_limits": facts.assets_within_limits})


def _is_orphan(facts: Facts) -> bool | None:
    gone = [_gone(parent) for parent in (facts.father, facts.mother)]
    if facts.orphan is not None:
        return facts.orphan
    return False if False in gone else None if None in gone else True


def _gone(parent: Parent) -> bool | None:
    return None if parent.state is None else parent.state in {DEAD, MISSING_DECLARED}


def _orphan(facts: Facts, on: date, _rule: EligibilityRule) -> _Answer:
    return _all({"orphan": _is_orphan(facts), "under_18": under(facts, ADULT, on)})


def _unsupported(facts: Facts, on: date, rule: EligibilityRule) -> _Answer:
    """Both parents, each in a state; or one dead or declared missing and the other in a state. A state that needs months
    makes the answer "not yet", with the day the last one is long enough."""
    minor = under(facts, rule.under_age or ADULT, on)
    if minor is False:
        return _Answer("unlikely", (f"under_{rule.under_age}",))
    if _is_orphan(facts):
        return _Answer("unlikely", ("orphan",), offer=("E-2",))
    states = {state.code: state for state in rule.parent_states}
    judged = [_parent(name, parent, states, rule, on) for name, parent in _parents(facts)]
    failing = tuple(code for one in judged if one.result == "unlikely" for code in one.because)
    if failing:
        return _Answer("unlikely", failing)
    missing = [code for one in judged for code in one.missing] + ([] if minor is not None else ["birth_date"])
    if missing:
        return _Answer("unknown", missing=tuple(missing))
    because = tuple(code for one in judged for code in one.because)
    ready = max((one.from_date for one in judged if one.from_date is not None), default=None)
    if ready is None or ready <= on:
        return _Answer("likely", because)
    if facts.birth_date is not None and ready >= birthday(facts.birth_date, rule.under_age or ADULT):
        return _Answer("unlikely", (*because, f"under_{rule.under_age}"))
    return _Answer("not_yet", because, from_date=ready)


def _parents(facts: Facts) -> Sequence[tuple[str, Parent]]:
    return (("father", facts.father), ("mother", facts.mother))


def _parent(name: str, parent: Parent, states: Mapping[str, ParentState], rule: EligibilityRule, on: date) -> _Answer:
    if parent.state is None:
        return _Answer("unknown", missing=(f"{name}.state",))
    if parent.state in rule.terminal_states:
        return _Answer("likely", (f"{name}:{parent.state}",))
    state = states.get(parent.state)
    if state is None:
        return _Answer("unlikely", (f"{name}:{parent.state}",))
    said = (f"{name}:{state.code}",)
    if state.grades and parent.grade is None:
        return _Answer("unknown", missing=(f"{name}.grade",))
    if state.grades and parent.grade not in (*state.grades, *(state.grades_mental if parent.mental else ())):
        return _Answer("unlikely", said)
    if state.min_months is None:
        return _Answer("likely", said)
    if parent.since is None:
        return _Answer("unknown", missing=(f"{name}.since",))
    return _Answer("likely", said, from_date=months_after(parent.since, state.min_months))


def _extreme(facts: Facts, on: date, rule: EligibilityRule) -> _Answer:
    """A child under 16 has no capacity to work; what remains is income and supporters."""
    age = rule.under_age or ADULT
    return _all({
        f"under_{age}": under(facts, age, on),
        "no_income": facts.no_income,
        "no_able_supporter": facts.no_able_supporter,
    })  # fmt: skip


def _temporary(facts: Facts, _on: date, _rule: EligibilityRule) -> _Answer:
    return _all({"sudden_hardship": facts.sudden_hardship})


def _living_subsidy(facts: Facts, _on: date, rule: EligibilityRule) -> _Answer:
    lowest, highest = rule.grades or (1, 9)
    reasons = {
        "dibao": facts.dibao,
        "impoverished_by_illness": facts.impoverished_by_illness,
        "impoverished_by_incident": facts.impoverished_by_incident,
    }
    if facts.grade is None:
        return _Answer("unknown", missing=("grade",))
    if not lowest <= facts.grade <= highest:
        return _Answer("unlikely", ("grade",))
    return _any(reasons, "priority")


def _senior_grant(facts: Facts, _on: date, _rule: EligibilityRule) -> _Answer:
    answer = _all({"senior_high": facts.senior_high, "on_ledger": facts.on_ledger})
    return _Answer("priority", answer.because) if answer.result == "likely" else answer


def _employment(facts: Facts, on: date, rule: EligibilityRule) -> _Answer:
    """By the exact birth date on the day of the request. Under 16: no work, school instead; an adult of the family may
    have job help all the same."""
    blocked = next(row for row in rule.rows if row.age_below is not None)
    training = next(row for row in rule.rows if row.age_from is not None)
    adult = next(row.family_member_age_from for row in rule.rows if row.family_member_age_from is not None)
    family = facts.family_member_age is not None and facts.family_member_age >= adult
    also = ("family_job_help",) if family else ()
    if facts.birth_date is None:
        if facts.age is not None and facts.age + 1 < (blocked.age_below or 0):
            return _Answer("not_yet", also, ("birth_date",), blocks=blocked.hard_block, offer=("school",))
        return _Answer("unknown", also, ("birth_date",), blocks=blocked.hard_block)
    of_age = birthday(facts.birth_date, blocked.age_below or ADULT)
    if on < of_age:
        return _Answer("not_yet", also, from_date=of_age, blocks=blocked.hard_block, offer=("school",))
    if on < birthday(facts.birth_date, (training.age_to or ADULT) + 1):
        return _Answer("likely", (*also, "training_or_allowed_work"), from_date=of_age)
    return _Answer("likely", (*also, "job_help"), from_date=of_age)


def _migrant(facts: Facts, on: date, _rule: EligibilityRule) -> _Answer:
    elsewhere = None if facts.hukou in {None, "unknown"} else facts.hukou == "elsewhere"
    return _all({"hukou_elsewhere": elsewhere, "school_age": _school_age(facts, on)})


def _school_age(facts: Facts, on: date) -> bool | None:
    """In grades 1 to 9 whatever the age, or 6 to 15 full years (policy `conditions.compulsory_age`)."""
    if facts.compulsory_stage or (facts.grade is not None and 1 <= facts.grade <= 9):
        return True
    too_young, not_over = under(facts, 6, on), under(facts, 16, on)
    return None if too_young is None or not_over is None else not_over and not too_young


def _correction(facts: Facts, _on: date, _rule: EligibilityRule) -> _Answer:
    return _all({"correction_document": facts.correction_document})


def _disability(facts: Facts, _on: date, _rule: EligibilityRule) -> _Answer:
    return _any({
        "disability_certificate": facts.disability_certificate,
        "assessment_pending": facts.assessment_pending,
    })  # fmt: skip


_RULES: Mapping[str, Callable[[Facts, date, EligibilityRule], _Answer]] = {
    "E-1": _dibao,
    "E-2": _orphan,
    "E-3": _unsupported,
    "E-4": _extreme,
    "E-5": _temporary,
    "E-6": _living_subsidy,
    "E-7": _senior_grant,
    "E-8": _employment,
    "E-9": _migrant,
    "E-10": _correction,
    "E-11": _disability,
}
