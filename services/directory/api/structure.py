"""The township's structure: areas, organisations, staff, places, and what is missing."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from chassis.auth import guard
from chassis.command import versioned
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import not_found
from contracts.access import Subject
from services.directory import views
from services.directory.api.township import Reader, read_township

router = APIRouter(prefix="/api/v1")


@router.get("/areas", response_model=views.Areas, tags=["structure"])
async def list_areas(request: Request, subject: Reader, db: Reading, runtime: RuntimeOf) -> Response:
    """Villages and groups of the township, with an ETag that changes whenever anything in the township does."""
    version, township = await read_township(runtime, db, subject)
    return versioned(request, views.areas(township, version), version)


@router.get("/organisations", tags=["structure"])
async def list_organisations(
    subject: Reader, db: Reading, runtime: RuntimeOf, kind: str | None = None, department: str | None = None
) -> views.Organisations:
    """Departments, schools, village committees, the hotline, and the bodies outside that are told by hand."""
    _, township = await read_township(runtime, db, subject)
    return views.organisations(township, kind, department)


@router.get("/staff", tags=["structure"])
async def list_staff(
    subject: Reader, db: Reading, runtime: RuntimeOf, paging: PageOf, organisation: str | None = None
) -> Page[views.StaffView]:
    """Staff by id, of one organisation or all."""
    _, township = await read_township(runtime, db, subject)
    after = paging.after(str)
    people = sorted(
        (p for p in township.staff if organisation in {None, p.organisation} and (after is None or p.id > after[0])),
        key=lambda p: p.id,
    )
    return paging.page([views.staff(p, subject) for p in people[: paging.fetch]], lambda view: (view.id,))


@router.get("/staff/{staff_id}", tags=["structure"])
async def read_staff(staff_id: str, subject: Reader, db: Reading, runtime: RuntimeOf) -> views.StaffView:
    """One staff member; the phone is masked but for the own unit and the administrator."""
    _, township = await read_township(runtime, db, subject)
    person = township.member(staff_id)
    if person is None:
        raise not_found()
    return views.staff(person, subject)


@router.get("/places", tags=["structure"])
async def search_places(
    subject: Reader, db: Reading, runtime: RuntimeOf, query: Annotated[str, Query(min_length=1, max_length=64)]
) -> views.Places:
    """Where a caller's word for a place lies: named places, landmarks, groups, villages."""
    _, township = await read_township(runtime, db, subject)
    return views.places(township, query)


@router.get("/alerts", tags=["structure"])
async def list_alerts(subject: Reader, db: Reading, runtime: RuntimeOf) -> views.Alerts:
    """Vacant posts and hours that no roster covers."""
    _, township = await read_township(runtime, db, subject)
    return views.missing(township)


@router.get("/alerts/gaps", tags=["structure"])
async def list_gaps(subject: Reader, db: Reading, runtime: RuntimeOf) -> views.Gaps:
    """Hours of the days ahead with nobody on duty, and vacant posts, with who answers meanwhile."""
    _, township = await read_township(runtime, db, subject)
    return views.gaps(township, await db.fetchval("SELECT app_now()"))


@router.get("/organisations/{organisation}/desk", tags=["structure"])
async def read_desk(
    organisation: str, subject: Annotated[Subject, guard("desk.read")], db: Reading, runtime: RuntimeOf
) -> views.DeskView:
    """A unit's name and desk telephone and no more: whom a provider calls back about a task."""
    _, township = await read_township(runtime, db, subject)
    unit = township.organisation(organisation)
    if unit is None:
        raise not_found()
    return views.DeskView(code=unit.code, label=unit.label, desk_phone=unit.desk_phone)
