"""What several reports say of one child, as one (policy `duplicate_rule`): pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.policy import FactValue, Policy

AGE, AGE_ESTIMATED, PRIOR_REPORTS = "age", "age_estimated", "prior_reports_12m"
PRIOR_REPORTS_FACTOR, PRIOR_REPORTS_OPTIONS = "E2", ("none", "one", "two_plus")
"""The options of factor E2 by the number of prior reports, the last for any higher number (instrument table, E2)."""


class ChildFacts(Protocol):
    """What was said of one child: concern codes, facts and factor answers; `unknown` = asked and not known."""

    @property
    def concerns(self) -> Sequence[str]: ...
    @property
    def facts(self) -> Mapping[str, FactValue]: ...
    @property
    def answers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of one child after merging."""

    concerns: tuple[str, ...]
    facts: dict[str, FactValue]
    answers: dict[str, str]


def merge_intake(earlier: ChildFacts, later: ChildFacts, policy: Policy) -> Intake:
    """Both statements as one: concerns of both, and per fact and factor the later answer unless it is unknown.

    An exact age is kept against a later estimate, and an age brings its own `age_estimated`.
    """
    before, known = policy.known_facts(earlier.facts), policy.known_facts(later.facts)
    exact_before = AGE in before and before.get(AGE_ESTIMATED) is not True
    of_age = later if AGE in known and not (exact_before and known.get(AGE_ESTIMATED) is True) else earlier
    facts = {**later.facts, **earlier.facts, **known}
    facts = {name: value for name, value in facts.items() if name not in (AGE, AGE_ESTIMATED)}
    facts |= {name: of_age.facts[name] for name in (AGE, AGE_ESTIMATED) if name in of_age.facts}
    unknown = policy.risk.unknown_code
    return Intake(
        concerns=tuple(dict.fromkeys((*earlier.concerns, *later.concerns))),
        facts=facts,
        answers={**later.answers, **earlier.answers, **{f: o for f, o in later.answers.items() if o != unknown}},
    )


def attach_intake(earlier: ChildFacts, later: ChildFacts, policy: Policy) -> Intake:
    """A new report on a child with an open case: merged, and the earlier report counted (policy `duplicate_rule`).

    Where the new report states the number of earlier reports (E2 or its fact), that stands.
    """
    merged = merge_intake(earlier, later, policy)
    facts, answers = merged.facts, merged.answers
    if PRIOR_REPORTS not in policy.known_facts(later.facts):
        before = policy.known_facts(earlier.facts).get(PRIOR_REPORTS)
        facts[PRIOR_REPORTS] = (before if isinstance(before, int) else 0) + 1
    count = facts[PRIOR_REPORTS]
    if PRIOR_REPORTS_FACTOR not in policy.known_answers(later.answers, {}) and isinstance(count, int):
        answers[PRIOR_REPORTS_FACTOR] = PRIOR_REPORTS_OPTIONS[min(count, len(PRIOR_REPORTS_OPTIONS) - 1)]
    return merged
