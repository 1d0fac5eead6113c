"""`python -m contracts.policy check <file>` and `diff <old> <new>`: for the people who write a new policy version."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from contracts.policy.checking import check_file
from contracts.policy.conditions import PolicyError
from contracts.policy.differing import Difference, differences
from contracts.policy.model import chosen_policy, load_policy, policy_versions, read_policy

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns 0, or 1 where a file is not sound or cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m contracts.policy", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("check", help="say everything that is wrong with a policy file").add_argument("file", type=Path)
    diff = verbs.add_parser("diff", help="say where two versions differ")
    for name in ("old", "new"):
        diff.add_argument(name, help="a policy file, or a version that is loaded here")
    verbs.add_parser("list", help="the versions that are loaded here")
    chosen = parser.parse_args(arguments)
    try:
        return _VERBS[chosen.verb](chosen)
    except (PolicyError, ValidationError, yaml.YAMLError, OSError) as error:
        sys.stderr.write(f"策略不可用 · the policy cannot be used: {error}\n")
        return 1


def _check(chosen: argparse.Namespace) -> int:
    faults = check_file(chosen.file)
    for fault in faults:
        sys.stdout.write(f"{fault.path or chosen.file.name}: {fault.message.zh} · {fault.message.en}\n")
    if not faults:
        policy = read_policy(chosen.file)
        sys.stdout.write(
            f"策略 {policy.policy_version} 可用，自 {policy.effective_from} 起施行 · "
            f"policy {policy.policy_version} is sound, in force from {policy.effective_from}\n"
        )
    return 1 if faults else 0


def _diff(chosen: argparse.Namespace) -> int:
    found = differences(chosen_policy(chosen.old), chosen_policy(chosen.new))
    for one in found:
        sys.stdout.write(line(one) + "\n")
    sys.stdout.write(f"{len(found)} 处不同 · differences: {len(found)}\n")
    return 0


def line(one: Difference) -> str:
    """A difference on one line."""
    texts = {"added": (one.after,), "removed": (one.before,), "changed": (one.before, one.after)}[one.kind]
    return f"{SIGNS[one.kind]} {one.path}: " + " -> ".join(_text(value) for value in texts)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _list(_: argparse.Namespace) -> int:
    for version in policy_versions():
        policy = load_policy(version)
        sys.stdout.write(f"{version}\t{policy.effective_from}\t{policy.title.zh} · {policy.title.en}\n")
    return 0


_VERBS = {"check": _check, "diff": _diff, "list": _list}

if __name__ == "__main__":
    sys.exit(main())
