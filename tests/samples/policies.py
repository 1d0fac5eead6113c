"""A second policy version for tests: the shipped file with a few rules changed, in a folder of its own. It never ships."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.policy import load_policy, policy_versions
from contracts.policy.model import FOLDER, MORE_POLICIES, read_mapping

SECOND = "2027-03"
Change = Callable[[dict[str, Any]], None]


def stricter(raw: dict[str, Any]) -> None:
    """RED begins at 50, a confined child is only ORANGE, untreated illness weighs nothing less."""
    bands = {level["code"]: level for level in raw["levels"]}
    bands["orange"]["score_max"], bands["red"]["score_min"] = 49, 50
    overrides = raw["risk"]["overrides"]
    confined = next(rule for rule in overrides if rule["id"] == "R8")
    overrides.remove(confined)
    raw["risk"]["floors"].insert(0, {**confined, "id": "O9", "to": "orange"})
    raw["risk"]["overrides"][:] = overrides
    for jump in raw["guardian_ladder"]["direct_jump"]:
        jump["when"] = _without_r8(jump["when"])


def _without_r8(when: Any) -> Any:
    if isinstance(when, dict):
        return {key: _without_r8(value) for key, value in when.items()}
    if isinstance(when, list):
        return [_without_r8(one) for one in when if one != "R8"] or ["R1"]
    return when


def written(folder: Path, version: str = SECOND, effective_from: str = "2026-03-01", change: Change = stricter) -> Path:
    """The shipped policy, changed, as a file of another version."""
    raw = read_mapping(FOLDER / "policy-2026-11.yaml")
    raw["policy_version"], raw["effective_from"] = version, effective_from
    change(raw)
    path = folder / f"policy-{version}.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def beside_the_shipped_one(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """While it lasts, the versions in `folder` are loaded too."""
    monkeypatch.setenv(MORE_POLICIES, str(folder))
    _forget()
    try:
        yield
    finally:
        monkeypatch.delenv(MORE_POLICIES)
        _forget()


def _forget() -> None:
    load_policy.cache_clear()
    policy_versions.cache_clear()
