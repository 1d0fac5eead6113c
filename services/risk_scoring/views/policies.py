"""Policy versions, what differs between them, and what another version would have made of the past."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.policy import Label, Policy
from contracts.policy.differing import Difference, plain
from services.risk_scoring.domain.replaying import Differing, Verdict, WhatIf
from services.risk_scoring.views.assessments import Coded, coded


class PolicySummary(BaseModel):
    """A version: from which day it decides for new cases, and whether it does so today."""

    policy_version: str
    effective_from: date
    in_force: bool
    title: Label
    instrument: str


class PolicyView(PolicySummary):
    """A version with all it says, as its file writes it."""

    content: dict[str, Any]


class DifferenceView(BaseModel):
    """One place where two versions differ; entries of a list are named by their code."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


class PolicyDiff(BaseModel):
    """Everything in which two versions differ."""

    old: str
    new: str
    differences: list[DifferenceView]


class VerdictView(BaseModel):
    """A child's result under one version."""

    level: Coded
    score: int
    provisional: bool
    fired: list[Coded]


class PointsView(BaseModel):
    """A factor that counts differently; null: unknown, or not in that version."""

    factor: Coded
    before: int | None
    after: int | None


class DifferingView(BaseModel):
    """A child whose result would be another one, and why."""

    case_number: str
    case_id: UUID
    child_id: UUID
    assessment_id: UUID
    assessed_at: datetime
    policy_version: str
    level_changes: bool
    before: VerdictView
    after: VerdictView
    rules_gone: list[Coded]
    rules_new: list[Coded]
    points: list[PointsView]


class MatrixRow(BaseModel):
    """How many children of one old level would have which new level."""

    level: Coded
    becomes: dict[str, int]


class WhatIfView(BaseModel):
    """A replay. `truncated`: there were more assessments than one request replays. Nothing was written."""

    policy_version: str
    since: datetime
    until: datetime
    replayed: int
    children: int
    not_replayed: int
    truncated: bool
    matrix: list[MatrixRow]
    level_changes: int
    differing: list[DifferingView]


def summary(policy: Policy, in_force: str) -> PolicySummary:
    """A version in a list."""
    return PolicySummary(
        policy_version=policy.policy_version,
        effective_from=policy.effective_from,
        in_force=policy.policy_version == in_force,
        title=policy.title,
        instrument=policy.instrument,
    )


def policy_view(policy: Policy, in_force: str) -> PolicyView:
    """A version with its content."""
    return PolicyView(**summary(policy, in_force).model_dump(), content=plain(policy))


def policy_diff(old: Policy, new: Policy, found: tuple[Difference, ...]) -> PolicyDiff:
    """The differences for a reader."""
    listed = [DifferenceView(path=one.path, kind=one.kind, before=one.before, after=one.after) for one in found]
    return PolicyDiff(old=old.policy_version, new=new.policy_version, differences=listed)


def what_if_view(
    result: WhatIf, policy: Policy, numbers: Mapping[UUID, str], since: datetime, until: datetime, truncated: bool
) -> WhatIfView:
    """A replay for a reader."""
    old_levels = dict.fromkeys((*policy.ranks, *(old for old, _ in sorted(result.matrix))))
    return WhatIfView(
        policy_version=policy.policy_version,
        since=since,
        until=until,
        replayed=result.replayed,
        children=result.children,
        not_replayed=result.unreadable,
        truncated=truncated,
        matrix=[
            MatrixRow(level=coded(policy, "level", old), becomes={new: result.matrix[old, new] for new in policy.ranks})
            for old in old_levels
        ],
        level_changes=sum(one.level_changes for one in result.differing),
        differing=[_differing(one, policy, numbers) for one in result.differing],
    )


def _differing(one: Differing, policy: Policy, numbers: Mapping[UUID, str]) -> DifferingView:
    return DifferingView(
        case_number=numbers.get(one.case_id, ""),
        case_id=one.case_id,
        child_id=one.child_id,
        assessment_id=one.assessment_id,
        assessed_at=one.assessed_at,
        policy_version=one.policy_version,
        level_changes=one.level_changes,
        before=_verdict(one.before, policy),
        after=_verdict(one.after, policy),
        rules_gone=[coded(policy, "rule", code) for code in one.rules_gone],
        rules_new=[coded(policy, "rule", code) for code in one.rules_new],
        points=[
            PointsView(factor=coded(policy, "factor", code), before=before, after=after)
            for code, (before, after) in one.points.items()
        ],
    )


def _verdict(one: Verdict, policy: Policy) -> VerdictView:
    return VerdictView(
        level=coded(policy, "level", one.level),
        score=one.score,
        provisional=one.provisional,
        fired=[coded(policy, "rule", code) for code in one.fired],
    )
