"""Contacts as pure decisions: S1, who is called back, how a call-back may end, rosters, and when a hand-over is finished."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.directory import Shift, TownshipPublished
from contracts.policy import load_policy
from contracts.vocabulary import ChildIntake, Reporter
from services.intake.domain.amending import amend, so_far
from services.intake.domain.children import Said
from services.intake.domain.contacts import (
    Offered,
    answering,
    direction,
    late,
    owes_callback,
    possible,
    settling_problem,
)
from services.intake.domain.duty import is_on_duty

POLICY = load_policy("2026-11")
AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
seconds = st.integers(min_value=0, max_value=100_000)


@settings(max_examples=100, deadline=None)
@given(channel=st.sampled_from([c.code for c in POLICY.channels]), answer=st.none() | seconds, end=st.none() | seconds)
def test_a_call_is_in_time_late_or_still_waiting_and_abandoned_only_unanswered(
    channel: str, answer: int | None, end: int | None
) -> None:
    call = Offered(
        channel,
        AT,
        None if answer is None else AT + timedelta(seconds=answer),
        None if end is None else AT + timedelta(seconds=end),
    )
    found = answering(call, AT + timedelta(seconds=1), POLICY)
    if found.due_at is None:
        assert (found.medium, found.in_time, owes_callback(call, found)) == (None, None, None)
        return
    if call.answered_at is not None:
        assert found.in_time == (call.answered_at <= found.due_at)
        assert not found.abandoned
        assert owes_callback(call, found) is None
    elif found.medium == "call":
        assert found.abandoned == (end is not None and end > 5)
        assert (owes_callback(call, found) == "broken_off") == found.abandoned
    else:
        assert owes_callback(call, found) == "unanswered"


@settings(max_examples=100, deadline=None)
@given(
    outcome=st.sampled_from([o.code for o in POLICY.contacts.callback.outcomes]),
    reached=st.lists(st.booleans(), max_size=5),
    has_number=st.booleans(),
    has_report=st.booleans(),
)
def test_a_call_back_never_ends_as_what_did_not_happen(
    outcome: str, reached: list[bool], *, has_number: bool, has_report: bool
) -> None:
    problem = settling_problem(outcome, reached, has_number=has_number, has_report=has_report, policy=POLICY)
    if problem is None:
        assert outcome != "answered"
        assert (outcome == "report_made") == has_report
        assert outcome != "no_concern" or any(reached)
        assert outcome != "unreachable" or len(reached) >= 3
        assert outcome != "no_number" or not has_number


def test_a_hand_over_ends_only_by_the_receivers_word_or_with_a_case_kept_here() -> None:
    assert possible("sent", has_case=False) == ("acknowledge", "refuse")
    assert possible("refused", has_case=True) == ("resend", "withdraw")
    assert possible("acknowledged", has_case=True) == possible("withdrawn", has_case=True) == ()
    assert {receiver.code: direction(receiver.code) for receiver in POLICY.contacts.transfer.receivers} == {
        "hotline_a": "in",
        "hotline_b": "out",
        "citizen_hotline": "out",
        "receiving_area": "out",
        "county_protection_centre": "out",
    }


@given(due=seconds, at=seconds)
@settings(max_examples=50, deadline=None)
def test_lateness_counts_whole_seconds_past_the_limit_and_is_never_negative(due: int, at: int) -> None:
    assert late(AT + timedelta(seconds=due), AT + timedelta(seconds=at)) == max(0, at - due)


# Rosters --------------------------------------------------------------------------------------------------------------

NIGHT = Shift(weekday=6, starts="17:30", ends="08:30", staff=("a", "b"))


def published(**more: Any) -> TownshipPublished:
    return TownshipPublished(
        township="YX",
        version=1,
        villages=(),
        groups=(),
        organisations=(),
        posts={},
        policy_version="2026-11",
        publication_id=UUID(int=1),
        **more,
    )


@pytest.mark.parametrize(
    ("local", "on_duty"),
    [("2026-11-22T17:29", False), ("2026-11-22T17:30", True), ("2026-11-23T08:29", True), ("2026-11-23T08:30", False)],
)
def test_a_night_shift_on_sunday_ends_on_monday_morning(local: str, *, on_duty: bool) -> None:
    at = datetime.fromisoformat(f"{local}:00+08:00")
    assert is_on_duty(published(duty_room=(NIGHT,)), "b", None, None, at, ()) is on_duty


def test_nobody_without_a_staff_id_is_on_duty_and_a_fallback_counts_only_while_its_roster_is_empty() -> None:
    at = datetime.fromisoformat("2026-11-22T20:00:00+08:00")
    assert not is_on_duty(published(duty_room=(NIGHT,)), None, None, "police", at, ("police",))
    assert is_on_duty(published(), "z", "YX-PS", "police", at, ("police",))
    assert not is_on_duty(published(), "z", "YX-SC", "school", at, ("police",))


# Amendments -----------------------------------------------------------------------------------------------------------

CHILD = ChildIntake(child_id=UUID(int=1), case_id=UUID(int=1), case_number="YX-2026-000001", concerns=("N1",))
codes = st.sampled_from(["H1", "H4", "N1", "N3"])
facts = st.dictionaries(st.sampled_from(["visible_injury", "serious_injury", "confined"]), st.booleans(), max_size=3)


@settings(max_examples=80, deadline=None)
@given(amendments=st.lists(st.tuples(st.lists(codes, max_size=3), facts), max_size=4))
def test_amendments_add_up_to_the_last_word_on_every_fact_and_never_drop_a_concern(
    amendments: list[tuple[list[str], dict[str, bool]]],
) -> None:
    known, said_concerns = CHILD, {"N1"}
    said_facts: dict[str, bool] = {}
    told: list[ChildIntake] = []
    for concerns, found in amendments:
        said = Said(tuple(concerns), found, {}, {}, None)
        change = amend(known, said, Reporter(kind="public"), AT, outside=None, safe_until=None, policy=POLICY)
        assert change.problems == ()
        told.append(change.changed)
        known = so_far(CHILD, told)
        said_facts |= found
        said_concerns |= set(concerns)
        assert not set(change.changed.concerns) & set(so_far(CHILD, told[:-1]).concerns)
    assert known.facts == said_facts
    assert set(known.concerns) == said_concerns
