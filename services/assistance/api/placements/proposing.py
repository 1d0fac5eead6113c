"""Proposing a placement: the best kind that is left, for siblings together, a doctor first (D-4.6)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, conflict, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import VILLAGE, Subject
from contracts.policy import Policy
from services.assistance.api.placements.moves import ID, announce, move_in, past
from services.assistance.api.placements.reading import child_of, placements_view
from services.assistance.api.steps import Body, changeable, keep, policy_of
from services.assistance.domain.placement import COMMUNITY, Kind, Wish, needs_police_check, proposal_lacks
from services.assistance.domain.rounds import Round
from services.assistance.store import placements as store
from services.assistance.store.placements import PlacementRow
from services.assistance.views import placements as views
from services.assistance.views.placements import PlacementsView

CODE = r"^[a-z][a-z0-9_]{0,39}$"

router = APIRouter(prefix="/api/v1/placements", tags=["placements"])


class NewPlacement(Body):
    """A proposal for one child or for siblings together. Codes are those of policy `placement`.

    `unavailable` says of each better kind why it is out of the question. `emergency` care (P6, P7, P8) begins at
    `started_at`, if given, without waiting for an approval, and asks nothing about household registration.
    `relative_of_suspected_harmer` left out while a guardian is suspected counts as yes.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "child_ids": ["0198f3a2-7c11-7d20-9a51-3f0c6b1d2e60"],
                    "kind": "P2",
                    "reason": "domestic_violence",
                    "unavailable": {"P0": "removal_reason_stands", "P1": "none_exists"},
                    "place": "FOSTER-07",
                    "address_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    case_id: UUID
    child_ids: list[UUID] = Field(min_length=1, max_length=12)
    kind: Kind
    reason: str = Field(pattern=CODE)
    emergency: bool = False
    started_at: AwareDatetime | None = None
    place: str | None = Field(default=None, pattern=ID)
    address_note_id: UUID | None = None
    unavailable: dict[Kind, Annotated[str, Field(pattern=CODE)]] = {}
    apart_reason: str | None = Field(default=None, pattern=CODE)
    medical_note_id: UUID | None = None
    separate_room: bool = False
    staff_checked: bool = False
    relative_of_suspected_harmer: bool | None = None
    temporary_guardianship: bool = False
    note_id: UUID | None = None


@router.post("", status_code=201, response_model=PlacementsView)
async def propose_placement(
    body: NewPlacement, subject: Annotated[Subject, guard("placement.propose")], command: CommandOf
) -> Response:
    """Propose a placement, or begin emergency care. Refused with everything that is missing, child by child."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, body.case_id, subject, "placement.propose", None)
        round_, policy = case.current, policy_of(case.current)
        _check_codes(body, round_, policy)
        if subject.department == VILLAGE and body.started_at is not None and body.kind != COMMUNITY:
            raise forbidden("village_starts_community_care_only")
        await _refuse_lacking(tx, body, round_, policy)
        rows = [_row(body, child_id, round_, subject, tx) for child_id in dict.fromkeys(body.child_ids)]
        await store.add_placements(tx.db, rows)
        for row in rows:
            announce(tx, row, "proposed", round_, subject, policy)
        if body.started_at is not None:
            await _begin(tx, body, rows, round_, subject, policy)
        round_ = await keep(tx, round_, "placement.proposed", subject.actor(), kind=body.kind, reason=body.reason)
        view = await placements_view(tx.db, case.put(round_), subject, seen_as)
        location = f"/api/v1/placements?case_id={body.case_id}"
        return Reply(201, view, version=round_.version, location=location)

    return await command.run(act, body)


def _check_codes(body: NewPlacement, round_: Round, policy: Policy) -> None:
    wrong: list[FieldError] = []
    family = {child.child_id for child in round_.children}
    if not set(body.child_ids) <= family:
        wrong.append(FieldError("#/child_ids", "not_in_this_case", "不是本案未成年人", "no child of this case"))
    codes = [("#/reason", "placement_reason", body.reason)]
    codes += [("#/unavailable", "unavailable_reason", code) for code in body.unavailable.values()]
    codes += [("#/apart_reason", "apart_reason", body.apart_reason)] if body.apart_reason else []
    for pointer, kind, code in codes:
        if (kind, code) not in policy.labels:
            wrong.append(FieldError(pointer, f"unknown_{kind}", "没有这个代码", "there is no such code"))
    if body.started_at is not None and not body.emergency:
        wrong.append(
            FieldError("#/started_at", "not_an_emergency", "非紧急安置须先批准", "only emergency care begins at once")
        )
    if wrong:
        raise invalid(*wrong)


async def _refuse_lacking(tx: Transaction, body: NewPlacement, round_: Round, policy: Policy) -> None:
    running = [one for one in await store.load_placements(tx.db, body.case_id) if one.current or one.waiting]
    missing = []
    for child_id in body.child_ids:
        wish = Wish(
            child=child_of(round_, child_id),
            kind=body.kind,
            reason=body.reason,
            emergency=body.emergency,
            place=body.place,
            unavailable={str(kind): reason for kind, reason in body.unavailable.items()},
            with_children=frozenset(body.child_ids),
            apart_reason=body.apart_reason,
            medically_cleared=body.medical_note_id is not None,
            separate_room=body.separate_room,
            staff_checked=body.staff_checked,
        )
        found = views.missing(proposal_lacks(wish, round_.children, running, policy))
        missing += [{"child_id": str(child_id), **one.model_dump()} for one in found]
    if missing:
        raise conflict(
            "placement_conditions", "尚有条件未满足，不能安置", "The placement cannot be proposed yet", missing=missing
        )


def _row(body: NewPlacement, child_id: UUID, round_: Round, subject: Subject, tx: Transaction) -> PlacementRow:
    child = child_of(round_, child_id)
    return PlacementRow(
        placement_id=tx.new_id("placement", child_id),
        case_id=body.case_id,
        response_no=round_.response_no,
        child_id=child_id,
        kind=body.kind,
        reason=body.reason,
        state="proposed",
        emergency=body.emergency,
        place=body.place,
        address_note_id=body.address_note_id,
        unavailable={str(kind): why for kind, why in body.unavailable.items()},
        apart_reason=body.apart_reason,
        medical_note_id=body.medical_note_id,
        separate_room=body.separate_room,
        staff_checked=body.staff_checked,
        relative_of_suspected=needs_police_check(body.kind, body.relative_of_suspected_harmer, child),
        police_clear=None,
        police_checked_by=None,
        police_checked_at=None,
        temporary_guardianship=body.temporary_guardianship,
        guardianship_id=None,
        guardianship_since=None,
        note_id=body.note_id,
        proposed_by=subject.actor().model_dump(),
        proposed_at=tx.now,
        decided_by=None,
        decided_at=None,
        started_at=None,
        moved_from=None,
        hand_over=None,
        acceptance_note_id=None,
        accepted_at=None,
        home_assessment_note_id=None,
        home_assessed_safe=False,
        permanent_since=None,
        ended_at=None,
        end_cause=None,
        end_note_id=None,
        return_hand_over=None,
    )


async def _begin(
    tx: Transaction, body: NewPlacement, rows: list[PlacementRow], round_: Round, subject: Subject, policy: Policy
) -> None:
    assert body.started_at is not None
    at = past("#/started_at", body.started_at, tx)
    living = {row.child_id: row for row in await store.placements_of(tx.db, body.case_id) if row.state == "started"}
    for row in rows:
        await move_in(tx, row, living.get(row.child_id), at, round_, subject, policy)
