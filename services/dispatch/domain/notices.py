"""Duty notices N-1 to N-9: who must be told, by when, and who must not (policy `notices`, step S7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.policy import Due, Limit, Policy, WorkingCalendar
from services.dispatch.domain.routing import ChildCase, Routing

CIVIL_AFFAIRS, GUARDIAN = "civil_affairs", "guardian"
ORIGIN = "hotline"
"""The hotline takes part in the circulation N-6 as the one who sends it."""


@dataclass(frozen=True, slots=True)
class GuardianNotice:
    """N-9. `due` (UTC) only with status `due`; `withheld` becomes a deferred notice once safety is confirmed."""

    status: Literal["due", "withheld", "no_guardian_known"]
    due: datetime | None = None
    provisional: bool = False


def guardian_notice(
    children: Sequence[ChildCase], level: str, received: datetime, policy: Policy, calendar: WorkingCalendar
) -> GuardianNotice:
    """Whether and when a guardian who is not suspected is told. Withheld for one child is withheld for the report."""
    facts = [child.circumstances.at(level) for child in children]
    known = [child for child in facts if child.facts.get("guardian_unknown") is not True]
    if not known:
        return GuardianNotice("no_guardian_known")
    if any(policy.compiled.notice_withheld.holds(child) for child in known):
        return GuardianNotice("withheld")
    due = calendar.due_at(policy.notices_by_id["N-9"].limits[level], received)
    return GuardianNotice("due", due.at, due.provisional)


@dataclass(frozen=True, slots=True)
class DutyNotice:
    """One notice owed at one moment. `recipients` are departments, or `guardian`. `masked`: no personal data at all."""

    notice: str
    recipients: tuple[str, ...]
    due: datetime
    provisional: bool
    masked: bool
    statistic_only: bool = False


def duty_notices(
    children: Sequence[ChildCase],
    routing: Routing,
    guardian: GuardianNotice,
    level: str,
    received: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
) -> tuple[DutyNotice, ...]:
    """The notices a report owes on receipt: N-1 to N-7. N-9 is `guardian_notice`, N-10 is step S13.

    A blocked unit is told nothing, and in a restricted case only departments that keep a role are. A recipient with a
    role gets its notice with the referral; N-6 sends those without one a masked statistic.
    """
    facts = [child.circumstances.at(level) for child in children]
    notices: list[DutyNotice] = []
    for rule in policy.notices:
        condition = policy.compiled.notices.get(rule.id)
        if condition is None or not any(condition.holds(child) for child in facts):
            continue
        listed = tuple(rule.to) or tuple(party for party in rule.between if party != ORIGIN)
        told = [party for party in listed if may_be_told(party, routing, guardian_told=guardian.status == "due")]
        without_role = [p for p in told if rule.between and routing.role(p) is None]
        for parties, statistic in ([p for p in told if p not in without_role], False), (without_role, True):
            for group, due in _by_due(parties, level, received, policy, calendar):
                notices.append(DutyNotice(rule.id, group, due.at, due.provisional, rule.masked, statistic))
    return tuple(notices)


def may_be_told(party: str, routing: Routing, *, guardian_told: bool) -> bool:
    """Whether a duty notice may go to a party: never to a blocked unit, in a restricted case only where it has a role."""
    if party == GUARDIAN:
        return guardian_told
    if party in routing.blocked:
        return False
    return not (routing.restricted or routing.outside) or routing.role(party) is not None


def _by_due(
    parties: list[str], level: str, received: datetime, policy: Policy, calendar: WorkingCalendar
) -> list[tuple[tuple[str, ...], Due]]:
    """The parties grouped by when they must be told: civil affairs has a limit of its own at the higher levels."""
    groups: dict[Due, list[str]] = {}
    for party in parties:
        groups.setdefault(notice_due(level, party, received, policy, calendar), []).append(party)
    return [(tuple(group), due) for due, group in groups.items()]


def notice_due(level: str, recipient: str, start: datetime, policy: Policy, calendar: WorkingCalendar) -> Due:
    """When a duty notice to `recipient` is due if its cause happened at `start` (step S7)."""
    own = policy.steps["S7"].limits_to_civil_affairs.get(level) if recipient == CIVIL_AFFAIRS else None
    limit = own or policy.step_limit("S7", level)
    assert isinstance(limit, Limit), "every level has a plain S7 limit"
    return calendar.due_at(limit, start)
