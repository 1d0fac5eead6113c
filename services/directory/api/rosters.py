"""Duty rosters: the weekly pattern, what stands in its place for a while, and who is on duty when."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.problem import FieldError, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject, may
from contracts.directory import Shift
from services.directory import store
from services.directory import views as structure
from services.directory.api.township import Body, Reader, lock_township, read_township
from services.directory.domain.township import DUTY_LEADER, DUTY_ROOM, Override, Roster, Township
from services.directory.views import rosters as views
from services.directory.watching import look

router = APIRouter(prefix="/api/v1", tags=["rosters"])
Writer = Annotated[Subject, guard("roster.write")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
LONGEST_OVERRIDE = timedelta(days=62)


class ShiftIn(Body):
    """One shift; `ends` at or before `starts` means the next day."""

    weekday: int = Field(ge=0, le=6, description="0 = Monday")
    starts: Clock
    ends: Clock
    staff: list[str] = Field(max_length=20, description="Paging order")


class RosterIn(Body):
    """The whole weekly pattern."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"shifts": [{"weekday": 0, "starts": "17:30", "ends": "08:30", "staff": ["ST092", "ST093"]}]}]
        },
    )

    shifts: list[ShiftIn] = Field(max_length=100)


class OverrideIn(Body):
    """Who is on duty instead of the weekly pattern from one moment to another. No staff: explicitly nobody."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "starts_at": "2026-10-01T00:30:00Z",
                    "ends_at": "2026-10-02T00:30:00Z",
                    "staff": ["ST093", "ST091"],
                    "reason": "holiday",
                }
            ]
        },
    )

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    staff: list[str] = Field(max_length=20, description="Paging order")
    reason: Literal["holiday", "leave", "sick", "swap", "training", "emergency", "vacancy", "other"]

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if not timedelta(0) < self.ends_at - self.starts_at <= LONGEST_OVERRIDE:
            raise ValueError("ends after it starts, at most 62 days later")
        return self


@router.get("/rosters/{organisation}", response_model=structure.RosterView)
async def read_roster(
    organisation: str, request: Request, subject: Reader, db: Reading, runtime: RuntimeOf
) -> Response:
    """The duty roster of an organisation, of the duty leaders (`duty_leader`) or of the duty room (`duty_room`)."""
    _, township = await read_township(runtime, db, subject)
    _known_roster(township, organisation)
    version = await store.roster_version(db, township.code, organisation)
    now = await db.fetchval("SELECT app_now()")
    view = structure.roster(township, organisation, version, now, _roster_actions(subject))
    # Who is on duty changes with the hour, not with the version: the answer carries its ETag but is never 304.
    return Reply(200, view, version=version).response()


@router.put("/rosters/{organisation}", response_model=structure.RosterView)
async def write_roster(organisation: str, body: RosterIn, subject: Writer, command: CommandOf) -> Response:
    """Replace a duty roster. Referrals follow it as soon as it is announced."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        _known_roster(township, organisation)
        command.match(await store.roster_version(tx.db, subject.township, organisation))
        _known_people(township, [shift.staff for shift in body.shifts], "#/shifts/{}/staff/{}")
        shifts = tuple(Shift(**shift.model_dump()) for shift in body.shifts)
        version = await store.save_roster(tx, subject.township, Roster(code=organisation, shifts=shifts))
        changed = await store.announce(tx, subject.township)
        await look(tx, changed)
        detail = {"roster": organisation, "version": version}
        tx.audit(subject.township, "roster.write", subject.actor().model_dump(), detail)
        return Reply(
            200, structure.roster(changed, organisation, version, tx.now, _roster_actions(subject)), version=version
        )

    return await command.run(act, body)


def _roster_actions(subject: Subject) -> list[str]:
    return ["write"] if may(subject, "roster.write") else []


def _known_roster(township: Township, code: str) -> None:
    if code not in {DUTY_LEADER, DUTY_ROOM} and township.organisation(code) is None:
        raise not_found()


def _known_people(township: Township, named: Sequence[Sequence[str]], pointer: str) -> None:
    unknown = [
        FieldError(pointer.format(i, j), "unknown_staff", "没有这名工作人员", "no such staff member")
        for i, staff in enumerate(named)
        for j, who in enumerate(staff)
        if township.member(who) is None
    ]
    if unknown:
        raise invalid(*unknown)


@router.get("/rosters/{organisation}/coverage")
async def read_coverage(
    organisation: str,
    subject: Reader,
    db: Reading,
    runtime: RuntimeOf,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Default: now")] = None,
    days: Annotated[int, Query(ge=1, le=31)] = 14,
) -> views.CoverageView:
    """Who is on duty when, by weekly pattern and overrides together; every hour with nobody on duty is shown as a gap."""
    _, township = await read_township(runtime, db, subject)
    _known_roster(township, organisation)
    start = since or await db.fetchval("SELECT app_now()")
    return views.coverage(township, organisation, start.astimezone(UTC), days)


@router.get("/rosters/{organisation}/overrides")
async def list_overrides(organisation: str, subject: Reader, db: Reading, runtime: RuntimeOf) -> views.Overrides:
    """The overrides that hold now or later, by their beginning; the list is complete."""
    _, township = await read_township(runtime, db, subject)
    _known_roster(township, organisation)
    found = await store.load_overrides(db, township.code, organisation)
    return views.overrides(township, [Override.model_validate(row) for row in found], _override_actions(subject))


@router.post("/rosters/{organisation}/overrides", response_model=views.OverrideView, status_code=201)
async def add_override(organisation: str, body: OverrideIn, subject: Writer, command: CommandOf) -> Response:
    """Put somebody (or nobody) on duty instead of the weekly pattern. Overlapping overrides put everybody in them on duty."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        _known_roster(township, organisation)
        _known_people(township, [body.staff], "#/staff/{1}")
        if body.ends_at <= tx.now:
            raise invalid(FieldError("#/ends_at", "in_the_past", "须晚于现在", "must lie ahead"))
        override = Override(
            id=tx.new_id("override"),
            roster=organisation,
            starts_at=body.starts_at.astimezone(UTC),
            ends_at=body.ends_at.astimezone(UTC),
            staff=tuple(dict.fromkeys(body.staff)),
            reason=body.reason,
        )
        await store.add_override(tx, township.code, override, subject.actor().model_dump())
        await _announce(tx, subject, "roster.override", override)
        view = views.override(township, override, _override_actions(subject))
        return Reply(201, view, location=f"/api/v1/rosters/{organisation}/overrides/{override.id}")

    return await command.run(act, body)


@router.put("/rosters/{organisation}/overrides/{override_id}", response_model=views.OverrideView)
async def replace_override(
    organisation: str, override_id: UUID, body: OverrideIn, subject: Writer, command: CommandOf
) -> Response:
    """Change an override that is not over."""

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        before = _known_override(township, organisation, override_id)
        _known_people(township, [body.staff], "#/staff/{1}")
        if body.ends_at <= tx.now:
            raise invalid(FieldError("#/ends_at", "in_the_past", "须晚于现在", "must lie ahead"))
        changed = before.model_copy(
            update={
                "starts_at": body.starts_at.astimezone(UTC),
                "ends_at": body.ends_at.astimezone(UTC),
                "staff": tuple(dict.fromkeys(body.staff)),
                "reason": body.reason,
            }
        )
        await store.add_override(tx, township.code, changed, subject.actor().model_dump())
        await _announce(tx, subject, "roster.override", changed)
        return Reply(200, views.override(township, changed, _override_actions(subject)))

    return await command.run(act, body)


@router.delete("/rosters/{organisation}/overrides/{override_id}", status_code=204)
async def remove_override(organisation: str, override_id: UUID, subject: Writer, command: CommandOf) -> Response:
    """Take an override back: from now on the weekly pattern holds again."""

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        override = _known_override(township, organisation, override_id)
        await store.remove_override(tx, override_id)
        await _announce(tx, subject, "roster.override_removed", override)
        return Reply(204)

    return await command.run(act)


async def _announce(tx: Transaction, subject: Subject, action: str, override: Override) -> None:
    await look(tx, await store.announce(tx, subject.township))
    detail = {"roster": override.roster, "override": str(override.id), "reason": override.reason}
    tx.audit(subject.township, action, subject.actor().model_dump(), detail)


def _known_override(township: Township, organisation: str, override_id: UUID) -> Override:
    for override in township.overrides:
        if (override.id, override.roster) == (override_id, organisation):
            return override
    raise not_found()


def _override_actions(subject: Subject) -> list[str]:
    return ["replace", "remove"] if may(subject, "roster.write") else []
