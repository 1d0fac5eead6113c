"""Pausing a response: who, when, how long, and what happens to its clocks."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from contracts.vocabulary import Actor
from services.dispatch.domain import pause
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.units import township_of
from tests.integration.dispatch.story import scored, township
from tests.samples.golden import CALENDAR, POLICY

OFFICER = Actor(kind="person", account="ca-2", staff="ST089", department="civil_affairs")
SUPERVISOR = Actor(kind="person", account="ca-1", staff="ST088", department="civil_affairs")
POST = frozenset({"civil_affairs_supervisor"})
PAUSE = UUID(int=7)


@cache
def response_to(name: str = "YX-15") -> ResponseFile:
    """The response to a golden report, one minute after it came in."""
    data = scored(name)
    sent = data.effective_at + timedelta(minutes=1)
    return open_response(data, UUID(int=9), sent, township_of(township()), POLICY, CALENDAR)


def proposed(file: ResponseFile, at: datetime | None = None, reason: str = "awaiting_court") -> Any:
    at = at or file.dispatched_at + timedelta(hours=2)
    return pause.propose(file, PAUSE, reason, OFFICER, at, None, POLICY)


def running(file: ResponseFile, at: datetime | None = None) -> ResponseFile:
    at = at or file.dispatched_at + timedelta(hours=3)
    after = pause.decide(proposed(file), True, SUPERVISOR, POST, at, POLICY, CALENDAR)
    assert isinstance(after, ResponseFile)
    return after


def test_a_proposal_stops_nothing_and_the_supervisors_approval_stops_every_clock_that_has_not_passed() -> None:
    file = response_to()
    waiting = proposed(file)
    assert waiting.clocks == file.clocks
    paused = running(file)
    assert paused.pause is not None
    assert paused.pause.until is not None
    assert paused.pause.decided_at is not None
    assert CALENDAR.working_days_between(paused.pause.decided_at, paused.pause.until) == 5
    before = {clock.id: clock.deadline for clock in file.clocks}
    for clock in paused.clocks:
        passed = before[clock.id].due <= paused.pause.decided_at
        assert (clock.deadline.due == before[clock.id].due) is passed
        assert clock.deadline.due >= before[clock.id].due
    event = pause.paused_event(paused)
    assert (event.by.account, event.approved_by.account) == ("ca-2", "ca-1")
    assert {d.deadline_id for d in event.deadlines} == {
        c.id for c in paused.clocks if c.deadline.due != before[c.id].due
    }


def test_the_limit_within_which_a_referral_may_be_returned_moves_with_its_clock() -> None:
    file = response_to()
    paused = running(file, file.dispatched_at + timedelta(minutes=5))
    signing = {clock.referral_id: clock.deadline.due for clock in paused.running("S4")}
    assert signing
    assert {r.referral_id: r.ack_due for r in paused.referrals if r.referral_id in signing} == signing


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"level": "orange"}, "pause_level"),
        ({"level": "red"}, "pause_level"),
        ({"state": "closed"}, "case_closed"),
    ],
)
def test_only_an_open_yellow_or_blue_case_is_paused(changes: dict[str, Any], code: str) -> None:
    refused = proposed(replace(response_to(), **changes))
    assert isinstance(refused, Refused)
    assert refused.code == code


def test_a_pause_needs_a_coded_reason_and_comes_once() -> None:
    file = response_to()
    reason = proposed(file, reason="holiday")
    assert isinstance(reason, Refused)
    assert (reason.code, reason.pointer) == ("pause_reason", "#/reason")
    over = pause.end(running(file), "person", file.dispatched_at + timedelta(hours=5), POLICY, CALENDAR)
    again = proposed(over)
    assert isinstance(again, Refused)
    assert again.code == "paused_before"
    declined = pause.decide(proposed(file), False, SUPERVISOR, POST, file.dispatched_at, POLICY, CALENDAR)
    assert isinstance(declined, ResponseFile)
    assert declined.clocks == file.clocks
    assert isinstance(proposed(declined), ResponseFile), "what was declined was no pause"


@pytest.mark.parametrize(
    ("by", "posts", "code"),
    [
        (SUPERVISOR, frozenset(), "pause_post"),
        (SUPERVISOR, frozenset({"responsible_leader"}), "pause_post"),
        (OFFICER, POST, "second_person"),
        (OFFICER.model_copy(update={"account": "other"}), POST, "second_person"),
    ],
)
def test_the_supervisor_who_did_not_propose_it_decides(by: Actor, posts: frozenset[str], code: str) -> None:
    file = response_to()
    refused = pause.decide(proposed(file), True, by, posts, file.dispatched_at, POLICY, CALENDAR)
    assert isinstance(refused, Refused)
    assert refused.code == code


def test_where_civil_affairs_is_blocked_the_responsible_leader_decides() -> None:
    file = replace(proposed(response_to()), blocked=frozenset({"civil_affairs"}))
    leader = frozenset({"responsible_leader"})
    assert isinstance(pause.decide(file, True, SUPERVISOR, POST, file.dispatched_at, POLICY, CALENDAR), Refused)
    assert isinstance(pause.decide(file, True, SUPERVISOR, leader, file.dispatched_at, POLICY, CALENDAR), ResponseFile)


def test_a_case_that_rose_before_the_decision_is_not_paused() -> None:
    file = replace(proposed(response_to()), level="orange")
    refused = pause.decide(file, True, SUPERVISOR, POST, file.dispatched_at, POLICY, CALENDAR)
    assert isinstance(refused, Refused)
    assert refused.code == "pause_level"


def test_at_its_bound_a_pause_ends_and_no_clock_moves_again() -> None:
    paused = running(response_to())
    assert paused.pause is not None
    assert paused.pause.until is not None
    over = pause.end(paused, "bound_reached", paused.pause.until + timedelta(hours=2), POLICY, CALENDAR)
    assert over.clocks == paused.clocks
    assert over.pause is not None
    assert (over.pause.state, over.pause.ended_at, over.pause.ended_by) == (
        "ended",
        paused.pause.until,
        "bound_reached",
    )
    assert pause.end(over, "person", paused.pause.until, POLICY, CALENDAR) is over


def test_only_a_higher_level_ends_a_pause_and_it_does_so_at_once() -> None:
    file = response_to()
    paused = running(file)
    assert paused.pause is not None
    assert paused.pause.decided_at is not None
    at = paused.pause.decided_at + timedelta(hours=1)
    for level in ("blue", "yellow"):
        assert pause.ended_by_level(paused, level, at, POLICY, CALENDAR) is paused
    over = pause.ended_by_level(paused, "red", at, POLICY, CALENDAR)
    elapsed = {c.id: c.deadline for c in file.clocks if c.deadline.step == "S6"}
    for clock in over.clocks:
        if clock.id in elapsed:
            assert clock.deadline.due == elapsed[clock.id].due + timedelta(hours=1)
    event = pause.resumed_event(over, SUPERVISOR)
    assert (event.cause, event.resumed_at) == ("level_raised", at)
