"""A report amended after dispatch: who learns of it, the village follows the child, and S6 follows the hand-over time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.intake import ReportAmended
from contracts.vocabulary import Actor, Place
from services.dispatch.domain import commands as ask
from services.dispatch.domain.amending import amend_response
from services.dispatch.domain.referral import decide
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.revising import Revised, revise_response
from tests.integration.dispatch.story import again, scored
from tests.samples.golden import CALENDAR, POLICY
from tests.unit.dispatch.running_cases import TOWNSHIP, of, response_to, setting, signed

BY = Actor(kind="person", account="op-1", organisation="YX-HL")
HOUR = timedelta(hours=1)


def amended(file: ResponseFile, after: timedelta = HOUR, number: int = 0, **what: Any) -> Revised:
    at = file.dispatched_at + after
    content: dict[str, Any] = {
        "case_id": file.case_id,
        "case_number": file.case_number,
        "township": file.township,
        "response_no": file.response_no,
        "report_id": file.report_id,
        "amendment_id": UUID(int=70 + number),
        "aspects": tuple(name for name in ("place", "safe_until") if name in what) or ("narrative",),
        "by": BY,
        "at": at,
        **what,
    }
    data = ReportAmended(**content)
    return amend_response(file, data, TOWNSHIP, at, UUID(int=700 + number), POLICY, CALENDAR)


def due(file: ResponseFile, step: str) -> datetime:
    (clock,) = file.running(step)
    return clock.deadline.due


# Every open part learns of it --------------------------------------------------------------------------------------------


def test_every_open_referral_shows_the_amendment_until_its_department_has_seen_it() -> None:
    file = signed(signed(response_to("YX-01"), "police"), "health", completed=True)
    change = amended(file, aspects=("facts", "narrative"))
    assert not change.is_news, "what the facts mean comes back as an assessment"
    shown = {one.department: one.amended for one in change.file.referrals}
    assert shown["health"] == ()
    assert set(shown) > {"police", "village_committee", "township_government"}
    assert {aspects for name, aspects in shown.items() if name != "health"} == {("facts", "narrative")}
    more = amended(change.file, number=1, aspects=("reporter", "facts")).file
    assert of(more, "police").amended == ("facts", "narrative", "reporter")
    seen = decide(ask.SeeAmendment(), of(more, "police"), more, setting(file.dispatched_at + 2 * HOUR))
    assert isinstance(seen, ask.Done)
    assert (seen.referral.amended_at, seen.referral.amended) == (None, ())
    assert of(seen.file, "village_committee").amended != ()


def test_there_is_nothing_to_see_before_an_amendment() -> None:
    file = response_to("YX-01")
    refused = decide(ask.SeeAmendment(), of(file, "police"), file, setting(file.dispatched_at))
    assert isinstance(refused, ask.Refused)
    assert refused.code == "nothing_amended"


def test_facts_of_an_amendment_that_come_back_scored_add_the_department_they_call_for() -> None:
    file = response_to("YX-05")
    assert "disabled_federation" not in file.roles
    data = again(scored("YX-05"), "amendment", file.level, file.dispatched_at + HOUR)
    disabled = tuple(c.model_copy(update={"facts": {**c.facts, "disabled": True}}) for c in data.children)
    data = data.model_copy(update={"children": disabled})
    change = revise_response(file, data, file.dispatched_at + HOUR, UUID(int=91), POLICY, CALENDAR)
    joined = of(change.file, "disabled_federation")
    assert (joined.role, joined.because) == ("assist", ("RAISE-DISABLED:assist",))
    assert {c.deadline.step for c in change.clocks if c.deadline.recipient == "disabled_federation"} == {"S4", "task"}


# The village follows the child -------------------------------------------------------------------------------------------


def test_a_place_known_later_brings_the_village_in_and_keeps_the_childs_deadlines() -> None:
    file = response_to("YX-05", unknown_place=True)
    before = of(file, "village_committee")
    assert before.organisation == "YX-CA", "until then civil affairs stands in"
    change = amended(file, place=Place(group="V02-G1"))
    village = of(change.file, "village_committee")
    assert (change.file.place.village, change.file.place.group) == ("V02", "V02-G1")
    assert (village.organisation, village.state, village.role) == ("V02-VC", "issued", before.role)
    ended = change.file.referral(before.referral_id)
    assert (ended.state, ended.ended_reason) == ("ended", "place_changed")
    for step in ("S5a", "S5b"):
        (old,), (new,) = file.running(step), change.file.running(step)
        assert new.id == old.id
        assert new.deadline.due == old.deadline.due
        assert (new.organisation, new.referral_id) == ("V02-VC", village.referral_id)
    (s4,) = change.file.running("S4", recipient="village_committee")
    assert s4.deadline.anchored_at == file.dispatched_at + HOUR
    assert {one.reason for one in change.finished} == {"place_changed"}
    assert {one.referral_id for one in change.referrals} == {before.referral_id, village.referral_id}


def test_another_group_of_the_same_village_keeps_the_referral() -> None:
    file = response_to("YX-01")
    change = amended(file, place=Place(village="V01", group="V01-G3"))
    assert of(change.file, "village_committee").referral_id == of(file, "village_committee").referral_id
    assert change.file.place.group == "V01-G3"
    assert change.clocks == ()


@pytest.mark.parametrize("place", [Place(), Place(outside=True), Place(village="nowhere"), Place(village="V01")])
def test_a_place_that_says_nothing_new_of_the_township_changes_nothing(place: Place) -> None:
    file = response_to("YX-01")
    change = amended(file, place=place)
    assert change.file.place == file.place
    assert (change.referrals, change.clocks, change.finished) == ((), (), ())


def test_a_tier_that_came_to_the_wrong_place_goes_out_again_unless_the_child_was_seen() -> None:
    file = response_to("YX-01")
    at = file.dispatched_at + timedelta(minutes=10)
    for seen in (False, True):
        arrival = ask.ReportArrival(at, seen, "group", ("group",))
        there = decide(arrival, of(file, "village_committee"), file, setting(at))
        assert isinstance(there, ask.Done)
        change = amended(there.file, place=Place(village="V02", group="V02-G1"))
        again_due = change.file.running("S5a")
        if seen:
            assert again_due == ()
        else:
            (clock,) = again_due
            assert clock.deadline.due - (file.dispatched_at + HOUR) == timedelta(minutes=30)
            assert (clock.deadline.anchor, clock.organisation) == ("event", "V02-VC")


def test_a_later_report_that_knows_the_place_moves_the_village_too() -> None:
    file = response_to("YX-05", unknown_place=True)
    data = scored("YX-06", case="YX-05")
    assert data.report is not None
    at = file.dispatched_at + HOUR
    place = Place(village="V03")
    data = data.model_copy(
        update={"report": data.report.model_copy(update={"place": place, "received_at": at}), "effective_at": at}
    )
    change = revise_response(file, data, at, UUID(int=88), POLICY, CALENDAR, TOWNSHIP)
    assert of(change.file, "village_committee").organisation == "V03-VC"
    assert change.file.place.village == "V03"


def test_a_late_arrival_stays_late_at_the_right_village() -> None:
    file = response_to("YX-01")
    change = amended(file, 5 * HOUR, place=Place(village="V02"))
    assert due(change.file, "S5b") == due(file, "S5b") < file.dispatched_at + 5 * HOUR


def test_in_a_restricted_case_no_village_is_brought_in() -> None:
    file = response_to("YX-02")
    change = amended(file, place=Place(village="V05"))
    assert change.file.referral_of("village_committee") is None
    assert change.file.running("S5a", "S5b") == ()


# The hand-over time ------------------------------------------------------------------------------------------------------


def test_a_hand_over_time_brings_safety_forward_and_lets_it_back_to_its_own_limit_at_most() -> None:
    file = response_to("YX-05")
    limit, now = due(file, "S6"), file.dispatched_at
    early = amended(file, safe_until=now + 3 * HOUR).file
    assert due(early, "S6") == now + 3 * HOUR
    later = amended(early, 2 * HOUR, 1, safe_until=now + 6 * HOUR).file
    assert due(later, "S6") == now + 6 * HOUR
    far = amended(later, 2 * HOUR, 2, safe_until=limit + timedelta(days=9)).file
    assert due(far, "S6") == limit
    assert [move.cause for move in far.running("S6")[0].deadline.moves] == ["brought_forward", "hand_over", "hand_over"]


def test_a_breached_safety_clock_is_not_undone_by_a_later_hand_over() -> None:
    file = response_to("YX-05")
    early = amended(file, safe_until=file.dispatched_at + 2 * HOUR).file
    late = amended(early, 3 * HOUR, 1, safe_until=file.dispatched_at + 9 * HOUR).file
    assert due(late, "S6") == file.dispatched_at + 2 * HOUR


def test_an_amended_hand_over_stands_against_older_facts_but_not_against_an_earlier_one_of_a_new_report() -> None:
    file = response_to("YX-05")
    soon, sooner = file.dispatched_at + 5 * HOUR, file.dispatched_at + 3 * HOUR
    early = amended(file, safe_until=soon).file
    data = again(scored("YX-05"), "amendment", "yellow", file.dispatched_at + HOUR)
    kept = revise_response(early, data, file.dispatched_at + HOUR, UUID(int=89), POLICY, CALENDAR).file
    assert due(kept, "S6") == soon
    report = scored("YX-05", report="another")
    children = tuple(
        child.model_copy(update={"facts": {**child.facts, "safe_until": sooner.isoformat()}})
        for child in report.children
    )
    report = report.model_copy(update={"children": children})
    told = revise_response(early, report, file.dispatched_at + HOUR, UUID(int=90), POLICY, CALENDAR, TOWNSHIP).file
    assert due(told, "S6") == sooner


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    st.sampled_from(["YX-01", "YX-05", "YX-13"]),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 6000)), min_size=1, max_size=5),
)
def test_whatever_is_amended_safety_is_never_due_after_its_limit_and_a_breach_never_moves(
    name: str, amendments: list[tuple[int, int]]
) -> None:
    file = response_to(name)
    limit = due(file, "S6")
    for number, (at, until) in enumerate(sorted(amendments)):
        now, before = file.dispatched_at + timedelta(minutes=at), due(file, "S6")
        moment = file.dispatched_at + timedelta(minutes=until)
        file = amended(file, timedelta(minutes=at), number, safe_until=moment).file
        after = due(file, "S6")
        assert after <= limit
        assert after == before or before > now
        assert after == before or after >= now


def test_a_deferred_notice_is_announced_as_counted_from_safety() -> None:
    file = replace(response_to("YX-09"), guardian="withheld", first_contact_at=response_to("YX-09").dispatched_at)
    at = file.dispatched_at + HOUR
    safe = decide(ask.ConfirmSafety("safe_place", at), of(file, "police"), file, setting(at))
    assert isinstance(safe, ask.Done)
    (deferred,) = safe.file.running("deferred_notice")
    assert (deferred.deadline.anchor, deferred.deadline.anchored_at) == ("safety_confirmed", at)
    assert deferred.deadline.due - at == timedelta(hours=12)
