"""Plan, measures, visits, guardian ladder, placements and closure in the story."""

from contracts import assistance
from contracts.vocabulary import SYSTEM
from services.intake.timeline.entry import Entry, deadline, done, timeline_entry, told

_DONE = frozenset({"completed", "granted"})
_DROPPED = frozenset({"cancelled", "stopped", "refused"})


@timeline_entry.register
def _(payload: assistance.PlanOpened) -> Entry:
    return Entry(payload.TYPE, payload.opened_at, SYSTEM, {"plan_id": str(payload.plan_id), "level": payload.level})


@timeline_entry.register
def _(payload: assistance.PlanAgreed) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: assistance.MeasureChanged) -> Entry:
    step, state = f"measure:{payload.code}", payload.state
    if state in _DONE and (payload.late_seconds or payload.due_at):
        outcome = "late" if payload.late_seconds else "met"
        clocks = [deadline(step, payload.department, payload.due_at, outcome) | {"late_seconds": payload.late_seconds}]
    elif payload.due_at:
        outcome = "cancelled" if state in _DROPPED else "running"
        clocks = [deadline(step, payload.department, payload.due_at, outcome)]
    else:
        clocks = []
    return told(payload, payload.at, payload.by, clocks, without=("due_at",))


@timeline_entry.register
def _(payload: assistance.EligibilityAdvised) -> Entry:
    return told(payload, payload.at, SYSTEM)


@timeline_entry.register
def _(payload: assistance.DisbursementChanged) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: assistance.ConferenceHeld) -> Entry:
    return told(payload, payload.held_at, payload.by, without=("held_at",))


# Visits ---------------------------------------------------------------------------------------------------------------


@timeline_entry.register
def _(payload: assistance.VisitPlanned) -> Entry:
    clock = deadline("visit", payload.post, payload.due_at, "cancelled" if payload.cancelled else "running")
    return told(payload, payload.at, SYSTEM, (clock,), without=("due_at",))


@timeline_entry.register
def _(payload: assistance.VisitRecorded) -> Entry:
    owed = payload.planned_visit_id is not None
    clocks = [done("visit", payload.post, payload.visited_at, payload.late_seconds)] if owed else []
    return told(payload, payload.visited_at, payload.by, clocks, without=("visited_at",))


@timeline_entry.register
def _(payload: assistance.VisitFailed) -> Entry:
    return told(payload, payload.attempted_at, payload.by, without=("attempted_at",))


# Guardian ladder and placements ---------------------------------------------------------------------------------------


@timeline_entry.register
def _(payload: assistance.LadderStepRecorded) -> Entry:
    clocks = [deadline("compliance_check", None, due, "running") for due in payload.checks_due]
    return told(payload, payload.at, payload.by, clocks, without=("checks_due",))


@timeline_entry.register
def _(payload: assistance.ComplianceChecked) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: assistance.OrderEnded) -> Entry:
    return told(payload, payload.at, SYSTEM)


@timeline_entry.register
def _(payload: assistance.PlacementChanged) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: assistance.TaskFired) -> Entry:
    outcome = "missed" if payload.stage in ("overdue", "repeat") else "running"
    clock = deadline(f"{payload.subject}:{payload.code}", payload.owner, payload.due_at, outcome)
    without = ("place", "level", "due_at", "planned_at", "fired_at", "organisation")
    return told(payload, payload.fired_at, SYSTEM, (clock,), without=without)


# Closure --------------------------------------------------------------------------------------------------------------


@timeline_entry.register
def _(payload: assistance.ClosureRequested) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: assistance.ClosureRefused) -> Entry:
    return told(payload, payload.at, payload.by)


@timeline_entry.register
def _(payload: assistance.CaseClosed) -> Entry:
    return told(payload, payload.at, payload.proposed_by, without=("proposed_by",))
