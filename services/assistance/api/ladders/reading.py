"""The guardian ladder for a reader (policy `guardian_ladder`)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.auth import guard
from chassis.command import versioned
from chassis.http import Reading
from chassis.transaction import Connection
from contracts.access import Resource, Subject
from contracts.policy import Policy
from services.assistance.api.steps import permitted, policy_of, readable
from services.assistance.domain.rounds import Case, Round
from services.assistance.store import ladders as store
from services.assistance.views import ladders as views
from services.assistance.views.ladders import LadderView

router = APIRouter(prefix="/api/v1/ladders", tags=["ladders"])


@router.get("/{case_id}", response_model=LadderView)
async def read_ladder(
    case_id: UUID, request: Request, subject: Annotated[Subject, guard("ladder.read")], db: Reading
) -> Response:
    """Where each guardian stands, what may come next, which orders are in force and which checks are owed."""
    case, seen_as, now = await readable(db, case_id, subject, "ladder.read")
    return versioned(request, await ladder_view(db, case, subject, seen_as, now), case.current.version)


async def ladder_view(db: Connection, case: Case, subject: Subject, seen_as: Resource, now: datetime) -> LadderView:
    """The ladder as this subject sees it."""
    round_, policy = case.current, policy_of(case.current)
    steps, checks = await store.steps_of(db, [case.case_id]), await store.checks_of(db, [case.case_id])
    reviews = await store.reviews_of(db, [case.case_id])
    return views.ladder(
        round_,
        await store.load_ladder(db, round_),
        steps,
        checks,
        reviews,
        await store.interviews_of(db, case.case_id),
        await store.capacities_of(db, case.case_id),
        now,
        policy,
        _actions(round_, steps, reviews, subject, seen_as, policy),
    )


def _actions(
    round_: Round,
    steps: list[dict[str, Any]],
    reviews: list[dict[str, Any]],
    subject: Subject,
    seen_as: Resource,
    policy: Policy,
) -> list[str]:
    if round_.state != "open":
        return []
    found: list[str] = []
    if permitted(subject, "ladder.record", seen_as):
        found += ["record_step", "record_interview", "assess_capacity"]
        owed = any(row["decision"] is None and row["response_no"] == round_.response_no for row in reviews)
        found += ["decide_review"] if owed and subject.department in policy.guardian_ladder.review.by else []
        lasting = any(row["state"] in {"in_force", "pending"} for row in steps)
        found += ["end_paper"] if lasting else []
    if steps and permitted(subject, "ladder.check", seen_as):
        found.append("check_compliance")
    return found
