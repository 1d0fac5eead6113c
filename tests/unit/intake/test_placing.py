"""Which case a report belongs to, by what it names, when that closed, and how grave things are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.policy import load_policy
from services.intake.domain.placing import Attach, Named, Open, Placing, Refused, Reopen, place, resume, with_history

POLICY = load_policy("2026-11")
CLOSED = datetime(2026, 5, 21, 4, tzinfo=UTC)
OPEN_CASE = Named(UUID(int=1), UUID(int=1), None)
CLOSED_CASE = Named(UUID(int=1), UUID(int=1), CLOSED)


def placed(wish: Any, case: Named | None, days: int = 0, *, emergency: bool = False) -> Placing:
    return place(wish, case, CLOSED + timedelta(days=days), emergency=emergency, policy=POLICY)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, Reopen(CLOSED_CASE, 0)),
        (90, Reopen(CLOSED_CASE, 90)),
        (91, Open(CLOSED_CASE, 91, counts=True)),
        (365, Open(CLOSED_CASE, 365, counts=True)),
        (366, Open(CLOSED_CASE, 366, counts=False)),
        (-1, Reopen(CLOSED_CASE, 0)),
    ],
)
def test_the_windows_of_reopening(days: int, expected: Placing) -> None:
    assert placed("reopen", CLOSED_CASE, days) == expected


def test_days_are_counted_by_the_local_calendar() -> None:
    late = datetime(2026, 5, 21, 15, 59, tzinfo=UTC)
    case = Named(UUID(int=1), UUID(int=1), late)
    assert place("reopen", case, late + timedelta(minutes=2), emergency=False, policy=POLICY) == Reopen(case, 1)


@pytest.mark.parametrize(
    ("wish", "case", "usual", "emergency"),
    [
        ("attach", OPEN_CASE, Attach(OPEN_CASE), Attach(OPEN_CASE)),
        ("attach", CLOSED_CASE, Refused("case_closed"), Reopen(CLOSED_CASE, 0)),
        ("attach", None, Refused("unknown_case"), Open()),
        ("reopen", OPEN_CASE, Refused("case_open"), Attach(OPEN_CASE)),
        ("reopen", None, Refused("unknown_case"), Open()),
    ],
)
def test_a_red_override_is_never_refused(wish: str, case: Named | None, usual: Placing, emergency: Placing) -> None:
    assert placed(wish, case) == usual
    assert placed(wish, case, emergency=True) == emergency


def test_a_reopened_case_remembers_how_long_it_was_closed() -> None:
    assert with_history({}, {"E2": "none"}, Reopen(CLOSED_CASE, 47)) == ({"days_since_closure": 47}, {"E2": "none"})


def test_a_linked_case_counts_as_a_prior_report_unless_the_reporter_said_more() -> None:
    linked = Open(CLOSED_CASE, 100, counts=True)
    said: dict[str, Any] = {"prior_reports_12m": 3, "days_since_closure": "unknown"}
    assert with_history({}, {}, linked) == ({"days_since_closure": 100, "prior_reports_12m": 1}, {"E2": "one"})
    assert with_history(dict(said), {"E2": "two_plus"}, linked) == (
        {"days_since_closure": 100, "prior_reports_12m": 3},
        {"E2": "two_plus"},
    )


def test_a_new_case_has_no_history() -> None:
    assert with_history({"age": 3}, {}, Open()) == ({"age": 3}, {})


@pytest.mark.parametrize(
    ("case", "days", "expected"),
    [
        (OPEN_CASE, 0, Attach(OPEN_CASE)),
        (CLOSED_CASE, 90, Reopen(CLOSED_CASE, 90)),
        (CLOSED_CASE, 91, Open(CLOSED_CASE, 91, counts=True)),
        (CLOSED_CASE, 365, Open(CLOSED_CASE, 365, counts=True)),
        (CLOSED_CASE, 366, Open(CLOSED_CASE, 366, counts=False)),
    ],
)
def test_a_recognised_child_goes_on_where_its_case_stands(case: Named, days: int, expected: Placing) -> None:
    assert resume(case, CLOSED + timedelta(days=days), POLICY) == expected


@pytest.mark.parametrize("days", [0, 90, 91, 365, 366, 5000])
@pytest.mark.parametrize("wish", ["attach", "reopen"])
@pytest.mark.parametrize("case", [None, OPEN_CASE, CLOSED_CASE])
def test_with_a_red_override_a_case_is_always_open_afterwards(wish: str, case: Named | None, days: int) -> None:
    assert isinstance(placed(wish, case, days, emergency=True), Open | Attach | Reopen)
