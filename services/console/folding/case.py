"""What intake and risk scoring say of a case: reports, contacts, calls, levels, reassessments."""

from collections.abc import Iterator
from typing import Any

from contracts import intake, risk_scoring
from contracts.envelope import Event, Payload
from services.console.writing import Change, Fold

RANKS = {"blue": 0, "yellow": 1, "orange": 2, "red": 3}


def round_key(case_id: Any, number: int) -> dict[str, Any]:
    """The key of a round."""
    return {"case_id": case_id, "response_no": number}


def on_report_received(event: Event, _: int) -> Iterator[Change]:
    """A report opens a round, or joins the one that is open."""
    data: intake.ReportReceived = event.data
    report = data.report
    key = round_key(data.case_id, data.response_no)
    first = {
        "case_number": data.case_number,
        "township": report.township,
        "channel": report.channel,
        "received_at": report.received_at,
        "recorded_at": data.recorded_at,
        "reporter_kind": report.reporter.kind,
        "disposition": report.disposition,
        "known_since": report.known_since,
    }
    yield Change("fact_round", key, first=first, most={"mandated": report.reporter.mandated}, add={"reports": 1})
    for child in data.children:
        yield Change("fact_round_child", {**key, "child_id": child.child_id})


def on_contact(event: Event, _: int) -> Iterator[Change]:
    """A contact that opened no case."""
    data: intake.ContactRecorded = event.data
    told = {
        "disposition": data.disposition,
        "channel": data.channel,
        "received_at": data.received_at,
        "case_id": data.case_id,
    }
    yield Change("fact_contact", {"report_id": data.report_id}, told)


def on_call(event: Event, _: int) -> Iterator[Change]:
    """A call offered to a line."""
    data: intake.CallLogged = event.data
    told = {
        "channel": data.channel,
        "offered_at": data.offered_at,
        "answered_at": data.answered_at,
        "ended_at": data.ended_at,
    }
    yield Change("fact_call", {"call_id": data.call_id}, told)


def on_tags(event: Event, _: int) -> Iterator[Change]:
    """A child's tags as they are now."""
    data: intake.TagsChanged = event.data
    told = {"tags": list(data.tags), "village": data.village, "at": data.at}
    yield Change("fact_child_tag", {"child_id": data.child_id}, told)


def on_access_review_overdue(event: Event, _: int) -> Iterator[Change]:
    """A break-glass opening that nobody reviewed."""
    data: intake.AccessReviewOverdue = event.data
    told = {"case_id": data.case_id, "due_at": data.due_at}
    yield Change("fact_access_alarm", {"grant_id": data.grant_id}, told, first={"fired_at": data.fired_at})


def on_risk_assessed(event: Event, _: int) -> Iterator[Change]:
    """The level in force, what the instrument gave, and whether a person lowered it."""
    data: risk_scoring.RiskAssessed = event.data
    yield Change(
        "fact_round",
        round_key(data.case_id, data.response_no),
        set={
            "level": data.report_level,
            "computed_level": data.computed_level,
            "restricted": data.restricted,
            "provisional": data.provisional,
        },
        first={"level_at_first": data.report_level, "provisional_at_first": data.provisional},
        most={"highest_rank": RANKS[data.report_level]},
        add={"lowered": int(data.cause == "manual_lowering")},
    )


def on_reassessment_opened(event: Event, _: int) -> Iterator[Change]:
    """A reassessment was called for."""
    data: risk_scoring.ReassessmentOpened = event.data
    told = {
        "case_id": data.case_id,
        "trigger": data.trigger,
        "level": data.level,
        "opened_at": data.opened_at,
        "due_at": data.due_at,
    }
    yield Change("fact_reassessment", {"task_id": data.task_id}, told)


def on_reassessment_done(event: Event, _: int) -> Iterator[Change]:
    """It was made."""
    data: risk_scoring.ReassessmentDone = event.data
    told = {"done_at": data.at, "outcome": data.outcome, "late_seconds": data.late_seconds}
    yield Change("fact_reassessment", {"task_id": data.task_id}, told)


def on_reassessment_overdue(event: Event, _: int) -> Iterator[Change]:
    """It is late."""
    data: risk_scoring.ReassessmentOverdue = event.data
    yield Change("fact_reassessment", {"task_id": data.task_id}, first={"overdue_at": data.fired_at})


FOLDS: dict[type[Payload], Fold] = {
    intake.ReportReceived: on_report_received,
    intake.ContactRecorded: on_contact,
    intake.CallLogged: on_call,
    intake.TagsChanged: on_tags,
    intake.AccessReviewOverdue: on_access_review_overdue,
    risk_scoring.RiskAssessed: on_risk_assessed,
    risk_scoring.ReassessmentOpened: on_reassessment_opened,
    risk_scoring.ReassessmentDone: on_reassessment_done,
    risk_scoring.ReassessmentOverdue: on_reassessment_overdue,
}
