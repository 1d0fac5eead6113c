"""Who holds a task: signing afresh, the clocks of a holder, and routing with what was handed over or taken back."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from contracts.policy import Policy, WorkingCalendar
from services.dispatch.domain.clocks import PER_RECIPIENT
from services.dispatch.domain.response import Referral, ResponseFile
from services.dispatch.domain.routing import Referral as Routed
from services.dispatch.domain.routing import Routing


def signed_again(referral: Referral) -> Referral:
    """A referral that must be signed for afresh."""
    return replace(referral, state="issued", acknowledged_at=None, completed_at=None, outcome=None, ack_due=None)


def start_missing(
    file: ResponseFile, referral: Referral, now: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar
) -> ResponseFile:
    """S4 and task of a department that has to sign and act, where they do not run already."""
    for step in PER_RECIPIENT:
        if not file.running(step, recipient=referral.department):
            file = file.start(step, now, cause, policy, calendar, recipient=referral.department)
    return file


def ended(file: ResponseFile, referral: Referral, now: datetime, reason: str) -> ResponseFile:
    """The response without this part: its own clocks and a ruling on its return end with it, without a breach."""
    own = tuple(clock for step in PER_RECIPIENT for clock in file.running(step, recipient=referral.department))
    file = file.cancel((*own, *file.return_decision_of(referral)), now, reason)
    return file.with_referral(replace(referral, state="ended", ended_reason=reason, amended_at=None, amended=()))


# Routing again ---------------------------------------------------------------------------------------------------


def handed_over(routing: Routing, moves: dict[str, str], policy: Policy) -> Routing:
    """The routing with upheld returns applied: who took a task over has the stronger of both roles."""
    by_department: dict[str, Routed] = {}
    for referral in routing.referrals:
        department = taker(referral.department, moves)
        held = by_department.get(department)
        moved = replace(referral, department=department)
        by_department[department] = moved if held is None else _united(held, moved, policy)
    lead = routing.case_lead and taker(routing.case_lead, moves)
    return replace(routing, referrals=tuple(by_department.values()), case_lead=lead)


def taker(department: str, moves: dict[str, str]) -> str:
    """Who holds a department's task after every upheld return."""
    while department in moves:
        department = moves[department]
    return department


def _united(one: Routed, other: Routed, policy: Policy) -> Routed:
    stronger = max(one, other, key=lambda referral: policy.role_ranks[referral.role])
    return replace(
        stronger,
        children=tuple(dict.fromkeys((*one.children, *other.children))),
        because=tuple(dict.fromkeys((*one.because, *other.because))),
        tasks=tuple(dict.fromkeys((*one.tasks, *other.tasks))),
        masked=one.masked and other.masked,
    )


def without_revoked(routing: Routing, revoked: dict[str, tuple[str, ...]], lead: str | None) -> Routing:
    """The routing without parts that people took back, unless there is now a reason they had not seen. `lead` stays the
    case lead where the routing would name a department that was taken out."""
    kept = tuple(
        one
        for one in routing.referrals
        if set(one.because) - set(revoked.get(one.department, one.because)) or one.department not in revoked
    )
    there = {one.department for one in kept}
    return replace(routing, referrals=kept, case_lead=routing.case_lead if routing.case_lead in there else lead)
