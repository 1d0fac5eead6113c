"""Deciding on a placement, and the child moving in: police check, approval by another person, start."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import VILLAGE, Subject
from contracts.vocabulary import Actor
from services.assistance.api.placements.moves import HandOver, announce, move_in, past, signed
from services.assistance.api.placements.reading import Acting, acting, placements_view, refuse_lacking
from services.assistance.api.steps import Body, keep, same_person
from services.assistance.domain.placement import COMMUNITY, HOME, approval_lacks, start_lacks
from services.assistance.store import placements as store
from services.assistance.views.placements import PlacementsView

router = APIRouter(prefix="/api/v1/placements", tags=["placements"])


class PoliceCheck(Body):
    """What the police found of a relative of the suspected harmer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"clear": True}]})

    clear: bool


class RefusePlacement(Body):
    """Why a proposal is refused, as a note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50"}]})

    note_id: UUID


class StartPlacement(Body):
    """The child moves in; `hand_over` may follow later where care is an emergency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "started_at": "2026-11-20T02:00:00Z",
                    "hand_over": {
                        "given_by": "ST401",
                        "received_by": "FOSTER-07",
                        "at": "2026-11-20T02:00:00Z",
                        "receipt_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                    },
                }
            ]
        }
    )

    started_at: AwareDatetime
    hand_over: HandOver | None = None


async def reply(tx: Transaction, on: Acting, subject: Subject, action: str, status: int = 200) -> Reply:
    """Keep the round's next version with an audit entry, and answer with the placements as they are now."""
    audited = {"placement_id": on.row.placement_id, "kind": on.row.kind}
    round_ = await keep(tx, on.round_, action, subject.actor(), **audited)
    view = await placements_view(tx.db, on.case.put(round_), subject, on.seen_as)
    return Reply(status, view, version=round_.version)


@router.post("/{placement_id}/police-check", response_model=PlacementsView)
async def check_relative(
    placement_id: UUID, body: PoliceCheck, subject: Annotated[Subject, guard("placement.propose")], command: CommandOf
) -> Response:
    """Record the police check of a relative of the suspected harmer."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.propose", command, "proposed")
        if subject.department != "police":
            raise forbidden("police_only")
        on.row.police_clear = body.clear
        on.row.police_checked_by, on.row.police_checked_at = subject.actor().model_dump(), tx.now
        await store.save_placements(tx.db, on.row)
        return await reply(tx, on, subject, "placement.relative_checked")

    return await command.run(act, body)


@router.post("/{placement_id}/approve", response_model=PlacementsView)
async def approve_placement(
    placement_id: UUID, subject: Annotated[Subject, guard("placement.decide")], command: CommandOf
) -> Response:
    """Approve a proposal, by another person than the proposer: P3 by the responsible leader. Emergency care that runs
    already is approved afterwards."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.decide", command, "proposed", "started")
        if on.row.decided_at is not None:
            raise conflict("already_decided", "已决定", "It is decided already", current_state=on.row.state)
        _other_person(subject, on)
        [known] = store.as_known([on.row])
        refuse_lacking(approval_lacks(known, on.child, subject.posts, on.policy))
        on.row.decided_by, on.row.decided_at = subject.actor().model_dump(), tx.now
        on.row.state = "approved" if on.row.state == "proposed" else on.row.state
        await store.save_placements(tx.db, on.row)
        announce(tx, on.row, "approved", on.round_, subject, on.policy)
        return await reply(tx, on, subject, "placement.approved")

    return await command.run(act)


@router.post("/{placement_id}/refuse", response_model=PlacementsView)
async def refuse_placement(
    placement_id: UUID,
    body: RefusePlacement,
    subject: Annotated[Subject, guard("placement.decide")],
    command: CommandOf,
) -> Response:
    """Refuse a proposal."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.decide", command, "proposed", "approved")
        _other_person(subject, on)
        on.row.state, on.row.end_note_id = "refused", body.note_id
        on.row.decided_by, on.row.decided_at = subject.actor().model_dump(), tx.now
        await store.save_placements(tx.db, on.row)
        announce(tx, on.row, "refused", on.round_, subject, on.policy)
        return await reply(tx, on, subject, "placement.refused")

    return await command.run(act, body)


def _other_person(subject: Subject, on: Acting) -> None:
    if same_person(subject.actor(), Actor.model_validate(on.row.proposed_by)):
        raise Problem(403, "second_person", "须由另一人办理", "Another person must do this")


@router.post("/{placement_id}/start", response_model=PlacementsView)
async def start_placement(
    placement_id: UUID, body: StartPlacement, subject: Annotated[Subject, guard("placement.act")], command: CommandOf
) -> Response:
    """The child moves in. From another placement it is a move: that one ends in the same act."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.act", command, "proposed", "approved")
        may_act(subject, on)
        [known] = store.as_known([on.row])
        refuse_lacking(start_lacks(known, on.child, body.hand_over is not None, on.policy))
        at = past("#/started_at", body.started_at, tx)
        living = on.living
        if living is not None and living.started_at is not None and at < living.started_at:
            raise invalid(
                FieldError(
                    "#/started_at", "before_the_last_move", "不能早于上次安置", "must not be before the last move"
                )
            )
        on.row.hand_over = signed(body.hand_over, tx) if body.hand_over else None
        await move_in(tx, on.row, living, at, on.round_, subject, on.policy)
        return await reply(tx, on, subject, "placement.started")

    return await command.run(act, body)


def may_act(subject: Subject, on: Acting) -> None:
    """The village acts in its own community care only (D-7.2.3). Raises 403."""
    if subject.department == VILLAGE and on.row.kind != COMMUNITY:
        raise forbidden("village_starts_community_care_only")


@router.post("/{placement_id}/hand-over", response_model=PlacementsView)
async def record_hand_over(
    placement_id: UUID, body: HandOver, subject: Annotated[Subject, guard("placement.act")], command: CommandOf
) -> Response:
    """Record the two-sided receipt of a way there that was an emergency (D-5.4.2, D-5.4.3)."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.act", command, "started")
        may_act(subject, on)
        if on.row.hand_over is not None or on.row.kind == HOME:
            raise conflict(
                "already_handed_over", "已有交接回执", "There is a receipt already", current_state=on.row.state
            )
        on.row.hand_over = signed(body, tx)
        await store.save_placements(tx.db, on.row)
        return await reply(tx, on, subject, "placement.handed_over")

    return await command.run(act, body)
