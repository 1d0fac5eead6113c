"""Who would get a report that is being typed: the desk shows it before anything is sent."""

from datetime import UTC
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from chassis.auth import guard
from chassis.http import Reading
from contracts.access import Subject
from contracts.policy import load_calendar, policy_in_force
from contracts.vocabulary import Fact
from services.dispatch.api.commands import Body
from services.dispatch.api.rehearsals import RehearseBody, opened, published_township
from services.dispatch.api.steps import now_of
from services.dispatch.domain.duty import Duty
from services.dispatch.domain.rehearsal import dispatched, duty_of
from services.dispatch.views.referrals import open_by_organisation

router = APIRouter(prefix="/api/v1", tags=["dispatch"])


class RoutingBody(Body):
    """A report as the rules see it so far, at the level they give it."""

    level: Literal["blue", "yellow", "orange", "red"]
    concerns: list[str] = Field(default=[], max_length=40)
    facts: dict[str, Fact] = Field(default={}, max_length=100)
    village: str | None = Field(default=None, max_length=40)
    group: str | None = Field(default=None, max_length=40)


class Recipient(BaseModel):
    """A department that would be sent to. `because` are rules and concerns; `people` answer for it now, in paging order;
    `open_referrals` is how much its unit has in hand."""

    department: str
    organisation: str
    role: str
    because: list[str]
    people: list[str]
    standing: str
    instead: list[str]
    open_referrals: int


class RoutingView(BaseModel):
    """The routing of a report that nobody has sent. Nothing was written, nobody is told."""

    level: str
    restricted: bool
    case_lead: str | None
    coordinator: str | None
    recipients: list[Recipient]
    not_created: dict[str, str]
    policy_version: str


@router.post("/rehearsals/routing")
async def preview_routing(
    body: RoutingBody, subject: Annotated[Subject, guard("routing.preview")], db: Reading
) -> RoutingView:
    """Recipients, their roles and reasons, and who is on duty there, for a report as typed so far."""
    now, calendar = (await now_of(db)).astimezone(UTC), load_calendar()
    policy = policy_in_force(now.astimezone(calendar.zone).date())
    township = await published_township(db, subject.township)
    file = opened(RehearseBody(**body.model_dump()), township, now, policy, calendar)
    told = {one.organisation: one for one in dispatched(file, duty_of(file, Duty(township, policy)), policy)}
    load = await open_by_organisation(db, [one.organisation for one in file.referrals])
    return RoutingView(
        level=file.level,
        restricted=file.restricted,
        case_lead=file.case_lead,
        coordinator=file.coordinator,
        recipients=[
            Recipient(
                department=one.department,
                organisation=one.organisation,
                role=one.role,
                because=list(one.because),
                people=list(told[one.organisation].people) if one.organisation in told else [],
                standing=str(told[one.organisation].standing) if one.organisation in told else "nobody",
                instead=list(told[one.organisation].instead) if one.organisation in told else [],
                open_referrals=load.get(one.organisation, 0),
            )
            for one in file.referrals
        ],
        not_created=file.not_created,
        policy_version=file.policy_version,
    )
