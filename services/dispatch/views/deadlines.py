"""Clocks as lists."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.paging import Page
from chassis.transaction import Connection, deadline_of
from contracts.access import Scope
from services.dispatch.domain.clocks import RETURN_DECISION, SUPERVISION
from services.dispatch.domain.response import Clock, Finished, ResponseFile
from services.dispatch.store.clocks import BESIDE, clock_of, finished_of
from services.dispatch.views.filters import Where

DeadlineState = Literal["running", "overdue", "met", "cancelled"]


class DeadlineView(BaseModel):
    """A clock: running, overdue, met (for ever late or not) or cancelled with a reason.

    `referral_id` is the owing department's referral. `report_id` says which report's triage, feedback or reassessment it
    is; `returned_referral_id` which return the ruling is about, `supervision_id` which order asks for the reply.
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
    supervision_id: UUID | None
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


# Lists ---------------------------------------------------------------------------------------------------------------


async def running_deadlines(
    db: Connection,
    scope: Scope,
    *,
    step: str | None,
    before: datetime | None,
    overdue: bool | None,
    provisional: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> list[DeadlineView]:
    """Armed clocks, earliest deadline first."""
    where = Where()
    where.add("d.state = 'armed'")
    where.add("d.kind <> ALL($::text[])", list(BESIDE))
    where.within(scope, "r", "d.detail->>'organisation'")
    where.equal({"d.kind": step})
    if before is not None:
        where.add("d.due_at < $", before)
    if overdue is not None:
        where.add("(d.due_at < $) = $", now, overdue)
    if provisional is not None:
        where.add("((d.detail->>'provisional') = 'true') = $", provisional)
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
        report_id=None if deadline.step in (RETURN_DECISION, SUPERVISION) else clock.about,
        returned_referral_id=clock.about if deadline.step == RETURN_DECISION else None,
        supervision_id=clock.about if deadline.step == SUPERVISION else None,
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
