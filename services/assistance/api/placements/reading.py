"""The placements of a case for a reader, and the first moves of every act on one (policy `placement`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.auth import guard
from chassis.command import Command, versioned
from chassis.http import Reading
from chassis.problem import Problem, conflict, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Resource, Subject
from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.api.steps import changeable, permitted, policy_of, readable, same_person
from services.assistance.domain.placement import (
    COMMUNITY,
    HOME,
    PERMANENT_KINDS,
    Missing,
    approval_lacks,
    removal_stands,
    responsible,
    start_lacks,
    transfer_lacks,
)
from services.assistance.domain.rounds import Case, Child, Round
from services.assistance.domain.stays import review_due, stay_ends
from services.assistance.store import placements as store
from services.assistance.store.placements import PlacementRow
from services.assistance.views import placements as views
from services.assistance.views.placements import PlacementsView, PlacementView

POLICE = "police"
Rows = Sequence[Mapping[str, Any]]

router = APIRouter(prefix="/api/v1/placements", tags=["placements"])


@router.get("", response_model=PlacementsView)
async def read_placements(
    case_id: UUID, request: Request, subject: Annotated[Subject, guard("placement.read")], db: Reading
) -> Response:
    """Where the children of a case live and lived, what proposals lack, and what is owed."""
    case, seen_as, _ = await readable(db, case_id, subject, "placement.read")
    return versioned(request, await placements_view(db, case, subject, seen_as), case.current.version)


async def placements_view(db: Connection, case: Case, subject: Subject, seen_as: Resource) -> PlacementsView:
    """The placements as this subject sees them."""
    round_ = case.current
    rows = await store.placements_of(db, case.case_id)
    reviews = await store.reviews_of_guardianships(db, case.case_id)
    may_propose = round_.state == "open" and permitted(subject, "placement.propose", seen_as)
    return PlacementsView(
        case_id=round_.case_id,
        case_number=round_.case_number,
        response_no=round_.response_no,
        placements=[_one(row, round_, reviews, subject, seen_as) for row in rows],
        follow_ups=[views.FollowUpView(**row) for row in await store.follow_ups_of(db, case.case_id)],
        reviews=[views.GuardianshipReviewView(**row) for row in reviews],
        available_actions=["propose"] if may_propose else [],
        version=round_.version,
    )


def _one(row: PlacementRow, round_: Round, reviews: Rows, subject: Subject, seen_as: Resource) -> PlacementView:
    policy, child = policy_of(round_), child_of(round_, row.child_id)
    [known] = store.as_known([row])
    lacks: dict[str, Sequence[Missing]] = {
        "proposed": approval_lacks(known, child, subject.posts, policy),
        "approved": start_lacks(known, child, hand_over=True, policy=policy),
    }
    away = row.state == "started" and row.kind != HOME
    if not sees_place(row, subject):
        row = row.model_copy(
            update={"place": None, "address_note_id": None, "hand_over": None, "return_hand_over": None}
        )
    return views.placement(
        row,
        policy,
        responsible=responsible(child, policy),
        next_review_at=_next_review(row, reviews, policy),
        must_end_by=stay_ends(row.kind, row.started_at, policy) if row.started_at and row.state == "started" else None,
        lacks=lacks.get(row.state, ()),
        return_lacks=removal_stands(row.reason, child, policy) if away else (),
        actions=_actions(row, child, policy, subject, seen_as) if round_.state == "open" else [],
    )


def sees_place(row: PlacementRow, subject: Subject) -> bool:
    """Where a child at risk lives is a secret (class P1): known to those who place and protect it, and to the village
    for its own community care."""
    keepers = {COORDINATOR, GOVERNMENT, POLICE}
    return subject.department in keepers or (subject.department == VILLAGE and row.kind == COMMUNITY)


def _next_review(row: PlacementRow, reviews: Rows, policy: Policy) -> datetime | None:
    if row.state != "started" or row.guardianship_id is None or row.guardianship_since is None:
        return None
    made = [(one["due_at"], one["reviewed_at"]) for one in reviews if one["guardianship_id"] == row.guardianship_id]
    return review_due(row.guardianship_since, made, policy)


def _actions(row: PlacementRow, child: Child, policy: Policy, subject: Subject, seen_as: Resource) -> list[str]:
    decides = permitted(subject, "placement.decide", seen_as)
    acts = permitted(subject, "placement.act", seen_as) and not (
        subject.department == VILLAGE and row.kind != COMMUNITY
    )
    other = not same_person(subject.actor(), Actor.model_validate(row.proposed_by))
    undecided = row.state == "proposed" or (row.state == "started" and row.decided_at is None)
    [known] = store.as_known([row])
    may = {
        "police_check": row.relative_of_suspected and row.state == "proposed" and subject.department == "police",
        "approve": undecided and decides and other and not approval_lacks(known, child, subject.posts, policy),
        "refuse": row.state == "proposed" and decides and other,
        "start": acts and known.waiting and not start_lacks(known, child, True, policy),
        "hand_over": acts and row.state == "started" and row.hand_over is None and row.kind != HOME,
        "accept": acts and row.state == "started" and responsible(child, policy) == "place_of_origin",
        "transfer": acts and row.state == "started" and not transfer_lacks(known, child, policy),
        "return_home": decides
        and row.state == "started"
        and row.kind != HOME
        and not removal_stands(row.reason, child, policy),
        "make_permanent": decides
        and row.state == "started"
        and row.kind in PERMANENT_KINDS
        and not row.permanent_since,
        "review": decides and row.state == "started" and row.guardianship_id is not None,
        "end": acts and row.state == "started",
    }
    return [action for action, possible in may.items() if possible]


def child_of(round_: Round, child_id: UUID) -> Child:
    """A child of the case as last assessed; one that nobody assessed is unknown in everything."""
    return next((child for child in round_.children if child.child_id == child_id), Child(child_id, None, ()))


# First moves of an act -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acting:
    """An act on one placement: its case, locked; the case's placements; the one meant and its child."""

    case: Case
    seen_as: Resource
    rows: list[PlacementRow]
    row: PlacementRow
    child: Child

    @property
    def round_(self) -> Round:
        """The round that runs."""
        return self.case.current

    @property
    def policy(self) -> Policy:
        """The policy version the round runs under."""
        return policy_of(self.case.current)

    @property
    def living(self) -> PlacementRow | None:
        """Where the child lives now, if that is a placement."""
        return next((row for row in self.rows if row.child_id == self.row.child_id and row.state == "started"), None)


async def acting(
    tx: Transaction, placement_id: UUID, subject: Subject, action: str, command: Command, *states: str
) -> Acting:
    """Load a placement for an act by this subject; `states` are those in which the act is possible.

    Raises 404, 403, 412, 428, or 409 naming the present state.
    """
    case_id = await store.placement_case(tx.db, placement_id)
    if case_id is None:
        raise not_found()
    case, seen_as = await changeable(tx, case_id, subject, action, command)
    rows = await store.placements_of(tx.db, case_id)
    row = next(row for row in rows if row.placement_id == placement_id)
    if row.state not in states:
        raise conflict(
            "wrong_moment",
            "当前状态下不能这样办理",
            "Not possible in the present state",
            current_state=row.state,
            possible_in=list(states),
        )
    return Acting(case, seen_as, rows, row, child_of(case.current, row.child_id))


def refuse_lacking(found: Sequence[Missing]) -> None:
    """Raises 409 with everything that is missing."""
    if found:
        raise lacking(found)


def lacking(found: Sequence[Missing]) -> Problem:
    """The refusal that lists what is missing."""
    return conflict(
        "placement_conditions",
        "尚有条件未满足",
        "Conditions do not hold",
        missing=[one.model_dump() for one in views.missing(found)],
    )
