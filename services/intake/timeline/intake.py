"""What intake itself adds to the story: reports, amendments, further contacts, hand-overs, notes, and what was overdue."""

from datetime import datetime
from typing import Any

from contracts import intake
from contracts.vocabulary import SYSTEM, Actor
from services.intake.timeline.entry import NOTE_WRITTEN, Entry, deadline, done, timeline_entry, told


def note_entry(note_kind: str, note_id: Any, actor: Actor, at: datetime) -> Entry:
    """A note was laid down in the vault; its text stays there."""
    return Entry(NOTE_WRITTEN, at, actor, {"kind": note_kind, "note_id": str(note_id)})


def callback_entry(callback_id: Any, act: str, codes: dict[str, Any], actor: Actor, at: datetime) -> Entry:
    """A call-back about the case: an attempt, or how it ended. It is no event of its own."""
    return Entry(f"callback.{act}", at, actor, {"callback_id": str(callback_id), **codes})


@timeline_entry.register
def report_entry(payload: intake.ReportReceived) -> Entry:
    """A report was recorded."""
    report = payload.report
    codes = {
        "report_id": str(report.report_id),
        "disposition": report.disposition,
        "channel": report.channel,
        "response_no": payload.response_no,
        "children": [str(child.case_id) for child in payload.children],
        "recorded_at": payload.recorded_at.isoformat(),
    }
    return Entry(payload.TYPE, report.received_at, payload.recorded_by, codes)


@timeline_entry.register
def overdue_entry(payload: intake.DispatchOverdue) -> Entry:
    """A report still has no response."""
    missed = deadline("S3", None, payload.due_at, "missed")
    codes = {"report_id": str(payload.report_id), "repeat_no": payload.repeat_no}
    return Entry(payload.TYPE, payload.fired_at, SYSTEM, codes, (missed,))


@timeline_entry.register
def _(payload: intake.ReportAmended) -> Entry:
    """Codes of what was touched; the coded facts themselves go to those who score and route."""
    return told(payload, payload.at, payload.by, without=("children", "safe_until"))


@timeline_entry.register
def _(payload: intake.ChildrenMerged) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: intake.ContactRecorded) -> Entry:
    return told(payload, payload.received_at, payload.recorded_by, without=("recorded_by", "received_at"))


@timeline_entry.register
def _(payload: intake.TransferRecorded) -> Entry:
    clocks = []
    match payload.state:
        case "sent":
            clocks = [deadline("transfer_receipt", None, payload.due_at, "running")]
        case "overdue":
            clocks = [deadline("transfer_receipt", None, payload.due_at, "missed")]
        case "acknowledged":
            clocks = [done("transfer_receipt", None, payload.at, payload.late_seconds)]
        case "refused" | "withdrawn":
            pass
    return told(payload, payload.at, payload.by, clocks, without=("due_at",))


@timeline_entry.register
def _(payload: intake.CallbackOverdue) -> Entry:
    missed = deadline("callback", None, payload.due_at, "missed")
    return told(payload, payload.fired_at, SYSTEM, (missed,), without=("due_at", "fired_at"))


@timeline_entry.register
def _(payload: intake.AccessReviewOverdue) -> Entry:
    missed = deadline("access_review", None, payload.due_at, "missed")
    return told(payload, payload.fired_at, SYSTEM, (missed,), without=("due_at", "fired_at"))
