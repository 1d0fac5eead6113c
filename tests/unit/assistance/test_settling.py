"""Whether the children of a case live where they can stay, as their placements tell."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from services.assistance.domain.placement import Placement
from services.assistance.domain.settling import unsettled

NOW = datetime(2026, 6, 1, 1, tzinfo=UTC)
DAYS = 30


def stay(name: str = "stay", **changed: Any) -> Placement:
    whole = {"placement_id": uuid5(NAMESPACE_URL, name), "child_id": uuid5(NAMESPACE_URL, "child"), "kind": "P5",
             "reason": "domestic_violence", "state": "started", "started_at": NOW - timedelta(days=90), **changed}  # fmt: skip
    return Placement(**whole)


def ended(cause: str, days: int, **changed: Any) -> Placement:
    state = "returned_home" if cause == "returned_home" else "ended"
    return stay(state=state, end_cause=cause, ended_at=NOW - timedelta(days=days), **changed)


@pytest.mark.parametrize(
    ("placements", "lacks"),
    [
        ([], None),
        ([stay(state="refused", started_at=None)], None),
        ([stay()], ("placed:P5",)),
        ([stay(permanent_since=NOW)], ()),
        ([ended("returned_home", 30)], ()),
        ([ended("returned_home", 29)], (f"home_since:{(NOW - timedelta(days=29)).isoformat()}",)),
        ([ended("transferred", 1)], ()),
        ([ended("ran_away", 1)], ("ran_away",)),
        ([ended("moved", 5), stay("next", started_at=NOW - timedelta(days=5), kind="P2")], ("placed:P2",)),
        ([stay(kind="P0", started_at=NOW - timedelta(days=1))], ()),
        ([ended("returned_home", 40), stay("next", state="proposed", started_at=None)], ("waiting:P5",)),
    ],
)  # fmt: skip
def test_what_a_placement_still_lacks(placements: list[Placement], lacks: tuple[str, ...] | None) -> None:
    assert unsettled(placements, NOW, DAYS) == lacks


def test_every_child_of_the_family_must_be_settled() -> None:
    other = stay("other", child_id=uuid5(NAMESPACE_URL, "sibling"), kind="P4")
    assert unsettled([ended("returned_home", 60), other], NOW, DAYS) == ("placed:P4",)
