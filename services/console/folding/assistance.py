"""What assistance says of a case: the plan, measures, visits, tasks that ran late, and the closing."""

from collections.abc import Iterator

from contracts import assistance
from contracts.envelope import Event, Payload
from services.console.folding.case import RANKS, round_key
from services.console.writing import Change, Fold

ENDED = frozenset({"granted", "refused", "completed", "cancelled", "stopped"})


def on_plan_agreed(event: Event, number: int) -> Iterator[Change]:
    """S9."""
    data: assistance.PlanAgreed = event.data
    yield Change("fact_round", round_key(data.case_id, number), first={"plan_agreed_at": data.at})


def on_measure(event: Event, number: int) -> Iterator[Change]:
    """A measure came to a new state."""
    data: assistance.MeasureChanged = event.data
    told = {
        "case_id": data.case_id,
        "response_no": number,
        "child_id": data.child_id,
        "code": data.code,
        "department": data.department,
        "state": data.state,
        "emergency": data.emergency,
        "due_at": data.due_at,
        "late_seconds": data.late_seconds,
        "ended_at": data.at if data.state in ENDED else None,
    }
    yield Change("fact_measure", {"measure_id": data.measure_id}, told, first={"requested_at": data.at})


def on_eligibility(event: Event, _: int) -> Iterator[Change]:
    """Advice on a benefit."""
    data: assistance.EligibilityAdvised = event.data
    key = {"child_id": data.child_id, "rule": data.rule}
    yield Change("fact_eligibility", key, {"case_id": data.case_id, "result": data.result, "at": data.at})


def on_visit_planned(event: Event, number: int) -> Iterator[Change]:
    """A visit is owed, or no longer."""
    data: assistance.VisitPlanned = event.data
    told = {
        "case_id": data.case_id,
        "response_no": number,
        "post": data.post,
        "organisation": data.organisation,
        "rule": data.rule,
        "due_at": data.due_at,
        "cancelled": data.cancelled,
    }
    yield Change("fact_visit", {"visit_id": data.planned_visit_id}, told)


def on_visit_recorded(event: Event, number: int) -> Iterator[Change]:
    """A visit was made."""
    data: assistance.VisitRecorded = event.data
    told = {
        "made_at": data.visited_at,
        "late_seconds": data.late_seconds,
        "in_person": data.in_person,
        "child_seen": data.child_seen,
        "satisfactory": data.satisfactory,
    }
    first = {"case_id": data.case_id, "response_no": number, "post": data.post}
    yield Change("fact_visit", {"visit_id": data.planned_visit_id or data.visit_id}, told, first=first)


def on_visit_failed(event: Event, _: int) -> Iterator[Change]:
    """Nobody was seen."""
    data: assistance.VisitFailed = event.data
    if data.planned_visit_id:
        yield Change("fact_visit", {"visit_id": data.planned_visit_id}, add={"failed": 1})


def on_task(event: Event, _: int) -> Iterator[Change]:
    """A clock of assistance ran."""
    data: assistance.TaskFired = event.data
    key = {"subject": data.subject, "subject_id": data.subject_id}
    told = {
        "case_id": data.case_id,
        "code": data.code,
        "owner": data.owner,
        "level": data.level,
        "due_at": data.due_at,
    }
    first = {
        "due_soon": {},
        "overdue": {"overdue_at": data.due_at},
        "repeat": {"overdue_at": data.due_at},
        "alarm": {"alarm_at": data.fired_at},
    }[data.stage]
    yield Change("fact_task", key, told, first=first, most={"repeats": data.repeat_no})


def on_closure_requested(event: Event, number: int) -> Iterator[Change]:
    """Somebody proposes to close."""
    data: assistance.ClosureRequested = event.data
    key = round_key(data.case_id, data.response_no or number)
    yield Change("fact_round", key, {"closure_requested_at": data.at})


def on_closed(event: Event, number: int) -> Iterator[Change]:
    """销号."""
    data: assistance.CaseClosed = event.data
    yield Change(
        "fact_round",
        round_key(data.case_id, data.response_no or number),
        {"closed_at": data.at, "closure_reason": data.reason},
        most={"highest_rank": RANKS[data.highest_level]},
    )


FOLDS: dict[type[Payload], Fold] = {
    assistance.PlanAgreed: on_plan_agreed,
    assistance.MeasureChanged: on_measure,
    assistance.EligibilityAdvised: on_eligibility,
    assistance.VisitPlanned: on_visit_planned,
    assistance.VisitRecorded: on_visit_recorded,
    assistance.VisitFailed: on_visit_failed,
    assistance.TaskFired: on_task,
    assistance.ClosureRequested: on_closure_requested,
    assistance.CaseClosed: on_closed,
}
