"""The moment a case closes, in one commit: clocks and visits end, those who must hear are listed, the review after a case
that was ever RED is owed.
"""

from typing import Literal
from uuid import UUID

from chassis.transaction import Transaction
from contracts.policy import load_calendar
from contracts.vocabulary import SYSTEM
from services.assistance.clocks import task_clock
from services.assistance.domain.after_closure import notices_owed, review_due
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.domain.visits import coordinator
from services.assistance.store.after_closure import AfterCaseReviewRow, ClosingNoticeRow, add_notices, open_review
from services.assistance.visiting import plan_visits

REVIEW: Literal["after_case_review"] = "after_case_review"


async def wind_up(tx: Transaction, shut: Round, closure_id: UUID, reason: str, ever: str) -> None:
    """End what the closed round still owed, with the reason `case_closed`, and start what follows a closure."""
    for clock in await tx.armed(
        [str(shut.case_id)]
    ):  # reviews, conferences called; an earlier round's review stays owed
        if clock.kind != REVIEW:
            tx.end(clock.id, "cancelled", tx.now)
    await plan_visits(tx, [(shut, None)], "case_closed")
    policy = policy_of(shut)
    await add_notices(
        tx.db,
        [
            ClosingNoticeRow(
                closure_id=closure_id,
                recipient=notice.recipient,
                reference=notice.reference,
                case_id=shut.case_id,
                state=notice.state,
                reason=notice.reason,
                note_id=None,
                told_at=None if notice.state == "owed" else tx.now,
                told_by=None if notice.state == "owed" else SYSTEM.model_dump(),
            )
            for notice in notices_owed(shut, reason, policy)
        ],
    )
    due = review_due(ever, tx.now, policy, load_calendar())
    if due is not None:
        row = AfterCaseReviewRow(
            review_id=tx.new_id(REVIEW),
            case_id=shut.case_id,
            response_no=shut.response_no,
            closure_id=closure_id,
            opened_at=tx.now,
            due_at=due,
            lessons=[],
            attended=[],
            note_id=None,
            held_at=None,
            late_seconds=0,
            recorded_by=None,
            recorded_at=None,
        )
        await open_review(tx.db, row)
        owner = coordinator(shut)
        tx.arm(task_clock(row.review_id, shut, REVIEW, row.review_id, "AFTER_CASE_REVIEW", owner, tx.now, due))
