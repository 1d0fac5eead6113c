"""From a case file to the announcement of a level: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from contracts.policy import Policy
from contracts.risk_scoring import ChildAssessment, Reason, RiskAssessed
from contracts.vocabulary import Actor, Fact, Level, ReportDigest
from services.risk_scoring.domain.assessing import Assessment, assess, report_level
from services.risk_scoring.domain.case_file import CaseFile, Child
from services.risk_scoring.domain.levels import settle_level

Cause = Literal["report", "assessment", "amendment", "trigger", "review", "rescreen", "manual_raise", "manual_lowering"]


def scored(file: CaseFile, policy: Policy) -> tuple[CaseFile, tuple[ChildAssessment, ...]]:
    """Assess all children together. No child's level falls; a lower result is only reported (policy `automation`)."""
    results = assess(file.children, file.reporters, policy)
    levels = [
        result.level if child.level is None else settle_level(child.level, result.level, policy).level
        for child, result in zip(file.children, results, strict=True)
    ]
    children = tuple(replace(child, level=level) for child, level in zip(file.children, levels, strict=True))
    assessed = tuple(_published(child, result) for child, result in zip(children, results, strict=True))
    settled = replace(
        file,
        children=children,
        level=policy.highest(levels),
        computed_level=report_level(results, policy),
        restricted=file.restricted or any(result.restricted for result in results),
        provisional=any(result.provisional for result in results),
    )
    return settled, assessed


def _published(child: Child, result: Assessment) -> ChildAssessment:
    return ChildAssessment(
        child_id=child.child_id,
        case_id=child.case_id,
        level=cast(Level, child.level),
        score=result.score,
        score_known=result.score_known,
        score_upper=result.score_upper,
        completeness=result.completeness,
        band=cast(Level, result.band),
        provisional=result.provisional,
        fired=result.fired,
        reasons=tuple(
            Reason(kind=r.kind, code=r.code, option=r.option, points=r.points, because=r.because)
            for r in result.reasons
        ),
        concerns=result.concerns,
        facts=cast(dict[str, Fact], result.facts),
        answers=result.answers,
    )


def relevelled(
    file: CaseFile, latest: Sequence[ChildAssessment], to: str, policy: Policy
) -> tuple[CaseFile, tuple[ChildAssessment, ...]]:
    """A person set the level. Raised: the children that carry the case's level carry the new one. Lowered: nobody is
    above it. Scores and rules stay what they were."""
    raising = policy.rank(to) > policy.rank(file.level)

    def level_of(child: Child) -> str:
        current = child.level or file.level
        if raising:
            return to if current == file.level else current
        return to if policy.rank(current) > policy.rank(to) else current

    children = tuple(replace(child, level=level_of(child)) for child in file.children)
    levels: Mapping[UUID, str | None] = {child.child_id: child.level for child in children}
    assessed = tuple(one.model_copy(update={"level": levels[one.child_id]}) for one in latest)
    return replace(file, children=children, level=to), assessed


def announced(
    file: CaseFile,
    assessed: tuple[ChildAssessment, ...],
    policy: Policy,
    *,
    assessment_id: UUID,
    cause: Cause,
    effective_at: datetime,
    assessed_at: datetime,
    assessed_by: Actor,
    report: ReportDigest | None = None,
) -> tuple[CaseFile, RiskAssessed]:
    """The file with its new latest assessment, and the announcement of it."""
    event = RiskAssessed(
        case_id=file.case_id,
        case_number=file.case_number,
        response_no=file.response_no,
        assessment_id=assessment_id,
        cause=cause,
        report=report,
        children=assessed,
        report_level=cast(Level, file.level),
        computed_level=cast(Level, file.computed_level),
        restricted=file.restricted,
        provisional=file.provisional,
        mandated=file.mandated,
        instrument=policy.instrument,
        policy_version=policy.policy_version,
        effective_at=effective_at,
        assessed_at=assessed_at,
        assessed_by=assessed_by,
    )
    return replace(file, assessment_id=assessment_id, version=file.version + 1), event
