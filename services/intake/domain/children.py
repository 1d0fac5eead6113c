"""What a report says of one child, made ready for the rules: age, place and override checklist become facts.

Automated conflicts resolve to the safer reading (policy `level_rule.ties`, D-1.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from contracts.policy import Circumstances, Label, Policy, Problem, Screened, intake_problems, screen
from contracts.vocabulary import Fact, Reporter
from services.intake.domain.numbers import ZONE

Checked = bool | Literal["unknown"]

AGE, AGE_ESTIMATED, OUTSIDE = "age", "age_estimated", "outside_township"
SURELY_RED = "life_threatened"
YES: Mapping[str, tuple[str, ...]] = {
    "R1": ("life_threatened",),
    "R2": ("sexual_assault_suspected",),
    "R3": ("abandoned",),
    "R4": ("trafficking_suspected",),
    "R5": ("all_guardians_unavailable", "no_adult_present"),
    "R6": ("missing_not_found",),
    "R7": ("self_harm_attempt",),
    "R8": ("confined",),
    "R9": ("nonaccidental_injury",),
    "R10": ("child_present", "carer_armed_now"),
    "R11": ("new_violence", "warning_letter_in_force"),
}
"""What a bare "yes" to an override of the hotline checklist (policy `risk.hotline_flow`) is recorded as."""
INFANT_RULE, INFANT_AGE = "R9", 2


@dataclass(frozen=True, slots=True)
class Said:
    """The structured part of a report on one child, as it came in. `unknown` = asked and not known."""

    concerns: tuple[str, ...]
    facts: Mapping[str, Fact]
    answers: Mapping[str, str]
    checklist: Mapping[str, Checked]
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """One child ready for the rules. `emergency`: an override to RED holds. `screened`: why it opens no ordinary case.

    `restricted` follows what this report says; it keeps the village out until scoring has spoken.
    """

    concerns: tuple[str, ...]
    facts: dict[str, Fact]
    answers: dict[str, str]
    emergency: bool
    restricted: bool
    conflict_unit: str | None
    screened: Screened | None


def prepare(
    said: Said, reporter: Reporter, received_at: datetime, *, outside: bool, policy: Policy
) -> tuple[Prepared, tuple[Problem, ...]]:
    """Complete and check what was said. Problems point below the child; the value is only sound without any."""
    facts = dict(said.facts)
    problems = (
        *intake_problems(said.concerns, said.facts, said.answers, policy),
        *_checklist_problems(said.checklist, policy),
        *_with_age(facts, said.birth_date, received_at.astimezone(ZONE).date()),
        *_with_place(facts, outside=outside),
    )
    if not problems:
        _with_checklist(facts, said, policy)
    c = policy.circumstances(concerns=said.concerns, facts=facts, answers=said.answers, reporters=(reporter,))
    overrides = frozenset(rule.code for rule in policy.compiled.overrides if rule.condition.holds(c))
    unit = policy.known_facts(facts).get("conflict_unit")
    prepared = Prepared(
        concerns=tuple(dict.fromkeys(said.concerns)),
        facts=facts,
        answers=dict(said.answers),
        emergency=bool(overrides),
        restricted=_is_restricted(c.having(overrides), policy),
        conflict_unit=None if unit is None else str(unit),
        screened=screen(c, policy),
    )
    return prepared, problems


def age_on(birth: date, day: date) -> int:
    """Full years of age on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _with_age(facts: dict[str, Fact], birth: date | None, day: date) -> tuple[Problem, ...]:
    """The age on the day of receipt follows from the birth date; another age stands only as an estimate."""
    if birth is None:
        return ()
    if birth > day:
        return (_problem("/child/birth_date", "birth_date_in_future", "出生日期晚于接报日", "born after the report"),)
    age, stated = age_on(birth, day), facts.get(AGE)
    if not _known(stated):
        facts[AGE] = age
        facts.pop(AGE_ESTIMATED, None)
    elif stated != age and facts.get(AGE_ESTIMATED) is not True:
        return (
            _problem("/facts/age", "contradictory_age", "年龄与出生日期不符", "the age contradicts the birth date"),
        )
    return ()


def _with_place(facts: dict[str, Fact], *, outside: bool) -> tuple[Problem, ...]:
    if not outside:
        return ()
    if facts.get(OUTSIDE) is False:
        message = "地点在镇域外，事实项却答否", "the place is outside the township but the fact says it is not"
        return (_problem(f"/facts/{OUTSIDE}", "contradictory_place", *message),)
    facts[OUTSIDE] = True
    return ()


def _checklist_problems(checklist: Mapping[str, Checked], policy: Policy) -> tuple[Problem, ...]:
    known = {rule.code for rule in policy.compiled.overrides}
    return tuple(
        _problem(f"/checklist/{code}", "unknown_override", "清单中没有这一项", "no such item in the checklist")
        for code in checklist
        if code not in known
    )


def _with_checklist(facts: dict[str, Fact], said: Said, policy: Policy) -> None:
    """Turn checklist answers into facts, in place.

    A "yes" must make its override fire: where what else was said does not do so, the plainest facts of the rule (YES) are
    recorded, against a "no" given elsewhere too. R9 needs an age below three, so an unknown age becomes an estimated two;
    where the rule still cannot hold (the child is known to be older) the threat to life is recorded: RED whatever the age.
    A "no" answers the question that an unanswered checklist would assume (policy `unanswered_checklist`).
    """
    for rule in policy.compiled.overrides:
        answer = said.checklist.get(rule.code)
        if answer is True:
            if not rule.condition.holds(_circumstances(facts, said, policy)):
                facts.update(dict.fromkeys(YES.get(rule.code, ()), True))
                if rule.code == INFANT_RULE and not _known(facts.get(AGE)):
                    facts.update({AGE: INFANT_AGE, AGE_ESTIMATED: True})
            if not rule.condition.holds(_circumstances(facts, said, policy)):
                facts[SURELY_RED] = True
        elif answer is False:
            for fact in set(YES.get(rule.code, ())) & set(policy.unanswered_checklist.map.values()):
                if not _known(facts.get(fact)):
                    facts[fact] = False


def _circumstances(facts: Mapping[str, Fact], said: Said, policy: Policy) -> Circumstances:
    return policy.circumstances(concerns=said.concerns, facts=facts, answers=said.answers)


def _is_restricted(c: Circumstances, policy: Policy) -> bool:
    floors = frozenset(rule.code for rule in policy.compiled.floors if rule.condition.holds(c))
    return policy.compiled.restricted.holds(c.having(c.fired | floors))


def _known(value: Fact | None) -> bool:
    return value is not None and value != "unknown"


def _problem(pointer: str, code: str, zh: str, en: str) -> Problem:
    return Problem(pointer, code, Label(zh=zh, en=en))
