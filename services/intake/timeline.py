"""The story of a case: one entry for each thing that happened, in codes. Pure, one reading per event type.

An entry is placed by when it happened, then by when this service learnt of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch
from typing import Any

from contracts import assistance, dispatch, intake, notification, risk_scoring
from contracts.envelope import Payload
from contracts.vocabulary import SYSTEM, Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened (`type`, an event type), when, by whom (ids), in which codes, and what became of which deadline.

    Each of `deadlines` has step, department, due_at and outcome: met, late, missed, running or moved.
    """

    type: str
    at: datetime
    actor: Actor
    codes: dict[str, Any]
    deadlines: tuple[dict[str, Any], ...] = ()


NOTE_WRITTEN = "note.written"


@singledispatch
def timeline_entry(payload: Payload) -> Entry | None:
    """The entry of an event's payload; None for types that say nothing of a case."""
    return None


def note_entry(note_kind: str, note_id: Any, actor: Actor, at: datetime) -> Entry:
    """A note was laid down in the vault; its text stays there."""
    return Entry(NOTE_WRITTEN, at, actor, {"kind": note_kind, "note_id": str(note_id)})


# Intake and scoring ---------------------------------------------------------------------------------------------------


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
    missed = _deadline("S3", None, payload.due_at, "missed")
    codes = {"report_id": str(payload.report_id), "repeat_no": payload.repeat_no}
    return Entry(payload.TYPE, payload.fired_at, SYSTEM, codes, (missed,))


@timeline_entry.register
def _(payload: risk_scoring.RiskAssessed) -> Entry:
    codes = {
        "cause": payload.cause,
        "level": payload.report_level,
        "computed_level": payload.computed_level,
        "restricted": payload.restricted,
        "provisional": payload.provisional,
        "assessment_id": str(payload.assessment_id),
        "fired": {str(child.case_id): list(child.fired) for child in payload.children},
    }
    return Entry(payload.TYPE, payload.assessed_at, payload.assessed_by, codes)


@timeline_entry.register
def _(payload: risk_scoring.LevelLoweringProposed) -> Entry:
    codes = {
        "proposal_id": str(payload.proposal_id),
        "level_from": payload.level_from,
        "level_to": payload.level_to,
        "reason_note_id": str(payload.reason_note_id),
        "best_interest_note_id": str(payload.best_interest_note_id),
    }
    return Entry(payload.TYPE, payload.proposed_at, payload.proposed_by, codes)


# The response ---------------------------------------------------------------------------------------------------------


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
    ran = (*_met(payload.met), *_armed(payload.deadlines, "running"))
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
    }
    ran = (*_met(payload.met), *_armed(payload.deadlines, "moved"))
    return Entry(payload.TYPE, payload.revised_at, SYSTEM, codes, ran)


_OF_EVERY_ACT = frozenset(
    {"case_id", "case_number", "organisation", "township", "level", "by", "at", "met", "deadlines", "facts", "answers"}
)


@timeline_entry.register
def _(payload: dispatch.ReferralAct) -> Entry:
    """Every act of a department: its own codes, without the coded findings that scoring works on."""
    codes = payload.model_dump(mode="json", exclude=set(_OF_EVERY_ACT), exclude_none=True)
    armed = _armed(getattr(payload, "deadlines", ()), "running")
    return Entry(payload.TYPE, payload.at, payload.by, codes, (*_met(payload.met), *armed))


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
    deadline = _deadline(payload.step, payload.department, payload.due_at, outcome)
    return Entry(payload.TYPE, payload.fired_at, SYSTEM, codes, (deadline,))


# Plan, visits, closure, notices ---------------------------------------------------------------------------------------


@timeline_entry.register
def _(payload: assistance.PlanOpened) -> Entry:
    return Entry(payload.TYPE, payload.opened_at, SYSTEM, {"plan_id": str(payload.plan_id), "level": payload.level})


@timeline_entry.register
def _(payload: assistance.PlanAgreed) -> Entry:
    codes = {"plan_id": str(payload.plan_id), "measures": payload.measures}
    return Entry(payload.TYPE, payload.at, payload.by, codes)


@timeline_entry.register
def _(payload: assistance.VisitRecorded) -> Entry:
    codes = {
        "visit_id": str(payload.visit_id),
        "post": payload.post,
        "child_seen": payload.child_seen,
        "in_person": payload.in_person,
        "satisfactory": payload.satisfactory,
        "note_id": str(payload.note_id) if payload.note_id else None,
    }
    return Entry(payload.TYPE, payload.visited_at, payload.by, codes)


@timeline_entry.register
def _(payload: assistance.ClosureRequested) -> Entry:
    codes = {"closure_id": str(payload.closure_id), "reason": payload.reason}
    return Entry(payload.TYPE, payload.at, payload.by, codes)


@timeline_entry.register
def _(payload: assistance.ClosureRefused) -> Entry:
    codes = {"closure_id": str(payload.closure_id), "open_items": list(payload.open_items)}
    return Entry(payload.TYPE, payload.at, payload.by, codes)


@timeline_entry.register
def _(payload: assistance.CaseClosed) -> Entry:
    codes = {
        "closure_id": str(payload.closure_id),
        "reason": payload.reason,
        "highest_level": payload.highest_level,
        "decided_by": [actor.model_dump(exclude_none=True) for actor in payload.decided_by],
    }
    return Entry(payload.TYPE, payload.at, payload.proposed_by, codes)


@timeline_entry.register
def _(payload: notification.NoticesRecorded) -> Entry:
    told = [
        {"kind": n.kind, "recipient_kind": n.recipient_kind, "recipient": n.recipient, "rule": n.rule}
        for n in payload.notices
    ]
    return Entry(payload.TYPE, payload.recorded_at, SYSTEM, {"cause_type": payload.cause_type, "notices": told})


def _roles(referrals: Iterable[dispatch.ReferralIssued]) -> dict[str, str]:
    return {referral.department: referral.role for referral in referrals}


def _met(steps: Iterable[dispatch.StepMet]) -> tuple[dict[str, Any], ...]:
    return tuple(
        _deadline(step.step, step.department, step.due_at, "late" if step.late_seconds else "met")
        | {"met_at": step.met_at.isoformat(), "late_seconds": step.late_seconds}
        for step in steps
    )


def _armed(deadlines: Iterable[dispatch.DeadlineArmed], outcome: str) -> tuple[dict[str, Any], ...]:
    return tuple(_deadline(armed.step, armed.department, armed.due_at, outcome) for armed in deadlines)


def _deadline(step: str, department: str | None, due_at: datetime, outcome: str) -> dict[str, Any]:
    return {"step": step, "department": department, "due_at": due_at.isoformat(), "outcome": outcome}
