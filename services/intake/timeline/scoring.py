"""Levels and reassessments in the story."""

from contracts import risk_scoring
from contracts.vocabulary import SYSTEM
from services.intake.timeline.entry import Entry, deadline, done, timeline_entry, told


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
    return told(payload, payload.proposed_at, payload.proposed_by, without=("proposed_at", "proposed_by"))


@timeline_entry.register
def _(payload: risk_scoring.ReassessmentOpened) -> Entry:
    running = deadline("reassessment", None, payload.due_at, "running")
    return told(payload, payload.opened_at, SYSTEM, (running,), without=("due_at", "opened_at"))


@timeline_entry.register
def _(payload: risk_scoring.ReassessmentDone) -> Entry:
    if payload.outcome != "assessed":
        return told(payload, payload.at, payload.by, (deadline("reassessment", None, None, "cancelled"),))
    return told(payload, payload.at, payload.by, (done("reassessment", None, payload.at, payload.late_seconds),))


@timeline_entry.register
def _(payload: risk_scoring.ReassessmentDueSoon) -> Entry:
    running = deadline("reassessment", None, payload.due_at, "running")
    return told(payload, payload.fired_at, SYSTEM, (running,), without=("due_at", "fired_at"))


@timeline_entry.register
def _(payload: risk_scoring.ReassessmentOverdue) -> Entry:
    missed = deadline("reassessment", None, payload.due_at, "missed")
    return told(payload, payload.fired_at, SYSTEM, (missed,), without=("due_at", "fired_at"))
