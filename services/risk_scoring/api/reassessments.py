"""Reassessments that are due, fact-finding among them, and this month's rescreen."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from services.risk_scoring import rescreening
from services.risk_scoring.api.steps import readable
from services.risk_scoring.store import rescreens
from services.risk_scoring.views import reassessments as views
from services.risk_scoring.views.reassessments import ReassessmentView, State
from services.risk_scoring.views.rescreens import RescreenView, rescreen_view

router = APIRouter(prefix="/api/v1", tags=["reassessments"])


@router.get("/reassessments")
async def list_reassessments(
    subject: Annotated[Subject, guard("reassessment.list")],
    paging: PageOf,
    db: Reading,
    state: State | None = "open",
    trigger: str | None = None,
    case_id: UUID | None = None,
    overdue: bool | None = None,
) -> Page[ReassessmentView]:
    """Reassessments by due time; `trigger=fact_finding` are those a provisional score owes."""
    found = await views.reassessments(
        db,
        views.sight(subject),
        state=state,
        trigger=trigger,
        case_id=case_id,
        overdue=overdue,
        after=paging.after(datetime, UUID),
        limit=paging.fetch,
    )
    return paging.page(found, lambda view: (view.due_at, str(view.task_id)))


@router.get("/reassessments/{task_id}")
async def read_reassessment(
    task_id: UUID, subject: Annotated[Subject, guard("reassessment.list")], db: Reading
) -> ReassessmentView:
    """One reassessment, open or over."""
    row = await views.reassessment_row(db, task_id)
    if row is None:
        raise not_found()
    await readable(db, row["case_id"], subject, "reassessment.list")
    return views.reassessment(row)


# The rescreen ----------------------------------------------------------------------------------------------------


@router.post("/rescreens", status_code=202, response_model=RescreenView)
async def start_rescreen(subject: Annotated[Subject, guard("rescreen.run")], command: CommandOf) -> Response:
    """Start this month's rescreen of the township, or find the one that was started. It runs by itself."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        actor = subject.actor()
        run = await rescreening.start(tx, subject.township, actor)
        key = str(run.rescreen_id)
        await tx.lock([key])
        tx.audit(key, "rescreen.run", actor.model_dump(), {"period": run.period})
        return Reply(202, rescreen_view(run.model_dump()), location=f"/api/v1/rescreens/{run.rescreen_id}")

    return await command.run(act)


@router.get("/rescreens")
async def list_rescreens(
    subject: Annotated[Subject, guard("rescreen.run")], paging: PageOf, db: Reading
) -> Page[RescreenView]:
    """The township's rescreens, newest month first."""
    rows = await rescreens.rescreens(db, subject.township, paging.after(str, UUID), paging.fetch)
    return paging.page([rescreen_view(row) for row in rows], lambda view: (view.period, str(view.rescreen_id)))


@router.get("/rescreens/{rescreen_id}")
async def read_rescreen(
    rescreen_id: UUID, subject: Annotated[Subject, guard("rescreen.run")], db: Reading
) -> RescreenView:
    """How far a rescreen came, and what it found."""
    row = await rescreens.rescreen(db, rescreen_id)
    if row is None or row.township != subject.township:
        raise not_found()
    return rescreen_view(row.model_dump())
