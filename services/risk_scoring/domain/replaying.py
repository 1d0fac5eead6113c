"""What if another policy version had scored the past: the stored inputs of assessments under both versions. Pure.

The stored inputs hold what a RED sibling added (O7); it is taken away again unless the child stood beside a RED child of
another case already, so that the same version gives the same result.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.policy import Policy
from contracts.vocabulary import Reporter
from services.risk_scoring.domain.assessing import SIBLING_RED, Assessment, assess
from services.risk_scoring.domain.merging import Intake


@dataclass(frozen=True, slots=True)
class Verdict:
    """A child's result under one version."""

    level: str
    score: int
    fired: tuple[str, ...]
    provisional: bool


@dataclass(frozen=True, slots=True)
class Differing:
    """A child whose result is another one under the new version, with the rules and factors that make it so.

    `response_case_id` is the case of the family's first child, `case_id` the child's own.
    """

    assessment_id: UUID
    response_case_id: UUID
    case_id: UUID
    child_id: UUID
    assessed_at: datetime
    policy_version: str
    before: Verdict
    after: Verdict
    rules_gone: tuple[str, ...]
    rules_new: tuple[str, ...]
    points: dict[str, tuple[int | None, int | None]]

    @property
    def level_changes(self) -> bool:
        """Whether the level would be another one."""
        return self.before.level != self.after.level


@dataclass(slots=True)
class WhatIf:
    """A replay of many assessments: how many levels went where, and who would change."""

    replayed: int = 0
    children: int = 0
    unreadable: int = 0
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing: list[Differing] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], old: Policy | None, new: Policy) -> None:
        """Replay one stored assessment. One whose own version is not here any more is only counted."""
        if old is None:
            self.unreadable += 1
            return
        before, after = replayed(row, old), replayed(row, new)
        self.replayed += 1
        for child, first, second in zip(row["children"], before, after, strict=True):
            self.children += 1
            self.matrix[first.level, second.level] += 1
            one = _differing(row, child, first, second)
            if one is not None:
                self.differing.append(one)


def replayed(row: Mapping[str, Any], policy: Policy) -> tuple[Assessment, ...]:
    """The children of a stored assessment, scored again."""
    beside = set(row["beside_red"])
    children = [
        Intake(tuple(child["concerns"]), _facts(child, beside), dict(child["answers"])) for child in row["children"]
    ]
    return assess(children, _reporters(row), policy)


def _facts(child: Mapping[str, Any], beside: set[str]) -> dict[str, Any]:
    facts = dict(child["facts"])
    if facts.get(SIBLING_RED) is True and child["child_id"] not in beside:
        del facts[SIBLING_RED]
    return facts


def _reporters(row: Mapping[str, Any]) -> Sequence[Reporter]:
    known = [Reporter.model_validate(reporter) for reporter in row["reporters"]]
    return known or [Reporter(kind="unknown", mandated=row["mandated"])]


def _differing(
    row: Mapping[str, Any], child: Mapping[str, Any], first: Assessment, second: Assessment
) -> Differing | None:
    old, new_points = _points(first), _points(second)
    codes = sorted(old.keys() | new_points.keys())
    points = {c: (old.get(c), new_points.get(c)) for c in codes if old.get(c) != new_points.get(c)}
    gone = tuple(code for code in first.fired if code not in second.fired)
    new = tuple(code for code in second.fired if code not in first.fired)
    if first.level == second.level and first.score == second.score and not gone and not new:
        return None
    return Differing(
        assessment_id=row["assessment_id"],
        response_case_id=row["case_id"],
        case_id=UUID(str(child["case_id"])),
        child_id=UUID(str(child["child_id"])),
        assessed_at=row["assessed_at"],
        policy_version=row["policy_version"],
        before=_verdict(first),
        after=_verdict(second),
        rules_gone=gone,
        rules_new=new,
        points=points,
    )


def _points(result: Assessment) -> dict[str, int | None]:
    return {reason.code: reason.points for reason in result.reasons if reason.kind == "factor"}


def _verdict(result: Assessment) -> Verdict:
    return Verdict(result.level, result.score, result.fired, result.provisional)
