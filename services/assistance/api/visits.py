"""Visits over HTTP: record one from the field, and list them (D-4.4.2, D-5.1.2)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import VisitRecorded
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance import store, views
from services.assistance.api.steps import Body, changeable, policy_of, readable
from services.assistance.domain.rounds import Round, later
from services.assistance.store import VisitRow
from services.assistance.views import VisitView

LEAD_DEPARTMENT, POLICE = "lead_department", "police"

router = APIRouter(prefix="/api/v1/visits", tags=["visits"])


class NewVisit(Body):
    """A visit. `post` only where the visitor holds several; what was found is a note in the file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "visited_at": "2026-11-20T02:00:00Z",
                    "child_seen": True,
                    "in_person": True,
                    "satisfactory": True,
                }
            ]
        }
    )

    case_id: UUID
    post: str | None = Field(default=None, max_length=40)
    visited_at: AwareDatetime
    child_seen: bool
    in_person: bool
    satisfactory: bool
    note_id: UUID | None = None


@router.get("")
async def list_visits(
    case_id: UUID, subject: Annotated[Subject, guard("visit.read")], paging: PageOf, db: Reading
) -> Page[VisitView]:
    """A case's visits, newest first."""
    await readable(db, case_id, subject, "visit.read")
    found = await views.visits(db, case_id, after=paging.after(datetime, UUID), limit=paging.fetch)
    return paging.page(found, lambda view: (view.visited_at, str(view.visit_id)))


@router.post("", status_code=201, response_model=VisitView)
async def record_visit(
    body: NewVisit, subject: Annotated[Subject, guard("visit.record")], command: CommandOf
) -> Response:
    """Record a visit. The post is the visitor's; a visit where the child was not seen cannot be satisfactory."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, _ = await changeable(tx, body.case_id, subject, "visit.record", None)
        now = case.current
        _check_visit(body, now, tx.now)
        actor = subject.actor()
        row = VisitRow(
            visit_id=tx.new_id("visit"),
            case_id=now.case_id,
            response_no=now.response_no,
            post=_post(body, subject, now),
            visited_at=body.visited_at.astimezone(UTC),
            child_seen=body.child_seen,
            in_person=body.in_person,
            satisfactory=body.satisfactory,
            note_id=body.note_id,
            recorded_by=actor.model_dump(),
            recorded_at=tx.now,
        )
        await store.add_visit(tx.db, row)
        if body.child_seen and body.in_person:
            await store.save_rounds(tx.db, [replace(now, seen_at=later(now.seen_at, row.visited_at))])
        tx.publish(str(now.case_id), VisitRecorded.model_validate({**row.model_dump(), "by": actor}))
        return Reply(201, VisitView(**row.model_dump()), location=f"/api/v1/visits?case_id={now.case_id}")

    return await command.run(act, body)


def _check_visit(body: NewVisit, now: Round, at: datetime) -> None:
    if body.visited_at > at + CLOCK_LEEWAY:
        raise invalid(FieldError("#/visited_at", "in_the_future", "不能晚于现在", "must not be in the future"))
    if now.started_at is not None and body.visited_at < now.started_at:
        raise invalid(
            FieldError("#/visited_at", "before_the_case", "不能早于接报时间", "must not be before the report")
        )
    if body.satisfactory and not body.child_seen:
        raise invalid(
            FieldError(
                "#/satisfactory",
                "child_not_seen",
                "未见到未成年人，不能记为满意",
                "not satisfactory: the child was not seen",
            )
        )


def _post(body: NewVisit, subject: Subject, now: Round) -> str:
    """The visiting post of the subject (policy `visits.table`), else the department it comes from."""
    visiting = next(iter(policy_of(now).visits["table"].values()))
    held = [post for post in visiting if post in subject.posts]
    held += [POLICE] if subject.department == POLICE else []
    held += [LEAD_DEPARTMENT] if subject.department is not None and subject.department == now.case_lead else []
    if body.post is None:
        return held[0] if held else subject.department or ""
    if body.post not in held:
        raise invalid(FieldError("#/post", "not_your_post", "您不担任此岗位", "you do not hold this post"))
    return body.post
