"""The shape of the code: small modules, plain names, one place that commits, a chassis that knows no domain."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import PRODUCT, ROOT, committed, modules, name

MODULE_LINES_MAX = 400
VAGUE = ("utils", "util", "common", "manager", "helper", "helpers", "base", "misc", "stuff")
VAGUE_ENDINGS = ("manager", "helper", "utils")


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    sizes = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*PRODUCT)}
    assert {path: size for path, size in sizes.items() if size > MODULE_LINES_MAX} == {}


def test_no_module_or_class_has_a_name_that_says_nothing() -> None:
    found = [name(path) for path in modules(*PRODUCT, "tests") if path.stem.strip("_").lower() in VAGUE]
    for path in modules(*PRODUCT):
        classes = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)
        ]
        found += [f"{name(path)}: {one.name}" for one in classes if one.name.lower().endswith(VAGUE_ENDINGS)]
    assert found == []


# Only the chassis commits ------------------------------------------------------------------------------------------


def test_nothing_but_the_chassis_commits_or_rolls_back() -> None:
    ending = re.compile(r"\.(commit|rollback)\(|\b(COMMIT|ROLLBACK)\b")
    found = [
        f"{name(path)}:{number}"
        for path in modules("contracts", "services")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ending.search(line)
    ]
    assert found == []


def test_services_reach_the_broker_through_the_outbox_only() -> None:
    found = [name(path) for path in modules("services") if re.search(r"\baiokafka\b", path.read_text(encoding="utf-8"))]
    assert found == []


# The chassis knows no domain word ----------------------------------------------------------------------------------

DOMAIN_WORDS = frozenset(
    {
        "case", "cases", "child", "children", "guardian", "guardians", "hotline", "minor", "minors", "police",
        "referral", "referrals", "reporter", "reporters", "township", "townships", "village", "villages", "villager",
        "orphan", "abuse", "assessment", "assessments", "safeguarding",
    }
)  # fmt: skip
EXAMPLES_IN_TEXT = {
    ("chassis/auth.py", "referral"): "an action's name as the example of a marker",
    ("chassis/validation.py", "children"): "a JSON pointer as an example",
    ("chassis/testing.py", "township"): "a claim every token of this product carries",
}


def domain_words(text: str) -> set[str]:
    """Domain words in source text; CASE in capitals is SQL's, `case _:` Python's, snake_case a way to write."""
    without_match = re.sub(r"(?m)^\s*case .*:\s*$|snake_case", "", text)
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", without_match)
    return {word.lower() for word in re.findall(r"[A-Za-z]+", spaced) if word != "CASE"} & DOMAIN_WORDS


def test_the_chassis_knows_no_domain_word() -> None:
    found = {
        (name(path), word) for path in modules("chassis") for word in domain_words(path.read_text(encoding="utf-8"))
    }
    assert found - EXAMPLES_IN_TEXT.keys() == set()


@pytest.mark.parametrize(
    "text", ["case_id = 1", "class ReferralQueue:", "# the village must know", "caseLead", "Township"]
)
def test_a_domain_word_would_be_found(text: str) -> None:
    assert domain_words(text)


@pytest.mark.parametrize("text", ["SELECT CASE WHEN 1", "        case None:\n", "casefold(", "minority", "showcase"])
def test_a_word_that_only_looks_like_one_is_left_alone(text: str) -> None:
    assert domain_words(text) == set()


# Imports -----------------------------------------------------------------------------------------------------------


def test_the_import_rules_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_no_product_module_imports_a_test() -> None:
    assert [name(path) for path in modules(*PRODUCT) if any(m.split(".")[0] == "tests" for m in imported(path))] == []


def test_every_python_file_is_text_with_a_last_newline_and_no_tabs() -> None:
    def sound(path: Path) -> bool:
        text = path.read_text(encoding="utf-8")
        return not text or (text.endswith("\n") and "\t" not in text and "\r" not in text)

    assert [name(path) for path in modules(*PRODUCT, "tests") if not sound(path)] == []


# What may not stand in any file ------------------------------------------------------------------------------------

# Written in parts, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a package registry's host": re.compile(
        "|".join(
            re.escape(".".join(parts))
            for parts in (
                ("pypi", "org"), ("pythonhosted", "org"), ("repo1", "maven", "org"), ("repo", "maven", "apache", "org"),
                ("registry", "npmjs", "org"), ("deb", "debian", "org"), ("archive", "ubuntu", "com"), ("crates", "io"),
                ("proxy", "golang", "org"),
            )
        )
    ),
    "a path of somebody's machine": re.compile("|".join(("/wo" + "rk/", "/tmp/" + "brief", "/home/" + "[a-z]+/", "/Users/" + "[a-z]+/"))),
    "a private key": re.compile("-----BEGIN (EC |RSA )?PRIVATE" + r" KEY-----\s+[A-Za-z0-9+/]{40}"),
    "a merge conflict": re.compile("^" + "<" * 7 + " ", re.MULTILINE),
}  # fmt: skip
_BINARY = {".png", ".jpg", ".ico", ".woff2", ".gz", ".parquet"}
_OTHERS_CODE = ("chassis/static/", "services/console/static/vendor/")
_LOCKS = ("requirements",)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    found = [
        name(path)
        for path in committed()
        if path.suffix not in _BINARY
        and not name(path).startswith(_OTHERS_CODE)
        and FORBIDDEN[what].search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_nothing_is_left_to_be_done_later() -> None:
    later = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3 + r"\b", "raise Not" + "ImplementedError")))
    found = [name(path) for path in modules(*PRODUCT, "tests") if later.search(path.read_text(encoding="utf-8"))]
    assert found == []


NEEDS_A_TOOL = {
    "tests/unit/deploy/test_compose.py": "docker-compose reads the compose file as users will",
    "tests/unit/deploy/test_kubernetes.py": "only kubectl can put the manifests together",
    "tests/unit/deploy/test_monitoring.py": "promtool knows the rule language",
}
"""Tests that ask a tool which is no Python package, and say how to get it where it is missing."""


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    away = re.compile(r"pytest\.(skip|xfail|importorskip)\(|@pytest\.mark\.(skip|xfail)\b")
    found = {name(path) for path in modules("tests") if away.search(path.read_text(encoding="utf-8"))}
    assert found - NEEDS_A_TOOL.keys() == set()
