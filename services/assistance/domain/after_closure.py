"""What follows a closure: who is told (policy `closure.effect.notices_to`), and the review of a case that was ever RED."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.policy import Policy, WorkingCalendar
from services.assistance.domain.rounds import Round

Recipient = Literal["child", "guardian", "department", "reporter"]
State = Literal["owed", "told", "not_told"]
GUARDIAN = "guardian"
"""The one notice to the family's guardians; who they are is in the vault."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the checklist: a child, the guardians, a department or the reporter of a report. `reason` says why
    nobody is told."""

    recipient: Recipient
    reference: str
    state: State = "owed"
    reason: str | None = None


def notices_owed(round_: Round, closing_reason: str, policy: Policy) -> tuple[Notice, ...]:
    """Who must hear that the case is closed. Departments hear by the closure itself; whoever could not be answered before
    cannot be told now; a child that died is told nothing."""
    gone = closing_reason == "DECEASED"
    children = (
        Notice("child", str(child.child_id), "not_told" if gone else "owed", "deceased" if gone else None)
        for child in round_.children
    )
    reporters = (
        Notice("reporter", str(report), "not_told", "not_reachable")
        if state == "impossible"
        else Notice("reporter", str(report))
        for report, state in sorted(round_.reports.items(), key=lambda item: str(item[0]))
    )
    departments = (Notice("department", code, "told") for code in sorted(round_.departments))
    found = {
        "child": tuple(children),
        "guardian": (Notice("guardian", GUARDIAN),),
        "departments": tuple(departments),
        "reporter": tuple(reporters),
    }
    return tuple(notice for party in policy.closure.effect.notices_to for notice in found[party])


def review_due(ever: str, closed_at: datetime, policy: Policy, calendar: WorkingCalendar) -> datetime | None:
    """When the review after the case is due; None for a case that never was at a level that calls for one."""
    rule = policy.closure.after_case_review
    return calendar.due_at(rule.limit, closed_at).at if ever in rule.ever else None
