"""Assessments over HTTP: history with reasons, the level in force, and previews of what is being typed."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.command import versioned
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, invalid, not_found
from contracts.access import Subject
from contracts.policy import intake_problems, load_calendar, policy_in_force
from contracts.vocabulary import Fact, Reporter
from services.risk_scoring import domain
from services.risk_scoring.api.steps import Body, actions_of, readable
from services.risk_scoring.domain.case_file import sees_inputs
from services.risk_scoring.store.lowerings import open_lowering
from services.risk_scoring.views import assessments as views
from services.risk_scoring.views.assessments import AssessmentView, PreviewView, RiskView

MAX_CHILDREN = 20

router = APIRouter(prefix="/api/v1/assessments", tags=["assessments"])


class PreviewChild(Body):
    """One child as typed so far: concern codes, facts and factor answers of the policy. Leave out what is not known."""

    concerns: list[str] = Field(default=[], max_length=40)
    facts: dict[str, Fact] = Field(default={}, max_length=100)
    answers: dict[str, str] = Field(default={}, max_length=40)


class PreviewReporter(Body):
    """Who reports. Without `mandated` the duty follows the kind (D-4.1.5)."""

    kind: str = Field(default="unknown", max_length=40)
    mandated: bool | None = None


class Preview(Body):
    """A report that is being typed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "children": [
                        {"concerns": ["H1"], "facts": {"age": 9, "visible_injury": True}, "answers": {"A1": "mild"}}
                    ],
                    "reporter": {"kind": "teacher"},
                }
            ]
        }
    )

    children: list[PreviewChild] = Field(min_length=1, max_length=MAX_CHILDREN)
    reporter: PreviewReporter = PreviewReporter()


@router.get("")
async def list_assessments(
    case_id: UUID, subject: Annotated[Subject, guard("assessment.read")], paging: PageOf, db: Reading
) -> Page[AssessmentView]:
    """A case's assessments and level changes, newest first, each with its reasons."""
    file, now = await readable(db, case_id, subject)
    found = await views.assessments(
        db,
        case_id,
        inputs=sees_inputs(file, subject, now),
        after=paging.after(datetime, UUID),
        limit=paging.fetch,
    )
    return paging.page(found, lambda view: (view.assessed_at, str(view.assessment_id)))


@router.get("/{assessment_id}")
async def read_assessment(
    assessment_id: UUID, subject: Annotated[Subject, guard("assessment.read")], db: Reading
) -> AssessmentView:
    """One assessment."""
    row = await views.assessment_row(db, assessment_id)
    if row is None:
        raise not_found()
    file, now = await readable(db, row["case_id"], subject)
    return views.assessment(row, inputs=sees_inputs(file, subject, now))


@router.get("/cases/{case_id}", response_model=RiskView)
async def read_risk(
    case_id: UUID, request: Request, subject: Annotated[Subject, guard("assessment.read")], db: Reading
) -> Response:
    """The level in force. Its ETag is the version that raising and lowering ask for."""
    file, now = await readable(db, case_id, subject)
    waiting = await open_lowering(db, case_id)
    view = views.risk(file, waiting, actions_of(file, waiting, subject, now))
    return versioned(request, view, file.version)


@router.get("/cases/{case_id}/as-of")
async def read_assessment_as_of(
    case_id: UUID, at: datetime, subject: Annotated[Subject, guard("assessment.read")], db: Reading
) -> AssessmentView:
    """What was known and in force at a moment: the inputs, result and policy version that stood then."""
    if at.tzinfo is None:
        raise invalid(FieldError("at", "no_time_zone", "须带时区", "a time zone is needed"))
    file, now = await readable(db, case_id, subject)
    row = await views.assessment_as_of(db, case_id, at)
    if row is None:
        raise not_found()
    return views.assessment(row, inputs=sees_inputs(file, subject, now))


@router.post("/preview")
async def preview_assessment(
    body: Preview, subject: Annotated[Subject, guard("assessment.read")], db: Reading
) -> PreviewView:
    """What the instrument gives for a report as typed so far. Nothing is stored, no case is touched."""
    now: datetime = await db.fetchval("SELECT app_now()")
    policy = policy_in_force(now.astimezone(load_calendar().zone).date())
    kinds = {kind.code: kind.mandated for kind in policy.reporter_kinds}
    errors = [
        FieldError(f"#/children/{n}{problem.pointer}", problem.code, problem.message.zh, problem.message.en)
        for n, child in enumerate(body.children)
        for problem in intake_problems(child.concerns, child.facts, child.answers, policy)
    ]
    if body.reporter.kind not in kinds:
        errors.append(
            FieldError("#/reporter/kind", "unknown_reporter_kind", "没有这种报告人", "no such kind of reporter")
        )
    if errors:
        raise invalid(*errors)
    duty = body.reporter.mandated
    reporter = Reporter(kind=body.reporter.kind, mandated=kinds[body.reporter.kind] if duty is None else duty)
    results = domain.assess(body.children, [reporter], policy)
    return views.preview(results, domain.report_level(results, policy), reporter.mandated, policy)
