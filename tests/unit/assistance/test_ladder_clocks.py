"""Clocks of ladder and placement: each one armed acts, and is called again until somebody does what is owed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.transaction import Deadline
from contracts.policy import load_policy
from services.assistance import ladder_clocks, placement_clocks
from services.assistance.domain.ladder import checks_due
from services.assistance.domain.rounds import Round
from services.assistance.domain.stays import meets, next_review, review_due
from services.assistance.firing import FIRING
from services.assistance.store.ladders import ComplianceCheckRow, JumpReviewRow, LadderStepRow
from services.assistance.store.placements import FollowUpRow, PlacementRow

POLICY = load_policy("2026-11")
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ROUND = Round(UUID(int=1), 1, "YX-1", township="YX", policy_version="2026-11")
DOCUMENTS = [document for document in POLICY.guardian_ladder.documents if POLICY.guardian_ladder.check_days(document)]


def step(document: str, **changes: Any) -> LadderStepRow:
    content: dict[str, Any] = dict.fromkeys(LadderStepRow.model_fields)
    paper = POLICY.guardian_ladder.document(document)
    assert paper is not None
    said = {
        "ladder_step_id": UUID(int=2), "case_id": ROUND.case_id, "step": paper.step, "document": document,
        "issued_on": START, "owner": "police",
    }  # fmt: skip
    return LadderStepRow(**{**content, **said, **changes})


def placement(**changes: Any) -> PlacementRow:
    content: dict[str, Any] = dict.fromkeys(PlacementRow.model_fields)
    said = {"placement_id": UUID(int=3), "case_id": ROUND.case_id, "kind": "P7", "started_at": START}
    return PlacementRow(**{**content, **said, **changes})


def acts_until_done(clock: Deadline) -> None:
    """The clock is known, reaches its due time, and goes on repeating."""
    assert clock.kind in FIRING
    assert [at for at, _ in clock.plan] == sorted(at for at, _ in clock.plan)
    assert clock.plan[-1] == (clock.due_at, "overdue")
    assert clock.repeat_seconds


@given(document=st.sampled_from(DOCUMENTS), days=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_every_planned_check_is_called_until_it_is_made(document: Any, days: int) -> None:
    issued = START + days * DAY
    row = step(document.code, issued_on=issued)
    for number, due in enumerate(checks_due(document, issued, POLICY)):
        check = ComplianceCheckRow(
            check_id=UUID(int=100 + number), ladder_step_id=row.ladder_step_id, case_id=row.case_id, due_at=due,
            complied=None, breached_order=False, checked_at=None, checked_by=None, late_seconds=0, note_id=None,
        )  # fmt: skip
        clock = ladder_clocks.check_clock(check, row, ROUND, POLICY)
        assert (clock.id, clock.due_at, clock.subject) == (check.check_id, due, check.check_id)
        acts_until_done(clock)


def test_an_order_ends_by_itself_and_a_protection_order_reminds_before() -> None:
    until = START + 100 * DAY
    letter = ladder_clocks.paper_clocks(step("warning_letter", in_force_until=until), ROUND, POLICY)
    order = ladder_clocks.paper_clocks(step("protection_order", in_force_until=until), ROUND, POLICY)
    assert [(clock.kind, clock.plan) for clock in letter] == [("order_expiry", ((until, "expired"),))]
    assert [(clock.kind, clock.plan[0]) for clock in order] == [
        ("order_expiry", (until, "expired")),
        ("order_reminder", (until - 30 * DAY, "due_soon")),
    ]
    for clock in (*letter, *order):
        assert clock.kind in FIRING
        assert clock.id in ladder_clocks.ids_of_paper(UUID(int=2))


def test_the_courts_limit_and_a_review_are_called_until_they_are_met() -> None:
    applied = step("protection_order_application", court_due_at=START + 3 * DAY)
    [clock] = ladder_clocks.paper_clocks(applied, ROUND, POLICY)
    acts_until_done(clock)
    assert clock.id in ladder_clocks.ids_of_paper(applied.ladder_step_id)
    review = JumpReviewRow(
        review_id=UUID(int=4), case_id=ROUND.case_id, response_no=1, grounds=["fired:R1"], opened_at=START,
        due_at=START + 3 * DAY, decision=None, malice=False, note_id=None, decided_by=None, decided_at=None,
    )  # fmt: skip
    acts_until_done(ladder_clocks.review_clock(review, ROUND))


def test_the_clocks_of_a_placement_are_called_until_it_is_over() -> None:
    stay = placement_clocks.cap_clock(placement(), ROUND, POLICY)
    assert stay is not None
    acts_until_done(stay)
    assert placement_clocks.cap_clock(placement(kind="P2"), ROUND, POLICY) is None
    guarded = placement(guardianship_id=UUID(int=3), guardianship_since=START)
    acts_until_done(placement_clocks.length_clock(guarded, ROUND, POLICY))
    due = next_review(START, START, POLICY)
    review = placement_clocks.review_clock(guarded, ROUND, due, POLICY)
    assert review.id == placement_clocks.review_clock_id(UUID(int=3), due)
    acts_until_done(review)
    owed = FollowUpRow(
        follow_up_id=UUID(int=5), case_id=ROUND.case_id, child_id=UUID(int=6), code="dna_search", owner="police",
        opened_at=START, due_at=START + DAY, done_at=None, done_by=None, late_seconds=0, note_id=None,
    )  # fmt: skip
    acts_until_done(placement_clocks.follow_up_clock(owed, ROUND, POLICY))


@pytest.mark.parametrize(
    ("made", "due"),
    [
        ((), 30),
        (((30, 22),), 30),
        (((30, 24),), 120),
        (((30, 30),), 120),
        (((30, 31),), 120),
        (((30, 125),), 210),
        (((30, 30), (120, 119)), 210),
    ],
)
def test_a_review_meets_the_one_that_is_due_unless_it_comes_much_too_early(made: Any, due: int) -> None:
    pairs = [(START + d * DAY, START + at * DAY) for d, at in made]
    assert review_due(START, pairs, POLICY) == START + due * DAY
    assert meets(START + 23 * DAY, START + 30 * DAY, POLICY) is True
    assert meets(START + 22 * DAY, START + 30 * DAY, POLICY) is False
