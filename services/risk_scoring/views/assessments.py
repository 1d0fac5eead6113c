"""What risk scoring shows: a case's level, its assessments with their reasons in both languages, and previews."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.policy import Label, Policy, load_policy
from contracts.vocabulary import Actor, Fact, Reporter
from services.risk_scoring.domain import Assessment
from services.risk_scoring.domain.case_file import CaseFile

CAUSES = {
    "report": Label(zh="接到报告", en="a report"),
    "assessment": Label(zh="评估更新", en="an assessment"),
    "amendment": Label(zh="补充信息", en="an amendment"),
    "trigger": Label(zh="触发事件", en="a trigger"),
    "review": Label(zh="复评", en="a review"),
    "rescreen": Label(zh="半年复筛", en="the half-yearly rescreen"),
    "manual_raise": Label(zh="人工升级", en="raised by a person"),
    "manual_lowering": Label(zh="两人核准降级", en="lowered by two persons"),
}


class Coded(BaseModel):
    """A code with its text in both languages."""

    code: str
    zh: str
    en: str


class ReasonView(BaseModel):
    """A factor with its points, or a rule with what made it fire (policy `automation.show`)."""

    kind: Literal["factor", "override", "floor", "plus_one"]
    code: str
    option: str | None
    points: int | None
    because: list[str]
    text: Label


class ResultView(BaseModel):
    """One child's result. Points are 0-100. Inputs and reasons are null for readers without a task in the case."""

    level: Coded
    band: Coded
    score: int
    score_known: int
    score_upper: int
    completeness: int
    provisional: bool
    fired: list[Coded]
    concerns: list[Coded]
    reasons: list[ReasonView] | None
    facts: dict[str, Fact] | None
    answers: dict[str, str] | None


class ChildView(ResultView):
    """One child of a case."""

    child_id: UUID
    case_id: UUID


class AssessmentView(BaseModel):
    """One assessment or level change, with inputs, instrument and policy version, who and when (D-4.3.1).

    `reporters` and the children's inputs are null for readers without a task in the case.
    """

    assessment_id: UUID
    case_id: UUID
    response_no: int
    cause: Coded
    report_id: UUID | None
    level_before: Coded | None
    report_level: Coded
    computed_level: Coded
    restricted: bool
    provisional: bool
    mandated: bool
    instrument: str
    policy_version: str
    effective_at: datetime
    assessed_at: datetime
    assessed_by: Actor
    evidence: str | None
    reason_note_id: UUID | None
    best_interest_note_id: UUID | None
    proposal_id: UUID | None
    reporters: list[Reporter] | None
    children: list[ChildView]


class LoweringView(BaseModel):
    """A proposal to lower the level by one."""

    proposal_id: UUID
    case_id: UUID
    level_from: Coded
    level_to: Coded
    reason_note_id: UUID
    best_interest_note_id: UUID
    proposed_by: Actor
    proposed_at: datetime
    state: Literal["proposed", "approved", "declined", "superseded"]
    decided_by: Actor | None
    decided_at: datetime | None


class RiskView(BaseModel):
    """A case's level in force, what the instrument gives now, and what this reader may do about it."""

    case_id: UUID
    case_number: str
    response_no: int
    state: Literal["open", "closed"]
    level: Coded
    computed_level: Coded
    restricted: bool
    provisional: bool
    child_seen_at: datetime | None
    overdue_steps: list[Coded]
    policy_version: str
    reviewed_at: datetime | None
    assessment_id: UUID | None
    lowering: LoweringView | None
    available_actions: list[str]
    version: int


class PreviewView(BaseModel):
    """What the instrument would say. Nothing was stored."""

    report_level: Coded
    restricted: bool
    provisional: bool
    mandated: bool
    instrument: str
    policy_version: str
    children: list[ResultView]


def coded(policy: Policy, kind: str, code: str) -> Coded:
    """A code with its label."""
    label = policy.label(kind, code)
    return Coded(code=code, zh=label.zh, en=label.en)


def risk(
    file: CaseFile, lowering: Mapping[str, Any] | None, actions: Sequence[str], version: int | None = None
) -> RiskView:
    """A case file for a reader."""
    policy = load_policy(file.policy_version)
    return RiskView(
        case_id=file.case_id,
        case_number=file.case_number,
        response_no=file.response_no,
        state=file.state,
        level=coded(policy, "level", file.level),
        computed_level=coded(policy, "level", file.computed_level),
        restricted=file.restricted,
        provisional=file.provisional,
        child_seen_at=file.child_seen_at,
        overdue_steps=[coded(policy, "step", step) for step in sorted(set(file.overdue.values()))],
        policy_version=file.policy_version,
        reviewed_at=file.reviewed_at,
        assessment_id=file.assessment_id,
        lowering=lowering_view(lowering, policy) if lowering is not None else None,
        available_actions=list(actions),
        version=file.version if version is None else version,
    )


def lowering_view(row: Mapping[str, Any], policy: Policy) -> LoweringView:
    """A proposal for a reader."""
    return LoweringView(
        **{
            **row,
            "level_from": coded(policy, "level", row["level_from"]),
            "level_to": coded(policy, "level", row["level_to"]),
        }
    )


def preview(results: Sequence[Assessment], report_level: str, mandated: bool, policy: Policy) -> PreviewView:
    """Results that are not stored, with every input and reason: the reader has just typed them."""
    return PreviewView(
        report_level=coded(policy, "level", report_level),
        restricted=any(result.restricted for result in results),
        provisional=any(result.provisional for result in results),
        mandated=mandated,
        instrument=policy.instrument,
        policy_version=policy.policy_version,
        children=[ResultView(**_result(_plain(result), policy, inputs=True)) for result in results],
    )


def _plain(result: Assessment) -> dict[str, Any]:
    plain = {name: getattr(result, name) for name in Assessment.__slots__}
    reasons = [
        {"kind": r.kind, "code": r.code, "option": r.option, "points": r.points, "because": r.because}
        for r in result.reasons
    ]
    return {**plain, "reasons": reasons}


async def assessments(
    db: Connection, case_id: UUID, *, inputs: bool, after: tuple[datetime, UUID] | None, limit: int
) -> list[AssessmentView]:
    """A case's history, newest first, from before the assessment `after`."""
    rows = await db.fetch(
        """
        SELECT * FROM assessment
        WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (assessed_at, assessment_id) < ($2, $3::uuid))
        ORDER BY assessed_at DESC, assessment_id DESC LIMIT $4
        """,
        case_id,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [assessment(dict(row), inputs=inputs) for row in rows]


async def assessment_as_of(db: Connection, case_id: UUID, at: datetime) -> dict[str, Any] | None:
    """The assessment that stood at a moment: the last one made by then."""
    row = await db.fetchrow(
        """
        SELECT * FROM assessment WHERE case_id = $1 AND assessed_at <= $2
        ORDER BY assessed_at DESC, assessment_id DESC LIMIT 1
        """,
        case_id,
        at,
    )
    return None if row is None else dict(row)


async def assessment_row(db: Connection, assessment_id: UUID) -> dict[str, Any] | None:
    """One stored assessment."""
    row = await db.fetchrow("SELECT * FROM assessment WHERE assessment_id = $1", assessment_id)
    return None if row is None else dict(row)


def assessment(row: Mapping[str, Any], *, inputs: bool) -> AssessmentView:
    """A stored assessment for a reader, with or without the inputs."""
    policy = load_policy(row["policy_version"])
    cause = CAUSES[row["cause"]]
    return AssessmentView(
        **{
            **row,
            "cause": Coded(code=row["cause"], zh=cause.zh, en=cause.en),
            "level_before": coded(policy, "level", row["level_before"]) if row["level_before"] else None,
            "report_level": coded(policy, "level", row["report_level"]),
            "computed_level": coded(policy, "level", row["computed_level"]),
            "reporters": row["reporters"] if inputs else None,
            "children": [ChildView(**_result(child, policy, inputs=inputs)) for child in row["children"]],
        }
    )


def _result(child: Mapping[str, Any], policy: Policy, *, inputs: bool) -> dict[str, Any]:
    return {
        **child,
        "level": coded(policy, "level", child["level"]),
        "band": coded(policy, "level", child["band"]),
        "fired": [coded(policy, "rule", code) for code in child["fired"]],
        "concerns": [coded(policy, "concern", code) for code in child["concerns"]],
        "reasons": [_reason(reason, policy) for reason in child["reasons"]] if inputs else None,
        "facts": child["facts"] if inputs else None,
        "answers": child["answers"] if inputs else None,
    }


def _reason(reason: Mapping[str, Any], policy: Policy) -> ReasonView:
    text = policy.reason_label(reason["kind"], reason["code"], reason["option"])
    return ReasonView(**{**reason, "because": list(reason["because"]), "text": text})
