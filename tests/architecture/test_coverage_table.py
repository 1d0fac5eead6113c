"""docs/coverage.md: every requirement of the plan and every section of the policy, where it is met and what shows it."""

import ast
import re
from functools import cache
from pathlib import Path

import yaml

from tests.architecture.tree import ROOT

TABLE = ROOT / "docs" / "coverage.md"
REQUIREMENTS = ROOT / "contracts" / "requirements.yaml"
POLICY = ROOT / "contracts" / "policy" / "policy-2026-11.yaml"
ABOUT_THE_FILE = {"schema", "policy_version", "effective_from", "title", "languages"}
"""Keys of the policy file that say what file it is."""


def table() -> dict[str, tuple[list[str], list[str]]]:
    """Id → the places and the tests named in its row."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"D-[\d.]+|`[a-z_]+`", cells[0]):
            assert cells[0].strip("`") not in found, f"{cells[0]} stands twice"
            places = re.findall(r"`([^`]+)`", cells[2])
            found[cells[0].strip("`")] = places, re.findall(r"`([^`]+)`", cells[3])
    return found


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_"))


def test_every_requirement_and_every_section_of_the_policy_has_a_row() -> None:
    asked = set(yaml.safe_load(REQUIREMENTS.read_text(encoding="utf-8")))
    sections = set(yaml.safe_load(POLICY.read_text(encoding="utf-8"))) - ABOUT_THE_FILE
    assert asked | sections == set(table())


def test_every_row_names_places_and_tests_that_exist() -> None:
    missing = []
    for row, (places, tests) in table().items():
        if not places or not tests:
            missing.append(f"{row}: names no {'place' if not places else 'test'}")
        missing += [f"{row}: {place}" for place in places if not (ROOT / place.partition(":")[0]).exists()]
        for test in tests:
            path, _, name = test.partition("::")
            file = ROOT / path
            if not file.is_file() or (name and name not in names_in(file)):
                missing.append(f"{row}: {test}")
    assert missing == []
