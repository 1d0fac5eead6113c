"""One clock explained: rule, anchor, the days counted, what moved it, who is told if it passes; in both languages."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.policy import Label, Policy, WorkingCalendar
from services.dispatch.domain.escalation import escalation_plan
from services.dispatch.domain.explain import explain, label_of
from services.dispatch.domain.moves import Stand
from services.dispatch.domain.response import ResponseFile
from services.dispatch.views.deadlines import DeadlineView, deadlines_of


class CountedDayView(BaseModel):
    """A calendar day after the start: what sort of day, its number in the count, and whether its end is the deadline."""

    day: date
    kind: str
    number: int | None
    decides: str | None


class MoveView(BaseModel):
    """Something that changed the deadline: a level or new facts, a pause, an extension, a calendar that came too late."""

    cause: str
    at: datetime
    before: datetime
    due_at: datetime
    rule: str | None
    start: datetime | None
    safe_until: datetime | None
    until: datetime | None
    source: UUID | None


class PlannedStage(BaseModel):
    """A stage of the escalation: when, and which departments, posts or outside bodies are told."""

    stage: str
    at: datetime
    targets: list[str]
    external: list[str]


class Explanation(BaseModel):
    """Why a deadline is what it is (policy `sla`).

    `rule` is the policy key of the limit in force, counted from `counted_from`; `first_due_at` what the anchor gave, `moves`
    everything since. `result` is counted again from these alone; `agrees` says that it is the stored deadline.
    """

    deadline: DeadlineView
    step: Label
    rule: str
    anchor: Label
    counted_from: datetime
    level: str
    limit: dict[str, Any]
    days: list[CountedDayView]
    safe_until: datetime | None
    first_due_at: datetime
    moves: list[MoveView]
    provisional: bool
    recounted_at: datetime | None
    result: datetime
    agrees: bool
    text: list[Label]
    stages: list[PlannedStage]
    policy_version: str


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


def explanation(
    file: ResponseFile, deadline_id: UUID, policy: Policy, calendar: WorkingCalendar, now: datetime
) -> Explanation | None:
    """A clock of this response explained; None when it has no such clock."""
    view = next((one for one in deadlines_of(file, now) if one.deadline_id == deadline_id), None)
    clocks = (*file.clocks, *(one.clock for one in file.finished))
    clock = next((one for one in clocks if one.id == deadline_id), None)
    if view is None or clock is None:
        return None
    deadline = clock.deadline
    found = explain(deadline, policy, calendar)
    return Explanation(
        deadline=view,
        step=label_of(deadline.step, policy),
        rule=found.rule,
        anchor=policy.label("anchor", deadline.anchor),
        counted_from=found.start,
        level=file.level,
        limit=found.limit.model_dump(exclude_none=True, exclude={"default", "meaning"}),
        days=[CountedDayView(day=one.day, kind=one.kind, number=one.number, decides=one.decides) for one in found.days],
        safe_until=found.safe_until,
        first_due_at=found.stands[0].due,
        moves=[_move(stand) for stand in found.stands[1:]],
        provisional=found.provisional,
        recounted_at=deadline.recounted_at,
        result=found.result,
        agrees=found.result == deadline.due,
        text=list(found.lines),
        stages=[
            PlannedStage(stage=one.stage, at=one.at, targets=list(one.targets), external=list(one.external))
            for one in escalation_plan(deadline, file.level, policy, calendar, file.blocked)
        ],
        policy_version=file.policy_version,
    )


def _move(stand: Stand) -> MoveView:
    move = stand.move
    assert move is not None, "only the first stand has no move"
    names = ("cause", "at", "before", "rule", "start", "safe_until", "until", "source")
    return MoveView.model_validate({**{name: getattr(move, name) for name in names}, "due_at": stand.due})
