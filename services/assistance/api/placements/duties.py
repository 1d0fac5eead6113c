"""What is owed while a child is placed: reviews of a temporary guardianship, and the searches for one nobody knows."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import COORDINATOR, Subject
from services.assistance.api.placements.deciding import reply
from services.assistance.api.placements.moves import owe, past
from services.assistance.api.placements.reading import Acting, acting, child_of, placements_view
from services.assistance.api.steps import Body, changeable, keep, policy_of
from services.assistance.domain.stays import HUKOU, meets, registration_owed, review_due
from services.assistance.placement_clocks import review_clock, review_clock_id
from services.assistance.store import placements as store
from services.assistance.store.placements import GuardianshipReviewRow
from services.assistance.views.placements import PlacementsView

router = APIRouter(prefix="/api/v1/placements", tags=["placements"])


class ReviewGuardianship(Body):
    """What a review of a temporary guardianship decided; its text is a note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reviewed_at": "2026-11-27T02:00:00Z",
                    "outcome": "continue",
                    "note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    reviewed_at: AwareDatetime
    outcome: Literal["continue", "prepare_return", "seek_long_term"]
    note_id: UUID


class FinishFollowUp(Body):
    """A search or registration is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"done_at": "2026-11-27T02:00:00Z"}]})

    done_at: AwareDatetime
    note_id: UUID | None = None


@router.post("/{placement_id}/reviews", status_code=201, response_model=PlacementsView)
async def review_guardianship(
    placement_id: UUID,
    body: ReviewGuardianship,
    subject: Annotated[Subject, guard("placement.decide")],
    command: CommandOf,
) -> Response:
    """Review a temporary guardianship. Within a week before its due time, or later, it meets the review that is due."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.decide", command, "started")
        since, guardianship_id = _guardianship(on)
        due = review_due(since, await _made(tx, on), on.policy)
        at = past("#/reviewed_at", body.reviewed_at, tx)
        if at < since:
            raise invalid(
                FieldError("#/reviewed_at", "before_the_start", "不能早于临时监护", "must not be before it began")
            )
        row = GuardianshipReviewRow(
            review_id=tx.new_id("guardianship_review"),
            case_id=on.row.case_id,
            guardianship_id=guardianship_id,
            due_at=due,
            reviewed_at=at,
            outcome=body.outcome,
            late_seconds=max(0, int((at - due) / timedelta(seconds=1))),
            note_id=body.note_id,
            reviewed_by=subject.actor().model_dump(),
        )
        await store.add_guardianship_review(tx.db, row)
        if meets(at, due, on.policy):
            tx.end(review_clock_id(guardianship_id, due), "met", at)
            following = review_due(since, await _made(tx, on), on.policy)
            tx.arm(review_clock(on.row, on.round_, following, on.policy))
        return await reply(tx, on, subject, "placement.guardianship_reviewed", 201)

    return await command.run(act, body)


def _guardianship(on: Acting) -> tuple[datetime, UUID]:
    """Since when the temporary guardianship runs, and its id. Raises 409 where there is none."""
    if on.row.guardianship_id is None or on.row.guardianship_since is None:
        raise conflict(
            "no_guardianship", "没有临时监护", "There is no temporary guardianship", current_state=on.row.state
        )
    return on.row.guardianship_since, on.row.guardianship_id


async def _made(tx: Transaction, on: Acting) -> list[tuple[datetime, datetime]]:
    rows = await store.reviews_of_guardianships(tx.db, on.row.case_id)
    return [(row["due_at"], row["reviewed_at"]) for row in rows if row["guardianship_id"] == on.row.guardianship_id]


@router.post("/{case_id}/follow-ups/{follow_up_id}/done", response_model=PlacementsView)
async def finish_follow_up(
    case_id: UUID,
    follow_up_id: UUID,
    body: FinishFollowUp,
    subject: Annotated[Subject, guard("placement.propose")],
    command: CommandOf,
) -> Response:
    """A search or registration is done. When all searches are over, household registration is owed (D-5.4.4)."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "placement.propose", command)
        round_, policy = case.current, policy_of(case.current)
        rows = await store.follow_ups_of(tx.db, case_id)
        row = next((row for row in rows if row["follow_up_id"] == follow_up_id), None)
        if row is None:
            raise not_found()
        if subject.department not in {row["owner"], COORDINATOR}:
            raise forbidden("not_the_owner")
        if row["done_at"] is not None:
            raise conflict("already_done", "已办结", "It is done already", current_state="done")
        at = past("#/done_at", body.done_at, tx)
        late = max(0, int((at - row["due_at"]) / timedelta(seconds=1)))
        await store.finish_follow_up(tx.db, follow_up_id, at, subject.actor().model_dump(), late, body.note_id)
        tx.end(follow_up_id, "met", at)
        child = child_of(round_, row["child_id"])
        siblings = (one for one in rows if one["child_id"] == child.child_id and one is not row)
        registration = registration_owed(child, at, policy)
        if row["code"] != HUKOU and registration and all(one["done_at"] is not None for one in siblings):
            await owe(tx, [registration], child, case_id, at, round_, policy)
        round_ = await keep(tx, round_, "placement.follow_up_done", subject.actor(), code=row["code"])
        view = await placements_view(tx.db, case.put(round_), subject, seen_as)
        return Reply(200, view, version=round_.version)

    return await command.run(act, body)
