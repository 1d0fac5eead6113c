"""Clocks: golden cases, which steps exist, who owes them, and later anchors."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from services.dispatch.domain.clocks import (
    OPENING_STEPS,
    PER_RECIPIENT,
    Deadline,
    arm,
    arm_step,
    screened_out,
    task_holders,
)
from services.dispatch.domain.counting import TASK_DAYS_AFTER_S9
from tests.samples.golden import (
    CALENDAR,
    POLICY,
    Child,
    Result,
    golden_cases,
    harmless,
    moment,
    optional_moment,
    respond,
    respond_to,
    zero_points,
)
from tests.samples.strategies import children, moments

RECEIVED = moment("2026-08-04T09:00:00+08:00")


def result_of(child: Child, zone: str | None = "rural") -> Result:
    return respond((child,), RECEIVED, zone=zone)


def deadline(result: Result, step: str, recipient: str | None = None) -> Deadline:
    return next(d for d in result.plan.deadlines if d.key == (step, recipient))


def minutes(result: Result, step: str, recipient: str | None = None) -> float:
    return (deadline(result, step, recipient).due - RECEIVED) / timedelta(minutes=1)


@pytest.mark.parametrize("case", [c for c in golden_cases() if "duplicate_of" not in c], ids=lambda case: case["id"])
def test_golden_cases_get_the_expected_deadlines(case: Any) -> None:
    expected, plan = case["expected"], respond_to(case).plan
    wanted = {step: optional_moment(due) for step, due in expected["deadlines"].items()}
    assert {step: plan.due(step) for step in wanted} == wanted
    assert {step: why for step, why in plan.not_created.items() if step in wanted} == expected["not_created"]
    assert [step for step in plan.calendar_provisional if step in wanted] == expected["calendar_provisional"]
    notice = expected["guardian_notice"]
    assert (plan.guardian_notice.status, plan.guardian_notice.due) == (notice["status"], optional_moment(notice["due"]))


@pytest.mark.parametrize(
    "case", [c for c in golden_cases(opened=False) if c["expected"]["level"] is None], ids=lambda case: case["id"]
)
def test_a_contact_that_opens_no_case_has_no_clock(case: Any) -> None:
    expected = case["expected"]
    reasons = screened_out(expected["disposition"], POLICY)
    assert {step: reasons[step] for step in expected["not_created"]} == expected["not_created"]
    assert set(reasons) == set(OPENING_STEPS)


# Which steps exist -----------------------------------------------------------------------------------------------


def test_every_lead_and_assist_signs_and_has_a_task_and_nobody_else_does() -> None:
    result = result_of(Child(("H1",), {"confined": True}))
    holders = set(task_holders(result.routing))
    assert holders == {d for d, role in result.routing.roles.items() if role != "inform"}
    for step in PER_RECIPIENT:
        assert {d.recipient for d in result.plan.deadlines if d.step == step} == holders


def test_a_task_runs_thirty_days_beyond_the_plan() -> None:
    result = result_of(Child(("H1",), {"confined": True}))
    assert deadline(result, "task", "police").due == deadline(result, "S9").due + timedelta(days=TASK_DAYS_AFTER_S9)


def test_steps_anchored_at_dispatch_wait_for_it_and_then_count_from_it() -> None:
    response = result_of(Child(("H1",), {"confined": True})).response
    waiting = arm(replace(response, dispatched=None), POLICY, CALENDAR)
    assert not {"S4", "S5p"} & {d.step for d in waiting.deadlines}
    sent = RECEIVED + timedelta(minutes=3)
    plan = arm(replace(response, dispatched=sent), POLICY, CALENDAR)
    assert plan.due("S4", "police") == sent + timedelta(minutes=10)
    assert plan.due("S3") == RECEIVED + timedelta(minutes=10)


@pytest.mark.parametrize(("zone", "limit"), [("town", 5), ("outskirts", 10), ("rural", 60), (None, 5), ("moon", 5)])
def test_the_police_call_out_follows_the_zone_and_an_unknown_place_gets_the_shortest(
    zone: str | None, limit: int
) -> None:
    assert minutes(result_of(Child(("H1",), {"confined": True}), zone), "S5p") == limit


@pytest.mark.parametrize(
    ("child", "limit"),
    [
        (Child(("H1",), {"visible_injury": True, "abuser_co_resident": True}, zero_points()), 120),
        (Child(("N1",), {"de_facto_unsupported": True}, zero_points()), None),
        (Child(("H1",), {}, zero_points()), None),
    ],
    ids=["orange with harm", "orange without harm", "blue"],
)
def test_below_red_police_are_called_out_only_for_the_listed_harms_at_orange(child: Child, limit: int | None) -> None:
    due = result_of(child).plan.due("S5p")
    assert due == (None if limit is None else RECEIVED + timedelta(minutes=limit))


def test_the_call_out_counts_a_siblings_harm_at_the_level_of_the_report() -> None:
    orange = Child(("N1",), {"de_facto_unsupported": True}, zero_points())
    harmed = Child(("H1",), {}, zero_points())
    assert respond((orange, harmed), RECEIVED).plan.due("S5p") == RECEIVED + timedelta(hours=2)


def test_a_blocked_police_station_is_not_called_out() -> None:
    plan = result_of(Child(("H1",), {"confined": True, "conflict_unit": "police"})).plan
    assert plan.due("S5p") is None
    assert plan.not_created["S5p"] == "conflict_of_interest"


def test_a_transfer_keeps_only_its_own_steps_and_the_signatures_of_its_recipients() -> None:
    plan = result_of(Child(("H1",), {"confined": True, "outside_township": True})).plan
    assert {d.step for d in plan.deadlines} == {"S3", "S4", "S6", "S13", "task", "N-9"}


def test_the_earliest_hand_over_of_any_child_brings_safety_forward() -> None:
    early, late = (RECEIVED + timedelta(hours=h) for h in (1, 2))
    family = tuple(harmless(confined=True, safe_until=t.isoformat()) for t in (late, early))
    assert respond(family, RECEIVED).plan.due("S6") == early
    assert respond(family[:1], RECEIVED).plan.due("S6") == late


def test_a_hand_over_after_the_limit_changes_nothing() -> None:
    child = harmless(confined=True, safe_until=(RECEIVED + timedelta(days=9)).isoformat())
    assert result_of(child).plan.due("S6") == RECEIVED + timedelta(hours=4)


def test_duty_notices_go_out_with_the_referrals_at_the_higher_levels() -> None:
    assert minutes(result_of(harmless(confined=True)), "S7") == 10
    assert minutes(result_of(Child(("N1",), {"de_facto_unsupported": True}, zero_points())), "S7") == 30


# Who owes them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "owner", "department", "tier"),
    [
        ("S3", "hotline", None, "hotline"),
        ("S5a", "grid_member", "village_committee", "group"),
        ("S5b", "child_director", "village_committee", "village"),
        ("S5c", "women_federation", "women_federation", "township"),
        ("S6", "women_federation", "women_federation", "township"),
        ("S8", "village_committee", "village_committee", "village"),
        ("S9", "civil_affairs", "civil_affairs", "township"),
        ("S13", "civil_affairs", "civil_affairs", "township"),
    ],
)
def test_each_step_has_its_owner(step: str, owner: str, department: str | None, tier: str) -> None:
    armed = deadline(result_of(Child(("H4",), {}, zero_points())), step)
    assert (armed.owner, armed.department, armed.tier) == (owner, department, tier)


def test_a_recipients_own_clocks_stand_in_its_tier() -> None:
    result = result_of(Child(("H1",), {}, zero_points()))
    assert deadline(result, "S4", "village_committee").tier == "village"
    assert deadline(result, "S4", "police").tier == "township"


def test_the_police_answer_to_people_where_they_lead() -> None:
    result = result_of(Child(("H1",), {}, zero_points()))
    assert deadline(result, "S13").owner == deadline(result, "N-9").owner == "police"


@pytest.mark.parametrize(
    ("child", "s8", "s10"),
    [
        (Child(("H2",), {}, zero_points()), "civil_affairs", "police"),
        (
            Child(("N5",), {"conflict_unit": "village_committee"}, zero_points()),
            "township_government",
            "township_government",
        ),
        (Child(("N5",), {"conflict_unit": "health"}, zero_points()), "village_committee", "grid_member"),
    ],
    ids=["restricted", "village blocked", "another unit blocked"],
)
def test_without_a_role_of_the_village_its_steps_go_up(child: Child, s8: str, s10: str) -> None:
    result = result_of(child)
    visit = arm_step("S10", RECEIVED, result.response, POLICY, CALENDAR)
    assert (deadline(result, "S8").owner, visit.owner) == (s8, s10)


def test_blocked_civil_affairs_owes_nothing() -> None:
    result = result_of(Child(("H5",), {"conflict_unit": "civil_affairs"}, zero_points()))
    assert deadline(result, "S9").owner == "township_government"
    assert "civil_affairs" not in {d.department for d in result.plan.deadlines}


# Later anchors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "anchor", "due"),
    [
        ("S10", "safety_confirmed", timedelta(hours=24)),
        ("S11", "last_assessment", timedelta(days=7)),
        ("rescore", "first_contact", timedelta(hours=24)),
        ("reassessment", "event", timedelta(hours=24)),
        ("return_decision", "returned", timedelta(hours=1)),
    ],
)
def test_later_steps_count_from_the_act_that_anchors_them(step: str, anchor: str, due: timedelta) -> None:
    response = result_of(harmless(confined=True)).response
    acted = RECEIVED + timedelta(hours=5)
    armed = arm_step(step, acted, response, POLICY, CALENDAR)
    assert (armed.anchor, armed.anchored_at, armed.due) == (anchor, acted, acted + due)


def test_a_closure_decision_has_ten_working_days_at_red() -> None:
    response = result_of(harmless(confined=True)).response
    assert arm_step("S12", RECEIVED, response, POLICY, CALENDAR).due == moment("2026-08-18T17:30:00+08:00")


def test_a_step_without_a_limit_at_this_level_cannot_be_armed() -> None:
    with pytest.raises(LookupError):
        arm_step("S5p", RECEIVED, result_of(harmless(age=9)).response, POLICY, CALENDAR)


# What holds for every report -------------------------------------------------------------------------------------


@given(children(), moments)
def test_clocks_are_utc_start_at_their_anchor_and_appear_once(child: Child, received: datetime) -> None:
    plan = respond((child,), received).plan
    assert len({d.key for d in plan.deadlines}) == len(plan.deadlines)
    for armed in plan.deadlines:
        assert armed.due.tzinfo is UTC
        assert armed.anchored_at == armed.counted_from == received
        assert armed.due > received
    assert not {d.step for d in plan.deadlines} & set(plan.not_created)


@given(children(), moments)
def test_the_lower_tiers_are_skipped_exactly_in_restricted_and_conflict_cases(child: Child, received: datetime) -> None:
    result = respond((child,), received)
    skipped = result.routing.restricted or bool(result.routing.blocked)
    assert ("S5a" in result.plan.not_created) is skipped
    assert (result.plan.due("S5b") is None) is skipped
