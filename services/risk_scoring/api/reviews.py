"""The review: a person assesses a case again, which answers every reassessment that was called for (S11, D-4.3.2)."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import Policy, intake_problems
from contracts.vocabulary import Fact
from services.risk_scoring.api.steps import Body, actions_of, changeable
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.domain.learning import with_review
from services.risk_scoring.rescreening import policy_on
from services.risk_scoring.store.lowerings import open_lowering
from services.risk_scoring.views import assessments as views
from services.risk_scoring.views.assessments import RiskView

MAX_CHILDREN = 20

router = APIRouter(prefix="/api/v1/assessments", tags=["assessments"])


class ReviewedChild(Body):
    """What is known of one child now: concern codes, facts and factor answers that are new or were wrong."""

    child_id: UUID
    concerns: list[str] = Field(default=[], max_length=40)
    facts: dict[str, Fact] = Field(default={}, max_length=100)
    answers: dict[str, str] = Field(default={}, max_length=40)


class Review(Body):
    """A review. No children: everything was looked at and stands. The words go into a note of the case."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "children": [
                        {
                            "child_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                            "facts": {"carer_verified": True},
                            "answers": {"C1": "weak"},
                        }
                    ],
                    "note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    children: list[ReviewedChild] = Field(default=[], max_length=MAX_CHILDREN)
    note_id: UUID | None = None


@router.post("/cases/{case_id}/review", response_model=RiskView)
async def review_case(
    case_id: UUID, body: Review, subject: Annotated[Subject, guard("assessment.review")], command: CommandOf
) -> Response:
    """Score again with what is known now, under the policy in force. The level rises at once; a lower result is only shown."""

    async def act(tx: Transaction) -> Reply:
        before, _ = await changeable(tx, case_id, subject, "assessment.review", command)
        policy = policy_on(tx.now)
        _check(body, before, policy)
        found = {child.child_id: child for child in body.children}
        pinned = replace(before, policy_version=policy.policy_version)
        changes = Changes(tx)
        file = changes.score(
            with_review(pinned, found, policy),
            policy,
            "review",
            None,
            effective_at=tx.now,
            by=subject.actor(),
            level_before=before.level,
            by_a_person=True,
            reason_note_id=body.note_id,
        )
        await changes.keep()
        detail = {"assessment_id": str(file.assessment_id), "policy_version": policy.policy_version}
        tx.audit(str(case_id), "assessment.review", subject.actor().model_dump(), detail)
        waiting = await open_lowering(tx.db, case_id)
        view = views.risk(file, waiting, actions_of(file, waiting, subject, tx.now))
        return Reply(200, view, version=file.version)

    return await command.run(act, body)


def _check(body: Review, file: CaseFile, policy: Policy) -> None:
    known = {child.child_id for child in file.children}
    errors = [
        FieldError(f"#/children/{n}{problem.pointer}", problem.code, problem.message.zh, problem.message.en)
        for n, child in enumerate(body.children)
        for problem in intake_problems(child.concerns, child.facts, child.answers, policy)
    ]
    errors += [
        FieldError(f"#/children/{n}/child_id", "unknown_child", "本案没有这名儿童", "no such child in this case")
        for n, child in enumerate(body.children)
        if child.child_id not in known
    ]
    if errors:
        raise invalid(*errors)
