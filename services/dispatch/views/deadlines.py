"""Clocks as lists, and one clock explained: the rule, the days counted, the stages to come."""

from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.paging import Page
from chassis.transaction import Connection, deadline_of
from contracts.access import Scope
from contracts.policy import Label, Policy, WorkingCalendar
from services.dispatch.domain.clocks import GUARDIAN_NOTICE, RETURN_DECISION, limit_of
from services.dispatch.domain.escalation import escalation_plan
from services.dispatch.domain.response import DEFERRED_NOTICE, Clock, Finished, ResponseFile
from services.dispatch.store.clocks import PAGE_KIND, clock_of, finished_of
from services.dispatch.views.filters import Where

DeadlineState = Literal["running", "overdue", "met", "cancelled"]
DAY = timedelta(days=1)


class DeadlineView(BaseModel):
    """A clock: running, overdue, met (for ever late or not) or cancelled with a reason.

    `referral_id` is the owing department's referral. `report_id` says which report's triage, feedback or reassessment it
    is; `returned_referral_id` which return the ruling is about.
    """

    deadline_id: UUID
    case_id: UUID
    case_number: str
    step: str
    tier: str
    owner: str
    department: str | None
    organisation: str | None
    referral_id: UUID | None
    report_id: UUID | None
    returned_referral_id: UUID | None
    state: DeadlineState
    anchor: str
    anchor_at: datetime
    due_at: datetime
    provisional: bool
    ended_at: datetime | None = None
    late_seconds: int = 0
    reason: str | None = None


class DeadlinePage(Page[DeadlineView]):
    """A page of clocks, with the time by which `running` and `overdue` were told apart."""

    server_time: datetime


class CountedDay(BaseModel):
    """A calendar day after the anchor, and whether it counted as a working day."""

    day: date
    working: bool


class PlannedStage(BaseModel):
    """A stage of the escalation: when, and which departments, posts or outside bodies are told."""

    stage: str
    at: datetime
    targets: list[str]
    external: list[str]


class Explanation(BaseModel):
    """Why a deadline is what it is (policy `sla`)."""

    deadline: DeadlineView
    rule: Label
    anchor: Label
    counted_from: datetime
    level: str
    limit: dict[str, Any] | None
    days: list[CountedDay]
    provisional: bool
    stages: list[PlannedStage]
    policy_version: str


# Lists ---------------------------------------------------------------------------------------------------------------


async def running_deadlines(
    db: Connection,
    scope: Scope,
    *,
    step: str | None,
    before: datetime | None,
    overdue: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> list[DeadlineView]:
    """Armed clocks, earliest deadline first."""
    where = Where()
    where.add("d.state = 'armed'")
    where.add("d.kind <> $", PAGE_KIND)
    where.within(scope, "r", "d.detail->>'organisation'")
    where.equal({"d.kind": step})
    if before is not None:
        where.add("d.due_at < $", before)
    if overdue is not None:
        where.add("(d.due_at < $) = $", now, overdue)
    where.after("d.due_at, d.id", after)
    rows = await db.fetch(
        "SELECT d.*, r.case_id, r.case_number FROM deadline d "  # noqa: S608  our own names
        "JOIN response r ON r.response_id = (d.detail->>'response_id')::uuid "
        f"WHERE {where.text} ORDER BY d.due_at, d.id LIMIT {limit:d}",
        *where.values,
    )
    return [running_view(row["case_id"], row["case_number"], clock_of(deadline_of(row)), now) for row in rows]


async def finished_deadlines(
    db: Connection,
    scope: Scope,
    state: str,
    *,
    step: str | None,
    before: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[DeadlineView]:
    """Clocks that were met or cancelled, in the order in which they ended."""
    where = Where()
    where.within(scope, "r", "d.organisation")
    where.add("d.township = $", scope.township)
    where.equal({"d.state": state, "d.step": step})
    if before is not None:
        where.add("d.due_at < $", before)
    where.after("d.at, d.deadline_id", after)
    rows = await db.fetch(
        "SELECT d.*, r.case_number FROM finished_step d JOIN response r USING (response_id) "  # noqa: S608  our own names
        f"WHERE {where.text} ORDER BY d.at, d.deadline_id LIMIT {limit:d}",
        *where.values,
    )
    return [finished_view(row["case_id"], row["case_number"], finished_of(row)) for row in rows]


def running_view(case_id: UUID, case_number: str, clock: Clock, now: datetime) -> DeadlineView:
    """A running clock."""
    deadline = clock.deadline
    return DeadlineView(
        deadline_id=clock.id,
        case_id=case_id,
        case_number=case_number,
        step=deadline.step,
        tier=deadline.tier,
        owner=deadline.owner,
        department=deadline.department,
        organisation=clock.organisation,
        referral_id=clock.referral_id,
        report_id=None if deadline.step == RETURN_DECISION else clock.about,
        returned_referral_id=clock.about if deadline.step == RETURN_DECISION else None,
        state="overdue" if deadline.due < now else "running",
        anchor=deadline.anchor,
        anchor_at=deadline.anchored_at,
        due_at=deadline.due,
        provisional=deadline.provisional,
    )


def finished_view(case_id: UUID, case_number: str, one: Finished) -> DeadlineView:
    """A clock that was met or cancelled."""
    ended = {"state": one.state, "ended_at": one.at, "late_seconds": one.late_seconds, "reason": one.reason}
    return running_view(case_id, case_number, one.clock, one.at).model_copy(update=ended)


def deadlines_of(file: ResponseFile, now: datetime) -> list[DeadlineView]:
    """Every clock of a response in order of its deadline."""
    running = [running_view(file.case_id, file.case_number, clock, now) for clock in file.clocks]
    ended = [finished_view(file.case_id, file.case_number, one) for one in file.finished]
    return sorted([*running, *ended], key=lambda view: (view.due_at, view.step, str(view.deadline_id)))


# One clock explained -------------------------------------------------------------------------------------------------


async def response_of_deadline(db: Connection, deadline_id: UUID) -> UUID | None:
    """The response a clock belongs to, running or finished; None when there is no such clock."""
    found: UUID | None = await db.fetchval(
        """
        SELECT response_id FROM finished_step WHERE deadline_id = $1
        UNION ALL SELECT (detail->>'response_id')::uuid FROM deadline WHERE id = $1 LIMIT 1
        """,
        deadline_id,
    )
    return found


def explain(
    file: ResponseFile, deadline_id: UUID, policy: Policy, calendar: WorkingCalendar, now: datetime
) -> Explanation | None:
    """A clock of this response with its rule, limit, counted days and stages; None when it has no such clock."""
    view = next((one for one in deadlines_of(file, now) if one.deadline_id == deadline_id), None)
    clocks = (*file.clocks, *(one.clock for one in file.finished))
    clock = next((one for one in clocks if one.id == deadline_id), None)
    if view is None or clock is None:
        return None
    step = GUARDIAN_NOTICE if clock.deadline.step == DEFERRED_NOTICE else clock.deadline.step
    limit = limit_of(step, file.basis(policy), policy)
    stages = escalation_plan(clock.deadline, file.level, policy, calendar, file.blocked)
    return Explanation(
        deadline=view,
        rule=policy.label("notice" if step == GUARDIAN_NOTICE else "step", step),
        anchor=policy.label("anchor", clock.deadline.anchor),
        counted_from=clock.deadline.counted_from,
        level=file.level,
        limit=None if limit is None else limit.model_dump(exclude_none=True, exclude={"default", "meaning"}),
        days=_days(clock, calendar) if limit is not None and limit.clock == "WD" else [],
        provisional=clock.deadline.provisional,
        stages=[
            PlannedStage(stage=one.stage, at=one.at, targets=list(one.targets), external=list(one.external))
            for one in stages
        ],
        policy_version=file.policy_version,
    )


def _days(clock: Clock, calendar: WorkingCalendar) -> list[CountedDay]:
    """The days after the one on which the limit began, to the deadline's own (the first day is not counted)."""
    start = clock.deadline.counted_from.astimezone(calendar.zone).date()
    last = clock.deadline.due.astimezone(calendar.zone).date()
    days = (start + DAY * n for n in range(1, (last - start).days + 1))
    return [CountedDay(day=day, working=calendar.is_working_day(day)) for day in days]
