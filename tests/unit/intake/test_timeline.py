"""Every event about a case becomes one entry, in codes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts import assistance, dispatch, intake, risk_scoring
from contracts.access import Subject
from contracts.catalogue import TYPES
from contracts.dispatch import DeadlineFired, ReferralAcknowledged, SafetyConfirmed, StepMet
from contracts.envelope import Payload
from contracts.generate import load_examples
from contracts.vocabulary import Actor, Place
from services.intake.domain.telling import untold
from services.intake.service import SERVICE
from services.intake.timeline import Entry, timeline_entry

AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
OFFICER = Actor(kind="person", account="a1", department="police")
ACT: dict[str, Any] = {
    "case_id": UUID(int=1),
    "case_number": "YX-2026-000001",
    "referral_id": UUID(int=2),
    "department": "police",
    "organisation": "YX-PS",
    "role": "lead",
    "level": "red",
    "township": "YX",
    "by": OFFICER,
    "at": AT,
}


def met(late_seconds: int) -> StepMet:
    return StepMet(deadline_id=UUID(int=3), step="S4", tier="each", due_at=AT, met_at=AT, late_seconds=late_seconds)


def entry(payload: Payload) -> Entry:
    found = timeline_entry(payload)
    assert found is not None
    return found


@pytest.mark.parametrize(("late_seconds", "outcome"), [(0, "met"), (5, "late")])
def test_an_act_tells_which_deadline_it_met_and_whether_in_time(late_seconds: int, outcome: str) -> None:
    told = entry(ReferralAcknowledged(**ACT, met=(met(late_seconds),)))
    assert (told.type, told.at, told.actor) == ("referral.acknowledged.v1", AT, OFFICER)
    assert [(d["step"], d["outcome"]) for d in told.deadlines] == [("S4", outcome)]


def test_an_act_is_placed_when_it_was_done_and_keeps_its_own_codes() -> None:
    told = entry(SafetyConfirmed(**ACT, confirmed_at=AT - timedelta(hours=1), basis="safe_place", response_no=1))
    assert told.codes["basis"] == "safe_place"
    assert told.codes["department"] == "police"


@pytest.mark.parametrize(("stage", "outcome"), [("warn_50", "running"), ("breach", "missed"), ("repeat", "missed")])
def test_a_deadline_that_ran_out_is_told_as_missed_and_a_warning_is_not(stage: Any, outcome: str) -> None:
    fired = DeadlineFired(
        **{name: ACT[name] for name in ("case_id", "case_number", "township", "level", "department", "organisation")},
        deadline_id=UUID(int=3),
        step="S6",
        tier="township",
        referral_id=None,
        place=Place(),
        stage=stage,
        due_at=AT,
        planned_at=AT,
        fired_at=AT,
        lateness_seconds=0.0,
        policy_version="2026-11",
    )
    assert [d["outcome"] for d in entry(fired).deadlines] == [outcome]


OWN: tuple[type[Payload], ...] = (
    intake.ReportReceived,
    intake.ReportAmended,
    intake.ContactRecorded,
    intake.TransferRecorded,
    intake.DispatchOverdue,
    intake.CallbackOverdue,
    intake.AccessReviewOverdue,
)


def test_every_event_about_a_case_that_intake_hears_of_or_announces_has_a_reading() -> None:
    heard = {payload for payload in SERVICE.handlers if "case_id" in payload.model_fields}
    silent = timeline_entry.dispatch(Payload)
    assert {payload.TYPE for payload in {*heard, *OWN} if timeline_entry.dispatch(payload) is silent} == set()


EXAMPLES = [
    (payload, name, example)
    for payload in dict.fromkeys((*SERVICE.handlers, *OWN))
    if "case_id" in payload.model_fields
    for name, example in load_examples().get(payload.TYPE, {}).items()
]


@pytest.mark.parametrize(
    ("payload", "example"), [(p, e) for p, _, e in EXAMPLES], ids=[f"{p.TYPE}-{name}" for p, name, _ in EXAMPLES]
)
def test_each_entry_says_what_happened_when_and_what_became_of_which_deadline(
    payload: type[Payload], example: dict[str, Any]
) -> None:
    told = entry(payload.model_validate_json(json.dumps(example)))
    assert (told.type, told.at.tzinfo is not None) == (payload.TYPE, True)
    assert {"case_id", "case_number", "township"} & told.codes.keys() == set()
    assert {clock["outcome"] for clock in told.deadlines} <= OUTCOMES
    json.dumps([told.codes, list(told.deadlines)])


OUTCOMES = {"met", "late", "missed", "running", "moved", "cancelled"}


def read(payload: type[Payload], **values: Any) -> list[str]:
    """What became of the deadlines an event speaks of, starting from its first example."""
    first = next(iter(load_examples()[payload.TYPE].values()))
    told = entry(payload.model_validate_json(json.dumps({**first, **values})))
    return [clock["outcome"] for clock in told.deadlines]


def test_what_was_owed_elsewhere_is_told_as_met_late_missed_or_dropped() -> None:
    due = {"due_at": AT.isoformat()}
    assert read(assistance.MeasureChanged, **due, state="requested", late_seconds=0) == ["running"]
    assert read(assistance.MeasureChanged, **due, state="completed", late_seconds=60) == ["late"]
    assert read(assistance.MeasureChanged, **due, state="cancelled", late_seconds=0) == ["cancelled"]
    assert read(assistance.VisitPlanned, cancelled=True) == ["cancelled"]
    assert read(assistance.VisitRecorded, planned_visit_id=str(UUID(int=9)), late_seconds=5) == ["late"]
    assert read(assistance.TaskFired, stage="overdue") == ["missed"]
    assert read(assistance.TaskFired, stage="due_soon") == ["running"]
    assert read(risk_scoring.ReassessmentDone, outcome="assessed", late_seconds=0) == ["met"]
    assert read(risk_scoring.ReassessmentDone, outcome="superseded", late_seconds=0) == ["cancelled"]
    assert read(risk_scoring.ReassessmentOverdue) == ["missed"]
    assert read(dispatch.SupervisionReplied, organisation="YX-PS", late_seconds=3) == ["late"]
    assert read(intake.TransferRecorded, state="overdue", **due) == ["missed"]


def test_family_money_offences_and_whereabouts_are_told_to_those_who_need_to_know() -> None:
    def hidden(department: str | None, *posts: str, role: str | None = "assist") -> frozenset[str]:
        subject = Subject("person", "me", "YX", department=department, posts=frozenset(posts))
        return untold(subject, role)

    money, placement, ladder = "disbursement.changed.v1", "placement.changed.v1", "ladder-step.recorded.v1"
    assert {money, ladder} <= hidden("school")
    assert money not in hidden("finance") | hidden("civil_affairs")
    assert {money, placement, ladder} <= hidden("health", role="inform") & hidden(None, "hotline_operator")
    assert placement not in hidden("health")
    assert hidden(None, "auditor") == hidden("civil_affairs", "civil_affairs_supervisor") == frozenset()


def test_intake_hears_of_everything_others_announce_about_a_case() -> None:
    foreign = {
        payload for payload in TYPES.values() if payload.TOPIC != intake.TOPIC and "case_id" in payload.model_fields
    }
    assert foreign <= set(SERVICE.handlers)
