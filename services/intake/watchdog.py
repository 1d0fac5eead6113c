"""The watchdog behind every report: it barks until a response has opened, so that a stuck chain is never silent."""

from datetime import datetime
from uuid import UUID

from chassis.clock import derived_id
from chassis.transaction import Deadline
from contracts.intake import ReportReceived
from contracts.policy import Limit, Policy, elapsed

WATCHDOG, REPEAT_SECONDS = "undispatched", 300


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
