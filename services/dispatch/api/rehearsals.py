"""Before it is in earnest: a dry run of the escalation, and the coverage of rosters and posts against the policy."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from chassis.auth import guard
from chassis.http import Reading
from chassis.problem import FieldError, Problem, invalid
from chassis.transaction import Connection
from contracts.access import Subject
from contracts.directory import TownshipPublished
from contracts.policy import (
    Policy,
    WorkingCalendar,
    intake_problems,
    load_calendar,
    load_policy,
    policy_in_force,
    policy_versions,
)
from contracts.vocabulary import Fact
from services.dispatch.api.commands import Body
from services.dispatch.api.steps import now_of, readable
from services.dispatch.domain.coverage import coverage
from services.dispatch.domain.duty import Duty
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.rehearsal import dispatched, duty_of, imagined, rehearse
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.units import township_of
from services.dispatch.store.rosters import published
from services.dispatch.views.rehearsals import CoverageView, RehearsalView, coverage_view, rehearsal_view

router = APIRouter(prefix="/api/v1", tags=["dispatch"])
MAX_DAYS = 92
NOBODY = UUID(int=0)


class RehearseBody(Body):
    """A running case (`case_id`), or a report that nobody made: level, concerns, place and time.

    `repeats` of the last level and `pages` down the roster are how far the run goes on.
    """

    case_id: UUID | None = None
    level: Literal["blue", "yellow", "orange", "red"] | None = None
    concerns: list[str] = Field(default=[], max_length=40)
    facts: dict[str, Fact] = Field(default={}, max_length=100)
    village: str | None = Field(default=None, max_length=40)
    group: str | None = Field(default=None, max_length=40)
    received_at: AwareDatetime | None = None
    policy_version: str | None = Field(default=None, max_length=40)
    repeats: Annotated[int, Field(ge=0, le=20)] = 2
    pages: Annotated[int, Field(ge=0, le=20)] = 6


@router.post("/rehearsals")
async def rehearse_escalation(
    body: RehearseBody, subject: Annotated[Subject, guard("escalation.rehearse")], db: Reading
) -> RehearsalView:
    """Who would be told, when and of what, if nobody acted. Nothing is written, nobody is told."""
    now, calendar = await now_of(db), load_calendar()
    township = await published_township(db, subject.township)
    if body.case_id is not None:
        file, since = await readable(db, body.case_id, subject, "escalation.rehearse"), now
        policy = load_policy(file.policy_version)
    else:
        policy = _policy(body.policy_version, now, calendar)
        file = opened(body, township, (body.received_at or now).astimezone(UTC), policy, calendar)
        since = file.dispatched_at
    duty = duty_of(file, Duty(township, policy))
    told = rehearse(file, since, duty, policy, calendar, repeats=body.repeats, pages=body.pages)
    first = () if body.case_id is not None else dispatched(file, duty, policy)
    return rehearsal_view(file, body.case_id, since, (*first, *told))


def opened(
    body: RehearseBody, township: TownshipPublished, received: datetime, policy: Policy, calendar: WorkingCalendar
) -> ResponseFile:
    """The response to the report that nobody made, dispatched the moment it comes in."""
    errors = [
        FieldError(f"#{one.pointer}", one.code, one.message.zh, one.message.en)
        for one in intake_problems(body.concerns, body.facts, {}, policy)
    ]
    if body.level is None:
        errors.append(FieldError("#/level", "level_required", "须给出等级或个案", "Give a level, or a case"))
    places: Mapping[str, tuple[str | None, set[str]]] = {
        "village": (body.village, {one.code for one in township.villages}),
        "group": (body.group, {one.code for one in township.groups}),
    }
    for name, (code, known) in places.items():
        if code is not None and code not in known:
            errors.append(FieldError(f"#/{name}", f"unknown_{name}", "没有这个区域", "There is no such area"))
    if errors or body.level is None:
        raise invalid(*errors)
    report = {
        "report_id": NOBODY,
        "disposition": "case_opened",
        "channel": "hotline_a",
        "received_at": received,
        "reporter": {"kind": "public"},
        "place": {"village": body.village, "group": body.group},
        "township": township.township,
    }
    data = imagined(body.level, body.concerns, body.facts, report, received, policy)
    return open_response(data, NOBODY, received, township_of(township), policy, calendar)


@router.get("/coverage")
async def check_coverage(
    subject: Annotated[Subject, guard("coverage.read")],
    db: Reading,
    first: Annotated[date | None, Query(alias="from", description="First day, local; today without it")] = None,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 28,
    policy_version: Annotated[
        str | None, Query(max_length=40, description="Another version than the one in force")
    ] = None,
) -> CoverageView:
    """Whether every call the policy can make is answered: who is paged when, gaps with their stand-ins, vacant posts."""
    now, calendar = await now_of(db), load_calendar()
    policy = _policy(policy_version, now, calendar)
    township = await published_township(db, subject.township)
    day = first or now.astimezone(calendar.zone).date()
    starts_at = datetime.combine(day, time(), calendar.zone).astimezone(UTC)
    ends_at = starts_at + timedelta(days=days)
    found = coverage(township, policy, calendar, starts_at, ends_at)
    return coverage_view(found, township.township, township.version, starts_at, ends_at, policy.policy_version)


async def published_township(db: Connection, code: str) -> TownshipPublished:
    """The township as last heard of. Raises Problem 503 before that."""
    found = (await published(db, [code])).get(code)
    if found is None:
        raise Problem(503, "unavailable", "镇的组织信息尚未到达", "The township has not been published yet")
    return found


def _policy(version: str | None, now: datetime, calendar: WorkingCalendar) -> Policy:
    if version is None:
        return policy_in_force(now.astimezone(calendar.zone).date())
    if version not in policy_versions():
        zh, en = "没有这个策略版本", "There is no such policy version"
        raise invalid(FieldError("#/policy_version", "unknown_policy_version", zh, en))
    return load_policy(version)
