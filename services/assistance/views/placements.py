"""What a reader sees of placements: where each child lives, what each proposal lacks, and what is owed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.domain.placement import Missing, Responsible, State
from services.assistance.store.placements import PlacementRow
from services.assistance.views.coded import Coded, coded


class MissingView(BaseModel):
    """A condition that does not hold, and in codes what would meet it."""

    rule: str
    zh: str
    en: str
    detail: list[str]


class HandOverView(BaseModel):
    """A receipt that both sides signed."""

    given_by: str
    received_by: str
    at: datetime
    receipt_note_id: UUID


class PlacementView(BaseModel):
    """One placement of one child. `lacks`: what its next step still needs; `return_lacks`: why the child may not go home.

    `place` is an organisation or provider; the address is the note `address_note_id` in the vault.
    """

    placement_id: UUID
    child_id: UUID
    kind: Coded
    reason: Coded
    state: State
    emergency: bool
    place: str | None
    address_note_id: UUID | None
    unavailable: dict[str, str]
    apart_reason: Coded | None
    relative_of_suspected: bool
    police_clear: bool | None
    temporary_guardianship: bool
    guardianship_since: datetime | None
    next_review_at: datetime | None
    responsible: Responsible
    accepted_at: datetime | None
    home_assessed_safe: bool
    proposed_by: Actor
    proposed_at: datetime
    decided_by: Actor | None
    decided_at: datetime | None
    started_at: datetime | None
    must_end_by: datetime | None
    moved_from: UUID | None
    hand_over: HandOverView | None
    permanent_since: datetime | None
    ended_at: datetime | None
    end_cause: str | None
    return_hand_over: HandOverView | None
    lacks: list[MissingView]
    return_lacks: list[MissingView]
    available_actions: list[str]


class FollowUpView(BaseModel):
    """A search or registration owed to a child of unknown identity."""

    follow_up_id: UUID
    child_id: UUID
    code: str
    owner: str
    due_at: datetime
    done_at: datetime | None
    done_by: Actor | None
    late_seconds: int


class GuardianshipReviewView(BaseModel):
    """A review of a temporary guardianship."""

    review_id: UUID
    guardianship_id: UUID
    due_at: datetime
    reviewed_at: datetime
    outcome: str
    late_seconds: int
    reviewed_by: Actor


class PlacementsView(BaseModel):
    """The placements of a case's children, oldest first."""

    case_id: UUID
    case_number: str
    response_no: int
    placements: list[PlacementView]
    follow_ups: list[FollowUpView]
    reviews: list[GuardianshipReviewView]
    available_actions: list[str]
    version: int


def missing(found: Sequence[Missing]) -> list[MissingView]:
    """Conditions for a reader."""
    return [MissingView(rule=one.rule, zh=one.text.zh, en=one.text.en, detail=list(one.detail)) for one in found]


def placement(
    row: PlacementRow,
    policy: Policy,
    *,
    responsible: Responsible,
    next_review_at: datetime | None,
    must_end_by: datetime | None,
    lacks: Sequence[Missing],
    return_lacks: Sequence[Missing],
    actions: Sequence[str],
) -> PlacementView:
    """One placement for a reader."""
    said: Mapping[str, Any] = row.model_dump()
    return PlacementView(
        **{
            **said,
            "kind": coded(policy, "placement_kind", row.kind),
            "reason": coded(policy, "placement_reason", row.reason),
            "apart_reason": coded(policy, "apart_reason", row.apart_reason) if row.apart_reason else None,
            "responsible": responsible,
            "next_review_at": next_review_at,
            "must_end_by": must_end_by,
            "lacks": missing(lacks),
            "return_lacks": missing(return_lacks),
            "available_actions": list(actions),
        }
    )
