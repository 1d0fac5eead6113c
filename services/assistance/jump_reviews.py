"""A review whether the ladder may be left for G4 opens by itself when harm of the policy's kind is found (R1, R2, R4, R8,
R11), and again when more of it is found.
"""

from collections.abc import Mapping, Sequence

from chassis.transaction import Transaction
from contracts.envelope import Event
from contracts.policy import elapsed, load_policy
from services.assistance.domain.ladder import review_grounds
from services.assistance.domain.rounds import Case
from services.assistance.ladder_clocks import review_clock, review_clock_id
from services.assistance.store.ladders import JumpReviewRow, open_reviews, reviews_of, widen_review


async def review_jumps(events: Sequence[Event], cases: Mapping[str, Case], tx: Transaction) -> None:
    """Open or widen the reviews that these assessments call for; `cases` by key, as they are after them."""
    found = {}
    for event in events:
        round_ = cases[event.key].numbered(event.data.response_no, event.data.case_number)
        grounds = review_grounds(round_.children, load_policy(event.data.policy_version))
        if grounds and round_.state == "open":
            found[event.key] = (event, round_, grounds)
    if not found:
        return
    known = {
        (row["case_id"], row["response_no"]): row
        for row in await reviews_of(tx.db, [round_.case_id for _, round_, _ in found.values()])
    }
    opened = []
    for event, round_, grounds in found.values():
        before = known.get((round_.case_id, round_.response_no))
        if before is not None and set(grounds) <= set(before["grounds"]):
            continue
        limit = load_policy(event.data.policy_version).guardian_ladder.review.limit
        row = JumpReviewRow(
            review_id=before["review_id"] if before else tx.new_id("jump_review", cause=event),
            case_id=round_.case_id,
            response_no=round_.response_no,
            grounds=sorted({*grounds, *(before["grounds"] if before else ())}),
            opened_at=tx.now,
            due_at=tx.now + elapsed(limit),
            decision=None,
            malice=False,
            note_id=None,
            decided_by=None,
            decided_at=None,
        )
        if before is None:
            opened.append(row)
        else:
            tx.end(review_clock_id(row.review_id, before["due_at"]), "cancelled", tx.now)
            await widen_review(tx.db, row.review_id, row.grounds, row.due_at)
        tx.arm(review_clock(row, round_))
    if opened:
        await open_reviews(tx.db, opened)
