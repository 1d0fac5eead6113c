"""Clocks over HTTP, and why each is due when it is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from chassis.auth import guard
from chassis.http import Reading
from chassis.paging import PageOf
from chassis.problem import not_found
from contracts.access import Subject, scope
from contracts.policy import load_calendar, load_policy
from services.dispatch.api.steps import check_case, now_of
from services.dispatch.views import deadlines, responses
from services.dispatch.views.deadlines import DeadlinePage, DeadlineState
from services.dispatch.views.explanation import Explanation, explanation, response_of_deadline

router = APIRouter(prefix="/api/v1", tags=["dispatch"])


@router.get("/deadlines")
async def list_deadlines(
    subject: Annotated[Subject, guard("deadline.list")],
    paging: PageOf,
    db: Reading,
    state: Annotated[DeadlineState | None, Query(description="Without it: every clock that runs")] = None,
    step: Annotated[str | None, Query(max_length=40)] = None,
    before: Annotated[AwareDatetime | None, Query(description="Due before this moment")] = None,
    provisional: Annotated[bool | None, Query(description="Counts days of a year without published holidays")] = None,
) -> DeadlinePage:
    """Clocks of the reader's organisation, earliest first; those that ended in the order in which they did."""
    now, seen = await now_of(db), scope(subject, "deadline.list")
    after = paging.after(datetime, UUID)
    if state in ("met", "cancelled"):
        ended = await deadlines.finished_deadlines(
            db, seen, state, step=step, before=before, after=after, limit=paging.fetch
        )
        page = paging.page(ended, lambda view: (view.ended_at or view.due_at, view.deadline_id))
    else:
        overdue = None if state is None else state == "overdue"
        running = await deadlines.running_deadlines(
            db,
            seen,
            step=step,
            before=before,
            overdue=overdue,
            provisional=provisional,
            after=after,
            limit=paging.fetch,
            now=now,
        )
        page = paging.page(running, lambda view: (view.due_at, view.deadline_id))
    return DeadlinePage(items=page.items, next_cursor=page.next_cursor, server_time=now)


@router.get("/deadlines/{deadline_id}/explanation")
async def explain_deadline(
    deadline_id: UUID, subject: Annotated[Subject, guard("deadline.list")], db: Reading
) -> Explanation:
    """Why a clock is due when it is: the rule, the anchor, each day counted, what moved it, and who is told if it passes."""
    response_id = await response_of_deadline(db, deadline_id)
    file = None if response_id is None else await responses.response(db, response_id)
    if file is None:
        raise not_found()
    check_case(subject, "deadline.list", file)
    found = explanation(file, deadline_id, load_policy(file.policy_version), load_calendar(), await now_of(db))
    if found is None:
        raise not_found()
    return found
