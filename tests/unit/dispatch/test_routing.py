"""Routing: golden cases, the restricted and conflict rules, several children, and what holds for every report."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Label
from services.dispatch.domain.routing import SAFETY_ONLY, Addition, ChildCase, Routing, compare, keep_roles, route
from tests.samples.golden import POLICY, Reporter, golden_case, golden_cases, respond_to
from tests.samples.strategies import CONCERNS

RESTRICTED_WHITELIST = {
    "police",
    "civil_affairs",
    "health",
    "justice",
    "women_federation",
    "township_government",
    "school",
}


def child(*concerns: str, level: str = "yellow", number: int = 1, reporter: str = "public", **facts: Any) -> ChildCase:
    return ChildCase(
        UUID(int=number),
        POLICY.circumstances(concerns=concerns, facts=facts, reporters=[Reporter(reporter)], level=level),
    )


def routed(*children: ChildCase) -> Routing:
    return route(children, POLICY)


def because(routing: Routing, department: str) -> tuple[str, ...]:
    return next(referral.because for referral in routing.referrals if referral.department == department)


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case["id"])
def test_golden_cases_reach_exactly_the_expected_departments(case: Any) -> None:
    expected, routing = case["expected"], respond_to(case).routing
    assert routing.roles == expected["referrals"]
    assert routing.case_lead == expected["case_lead"]
    assert routing.coordinator == expected["coordinator"]
    assert list(routing.external_notices) == expected["external_notices"]
    assert routing.restricted is expected["restricted"]


def test_the_attached_golden_report_adds_and_raises_the_expected_departments() -> None:
    before, after = respond_to(golden_case("YX-05")).routing, respond_to(golden_case("YX-06")).routing
    change = compare(before, after, POLICY)
    assert {*change.added, *change.raised} == set(golden_case("YX-06")["expected"]["referrals_added_or_raised"])
    assert change.lowered == change.removed == ()


def test_every_role_names_the_concerns_and_rules_that_gave_it() -> None:
    routing = routed(child("H1", "N7", level="red", disabled=True, visible_injury=True))
    assert because(routing, "police") == ("H1:lead",)
    assert because(routing, "health") == ("H1:assist", "N7:assist")
    assert because(routing, "township_government") == ("RAISE-RED:inform",)
    assert routing.referrals[0].role == "lead"
    assert (
        next(r for r in routing.referrals if r.department == "township_government").notice_post == "responsible_leader"
    )


def test_a_cell_names_the_task_it_gives() -> None:
    referrals = {referral.department: referral for referral in routed(child("N1", "N8")).referrals}
    assert [task.zh for task in referrals["police"].tasks] == ["核实"]
    assert [task.zh for task in referrals["health"].tasks] == ["出生证明"]


@pytest.mark.parametrize(
    ("concern", "level", "roles"),
    [
        ("H9", "orange", {"police": "lead", "civil_affairs": "assist"}),
        ("H9", "yellow", {"police": "assist", "civil_affairs": "lead"}),
        ("N3", "orange", {"civil_affairs": "lead", "women_federation": "assist"}),
        ("N3", "blue", {"civil_affairs": "assist", "women_federation": "lead"}),
        ("H5", "yellow", {"police": "inform"}),
        ("H5", "blue", {"police": None}),
        ("H10", "red", {"police": "assist"}),
        ("H10", "yellow", {"police": None}),
    ],
)
def test_cells_that_follow_the_level(concern: str, level: str, roles: dict[str, str | None]) -> None:
    routing = routed(child(concern, level=level))
    assert {department: routing.role(department) for department in roles} == roles


@pytest.mark.parametrize(
    ("facts", "department", "role"),
    [
        ({"disabled": True}, "disabled_federation", "assist"),
        ({"visible_injury": True}, "health", "assist"),
        ({"parent_released": True}, "justice", "assist"),
        ({"township_funds": True}, "finance", "assist"),
        ({"enrolled": True}, "school", "inform"),
        ({"needs_work_or_training": True, "age": 16}, "employment", "assist"),
        ({"needs_work_or_training": True, "age": 15}, "employment", None),
    ],
)
def test_attributes_raise_a_department_the_concern_does_not_call(
    facts: dict[str, Any], department: str, role: str | None
) -> None:
    assert routed(child("N12")).role(department) is None
    assert routed(child("N12", **facts)).role(department) == role


def test_a_report_without_a_concern_is_routed_as_an_unclear_lead() -> None:
    assert routed(child()).roles == routed(child("N12")).roles
    assert routed(child()).case_lead == "civil_affairs"


# Restricted ------------------------------------------------------------------------------------------------------


def test_a_restricted_case_reaches_only_the_whitelist_and_the_government_masked() -> None:
    routing = routed(child("H2", "N4", "N10", level="red", enrolled=True, township_funds=True))
    assert set(routing.roles) <= RESTRICTED_WHITELIST
    government = next(r for r in routing.referrals if r.department == "township_government")
    assert (government.role, government.masked) == ("inform", True)
    assert all(not referral.masked for referral in routing.referrals if referral is not government)


@pytest.mark.parametrize(
    ("facts", "reporter", "role"),
    [({"enrolled": True}, "public", "lead"), ({}, "school_unit", "lead"), ({}, "public", None)],
)
def test_the_school_stays_in_a_restricted_case_only_if_the_child_is_enrolled_or_it_reported(
    facts: dict[str, Any], reporter: str, role: str | None
) -> None:
    assert routed(child("H2", "N4", reporter=reporter, **facts)).role("school") == role


def test_a_restricted_case_whose_only_lead_was_removed_is_led_by_civil_affairs() -> None:
    routing = routed(child("N9a", police_restricted_mark=True))
    assert routing.case_lead == "civil_affairs"
    assert routing.role("civil_affairs") == "lead"
    assert "RESTRICTED:lead" in because(routing, "civil_affairs")


def test_the_police_lead_may_open_a_safety_only_task_for_a_removed_department() -> None:
    told = Addition("village_committee", "assist", SAFETY_ONLY, (UUID(int=1),), Label(zh="留意", en="watch"))
    routing = route([child("H2", level="red")], POLICY, additions=[told])
    assert because(routing, "village_committee") == ("SAFETY-ONLY:assist",)


# Conflict of interest --------------------------------------------------------------------------------------------


def test_a_blocked_lead_is_replaced_and_the_body_above_it_told() -> None:
    routing = routed(child("H1", level="red", conflict_unit="police"))
    assert routing.role("police") is None
    assert routing.case_lead == "civil_affairs"
    assert routing.external_notices == ("county_public_security",)
    assert "CONFLICT:lead" in because(routing, "civil_affairs")


def test_blocked_civil_affairs_is_replaced_by_the_township_government() -> None:
    routing = routed(child("H5", conflict_unit="civil_affairs"))
    assert (routing.case_lead, routing.coordinator) == ("township_government", "township_government")
    assert routing.role("civil_affairs") is None
    assert routing.external_notices == ("county_civil_affairs",)


def test_above_a_blocked_village_stands_the_township_government() -> None:
    routing = routed(child("N5", conflict_unit="village_committee", level="blue"))
    assert routing.role("village_committee") is None
    assert routing.role("township_government") == "inform"
    assert routing.external_notices == ()


def test_in_a_restricted_conflict_case_the_government_stays_masked_unless_it_must_lead() -> None:
    told = routed(child("H2", conflict_unit="village_committee"))
    assert next(r for r in told.referrals if r.department == "township_government").masked
    leads = routed(child("N5", police_restricted_mark=True, conflict_unit="civil_affairs"))
    government = next(r for r in leads.referrals if r.department == "township_government")
    assert (government.role, government.masked) == ("lead", False)


# Several children ------------------------------------------------------------------------------------------------


def test_each_referral_names_the_children_it_is_about() -> None:
    toddler = child("N5", number=1, age=3)
    pupil = child("N4", number=2, age=9, enrolled=True)
    routing = routed(toddler, pupil)
    about = {referral.department: referral.children for referral in routing.referrals}
    assert about["school"] == (UUID(int=2),)
    assert about["finance"] == (UUID(int=1),)
    assert about["civil_affairs"] == (UUID(int=1), UUID(int=2))


def test_restriction_or_conflict_of_one_child_holds_for_the_whole_report() -> None:
    restricted = routed(child("H2", number=1), child("N5", number=2))
    assert restricted.role("finance") is None
    conflict = routed(child("N5", number=1, conflict_unit="finance"), child("N5", number=2))
    assert conflict.role("finance") is None


def test_the_case_lead_of_a_concern_two_children_share_is_that_of_the_higher_level() -> None:
    assert routed(child("H9", number=1, level="yellow"), child("H9", number=2, level="red")).case_lead == "police"


# Outside the township --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "roles"),
    [("red", {"civil_affairs": "lead", "police": "assist"}), ("yellow", {"civil_affairs": "lead"})],
)
def test_a_child_known_to_be_outside_is_transferred_by_civil_affairs(level: str, roles: dict[str, str]) -> None:
    routing = routed(child("H1", level=level, outside_township=True))
    assert routing.roles == roles
    assert routing.outside
    assert routing.case_lead == "civil_affairs"


def test_a_child_found_to_be_outside_later_keeps_its_referrals() -> None:
    outside = child("H1", level="red", outside_township=True)
    later = route([outside], POLICY, found_outside_later=True)
    assert later.roles == routed(child("H1", level="red")).roles
    assert not later.outside


# Routing again ---------------------------------------------------------------------------------------------------


def test_a_running_case_keeps_the_roles_it_gave_when_the_level_falls() -> None:
    before, after = routed(child("H1", level="red")), routed(child("H1", level="orange"))
    kept = keep_roles(before, after, POLICY)
    assert compare(before, kept, POLICY).lowered == compare(before, kept, POLICY).removed == ()
    assert kept.role("health") == "inform"


def test_a_lead_that_moves_with_the_level_leaves_the_old_lead_its_own_task() -> None:
    kept = keep_roles(routed(child("H9", level="yellow")), routed(child("H9", level="orange")), POLICY)
    assert (kept.role("civil_affairs"), kept.role("police"), kept.case_lead) == ("lead", "lead", "police")


def test_a_case_that_becomes_restricted_or_conflicted_takes_roles_away() -> None:
    before = routed(child("N4", "H1", level="yellow"))
    restricted = keep_roles(before, routed(child("N4", "H1", police_restricted_mark=True)), POLICY)
    assert set(restricted.roles) <= RESTRICTED_WHITELIST
    assert restricted.role("township_government") == "inform"
    conflicted = keep_roles(before, routed(child("N4", "H1", conflict_unit="justice")), POLICY)
    assert compare(before, conflicted, POLICY).removed == ("justice",)


# What holds for every report -------------------------------------------------------------------------------------

LEAD_MOVES_WITH_THE_LEVEL = {"H9", "N3"}
"""The matrix hands the lead of these from one department to another at RED and ORANGE."""

concern_lists = st.lists(st.sampled_from(CONCERNS), min_size=1, max_size=5, unique=True)


@given(concern_lists, st.booleans())
def test_a_higher_level_never_weakens_a_role(concerns: list[str], enrolled: bool) -> None:
    order = [routed(child(*concerns, level=level, enrolled=enrolled)) for level in ("blue", "yellow", "orange", "red")]
    for lower, higher in pairwise(order):
        change = compare(lower, higher, POLICY)
        assert change.removed == ()
        assert change.lowered == () or LEAD_MOVES_WITH_THE_LEVEL & set(concerns)


@given(
    concern_lists, st.sampled_from(["blue", "yellow", "orange", "red"]), st.sampled_from([*POLICY.departments_by_code])
)
def test_every_report_has_a_lead_and_a_blocked_unit_never_has_a_role(
    concerns: list[str], level: str, unit: str
) -> None:
    plain = routed(child(*concerns, level=level))
    assert plain.case_lead is not None
    assert plain.role(plain.case_lead) == "lead"
    blocked = routed(child(*concerns, level=level, conflict_unit=unit))
    assert unit not in blocked.roles
    assert blocked.case_lead is not None
    assert blocked.case_lead != unit
    assert blocked.role(blocked.case_lead) == "lead"
    assert blocked.coordinator != unit


@given(concern_lists, concern_lists)
def test_more_concerns_never_weaken_a_role(some: list[str], more: list[str]) -> None:
    fewer, all_of_them = routed(child(*some)), routed(child(*some, *more))
    if all_of_them.restricted == fewer.restricted:
        change = compare(fewer, all_of_them, POLICY)
        assert change.lowered == change.removed == ()
