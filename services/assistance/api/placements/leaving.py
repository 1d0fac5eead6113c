"""Leaving a placement: home again, over to the place of origin, for good, or otherwise (D-4.5.2, D-4.6.2)."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict
from pydantic.config import JsonDict

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, conflict, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from services.assistance.api.placements.deciding import may_act, reply
from services.assistance.api.placements.moves import HandOver, end_clocks, leave, past, signed
from services.assistance.api.placements.reading import Acting, acting, refuse_lacking
from services.assistance.api.steps import Body
from services.assistance.domain.placement import HOME, PERMANENT_KINDS, removal_stands, transfer_lacks
from services.assistance.store import placements as store
from services.assistance.views.placements import PlacementsView

router = APIRouter(prefix="/api/v1/placements", tags=["placements"])

RECEIPT: JsonDict = {
    "given_by": "FOSTER-07",
    "received_by": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e70",
    "at": "2026-11-27T02:00:00Z",
    "receipt_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
}


class ReturnHome(Body):
    """The child goes home: the note that says why the reason for removal is gone, and the receipt of both sides."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason_ended_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e51", "hand_over": RECEIPT}]
        }
    )

    reason_ended_note_id: UUID
    hand_over: HandOver


class Acceptance(Body):
    """The place of origin's acceptance in writing, and the assessment of the home there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "accepted_at": "2026-11-25T02:00:00Z",
                    "acceptance_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e51",
                    "home_assessment_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e52",
                    "home_safe": True,
                }
            ]
        }
    )

    accepted_at: AwareDatetime
    acceptance_note_id: UUID
    home_assessment_note_id: UUID | None = None
    home_safe: bool = False


class Transfer(Body):
    """The child is handed over to the place of origin."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hand_over": RECEIPT}]})

    hand_over: HandOver


class EndPlacement(Body):
    """A placement that ended otherwise."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cause": "aged_out", "ended_at": "2026-11-27T02:00:00Z"}]}
    )

    cause: Literal["aged_out", "adopted", "ran_away", "deceased"]
    ended_at: AwareDatetime
    note_id: UUID | None = None


def _since(pointer: str, at: AwareDatetime, on: Acting) -> None:
    if on.row.started_at is not None and at < on.row.started_at:
        raise invalid(FieldError(pointer, "before_the_start", "不能早于入住时间", "must not be before the start"))


@router.post("/{placement_id}/return-home", response_model=PlacementsView)
async def return_home(
    placement_id: UUID, body: ReturnHome, subject: Annotated[Subject, guard("placement.decide")], command: CommandOf
) -> Response:
    """The child goes home. Refused while the reason for removal stands, by what is known of the child now."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.decide", command, "started")
        if on.row.kind == HOME:
            raise conflict("at_home", "已在家中", "The child is at home", current_state=on.row.state)
        refuse_lacking(removal_stands(on.row.reason, on.child, on.policy))
        at = past("#/hand_over/at", body.hand_over.at, tx)
        _since("#/hand_over/at", at, on)
        on.row.return_hand_over, on.row.end_note_id = signed(body.hand_over, tx), body.reason_ended_note_id
        await leave(tx, on.row, "returned_home", "returned_home", at, on.round_, subject, on.policy)
        return await reply(tx, on, subject, "placement.returned_home")

    return await command.run(act, body)


@router.post("/{placement_id}/acceptance", response_model=PlacementsView)
async def record_acceptance(
    placement_id: UUID, body: Acceptance, subject: Annotated[Subject, guard("placement.act")], command: CommandOf
) -> Response:
    """Record that the place of origin accepted in writing, and whether the home there is safe."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.act", command, "started")
        may_act(subject, on)
        on.row.accepted_at = past("#/accepted_at", body.accepted_at, tx)
        on.row.acceptance_note_id = body.acceptance_note_id
        on.row.home_assessment_note_id = body.home_assessment_note_id
        on.row.home_assessed_safe = body.home_safe and body.home_assessment_note_id is not None
        await store.save_placements(tx.db, on.row)
        return await reply(tx, on, subject, "placement.accepted")

    return await command.run(act, body)


@router.post("/{placement_id}/transfer", response_model=PlacementsView)
async def transfer_placement(
    placement_id: UUID, body: Transfer, subject: Annotated[Subject, guard("placement.act")], command: CommandOf
) -> Response:
    """Hand the child over to the government of its registration, once that accepted in writing and home is safe."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.act", command, "started")
        may_act(subject, on)
        [known] = store.as_known([on.row])
        refuse_lacking(transfer_lacks(known, on.child, on.policy))
        at = past("#/hand_over/at", body.hand_over.at, tx)
        _since("#/hand_over/at", at, on)
        on.row.return_hand_over = signed(body.hand_over, tx)
        await leave(tx, on.row, "ended", "transferred", at, on.round_, subject, on.policy)
        return await reply(tx, on, subject, "placement.transferred")

    return await command.run(act, body)


@router.post("/{placement_id}/permanent", response_model=PlacementsView)
async def make_permanent(
    placement_id: UUID, subject: Annotated[Subject, guard("placement.decide")], command: CommandOf
) -> Response:
    """The child stays here for good (with a relative, a foster family or in a welfare home)."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.decide", command, "started")
        if on.row.kind not in PERMANENT_KINDS or on.row.permanent_since is not None:
            raise conflict(
                "not_permanent",
                "该方式不能长期安置，或已长期安置",
                "This kind cannot be permanent, or is already",
                current_state=on.row.state,
                possible_kinds=sorted(PERMANENT_KINDS),
            )
        on.row.permanent_since, on.row.temporary_guardianship = tx.now, False
        await end_clocks(tx, on.row, guardianship=True)
        on.row.guardianship_id = None
        await store.save_placements(tx.db, on.row)
        return await reply(tx, on, subject, "placement.permanent")

    return await command.run(act)


@router.post("/{placement_id}/end", response_model=PlacementsView)
async def end_placement(
    placement_id: UUID, body: EndPlacement, subject: Annotated[Subject, guard("placement.act")], command: CommandOf
) -> Response:
    """End a placement that was neither moved, transferred nor left for home."""

    async def act(tx: Transaction) -> Reply:
        on = await acting(tx, placement_id, subject, "placement.act", command, "started")
        may_act(subject, on)
        at = past("#/ended_at", body.ended_at, tx)
        _since("#/ended_at", at, on)
        on.row.end_note_id = body.note_id
        await leave(tx, on.row, "ended", body.cause, at, on.round_, subject, on.policy)
        return await reply(tx, on, subject, "placement.ended")

    return await command.run(act, body)
