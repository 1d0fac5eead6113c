"""The policy file: it is read whole, a broken one is refused when loaded, and every code has its label."""

from datetime import date, timedelta
from typing import Any

import pytest
import yaml

from contracts.policy import Label, Limit, Policy, load_policy, policy_in_force, policy_versions
from contracts.policy.conditions import PolicyError
from contracts.policy.model import FOLDER
from tests.samples.golden import POLICY


def raw_policy() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "policy-2026-11.yaml").read_text(encoding="utf-8"))
    return content


def test_every_version_in_the_folder_loads_under_its_own_name() -> None:
    assert "2026-11" in policy_versions()
    assert all(load_policy(version).policy_version == version for version in policy_versions())


def test_the_version_in_force_is_the_newest_that_has_started() -> None:
    assert policy_in_force(date(2026, 11, 24)).policy_version == policy_versions()[-1]
    with pytest.raises(LookupError):
        policy_in_force(load_policy(policy_versions()[0]).effective_from - timedelta(days=1))


def test_an_unknown_version_is_an_error() -> None:
    with pytest.raises(PolicyError):
        load_policy("1999-01")


def test_a_key_nobody_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise"):
        Policy.model_validate({**raw_policy(), "surprise": 1})


def test_a_rule_that_names_an_undefined_condition_is_refused_at_loading() -> None:
    raw = raw_policy()
    raw["risk"]["floors"][0]["when"] = {"any": ["no_such_condition"]}
    with pytest.raises(ValueError, match="no_such_condition"):
        Policy.model_validate(raw)


def test_factors_that_do_not_add_up_to_the_total_are_refused() -> None:
    raw = raw_policy()
    raw["risk"]["factors"][0]["max"] = 13
    with pytest.raises(ValueError, match="add up"):
        Policy.model_validate(raw)


def test_a_concern_missing_from_the_lead_priority_is_refused() -> None:
    raw = raw_policy()
    raw["lead_priority"].remove("H1")
    with pytest.raises(ValueError, match="H1"):
        Policy.model_validate(raw)


def test_domains_of_the_instrument_weigh_what_the_factors_weigh() -> None:
    for domain in POLICY.risk.domains:
        factors = [factor for factor in POLICY.risk.factors if factor.code.startswith(domain.code)]
        assert sum(factor.max for factor in factors) == (domain.model_extra or {})["max"]
        assert all(max(option.points for option in factor.options) == factor.max for factor in factors)


def test_bands_cover_every_score_once() -> None:
    assert [POLICY.band(score) for score in (0, 19, 20, 39, 40, 59, 60, 100)] == [
        "blue", "blue", "yellow", "yellow", "orange", "orange", "red", "red",
    ]  # fmt: skip


def test_one_above_the_highest_level_is_itself() -> None:
    assert [POLICY.one_above(level) for level in ("blue", "yellow", "orange", "red")] == [
        "yellow", "orange", "red", "red",
    ]  # fmt: skip


def test_every_department_role_and_concern_of_the_matrix_is_defined() -> None:
    assert set(POLICY.routing.matrix) == {concern.code for concern in POLICY.concerns}
    for row in POLICY.routing.matrix.values():
        assert set(row) <= set(POLICY.departments_by_code)
        assert {entry.role for entries in row.values() for entry in entries} <= set(POLICY.role_ranks)


def test_every_parent_body_is_a_department_or_an_external_body() -> None:
    bodies = set(POLICY.departments_by_code) | {body.code for body in POLICY.external_bodies}
    assert {department.parent_body for department in POLICY.departments} <= bodies


def test_a_step_limit_that_refers_to_another_step_is_followed() -> None:
    assert POLICY.step_limit("S7", "red") == POLICY.step_limit("S3", "red") == Limit(clock="H24", minutes=10)
    assert POLICY.step_limit("S5p", "yellow") is None


def test_labels_are_bilingual_and_a_missing_one_shows_its_code() -> None:
    assert POLICY.label("department", "police") == Label(zh="派出所", en="police station")
    assert POLICY.label("step", "S6").zh == "安全确认"
    assert POLICY.label("anchor", "received").zh == "接报"
    assert POLICY.label("department", "moon_base") == Label(zh="moon_base", en="moon_base")


def test_a_reason_is_worded_by_its_rule_or_by_factor_and_option() -> None:
    assert POLICY.reason_label("override", "R8").zh == "捆绑、锁困、非法拘禁"
    assert POLICY.reason_label("factor", "A2", "now") == Label(
        zh="危险紧迫性：现在或24小时内", en="imminence: now or within 24 h"
    )
    assert POLICY.reason_label("factor", "A2") == Label(zh="危险紧迫性：未知", en="imminence: unknown")
