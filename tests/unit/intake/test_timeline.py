"""Every event about a case becomes one entry, in codes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts import intake
from contracts.catalogue import TYPES
from contracts.directory import TownshipPublished
from contracts.dispatch import DeadlineFired, ReferralAcknowledged, SafetyConfirmed, StepMet
from contracts.envelope import Payload
from contracts.vocabulary import Actor, Place
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


def test_every_event_about_a_case_that_intake_hears_of_has_a_reading() -> None:
    heard: list[type[Payload]] = [*SERVICE.handlers, intake.ReportReceived, intake.DispatchOverdue]
    heard.remove(TownshipPublished)
    silent = timeline_entry.dispatch(Payload)
    unread = {payload.TYPE for payload in heard if timeline_entry.dispatch(payload) is silent}
    assert unread == set()


def test_intake_hears_of_everything_others_announce() -> None:
    foreign = {payload for payload in TYPES.values() if payload.TOPIC != intake.TOPIC}
    assert foreign == set(SERVICE.handlers)
