"""A report as typed so far, made ready for the rules: what the desk shows before anything is sent."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr

from chassis.auth import guard
from chassis.http import Reading
from chassis.problem import invalid
from contracts.access import Subject
from contracts.policy import policy_in_force
from contracts.vocabulary import Fact, Reporter
from services.intake.bodies import Body
from services.intake.domain.children import Checked, Said, prepare
from services.intake.domain.numbers import ZONE
from services.intake.drafting import errors_at

router = APIRouter(prefix="/api/v1", tags=["reports"])


class PreviewBody(Body):
    """The coded part of a report on one child; identity has no place here. `outside`: the place is outside the township."""

    concerns: tuple[str, ...] = Field(default=(), max_length=30)
    facts: dict[str, StrictBool | StrictInt | StrictStr] = Field(default={}, max_length=100)
    answers: dict[str, str] = Field(default={}, max_length=40)
    checklist: dict[str, Checked] = Field(default={}, max_length=20)
    outside: bool = False


class PreparedView(BaseModel):
    """What the rules would see. `screened`: why it would open no ordinary case; `emergency`: an override to RED holds."""

    concerns: tuple[str, ...]
    facts: dict[str, Fact]
    answers: dict[str, str]
    emergency: bool
    restricted: bool
    screened: str | None


@router.post("/reports/preview")
async def preview_report(
    body: PreviewBody, subject: Annotated[Subject, guard("report.create")], db: Reading
) -> PreparedView:
    """What the rules would see of a report as typed so far: the checklist turned into facts. Nothing is stored."""
    now = await db.fetchval("SELECT app_now()")
    said = Said(body.concerns, body.facts, body.answers, body.checklist, None)
    policy = policy_in_force(now.astimezone(ZONE).date())
    prepared, faults = prepare(said, Reporter(kind="unknown"), now, outside=body.outside, policy=policy)
    if faults:
        raise invalid(*errors_at("#", faults))
    return PreparedView(
        **{name: getattr(prepared, name) for name in ("concerns", "facts", "answers", "emergency")},
        restricted=prepared.restricted,
        screened=prepared.screened,
    )
