"""Every cell, raise rule and whitelist entry of the routing policy, against the table the township agreed on.

The table below is that agreement as people read it; the policy file is what the machine reads. Both must say the same of
every concern, department, level and condition.
"""

from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import Circumstances
from services.dispatch.domain.routing import Addition, ChildCase, Routing, route
from tests.samples.golden import POLICY, Child, Reporter
from tests.samples.strategies import children, levels

DEPARTMENTS = (
    "township_government", "village_committee", "civil_affairs", "police", "school", "health",
    "employment", "finance", "justice", "women_federation", "youth_league", "disabled_federation",
)  # fmt: skip
TABLE = """
H1  | - | A | A | L | A[enrolled] | A[injury] else I | - | - | A[hi] else I | A | - | -
H2  | - | - | A | L | I[enrolled] | A | - | - | A | A | - | -
H3  | - | - | A | L | A[enrolled] | A | - | - | A | A | I | -
H4  | - | A | A | A[hi] else I | A[enrolled] | A | - | - | I | L | - | -
H5  | - | A | L | A[hi] else I[yellow] | A[enrolled] | A | - | - | I[hi] | A | - | -
H6  | - | A | A | L | - | A | - | A | I | I | - | -
H7  | - | A | A | L | I[enrolled] | A | A[child labour] | - | A | A | - | -
H8  | - | A | A | L | A[school age] | A | - | - | A | A | - | -
H9  | - | A | A[hi] else L | L[hi] else A | A[enrolled] | A | - | - | I | I | A | -
H10 | - | A | A | A[red] else I[orange] | A[enrolled] | L | - | - | - | A | A | -
H11 | - | I | I | A[hi] else I | L | A[injury] | - | - | A | I | A | -
N1  | - | A | L | A | A[enrolled] | I | A[16] | A | A[imprisoned] else I | A | A | -
N2  | - | A | A | L | A[enrolled] | A | - | - | A | A | - | -
N3  | - | A | L[hi] else A | I | A[enrolled] | I | - | - | - | A[hi] else L | A | -
N4  | A | A | A | A[child labour] else I | L | - | A[16] | - | I | I | A | -
N5  | I | A | L | - | A[enrolled] | - | A[16 or family labour] | A | - | I | - | -
N6  | - | A | A | - | A[enrolled] | L | - | A | - | I | - | -
N7  | - | A | A | - | A[school age] | A | A[16] | A | - | I | - | L
N8  | - | A | A | L | - | A | - | - | I | - | - | -
N9a | - | A | I | A | A[enrolled] | - | A[16] | - | A | I | L | -
N9b | - | A | A | L | A[enrolled] | - | - | - | A | I | A | -
N9c | - | A | I | A | A[enrolled] | - | A[16] | - | L | - | A | -
N10 | - | A | A | - | I | - | L | A | - | - | A | -
N11 | A | A | I | I | L | - | - | - | - | I | - | -
N12 | - | A | L | A[suspected harm] else I | - | - | - | - | - | - | - | -
"""
ROLES = {"L": "lead", "A": "assist", "I": "inform", "-": None}
WORLDS: dict[str, dict[str, Any]] = {
    "nothing": {}, "enrolled": {"enrolled": True}, "injury": {"visible_injury": True}, "child labour": {"child_labour": True},
    "school age": {"age": 10}, "16": {"age": 16}, "family labour": {"family_labour": True},
    "imprisoned": {"parent_imprisoned": True}, "suspected harm": {"suspected_harm": True},
    "everything": {"enrolled": True, "visible_injury": True, "child_labour": True, "age": 17, "family_labour": True,
                   "parent_imprisoned": True, "suspected_harm": True, "compulsory_stage": True},
}  # fmt: skip
IN_EVERYTHING = {*WORLDS} - {"nothing", "everything"}
LEVELS = {"hi": {"red", "orange"}, "red": {"red"}, "orange": {"orange"}, "yellow": {"yellow"}}
CELLS = {
    (row[0].strip(), department): cell.strip()
    for line in TABLE.strip().splitlines()
    for row in [line.split("|")]
    for department, cell in zip(DEPARTMENTS, row[1:], strict=True)
}


def expected(cell: str, world: str, level: str) -> str | None:
    """The role a cell of the table gives."""
    for entry in cell.split(" else "):
        role, _, condition = entry.rstrip("]").partition("[")
        if not condition or any(holds(one, world, level) for one in condition.split(" or ")):
            return ROLES[role]
    return None


def holds(condition: str, world: str, level: str) -> bool:
    if condition in LEVELS:
        return level in LEVELS[condition]
    return condition == world or (world == "everything" and condition in IN_EVERYTHING)


def given_by_policy(concern: str, department: str, known: Circumstances) -> str | None:
    entries = dict(POLICY.compiled.matrix[concern]).get(department, ())
    return next((entry.role for entry in entries if entry.condition.holds(known)), None)


def child(*concerns: str, level: str, facts: dict[str, Any], reporter: str = "public") -> ChildCase:
    known = POLICY.circumstances(concerns=concerns, facts=facts, reporters=[Reporter(reporter)], level=level)
    return ChildCase(UUID(int=1), known)


def test_the_table_has_every_concern_and_every_department_of_the_policy() -> None:
    assert {concern for concern, _ in CELLS} == {concern.code for concern in POLICY.concerns}
    assert {department for _, department in CELLS} == set(POLICY.departments_by_code)
    assert len(CELLS) == 25 * 12
    assert {department for row in POLICY.routing.matrix.values() for department in row} <= set(DEPARTMENTS)


@pytest.mark.parametrize("concern", [concern.code for concern in POLICY.concerns])
def test_every_cell_of_the_matrix_gives_the_role_of_the_table_at_every_level_and_condition(concern: str) -> None:
    for department, world, level in product(DEPARTMENTS, WORLDS, ("blue", "yellow", "orange", "red")):
        known = child(concern, level=level, facts=WORLDS[world]).circumstances
        wanted = expected(CELLS[concern, department], world, level)
        assert given_by_policy(concern, department, known) == wanted, (department, world, level)


@pytest.mark.parametrize("concern", [concern.code for concern in POLICY.concerns])
def test_routing_gives_at_least_the_role_of_the_cell_and_says_so(concern: str) -> None:
    for world, level in product(WORLDS, ("blue", "yellow", "orange", "red")):
        case = child(concern, level=level, facts=WORLDS[world])
        routing = route([case], POLICY)
        if routing.restricted:
            continue
        for department in DEPARTMENTS:
            wanted = expected(CELLS[concern, department], world, level)
            named = [r for r in _because(routing, department) if r.startswith(f"{concern}:")]
            assert named == ([] if wanted is None else [f"{concern}:{wanted}"]), (department, world, level)


def _because(routing: Routing, department: str) -> tuple[str, ...]:
    return next((one.because for one in routing.referrals if one.department == department), ())


# Raise rules -------------------------------------------------------------------------------------------------------------

RAISES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "RAISE-RED": ("red", {}, {"township_government": "inform", "police": "assist", "civil_affairs": "assist",
                              "village_committee": "assist", "health": "inform"}),
    "RAISE-ORANGE": ("orange", {}, {"township_government": "inform", "police": "inform", "civil_affairs": "assist",
                                    "village_committee": "assist"}),
    "RAISE-YELLOW": ("yellow", {}, {"civil_affairs": "assist", "village_committee": "assist"}),
    "RAISE-BLUE": ("blue", {}, {"civil_affairs": "inform", "village_committee": "assist"}),
    "RAISE-DISABLED": ("blue", {"disabled": True}, {"disabled_federation": "assist"}),
    "RAISE-INJURY": ("blue", {"visible_injury": True}, {"health": "assist"}),
    "RAISE-PRISON": ("blue", {"parent_released": True}, {"justice": "assist"}),
    "RAISE-FUNDS": ("blue", {"township_funds": True}, {"finance": "assist"}),
    "RAISE-ENROLLED": ("blue", {"enrolled": True}, {"school": "inform"}),
    "RAISE-WORK": ("blue", {"age": 16, "needs_work_or_training": True}, {"employment": "assist"}),
}  # fmt: skip


def test_the_policy_raises_by_these_rules_and_no_others() -> None:
    assert {rule.id: rule.at_least for rule in POLICY.routing.raise_} == {
        k: roles for k, (_, _, roles) in RAISES.items()
    }


@pytest.mark.parametrize("rule", RAISES)
@pytest.mark.parametrize("concern", [c.code for c in POLICY.concerns if c.code not in ("H2", "H3")])
def test_a_raise_rule_gives_at_least_its_roles_whatever_the_concern(rule: str, concern: str) -> None:
    level, facts, roles = RAISES[rule]
    with_it = route([child(concern, level=level, facts=facts)], POLICY)
    for department, role in roles.items():
        held = with_it.role(department)
        assert held is not None
        assert POLICY.role_ranks[held] >= POLICY.role_ranks[role], department
        matrix = expected(CELLS[concern, department], _world(facts), level)
        already = matrix is not None and POLICY.role_ranks[matrix] >= POLICY.role_ranks[role]
        assert (f"{rule}:{role}" in _because(with_it, department)) is not already


def _world(facts: dict[str, Any]) -> str:
    return next((name for name, known in WORLDS.items() if known and known.items() <= facts.items()), "nothing")


@pytest.mark.parametrize("rule", [rule for rule, (_, facts, _) in RAISES.items() if facts])
def test_without_its_trigger_a_raise_rule_gives_nothing(rule: str) -> None:
    level, _, roles = RAISES[rule]
    without = route([child("N12", level=level, facts={})], POLICY)
    assert all(not any(r.startswith(rule) for r in _because(without, department)) for department in roles)


# The whitelist of restricted cases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "reporter", "school"),
    [
        ({}, "public", None),
        ({"enrolled": True}, "public", "assist"),
        ({}, "teacher", "assist"),
        ({}, "school_unit", "assist"),
    ],
)
@pytest.mark.parametrize("mark", ["H2", "H3", "police_restricted_mark"])
def test_a_restricted_case_leaves_exactly_the_whitelist(
    facts: dict[str, Any], reporter: str, school: str | None, mark: str
) -> None:
    concerns, marked = (["N12"], {**facts, mark: True}) if mark.startswith("police") else ([mark], facts)
    case = child(*concerns, level="red", facts=marked, reporter=reporter)
    everybody = [Addition(department, "assist", "ADDED-other", (case.child_id,)) for department in DEPARTMENTS]
    routing = route([case], POLICY, additions=everybody)
    assert routing.restricted
    masked = {one.department: one.masked for one in routing.referrals}
    assert masked == {
        "police": False, "civil_affairs": False, "health": False, "justice": False, "women_federation": False,
        "township_government": True, **({} if school is None else {"school": False}),
    }  # fmt: skip
    assert routing.role("township_government") == "inform"


@pytest.mark.parametrize(
    "removed", ["village_committee", "youth_league", "employment", "finance", "disabled_federation"]
)
def test_who_was_removed_gets_no_more_than_a_masked_safety_task(removed: str) -> None:
    case = child("H2", level="red", facts={})
    task = POLICY.routing.added.safety_tasks[0].label
    routing = route([case], POLICY, additions=[Addition(removed, "assist", "SAFETY-ONLY", (case.child_id,), task)])
    (told,) = [one for one in routing.referrals if one.department == removed]
    assert (told.role, told.masked, told.because, told.tasks) == ("assist", True, ("SAFETY-ONLY:assist",), (task,))
    assert not routing.takes_part(removed)


# Where the child is, never where it is registered ------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(children(), levels, st.sampled_from(["local", "elsewhere", "none", "unknown", None]))
def test_the_household_registration_changes_no_recipient(drawn: Child, level: str, hukou: str | None) -> None:
    facts = {name: value for name, value in drawn.facts.items() if name != "hukou"}
    moved = facts if hukou is None else {**facts, "hukou": hukou}
    plain, registered = (
        route([ChildCase(UUID(int=1), POLICY.circumstances(concerns=drawn.concerns, facts=known, answers=drawn.answers,
                                                           reporters=[Reporter()], level=level))], POLICY)
        for known in (facts, moved)
    )  # fmt: skip
    assert registered == plain
