"""What the instrument says of a surveyed child, and what that suggests (D-4.3.2, D-6.1). Pure."""

from dataclasses import dataclass
from typing import Literal, cast

from contracts.intake import ChildSurveyed
from contracts.policy import Policy
from contracts.vocabulary import Level, Reporter
from services.risk_scoring.domain.assessing import assess

SURVEYOR = Reporter(kind="village_worker", mandated=True)
"""Surveys are made by village workers and offices, who have a duty to report (D-4.1.5): suspected harm floors at YELLOW."""
Suggestion = Literal["open_case", "fact_finding", "register_only"]


@dataclass(frozen=True, slots=True)
class Screened:
    """One child's result and the advice that follows."""

    level: Level
    score: int
    score_upper: int
    completeness: int
    fired: tuple[str, ...]
    suggests: Suggestion


def screen(data: ChildSurveyed, policy: Policy) -> Screened:
    """Score a surveyed child. Where a case already carries the level, nothing more is suggested."""
    [result] = assess([data], [SURVEYOR], policy)
    return Screened(
        level=cast(Level, result.level),
        score=result.score,
        score_upper=result.score_upper,
        completeness=result.completeness,
        fired=result.fired,
        suggests=_suggestion(data, result.level, result.fired, result.provisional, policy),
    )


def _suggestion(
    data: ChildSurveyed, level: str, fired: tuple[str, ...], provisional: bool, policy: Policy
) -> Suggestion:
    if data.level_in_force is not None:
        return "fact_finding" if policy.rank(level) > policy.rank(data.level_in_force) else "register_only"
    seen = policy.circumstances(
        concerns=data.concerns, facts=data.facts, answers=data.answers, reporters=[SURVEYOR], level=level, fired=fired
    )
    override = any(rule.code in fired for rule in policy.compiled.overrides)
    if override or policy.rank(level) >= policy.rank("orange") or policy.holds("suspected_harm", seen):
        return "open_case"
    return "fact_finding" if provisional or level == "yellow" else "register_only"
