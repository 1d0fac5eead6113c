"""Running clocks under change: levels up and down, attached reports, new restrictions and recipients."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch.domain.changes import Revision, attach_report, revise
from services.dispatch.domain.clocks import Deadline, Response, arm
from services.dispatch.domain.notices import guardian_notice
from services.dispatch.domain.routing import keep_roles
from services.risk_scoring.domain import settle_level
from tests.samples.golden import (
    CALENDAR,
    POLICY,
    Child,
    golden_case,
    harmless,
    moment,
    read,
    respond,
    respond_to,
    zero_points,
)
from tests.samples.strategies import children, levels, moments

RECEIVED = moment("2026-08-04T09:00:00+08:00")
CHANGED = RECEIVED + timedelta(hours=3)
KEPT_ON_THE_WAY_DOWN = {"S4", "S5a", "S5b", "S5c", "S5p", "S6"}


def at_level(response: Response, level: str) -> Response:
    return replace(response, level=level)


def running(response: Response, done: Collection[str] = ()) -> tuple[Deadline, ...]:
    return tuple(d for d in arm(response, POLICY, CALENDAR).deadlines if d.step not in done)


def change(before: Response, after: Response, at: datetime = CHANGED, done: Collection[str] = ()) -> Revision:
    finished = [d.key for d in arm(before, POLICY, CALENDAR).deadlines if d.step in done]
    return revise(running(before, done), finished, before, after, at, POLICY, CALENDAR)


@pytest.mark.parametrize("check", read("rules.yaml")["level_changes"], ids=lambda check: check["id"])
def test_a_level_change_moves_the_clocks_as_the_checks_say(check: Any) -> None:
    response = at_level(respond((harmless(age=12),), moment(check["received_at"])).response, check["from"])
    opened = arm(response, POLICY, CALENDAR)
    revision = change(response, at_level(response, check["to"]), moment(check["at"]), check["done"])
    for step, due in check["deadlines"].items():
        assert (opened.due(step) if step in check["done"] else revision.due(step)) == moment(due), step


def test_the_attached_golden_report_has_its_own_clocks_and_brings_the_cases_forward() -> None:
    first, second = golden_case("YX-05"), golden_case("YX-06")
    expected, received = second["expected"], moment(second["received_at"])
    opened, later = respond_to(first), respond_to(second)
    assert opened.response.level == expected["level_before"]
    level = settle_level(opened.response.level, later.response.level, POLICY).level
    routing = keep_roles(opened.routing, later.routing, POLICY)
    after = replace(later.response, level=level, received=opened.response.received, routing=routing)
    done = second["steps_done"]
    attached = attach_report(
        [d for d in opened.plan.deadlines if d.step not in done],
        [d.key for d in opened.plan.deadlines if d.step in done],
        opened.response,
        after,
        received,
        POLICY,
        CALENDAR,
    )
    own = {d.step: d.due for d in attached.own}
    assert set(own) == {"S3", "S13"}
    for step, due in expected["deadlines"].items():
        case_due = opened.plan.due(step) if step in done else attached.revision.due(step)
        assert own.get(step, case_due) == moment(due), step
    assert attached.revision.due("S13") == moment(expected["first_report_S13"])
    assert attached.revision.due("N-9") == moment(expected["guardian_notice"]["due"])
    assert attached.reassessment.due == moment(expected["reassessment_due"])
    assert {d.recipient for d in attached.revision.created if d.step == "S4"} == {"police", "school"}


def test_a_report_that_would_lower_the_level_is_refused() -> None:
    response = at_level(respond((harmless(age=12),), RECEIVED).response, "orange")
    with pytest.raises(ValueError, match="never lowers"):
        attach_report([], [], response, at_level(response, "yellow"), CHANGED, POLICY, CALENDAR)


# Up --------------------------------------------------------------------------------------------------------------


def test_a_rise_to_red_calls_the_police_out_from_the_change() -> None:
    yellow = at_level(respond((Child(("H1",), {}, zero_points()),), RECEIVED).response, "yellow")
    revision = change(yellow, at_level(yellow, "red"))
    [call_out] = [d for d in revision.created if d.step == "S5p"]
    assert call_out.due == CHANGED + timedelta(minutes=60)


def test_a_finished_step_is_not_armed_again_by_a_rise() -> None:
    orange = at_level(respond((Child(("H1",), {}, zero_points()),), RECEIVED).response, "orange")
    revision = change(orange, at_level(orange, "red"), done=["S5p", "S4", "S6"])
    assert {"S5p", "S4", "S6"}.isdisjoint(d.step for d in revision.deadlines)


def test_a_moved_clock_warns_within_its_new_window_and_remembers_its_anchor() -> None:
    yellow = at_level(respond((harmless(age=12),), RECEIVED).response, "yellow")
    revision = change(yellow, at_level(yellow, "red"))
    [safety] = [d for d in revision.moved if d.step == "S6"]
    assert (safety.anchored_at, safety.counted_from) == (RECEIVED, CHANGED)


# Down ------------------------------------------------------------------------------------------------------------


def test_a_fall_soon_after_a_late_rise_does_not_put_a_deadline_into_the_past() -> None:
    yellow = at_level(respond((harmless(age=12),), RECEIVED).response, "yellow")
    raised_at, lowered_at = moment("2026-08-12T10:00:00+08:00"), moment("2026-08-12T11:00:00+08:00")
    risen = change(yellow, at_level(yellow, "red"), raised_at)
    assert risen.due("S9") == moment("2026-08-17T17:30:00+08:00")
    after = at_level(yellow, "orange")
    fallen = revise(risen.deadlines, [], at_level(yellow, "red"), after, lowered_at, POLICY, CALENDAR)
    assert fallen.due("S9") == moment("2026-08-17T17:30:00+08:00")


# Same level, new facts -------------------------------------------------------------------------------------------


def red(*concerns: str, **facts: Any) -> Response:
    return respond((Child(concerns, {"life_threatened": True, **facts}),), RECEIVED).response


def test_a_case_that_becomes_restricted_calls_the_village_off_without_a_breach() -> None:
    revision = change(red("H1"), red("H1", police_restricted_mark=True), RECEIVED + timedelta(minutes=5))
    assert revision.direction == "same"
    assert {key: why for key, why in revision.cancelled.items() if key[0] in ("S5a", "S5b")} == {
        ("S5a", None): "restricted",
        ("S5b", None): "restricted",
    }
    assert revision.cancelled["S4", "village_committee"] == "restricted"
    assert revision.due("S5c") == RECEIVED + timedelta(minutes=35)
    assert next(d for d in revision.deadlines if d.step == "S8").owner == "civil_affairs"


def test_a_unit_found_to_be_in_conflict_loses_its_clocks() -> None:
    revision = change(red("H1"), red("H1", conflict_unit="justice"))
    assert revision.cancelled["S4", "justice"] == revision.cancelled["task", "justice"] == "conflict_of_interest"


def test_a_recipient_that_joins_gets_clocks_from_the_moment_it_joins() -> None:
    revision = change(red("H1"), red("H1", "N7"))
    created = {d.key: d for d in revision.created}
    assert created["S4", "disabled_federation"].due == CHANGED + timedelta(minutes=10)
    assert ("task", "disabled_federation") in created
    assert revision.cancelled == {}


def test_a_known_hand_over_time_brings_safety_forward() -> None:
    hand_over = RECEIVED + timedelta(hours=2)
    revision = change(red("H1"), red("H1", safe_until=hand_over.isoformat()), RECEIVED + timedelta(minutes=5))
    assert revision.due("S6") == hand_over


def test_the_guardians_notice_stops_when_police_so_direct_and_starts_when_it_may() -> None:
    assert change(red("H1"), red("H1", police_directs_withhold=True)).cancelled["N-9", None] == "withheld"
    [notice] = change(red("H1", guardian_unknown=True), red("H1")).created
    assert (notice.step, notice.due) == ("N-9", CHANGED + timedelta(hours=2))


# What holds for every change -------------------------------------------------------------------------------------


@given(children(), moments, levels, levels, st.integers(0, 20 * 24 * 60))
def test_a_rise_never_postpones_and_a_fall_never_hastens(
    child: Child, received: datetime, old: str, new: str, minutes: int
) -> None:
    before = at_level(respond((child,), received).response, old)
    after = at_level(before, new)
    opened = {d.key: d for d in running(before)}
    at = received + timedelta(minutes=minutes)
    revision = change(before, after, at)
    assert {d.key for d in (*revision.moved, *revision.unchanged)} == set(opened) - set(revision.cancelled)
    for deadline in (*revision.moved, *revision.unchanged):
        was = opened[deadline.key].due
        if POLICY.rank(new) >= POLICY.rank(old):
            assert deadline.due <= was
        else:
            assert deadline.due >= was
            assert deadline.due == was or deadline.step not in KEPT_ON_THE_WAY_DOWN
        if was <= at:
            assert deadline.due == was, "a breach is never undone"


@given(children(), moments, st.integers(1, 5000))
def test_a_change_to_the_same_level_with_the_same_facts_changes_nothing(
    child: Child, received: datetime, minutes: int
) -> None:
    response = respond((child,), received).response
    revision = change(response, response, received + timedelta(minutes=minutes))
    assert (revision.moved, revision.created, revision.cancelled) == ((), (), {})


# Guardian notice over several children ---------------------------------------------------------------------------


def test_withheld_for_one_child_is_withheld_for_the_report() -> None:
    told, suspected = harmless(age=9), harmless(age=3, guardian_suspected_harmer=True)
    response = respond((told, suspected), RECEIVED).response
    assert guardian_notice(response.children, "red", RECEIVED, POLICY, CALENDAR).status == "withheld"


def test_a_guardian_known_for_one_child_is_told() -> None:
    response = respond((harmless(age=9, guardian_unknown=True), harmless(age=3)), RECEIVED).response
    assert guardian_notice(response.children, "red", RECEIVED, POLICY, CALENDAR).due == RECEIVED + timedelta(hours=2)
