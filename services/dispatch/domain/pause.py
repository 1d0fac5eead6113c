"""Stopping the clocks of a YELLOW or BLUE case for a bounded time, once (policy `sla.pause`)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.policy import Label, Policy, WorkingCalendar
from services.dispatch.domain.clocks import TASK, Deadline, Response, limit_of


@dataclass(frozen=True, slots=True)
class Paused:
    """A granted pause. It ends at `until` at the latest (UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class PauseRefused:
    """A pause that is not allowed: the rule and its text."""

    rule: str
    reason: Label


def decide_pause(
    level: str,
    reason: str,
    posts: Collection[str],
    pauses_before: int,
    at: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Paused | PauseRefused:
    """Whether a person who holds `posts` may stop the clocks at `at`; the first refusal wins."""
    rule = policy.sla.pause
    if level not in rule.levels:
        return PauseRefused("level", Label(zh="红级、橙级不得暂停", en="RED and ORANGE are never paused."))
    if rule.who not in posts:
        return PauseRefused("post", Label(zh="须由民政办主管决定", en="Only the civil affairs supervisor may pause."))
    if reason not in {entry.code for entry in rule.reasons}:
        return PauseRefused("reason", Label(zh="须选择暂停理由", en="A pause needs one of the listed reasons."))
    if pauses_before >= rule.times:
        return PauseRefused("once", Label(zh="每案只能暂停一次", en="A case is paused only once."))
    return Paused(calendar.due_at(rule.max, at).at)


def resume(
    deadline: Deadline,
    paused_at: datetime,
    resumed_at: datetime,
    response: Response,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Deadline:
    """The clock after a pause: later by the time, or the working days, it stood still. One that had passed stays."""
    if deadline.due <= paused_at:
        return deadline
    limit = limit_of(deadline.step, response, policy)
    if limit is not None and limit.clock == "WD" and deadline.step != TASK:
        stood = calendar.working_days_between(paused_at, resumed_at)
        due = calendar.working_days_after(deadline.due, stood)
        return replace(deadline, due=due.at, provisional=deadline.provisional or due.provisional)
    return replace(deadline, due=deadline.due + (resumed_at - paused_at))
