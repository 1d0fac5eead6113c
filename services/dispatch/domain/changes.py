"""What a change does to running clocks: another level, a new report on an open case, new facts.

Up: every open step gets the earlier of its old deadline and the new limit counted from the change. Down: nothing is
brought forward and nothing breached is undone. Finished steps are not passed in and never change.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from contracts.policy import Policy, WorkingCalendar
from services.dispatch.domain.clocks import (
    GUARDIAN_NOTICE,
    PER_RECIPIENT,
    REASSESSMENT,
    Deadline,
    Key,
    Response,
    arm,
    arm_step,
    due_for,
    owner_of,
)
from services.dispatch.domain.moves import counted_anew, says_nothing_new

STARTS_LATE = (*PER_RECIPIENT, "S5p", GUARDIAN_NOTICE)
"""Steps a change may bring into being: a department joins, a call-out becomes due, a guardian may now be told."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The clocks of a response after a change.

    `moved` have a new deadline or owner, `created` are new, `cancelled` end with a reason and without a breach.
    """

    direction: Literal["up", "down", "same"]
    moved: tuple[Deadline, ...]
    created: tuple[Deadline, ...]
    unchanged: tuple[Deadline, ...]
    cancelled: Mapping[Key, str]

    @property
    def deadlines(self) -> tuple[Deadline, ...]:
        """Every clock that runs after the change."""
        return (*self.unchanged, *self.moved, *self.created)

    def due(self, step: str, recipient: str | None = None) -> datetime | None:
        """When a step is due after the change, or None where it does not run."""
        return next((d.due for d in self.deadlines if d.key == (step, recipient)), None)


def revise(
    running: Collection[Deadline],
    finished: Collection[Key],
    before: Response,
    after: Response,
    at: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Revision:
    """The clocks after the response changed from `before` to `after` at `at` (policy `sla.level_change`).

    Serves level changes and, at the same level, new facts: a case that becomes restricted loses S5a and S5b, a known
    hand-over time brings S6 forward, a new recipient gets its own clocks counted from `at`. `running` are the
    unfinished clocks, `finished` the keys of those that were met.
    """
    difference = policy.rank(after.level) - policy.rank(before.level)
    change = _lowered if difference < 0 else _raised
    fresh = arm(replace(after, received=at, dispatched=at), policy, calendar)
    cancelled = {d.key: reason for d in running if (reason := _why_over(d, after, fresh.not_created, policy))}
    moved: list[Deadline] = []
    unchanged: list[Deadline] = []
    for deadline in running:
        if deadline.key in cancelled:
            continue
        revised = _reassigned(change(deadline, after, at, policy, calendar), after, policy)
        (unchanged if revised == deadline else moved).append(revised)
    known = {deadline.key for deadline in running} | set(finished)
    return Revision(
        direction="up" if difference > 0 else "down" if difference < 0 else "same",
        moved=tuple(moved),
        created=tuple(d for d in fresh.deadlines if d.step in STARTS_LATE and d.key not in known),
        unchanged=tuple(unchanged),
        cancelled=cancelled,
    )


def _raised(deadline: Deadline, after: Response, at: datetime, policy: Policy, calendar: WorkingCalendar) -> Deadline:
    """The earlier of the old deadline and the new limit counted from the change. A hand-over that was past already when it
    became known is due at once; a deadline that has passed stays where it was."""
    due = due_for(deadline.step, at, after, policy, calendar)
    if due is None or due.at >= deadline.due or deadline.due <= at or says_nothing_new(deadline, due):
        return deadline
    start = at
    if due.safe_until is not None:
        known = max(due.safe_until, at.astimezone(UTC))
        due, start = replace(due, at=known, safe_until=known), deadline.counted_from
    return counted_anew(deadline, "brought_forward", at, due, start)


def _lowered(deadline: Deadline, after: Response, at: datetime, policy: Policy, calendar: WorkingCalendar) -> Deadline:
    """Arrival and safety keep their deadline; the rest is counted again from the original anchor with the new limit."""
    kept = policy.sla.level_change.downgrade["keep_old_deadline"]
    if deadline.step in kept or deadline.due <= at:
        return deadline
    due = due_for(deadline.step, deadline.anchored_at, after, policy, calendar)
    if due is None or due.at <= deadline.due:
        return deadline
    return counted_anew(deadline, "lowered", at, due, deadline.anchored_at)


def _reassigned(deadline: Deadline, after: Response, policy: Policy) -> Deadline:
    """The lead or the village's standing may have changed with the routing; the clock follows its owner."""
    owner, department, tier = owner_of(deadline.step, deadline.recipient, after.routing, policy)
    return replace(deadline, owner=owner, department=department, tier=tier)


def _why_over(deadline: Deadline, after: Response, not_created: Mapping[str, str], policy: Policy) -> str | None:
    """The reason a running clock no longer applies: only restriction, a conflict, or a guardian not to be told."""
    routing = after.routing
    if deadline.recipient is not None:
        if deadline.recipient in routing.blocked:
            return "conflict_of_interest"
        gone = routing.restricted and routing.role(deadline.recipient) is None
        return "restricted" if gone else None
    if deadline.step == GUARDIAN_NOTICE:
        conditions = (child.circumstances.at(after.level) for child in after.children)
        return "withheld" if any(policy.compiled.notice_withheld.holds(child) for child in conditions) else None
    reason = not_created.get(deadline.step)
    return None if reason == "outside_township" else reason


# A new report on an open case ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attached:
    """`own` are the new report's S3 and S13, beside those of the earlier reports; the rest belongs to the case."""

    revision: Revision
    own: tuple[Deadline, ...]
    reassessment: Deadline


def attach_report(
    running: Collection[Deadline],
    finished: Collection[Key],
    before: Response,
    after: Response,
    received: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Attached:
    """A report attached to an open case (policy `duplicate_rule`): clocks of its own, the case's clocks revised.

    `after.level` is the level in force, which a report never lowers. Raises ValueError if it does.
    """
    if policy.rank(after.level) < policy.rank(before.level):
        raise ValueError("a report never lowers a level")
    own_steps = policy.risk.duplicate_rule.report_steps
    return Attached(
        revision=revise(running, finished, before, after, received, policy, calendar),
        own=tuple(arm_step(step, received, after, policy, calendar) for step in own_steps),
        reassessment=arm_step(REASSESSMENT, received, after, policy, calendar),
    )
