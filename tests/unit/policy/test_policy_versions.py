"""A new policy version: what is wrong with it, where it differs, and from which day it decides."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contracts.policy import load_policy, policy_in_force, policy_versions
from contracts.policy.__main__ import main
from contracts.policy.checking import check, check_file
from contracts.policy.differing import Difference, differences
from contracts.policy.model import FOLDER, read_mapping, read_policy
from tests.samples.golden import POLICY
from tests.samples.policies import SECOND, beside_the_shipped_one, written

SHIPPED = FOLDER / "policy-2026-11.yaml"


def raw_policy() -> dict[str, Any]:
    return read_mapping(SHIPPED)


def test_every_shipped_version_is_sound() -> None:
    assert {path.name: check_file(path) for path in FOLDER.glob("policy-*.yaml")} == {
        path.name: () for path in FOLDER.glob("policy-*.yaml")
    }


def _misspelt_fact(raw: dict[str, Any]) -> None:
    raw["risk"]["overrides"][7]["when"] = {"fact": "confind"}


def _wrong_option(raw: dict[str, Any]) -> None:
    raw["risk"]["overrides"][0]["when"]["any"].append({"answer": "A1", "in": ["terrible"]})


def _no_such_concern(raw: dict[str, Any]) -> None:
    raw["conditions"]["restricted"]["when"]["any"][0] = {"concern": ["H2", "H99"]}


def _no_such_name(raw: dict[str, Any]) -> None:
    raw["risk"]["floors"][0]["when"] = {"all": ["injury", "no_such_name"]}


def _gap_between_bands(raw: dict[str, Any]) -> None:
    raw["levels"][3]["score_min"] = 61


def _heavy_factor(raw: dict[str, Any]) -> None:
    raw["risk"]["factors"][0]["max"] = 13


def _unknown_department(raw: dict[str, Any]) -> None:
    raw["routing"]["matrix"]["H1"]["moon_base"] = [{"role": "lead"}]


def _unknown_role(raw: dict[str, Any]) -> None:
    raw["routing"]["matrix"]["H1"]["police"][0]["role"] = "boss"


def _missing_level(raw: dict[str, Any]) -> None:
    del raw["risk"]["reassessment"]["due"]["orange"]


def _unknown_key(raw: dict[str, Any]) -> None:
    raw["sla"]["steps"][0]["surprise"] = 1


def _missing_key(raw: dict[str, Any]) -> None:
    del raw["instrument"]


def _twice(raw: dict[str, Any]) -> None:
    raw["concerns"].append(raw["concerns"][0])


def _same_as_nothing(raw: dict[str, Any]) -> None:
    raw["sla"]["steps"][2]["limits"]["red"] = {"same_as": "S99"}


def _sets_nothing_known(raw: dict[str, Any]) -> None:
    raw["risk"]["reassessment"]["triggers"][0]["sets"] = {"answers": {"D2": "asleep"}}


@pytest.mark.parametrize(
    ("spoil", "path", "word"),
    [
        (_misspelt_fact, "risk.overrides[R8].when", "confind"),
        (_wrong_option, "risk.overrides[R1].when.any[5]", "terrible"),
        (_no_such_concern, "conditions.restricted.when.any[0]", "H99"),
        (_no_such_name, "risk.floors[O1].when.all[1]", "no_such_name"),
        (_gap_between_bands, "levels[red].score_min", "60"),
        (_heavy_factor, "risk.factors[A1].max", "highest option"),
        (_unknown_department, "routing.matrix.H1.moon_base", "department"),
        (_unknown_role, "routing.matrix.H1.police", "boss"),
        (_missing_level, "risk.reassessment.due", "orange"),
        (_unknown_key, "sla.steps[S1].surprise", "no such key"),
        (_missing_key, "instrument", "missing"),
        (_twice, "concerns[H1]", "twice"),
        (_same_as_nothing, "sla.steps[S3].limits.red", "S99"),
        (_sets_nothing_known, "risk.reassessment.triggers[on_scene_findings].sets", "asleep"),
    ],
)
def test_a_fault_is_named_with_its_place_in_both_languages(
    spoil: Callable[[dict[str, Any]], None], path: str, word: str
) -> None:
    raw = raw_policy()
    spoil(raw)
    faults = {fault.path: fault.message for fault in check(raw)}
    assert path in faults, faults
    assert word in faults[path].en
    assert faults[path].zh


def test_all_faults_are_named_at_once_and_a_sound_file_has_none() -> None:
    raw = raw_policy()
    assert check(raw) == ()
    for spoil in (_misspelt_fact, _gap_between_bands, _unknown_department):
        spoil(raw)
    assert {fault.path for fault in check(raw)} >= {
        "risk.overrides[R8].when", "levels[red].score_min", "routing.matrix.H1.moon_base",
    }  # fmt: skip


def test_the_check_command_says_what_is_wrong_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = written(tmp_path)
    assert main(["check", str(sound)]) == 0
    assert SECOND in capsys.readouterr().out
    broken = written(tmp_path, "2027-09", change=_misspelt_fact)
    assert main(["check", str(broken)]) == 1
    assert "没有这个事实项：confind · no such fact: confind" in capsys.readouterr().out
    renamed = sound.rename(tmp_path / "policy-1999-01.yaml")
    assert main(["check", str(renamed)]) == 1
    nonsense = tmp_path / "policy-x.yaml"
    nonsense.write_text("a: [", encoding="utf-8")
    assert main(["check", str(nonsense)]) == 1
    assert main(["check", str(tmp_path / "nowhere.yaml")]) == 1


# Differences -----------------------------------------------------------------------------------------------------


def test_a_version_does_not_differ_from_itself_and_the_order_of_coded_entries_is_none() -> None:
    assert differences(POLICY, POLICY) == ()
    raw = raw_policy()
    raw["external_bodies"].reverse()
    assert differences(POLICY, type(POLICY).model_validate(raw)) == ()


def test_differences_are_told_entry_by_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path)
    found = {one.path: one for one in differences(POLICY, read_policy(path))}
    assert found["levels[red].score_min"] == Difference("levels[red].score_min", "changed", 60, 50)
    assert found["risk.overrides[R8]"].kind == "removed"
    assert found["risk.floors[O9]"].after["to"] == "orange"
    assert main(["diff", "2026-11", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "~ levels[red].score_min: 60 -> 50" in shown
    assert "+ risk.floors[O9]" in shown
    assert main(["diff", "2026-11", "1999-01"]) == 1


# Side by side ----------------------------------------------------------------------------------------------------


def test_a_version_beside_the_shipped_one_decides_from_its_own_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, effective_from="2027-03-01")
    with beside_the_shipped_one(monkeypatch, tmp_path):
        assert policy_versions() == ("2026-11", SECOND)
        assert policy_in_force(date(2027, 2, 28)).policy_version == "2026-11"
        assert policy_in_force(date(2027, 3, 1)).policy_version == SECOND
        assert load_policy("2026-11").band(55) == "orange"
        assert load_policy(SECOND).band(55) == "red"
        assert main(["list"]) == 0
        assert f"{SECOND}\t2027-03-01" in capsys.readouterr().out
    assert policy_versions() == ("2026-11",)
