"""What happens when a child moves in or leaves: rows, clocks and the announcement, in one place for every act."""

from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import AwareDatetime, Field

from chassis.problem import FieldError, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import PlacementChanged
from contracts.policy import Policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.placements.reading import child_of
from services.assistance.api.steps import Body
from services.assistance.domain.placement import HOME, Kind, State, external_notices, responsible
from services.assistance.domain.rounds import Child, Round
from services.assistance.domain.stays import Owed, next_review, registration_owed, searches_owed
from services.assistance.placement_clocks import cap_clock, follow_up_clock, length_clock, review_clock
from services.assistance.store import placements as store
from services.assistance.store.placements import FollowUpRow, PlacementRow
from services.assistance.visiting import plan_visits

ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"


class HandOver(Body):
    """A receipt that both sides signed: who gave the child over, who took it (staff, organisation or carer ids), and the
    note with the paper (D-5.4.2)."""

    given_by: Annotated[str, Field(pattern=ID)]
    received_by: Annotated[str, Field(pattern=ID)]
    at: AwareDatetime
    receipt_note_id: UUID


def signed(hand_over: HandOver, tx: Transaction) -> dict[str, Any]:
    """The receipt as it is kept. Raises 422 where one side signed for both, or for the future."""
    if hand_over.given_by == hand_over.received_by:
        raise invalid(
            FieldError("#/hand_over/received_by", "one_sided", "交接双方不能相同", "giver and receiver must differ")
        )
    past("#/hand_over/at", hand_over.at, tx)
    return hand_over.model_dump(mode="json")


def past(pointer: str, at: datetime, tx: Transaction) -> datetime:
    """A moment that is over, in UTC. Raises 422 for one that lies ahead."""
    if at > tx.now + CLOCK_LEEWAY:
        raise invalid(FieldError(pointer, "in_the_future", "不能晚于现在", "must not be in the future"))
    return at.astimezone(UTC)


def announce(tx: Transaction, row: PlacementRow, state: State, round_: Round, subject: Subject, policy: Policy) -> None:
    """Tell that a placement changed; a start also names who outside the township is told (N-11)."""
    child = child_of(round_, row.child_id)
    tx.publish(
        str(row.case_id),
        PlacementChanged(
            case_id=row.case_id,
            case_number=round_.case_number,
            township=round_.township,
            placement_id=row.placement_id,
            child_id=row.child_id,
            kind=cast(Kind, row.kind),
            reason=row.reason,
            state=state,
            temporary_guardianship=row.temporary_guardianship,
            responsible=responsible(child, policy),
            accepted_in_writing=row.acceptance_note_id is not None,
            external_notices=external_notices(row.kind, policy) if state == "started" else (),
            cause=row.end_cause,
            moved_from=row.moved_from,
            by=subject.actor(),
            at=tx.now,
        ),
    )


async def move_in(
    tx: Transaction,
    row: PlacementRow,
    living: PlacementRow | None,
    at: datetime,
    round_: Round,
    subject: Subject,
    policy: Policy,
) -> None:
    """The child lives here from now on; the placement it comes from ends in the same commit."""
    if living is not None:
        await _leave(tx, living, "ended", "moved", at, keep_guardianship=row.temporary_guardianship)
        row.moved_from = living.placement_id
    row.state, row.started_at = "started", at
    if row.temporary_guardianship:
        before = living if living is not None and living.guardianship_id is not None else None
        row.guardianship_id = before.guardianship_id if before else row.placement_id
        row.guardianship_since = before.guardianship_since if before else at
    # What ends is written before what starts: a child has one current placement.
    await store.save_placements(tx.db, *([living] if living else []), row)
    if living is not None:
        announce(tx, living, "ended", round_, subject, policy)
    announce(tx, row, "started", round_, subject, policy)
    cap = cap_clock(row, round_, policy)
    tx.arm(*([cap] if cap else []))
    if row.guardianship_id == row.placement_id:
        tx.arm(review_clock(row, round_, next_review(at, at, policy), policy), length_clock(row, round_, policy))
    if row.kind != HOME:
        await _owe_searches(tx, row, at, round_, policy)
    await plan_visits(tx, [(round_, None)], "placement_changed")


async def leave(
    tx: Transaction,
    row: PlacementRow,
    state: State,
    cause: str,
    at: datetime,
    round_: Round,
    subject: Subject,
    policy: Policy,
) -> None:
    """The child lives here no longer."""
    await _leave(tx, row, state, cause, at, keep_guardianship=False)
    await store.save_placements(tx.db, row)
    announce(tx, row, state, round_, subject, policy)
    await plan_visits(tx, [(round_, None)], "placement_changed")


async def _leave(
    tx: Transaction, row: PlacementRow, state: State, cause: str, at: datetime, *, keep_guardianship: bool
) -> None:
    row.state, row.end_cause, row.ended_at = state, cause, at
    await end_clocks(tx, row, guardianship=not keep_guardianship)


async def end_clocks(tx: Transaction, row: PlacementRow, *, guardianship: bool) -> None:
    """End the clocks of a stay, and of its temporary guardianship where that is over too."""
    over = {row.placement_id} | ({row.guardianship_id} if guardianship else set())
    kinds = {"placement_cap"} | ({"guardianship_review", "guardianship_length"} if guardianship else set())
    for clock in await tx.armed([str(row.case_id)]):
        if clock.subject in over and clock.kind in kinds:
            tx.end(clock.id, "met" if clock.kind == "placement_cap" else "cancelled", row.ended_at or tx.now)


async def _owe_searches(tx: Transaction, row: PlacementRow, at: datetime, round_: Round, policy: Policy) -> None:
    child = child_of(round_, row.child_id)
    owed = list(searches_owed(child, at, policy))
    if not owed and child.facts.get("hukou") == "none" and (registration := registration_owed(child, at, policy)):
        owed.append(registration)
    await owe(tx, owed, child, row.case_id, at, round_, policy)


async def owe(
    tx: Transaction, owed: list[Owed], child: Child, case_id: UUID, at: datetime, round_: Round, policy: Policy
) -> None:
    """Keep what is owed to a child and start its clocks; what it is owed already stays as it is."""
    known = {row["code"] for row in await store.follow_ups_of(tx.db, case_id) if row["child_id"] == child.child_id}
    rows = [
        FollowUpRow(
            follow_up_id=tx.new_id("follow_up", child.child_id, one.code),
            case_id=case_id,
            child_id=child.child_id,
            code=one.code,
            owner=one.owner,
            opened_at=at,
            due_at=one.due_at,
            done_at=None,
            done_by=None,
            late_seconds=0,
            note_id=None,
        )
        for one in owed
        if one.code not in known
    ]
    if rows:
        await store.add_follow_ups(tx.db, rows)
        tx.arm(*(follow_up_clock(row, round_, policy) for row in rows))
