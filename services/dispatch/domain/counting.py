"""Counting a limit: a policy key, a start and the calendar give a moment, and the same three give it again years later.

Every deadline remembers the policy key it was counted by and everything that moved it since, so that it can be counted
again: to explain it, after a pause, and when the holidays of a year become known.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.policy import Due, Limit, Policy, WorkingCalendar
from contracts.policy.limits import ZonedLimit

TASK = "task"
TASK_DAYS_AFTER_S9 = 30
"""A lead or assist task is to be done within the S9 limit + 30 days (policy `kpis` K11, where it stands as text)."""

MoveCause = Literal["brought_forward", "lowered", "hand_over", "paused", "extended", "kept"]

_OTHER_LIMITS = {
    "N-9": "notices.N-9.limits",
    "N-11": "notices.N-11.limits",
    "welfare_check": "routing.added.welfare_check.limits",
    "rescore": "risk.missing_information.rescore_after_first_contact",
    "reassessment": "risk.reassessment.due",
    "return_decision": "routing.return_of_referral.decision_limit",
    "supervision": "sla.supervision.reply",
}
"""Where the limits of clocks outside `sla.steps` stand in the policy."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit counted out. `safe_until` is given where it came before the end of the limit and therefore decided."""

    at: datetime
    provisional: bool
    rule: str
    safe_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What changed a deadline: from `before` to `due`, at `at`.

    `brought_forward` (a higher level, a new report or new facts), `lowered` and `hand_over` (it is known better until when
    the child is safe) count the limit `rule` anew from `start`.
    `paused`: it stood still from `at` to `until`. `extended`: granted by people. `kept`: the calendar would have moved it
    into the past. `source` is the pause or the extension.
    """

    cause: MoveCause
    at: datetime
    before: datetime
    due: datetime
    rule: str | None = None
    start: datetime | None = None
    safe_until: datetime | None = None
    until: datetime | None = None
    source: UUID | None = None


def rule_of(step: str, level: str, policy: Policy, zone: str | None = None) -> str:
    """The policy key of a step's limit."""
    if step in policy.other_clocks:
        return f"{_OTHER_LIMITS[step]}.{level}"
    key = f"sla.steps.{step}.limits.{level}"
    return f"{key}.by_zone.{zone}" if zone is not None else key


def limit_named(rule: str, policy: Policy) -> Limit:
    """The limit a policy key stands for, following `same_as`. Raises LookupError where the policy has none."""
    parts = rule.split(".")
    if parts[:2] == ["sla", "steps"]:
        limit = policy.step_limit(parts[2], parts[4])
        if isinstance(limit, ZonedLimit):
            limit = limit.by_zone[parts[6]]
        if limit is None:
            raise LookupError(f"the policy has no limit {rule}")
        return limit
    where, _, level = rule.rpartition(".")
    step = next(step for step, key in _OTHER_LIMITS.items() if key == where)
    return policy.other_clocks[step][1][level]


def counted(
    step: str, rule: str, limit: Limit, start: datetime, safe_until: datetime | None, calendar: WorkingCalendar
) -> Counted:
    """When `limit` (of the policy key `rule`) ends for a step if it starts at `start`; not after `safe_until`."""
    due = calendar.due_at(limit, start)
    if step == TASK:
        return Counted(due.at + timedelta(days=TASK_DAYS_AFTER_S9), due.provisional, rule)
    if safe_until is not None and safe_until < due.at:
        return Counted(safe_until.astimezone(UTC), due.provisional, rule, safe_until.astimezone(UTC))
    return Counted(due.at, due.provisional, rule)


def after_standstill(
    due: datetime, stood_from: datetime, stood_until: datetime, in_working_days: bool, calendar: WorkingCalendar
) -> Due:
    """A deadline that had not passed at `stood_from`, after standing still: as much is left as when it stopped.

    Of elapsed time as many seconds; of working days as many day ends. Where no day end is left (a cap that falls on a day
    off), as many seconds. Never earlier than before.
    """
    left = calendar.day_ends_between(stood_from, due) if in_working_days else 0
    if not left:
        return Due(due + (stood_until - stood_from))
    later = calendar.day_end_after(stood_until, left)
    return Due(max(due, later.at), later.provisional)
