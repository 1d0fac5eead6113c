"""Case files and their stories, in codes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from chassis.auth import guard
from chassis.command import versioned
from chassis.http import Reading
from chassis.paging import Page, PageOf
from contracts.access import Subject
from contracts.vocabulary import Level
from services.intake.api.access import readable
from services.intake.domain.reach import reach
from services.intake.domain.telling import untold
from services.intake.views import cases as views
from services.intake.views.cases import CaseFilter, CaseSummary, CaseView, TimelineItem

router = APIRouter(prefix="/api/v1", tags=["cases"])


@router.get("/cases")
async def list_cases(
    subject: Annotated[Subject, guard("case.list")],
    paging: PageOf,
    db: Reading,
    state: Literal["open", "closed"] | None = None,
    level: Level | None = None,
    village: Annotated[str | None, Query(max_length=40)] = None,
    updated_since: AwareDatetime | None = None,
) -> Page[CaseSummary]:
    """The cases the caller may know of, the latest change first."""
    wanted = CaseFilter(state, level, village, updated_since)
    after = paging.after(datetime, UUID)
    records = await views.list_cases(db, reach(subject), wanted, after, paging.fetch)
    return paging.page([record.summary() for record in records], lambda case: (case.updated_at, case.case_id))


@router.get("/cases/{case}", response_model=CaseView)
async def read_case(
    case: str, request: Request, subject: Annotated[Subject, guard("case.read")], db: Reading
) -> Response:
    """One case file, by id or number."""
    record = await readable(db, case, subject, "case.read")
    view = await views.case_view(db, record)
    return versioned(request, view, view.version)


@router.get("/cases/{case}/timeline")
async def read_timeline(
    case: str, subject: Annotated[Subject, guard("case.timeline")], paging: PageOf, db: Reading
) -> Page[TimelineItem]:
    """Everything that happened to the family's case, in order, as far as the reader needs to know."""
    record = await readable(db, case, subject, "case.timeline")
    hidden = untold(subject, record.row["departments"].get(subject.department or ""))
    items = await views.timeline(db, record.family_id, hidden, paging.after(datetime, int), paging.fetch)
    return paging.page(items, lambda item: (item.at, item.arrival))
