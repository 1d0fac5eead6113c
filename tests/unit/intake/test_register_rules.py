"""The registers of the policy: all thirteen with owner, entry and exit, and which rows of which one each reader has."""

from typing import Any

import pytest
import yaml

from contracts.access import Subject
from contracts.policy import Policy
from contracts.policy.model import FOLDER
from services.intake.domain.registers import circle, department_tags, may_read, part_in
from tests.samples.golden import POLICY

REGISTERS = {register.id: register for register in POLICY.registers.list_}
VERSION = POLICY.policy_version
VILLAGE_KEPT = {"REG-03", "REG-07", "REG-08", "REG-09", "REG-10", "REG-11"}


def somebody(department: str | None, **more: Any) -> Subject:
    return Subject("person", "a", "YX", department=department, **more)


def reads(department: str) -> set[str]:
    return {name for name, register in REGISTERS.items() if may_read(somebody(department), register)}


def test_there_are_thirteen_registers_each_with_owner_entry_and_exit() -> None:
    assert list(REGISTERS) == [f"REG-{n:02d}" for n in range(1, 14)]
    assert all(
        register.owner and register.exit and (register.tags or register.entry.case) for register in REGISTERS.values()
    )


@pytest.mark.parametrize(
    ("department", "registers"),
    [
        ("civil_affairs", set(REGISTERS)),
        ("township_government", set(REGISTERS)),
        ("village_committee", VILLAGE_KEPT | {"REG-05"}),
        ("school", {"REG-04", "REG-06"}),
        ("justice", {"REG-04", "REG-13"}),
        ("police", {"REG-04"}),
        ("finance", {"REG-04"}),
    ],
)
def test_owners_read_their_registers_and_departments_the_shared_platform(department: str, registers: set[str]) -> None:
    assert reads(department) == registers


def test_who_has_no_department_reads_no_register() -> None:
    assert not any(may_read(somebody(None), register) for register in REGISTERS.values())


def test_a_village_reads_its_own_unrestricted_rows_and_a_grid_member_the_own_group() -> None:
    village = somebody("village_committee", villages=frozenset({"V01"}), posts=frozenset({"child_director"}))
    grid = somebody(
        "village_committee", villages=frozenset({"V01"}), groups=frozenset({"V01-G1"}), posts=frozenset({"grid_member"})
    )
    narrow, narrower = (circle(one, REGISTERS["REG-07"], POLICY) for one in (village, grid))
    assert (narrow.villages, narrow.groups, narrow.unrestricted) == (frozenset({"V01"}), None, True)
    assert narrower.groups == frozenset({"V01-G1"})


@pytest.mark.parametrize("register", sorted(REGISTERS))
def test_a_register_of_the_village_is_without_restricted_cases_for_every_reader(register: str) -> None:
    found = {
        circle(somebody(d), REGISTERS[register], POLICY).unrestricted for d in ("civil_affairs", "police", "school")
    }
    assert found == {register in VILLAGE_KEPT}


def test_a_departments_business_is_what_the_routing_matrix_gives_it_a_part_in() -> None:
    assert "DROPOUT" in department_tags(VERSION, "school")
    assert "PRISONER_CHILD" not in department_tags(VERSION, "school")
    assert department_tags(VERSION, "nobody") == frozenset()
    shared, own = REGISTERS["REG-04"], REGISTERS["REG-06"]
    school = somebody("school")
    assert circle(school, own, POLICY).tags is None
    assert circle(school, shared, POLICY).tags == department_tags(VERSION, "school")
    assert part_in(school, own, frozenset(), POLICY) == "assist"
    assert part_in(school, shared, frozenset({"DROPOUT"}), POLICY) == "inform"
    assert part_in(school, shared, frozenset({"PRISONER_CHILD"}), POLICY) is None


@pytest.mark.parametrize(
    ("section", "change", "named"),
    [
        ("registers", {"owner": "nobody"}, "nobody"),
        ("registers", {"entry": {"tags_any": ["NO_SUCH"]}}, "NO_SUCH"),
        ("registers", {"entry": {"case": "sometimes"}}, "sometimes"),
        ("tags", {"follows": "NO_SUCH"}, "NO_SUCH"),
        ("tags", {"when": "no_such_condition"}, "no_such_condition"),
        ("tags", {"surprise": 1}, "surprise"),
    ],
)
def test_a_rule_that_names_something_undefined_is_refused_at_loading(
    section: str, change: dict[str, Any], named: str
) -> None:
    raw = yaml.safe_load((FOLDER / f"policy-{VERSION}.yaml").read_text(encoding="utf-8"))
    (raw["tags"] if section == "tags" else raw["registers"]["list"])[0].update(change)
    with pytest.raises(ValueError, match=named):
        Policy.model_validate(raw)
