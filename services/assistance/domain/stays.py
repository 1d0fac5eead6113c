"""The clocks of a placement: how long a stay may last, reviews and alarms of a temporary guardianship, and what is owed to
a child whose identity nobody knows (policy `placement`, `visits.special.temporary_guardianship`; D-4.6.3, L-SH 77).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from contracts.policy import Policy, elapsed
from contracts.policy.visits import GuardianshipRhythm
from services.assistance.domain.orders import months_after
from services.assistance.domain.placement import holds
from services.assistance.domain.rounds import Child

HUKOU = "HUKOU"
"""The registration that follows the searches (policy catalogue HUKOU)."""


def stay_ends(kind: str, started_at: datetime, policy: Policy) -> datetime | None:
    """When a stay of this kind must be over (P7 24 h, P3 72 h); None without a limit."""
    limit = policy.placement.longest(kind)
    return None if limit is None else started_at + elapsed(limit)


def warned_at(started_at: datetime, ends: datetime, policy: Policy) -> datetime:
    """When to warn that a stay is running out."""
    return started_at + (ends - started_at) * policy.placement.alarms.cap_warn_percent / 100


def _guardianship(policy: Policy) -> GuardianshipRhythm:
    return policy.visits.special.temporary_guardianship


def next_review(since: datetime, after: datetime, policy: Policy) -> datetime:
    """The first review of a temporary guardianship that falls later than `after`: at 30 days, then every 90."""
    rhythm = _guardianship(policy)
    first, every = rhythm.review_after.span, rhythm.then_every.span
    return next(at for number in count() if (at := since + first + number * every) > after)


def meets(reviewed_at: datetime, due_at: datetime, policy: Policy) -> bool:
    """Whether a review counts as the one that is due: not more than the days of its reminder too early."""
    return reviewed_at >= due_at - elapsed(policy.placement.alarms.review_remind_before)


def review_due(since: datetime, made: Iterable[tuple[datetime, datetime]], policy: Policy) -> datetime:
    """When the next review is due, after those that were `made`: pairs of due time and the moment of the review."""
    counted = [max(due_at, at) for due_at, at in made if meets(at, due_at, policy)]
    return next_review(since, max(counted, default=since), policy)


def length_alarms(since: datetime, policy: Policy) -> tuple[datetime, ...]:
    """When a temporary guardianship raises an alarm for its length: at 300 and 335 days."""
    return tuple(since + alarm.span for alarm in _guardianship(policy).alarms_at)


def hard_flag(since: datetime, policy: Policy) -> datetime:
    """When a temporary guardianship has lasted a year, the longest it generally may (L-SH 77)."""
    return since + _guardianship(policy).hard_flag_at.span


# A child nobody knows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Owed:
    """A search or registration owed to a child of unknown identity."""

    code: str
    owner: str
    due_at: datetime


def searches_owed(child: Child, started_at: datetime, policy: Policy) -> tuple[Owed, ...]:
    """The searches that begin with the placement of a child whose identity or guardian is not known (D-4.6.3)."""
    rule = policy.placement.follow_up()
    if rule is None or not holds(rule.search_when, child, policy):
        return ()
    owed = [
        Owed("dna_search", "police", started_at + timedelta(hours=rule.dna_search_hours)),
        Owed("foundling_notice", "civil_affairs", started_at + timedelta(days=rule.foundling_notice_days)),
        Owed("police_finding", "police", months_after(started_at, rule.police_finding_months)),
    ]
    if holds(rule.trafficked_when, child, policy):
        owed.append(Owed("trafficked_search", "police", months_after(started_at, rule.trafficked_search_months)))
    return tuple(owed)


def registration_owed(child: Child, at: datetime, policy: Policy) -> Owed | None:
    """Household registration, once the searches are over or when identity is known but the child is registered
    nowhere. None: the child is registered."""
    rule = policy.placement.follow_up()
    if rule is None or child.facts.get("hukou") in {"local", "elsewhere"}:
        return None
    return Owed(HUKOU, "police", at + timedelta(days=rule.hukou_days))
