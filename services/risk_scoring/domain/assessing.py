"""The instrument (risk-v1, policy `risk`), pure: structured intake in, level with reasons out.

Every automated tie resolves to the safer option (D-1.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.policy import Circumstances, FactValue, Policy
from contracts.policy.compiled import Rule
from contracts.policy.model import ReporterFacts
from services.risk_scoring.domain.merging import ChildFacts

SIBLING_RED = "household_child_red"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score or level came out.

    A factor: its option and points, or `because=("unknown",)` without either. A rule: the leaves that made it fire
    (`fact:confined`, `answer:A1=severe`, `assumed:abandoned`). Labels: `Policy.reason_label`.
    """

    kind: Literal["factor", "override", "floor", "plus_one"]
    code: str
    option: str | None = None
    points: int | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """One child's result. Points 0-100; `completeness` = percent of the weight answered; `fired` in order R, O, Y, +1.

    `answers` holds every factor, `unknown` where unanswered; `facts` include what a sibling's level added. While
    `provisional`, a fact-finding task is due and the level is scored again after first contact.
    """

    level: str
    score: int
    score_known: int
    score_upper: int
    completeness: int
    band: str
    provisional: bool
    restricted: bool
    fired: tuple[str, ...]
    reasons: tuple[Reason, ...]
    concerns: tuple[str, ...]
    facts: dict[str, FactValue]
    answers: dict[str, str]


def assess(
    children: Sequence[ChildFacts], reporters: Sequence[ReporterFacts], policy: Policy
) -> tuple[Assessment, ...]:
    """Score the children of one report or family, each alone and in the order given.

    `reporters` are all who ever reported the case, so that a mandated report keeps its floor (Y3). A RED child makes
    the others children of a RED household (O7), until no level moves any more.
    """
    facts = [dict(child.facts) for child in children]
    results = [_assess_child(child, facts[i], reporters, policy) for i, child in enumerate(children)]
    top = policy.highest(policy.ranks)
    while True:
        red = {i for i, result in enumerate(results) if result.level == top}
        touched = [i for i in range(len(results)) if red - {i} and facts[i].get(SIBLING_RED) is not True]
        if not touched:
            return tuple(results)
        for i in touched:
            facts[i][SIBLING_RED] = True
            results[i] = _assess_child(children[i], facts[i], reporters, policy)


def report_level(assessments: Sequence[Assessment], policy: Policy) -> str:
    """The level whose deadlines the report follows: its highest child's (policy `several_children`)."""
    return policy.highest(assessment.level for assessment in assessments)


def _assess_child(
    child: ChildFacts, facts: dict[str, FactValue], reporters: Sequence[ReporterFacts], policy: Policy
) -> Assessment:
    seen = policy.circumstances(concerns=child.concerns, facts=facts, answers=child.answers, reporters=reporters)
    known, unknown_max, reasons = _points(seen, policy)
    score = (100 * known + policy.risk.imputation_percent * unknown_max + 50) // 100
    band = policy.band(score)
    completeness = 100 * (policy.risk.total - unknown_max) // policy.risk.total
    level, fired, rule_reasons = _level(seen, band, policy)
    upper = known + unknown_max
    thin = completeness < policy.risk.completeness_threshold_percent
    return Assessment(
        level=level,
        score=score,
        score_known=known,
        score_upper=upper,
        completeness=completeness,
        band=band,
        provisional=thin or policy.rank(policy.band(upper)) > policy.rank(level),
        restricted=policy.compiled.restricted.holds(seen.having(frozenset(fired)).at(level)),
        fired=fired,
        reasons=(*reasons, *rule_reasons),
        concerns=tuple(child.concerns),
        facts=facts,
        answers={
            factor.code: seen.answers.get(factor.code, policy.risk.unknown_code) for factor in policy.risk.factors
        },
    )


def _points(seen: Circumstances, policy: Policy) -> tuple[int, int, list[Reason]]:
    """Points of the answered factors, weight of the unanswered ones, and a reason for each."""
    known, unknown_max = 0, 0
    reasons: list[Reason] = []
    for factor in policy.compiled.factors:
        option = seen.answers.get(factor.code)
        if option is None:
            unknown_max += factor.max
            reasons.append(Reason("factor", factor.code, because=(policy.risk.unknown_code,)))
        else:
            points = factor.points[option]
            known += points
            reasons.append(Reason("factor", factor.code, option, points))
    return known, unknown_max, reasons


def _level(seen: Circumstances, band: str, policy: Policy) -> tuple[str, tuple[str, ...], list[Reason]]:
    """Level rule: the highest of band, overrides and floors, then one above it if any plus-one rule holds."""
    rules = policy.compiled
    overrides = _fired("override", rules.overrides, seen)
    seen = seen.having(frozenset(reason.code for reason in overrides))  # floor O4 asks whether R2 fired
    floors = _fired("floor", rules.floors, seen)
    plus_one = _fired("plus_one", rules.plus_one, seen)
    reasons = [*overrides, *floors, *plus_one]
    fired = tuple(reason.code for reason in reasons)
    reached = [rule.to for rule in (*rules.overrides, *rules.floors) if rule.to is not None and rule.code in fired]
    level = policy.highest([band, *reached])
    return policy.one_above(level) if plus_one else level, fired, reasons


def _fired(kind: Literal["override", "floor", "plus_one"], rules: Sequence[Rule], seen: Circumstances) -> list[Reason]:
    return [
        Reason(kind, rule.code, because=rule.condition.because(seen)) for rule in rules if rule.condition.holds(seen)
    ]
