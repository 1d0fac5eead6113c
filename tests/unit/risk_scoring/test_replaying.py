"""What-if: the same version gives the same result, another says who changes and why."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy.model import read_policy
from services.risk_scoring.domain.assessing import Assessment, assess
from services.risk_scoring.domain.replaying import WhatIf, replayed
from tests.samples.golden import POLICY, Child, Reporter, zero_points
from tests.samples.policies import SECOND, written
from tests.samples.strategies import children, reporters


def stored(kids: list[Child], who: Reporter) -> dict[str, Any]:
    """The row of an assessment of these children."""
    results = assess(kids, [who], POLICY)
    return {
        "assessment_id": UUID(int=7),
        "case_id": UUID(int=1),
        "assessed_at": None,
        "policy_version": POLICY.policy_version,
        "mandated": who.mandated,
        "reporters": [{"kind": who.kind, "mandated": who.mandated}],
        "beside_red": [
            str(UUID(int=10 + n)) for n, child in enumerate(kids) if child.facts.get("household_child_red") is True
        ],
        "children": [_plain(n, result) for n, result in enumerate(results)],
    }


def _plain(n: int, result: Assessment) -> dict[str, Any]:
    return {
        "child_id": str(UUID(int=10 + n)),
        "case_id": str(UUID(int=20 + n)),
        "concerns": list(result.concerns),
        "facts": result.facts,
        "answers": result.answers,
    }


@settings(max_examples=60)
@given(st.lists(children(), min_size=1, max_size=3), reporters())
def test_the_same_version_gives_the_same_results_again(kids: list[Child], who: Reporter) -> None:
    results = assess(kids, [who], POLICY)
    again = replayed(stored(kids, who), POLICY)
    assert [replace(one, facts={}) for one in again] == [replace(one, facts={}) for one in results]
    what_if = WhatIf()
    what_if.add(stored(kids, who), POLICY, POLICY)
    assert what_if.differing == []
    assert what_if.matrix.total() == what_if.children == len(kids)


def test_a_child_beside_a_red_one_of_another_case_stays_there() -> None:
    row = stored([Child((), {"age": 9, "household_child_red": True}, zero_points())], Reporter())
    assert replayed(row, POLICY)[0].level == "orange"


def test_another_version_says_whose_level_changes_and_which_rules_make_it_so(tmp_path: Path) -> None:
    newer = read_policy(written(tmp_path))
    assert newer.policy_version == SECOND
    confined = Child((), {"age": 9, "confined": True}, zero_points())
    sibling = Child((), {"age": 3}, zero_points())
    heavy = Child(
        (), {"age": 1}, zero_points(A1="moderate", A2="now", A3="free", A4="escalating", C1="nobody", C2="refuses")
    )
    what_if = WhatIf()
    what_if.add(stored([confined, sibling], Reporter()), POLICY, newer)
    what_if.add(stored([heavy], Reporter()), POLICY, newer)
    what_if.add(stored([heavy], Reporter()), None, newer)
    assert (what_if.replayed, what_if.children, what_if.unreadable) == (2, 3, 1)
    assert what_if.matrix == {("red", "orange"): 1, ("orange", "blue"): 1, ("orange", "red"): 1}
    first, second, third = what_if.differing
    assert (first.rules_gone, first.rules_new) == (("R8",), ("O9",))
    assert second.rules_gone == ("O7",)
    assert (third.before.score, third.after.score, third.rules_gone, third.points) == (third.after.score, 52, (), {})
    assert all(one.level_changes for one in what_if.differing)
