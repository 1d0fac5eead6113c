"""Watchdogs: behind every report until a response has opened, so that a stuck chain is never silent, and behind every
break-glass opening until somebody has reviewed it.
"""

from datetime import datetime
from uuid import UUID

from chassis.clock import derived_id
from chassis.transaction import Deadline
from contracts.intake import ReportReceived
from contracts.policy import Limit, Policy, elapsed
from contracts.policy.break_glass import BreakGlass

WATCHDOG, REPEAT_SECONDS = "undispatched", 300
REVIEW = "access_review"


def watchdog(report: ReportReceived, recorded_at: datetime, policy: Policy) -> Deadline:
    """Fires when no response has opened within the shortest triage limit (S3 of RED), then every five minutes.

    It counts from the recording: a call logged late must not fire at once.
    """
    limit = policy.steps["S3"].limits["red"]
    assert isinstance(limit, Limit)
    due = recorded_at + elapsed(limit)
    detail = {
        "case_number": report.case_number,
        "township": report.report.township,
        "received_at": report.report.received_at.isoformat(),
    }
    return Deadline(
        id=watchdog_id(report.report.report_id),
        key=str(report.case_id),
        kind=WATCHDOG,
        anchor_at=recorded_at,
        due_at=due,
        plan=((due, "breach"),),
        repeat_seconds=REPEAT_SECONDS,
        policy_version=policy.policy_version,
        detail=detail,
        subject=report.report.report_id,
    )


def watchdog_id(report_id: UUID) -> UUID:
    """The watchdog of a report."""
    return derived_id(report_id, WATCHDOG)


def review_clock(
    review_id: UUID, family_id: UUID, number: str, township: str, opened_at: datetime, policy: Policy
) -> Deadline:
    """Fires when a break-glass opening is not reviewed within its limit, then daily (policy `break_glass`)."""
    rule = break_glass(policy)
    due = opened_at + elapsed(rule.review_limit)
    return Deadline(
        id=review_clock_id(review_id),
        key=str(family_id),
        kind=REVIEW,
        anchor_at=opened_at,
        due_at=due,
        plan=((due, "breach"),),
        repeat_seconds=int(elapsed(rule.review_repeat).total_seconds()),
        policy_version=policy.policy_version,
        detail={"case_number": number, "township": township},
        subject=review_id,
    )


def review_clock_id(review_id: UUID) -> UUID:
    """The watchdog of a review."""
    return derived_id(review_id, REVIEW)


def break_glass(policy: Policy) -> BreakGlass:
    """The policy's rule of break-glass."""
    return BreakGlass.model_validate(policy.data_protection["break_glass"])
