"""The response in the story: referrals, acts of departments, clocks, supervision, and who was told."""

from collections.abc import Iterable

from contracts import dispatch, notification
from contracts.vocabulary import SYSTEM
from services.intake.timeline.entry import Entry, armed, deadline, done, met, timeline_entry, told


@timeline_entry.register
def _(payload: dispatch.ResponseOpened) -> Entry:
    codes = {
        "level": payload.level,
        "case_lead": payload.case_lead,
        "coordinator": payload.coordinator,
        "response_no": payload.response_no,
        "transfer_out": payload.transfer_out,
        "referrals": _roles(payload.referrals),
        "not_created": payload.not_created,
        "external_notices": list(payload.external_notices),
    }
    ran = (*met(payload.met), *armed(payload.deadlines, "running"))
    return Entry(payload.TYPE, payload.dispatched_at, SYSTEM, codes, ran)


@timeline_entry.register
def _(payload: dispatch.ResponseRevised) -> Entry:
    codes = {
        "cause": payload.cause,
        "level_before": payload.level_before,
        "level": payload.level,
        "case_lead": payload.case_lead,
        "coordinator": payload.coordinator,
        "referrals": _roles(payload.referrals),
        "withdrawn": [str(referral) for referral in payload.withdrawn],
        "cancelled": payload.cancelled,
    }
    ran = (*met(payload.met), *armed(payload.deadlines, "moved"))
    return Entry(payload.TYPE, payload.revised_at, SYSTEM, codes, ran)


_FINDINGS = ("organisation", "level", "met", "deadlines", "facts", "answers")


@timeline_entry.register
def _(payload: dispatch.ReferralAct) -> Entry:
    """Every act of a department: its own codes, without the coded findings that scoring works on."""
    clocks = (*met(payload.met), *armed(getattr(payload, "deadlines", ()), "running"))
    return told(payload, payload.at, payload.by, clocks, without=_FINDINGS)


@timeline_entry.register
def _(payload: dispatch.DeadlineFired) -> Entry:
    outcome = "running" if payload.stage in ("warn_50", "warn_80", "page_next") else "missed"
    codes = {
        "stage": payload.stage,
        "repeat_no": payload.repeat_no,
        "department": payload.department,
        "targets": list(payload.targets),
        "external": list(payload.external),
        "lateness_seconds": payload.lateness_seconds,
    }
    clock = deadline(payload.step, payload.department, payload.due_at, outcome)
    return Entry(payload.TYPE, payload.fired_at, SYSTEM, codes, (clock,))


@timeline_entry.register
def _(payload: dispatch.StepsMet) -> Entry:
    """What was done elsewhere finished clocks of the response, or started one."""
    clocks = (*met(payload.met), *armed(payload.deadlines, "running"))
    without = ("response_id", "response_no", "level", "met", "deadlines")
    return told(payload, payload.at, SYSTEM, clocks, without)


# Supervision, pauses and extensions -----------------------------------------------------------------------------------


@timeline_entry.register
def _(payload: dispatch.CaseUrged) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: dispatch.SupervisionOrdered) -> Entry:
    clocks = [deadline("supervision_reply", unit, payload.reply_due_at, "running") for unit in payload.organisations]
    return told(payload, payload.at, payload.by, clocks, without=("reply_due_at",))


@timeline_entry.register
def _(payload: dispatch.SupervisionReplied) -> Entry:
    if payload.organisation is None:
        return told(payload, payload.at, payload.by)
    answered = done("supervision_reply", payload.organisation, payload.at, payload.late_seconds)
    return told(payload, payload.at, payload.by, (answered,))


@timeline_entry.register
def _(payload: dispatch.ResponsePaused) -> Entry:
    return told(payload, payload.paused_at, payload.by, without=("paused_at",))


@timeline_entry.register
def _(payload: dispatch.ResponseResumed) -> Entry:
    clocks = armed(payload.deadlines, "moved")
    return told(payload, payload.resumed_at, payload.by, clocks, without=("resumed_at", "deadlines"))


@timeline_entry.register
def _(payload: dispatch.ExtensionRequested) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: dispatch.ExtensionDecided) -> Entry:
    moved = armed([payload.deadline], "moved") if payload.deadline else ()
    return told(payload, payload.at, payload.by, moved, without=("deadline",))


@timeline_entry.register
def _(payload: dispatch.NoticeGiven) -> Entry:
    return told(payload, payload.at, payload.by, met(payload.met), without=("met",))


# Who was told ---------------------------------------------------------------------------------------------------------


@timeline_entry.register
def _(payload: notification.NoticesRecorded) -> Entry:
    notices = [
        {"kind": n.kind, "recipient_kind": n.recipient_kind, "recipient": n.recipient, "rule": n.rule}
        for n in payload.notices
    ]
    return Entry(payload.TYPE, payload.recorded_at, SYSTEM, {"cause_type": payload.cause_type, "notices": notices})


@timeline_entry.register
def _(payload: notification.DeliveryFailed) -> Entry:
    return told(payload, payload.at, SYSTEM)


def _roles(referrals: Iterable[dispatch.ReferralIssued]) -> dict[str, str]:
    return {referral.department: referral.role for referral in referrals}
