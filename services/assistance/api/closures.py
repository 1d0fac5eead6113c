"""Closure over HTTP: the checklist, the proposal, the concurrences and the decision by another person (policy `closure`)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid
from chassis.transaction import Connection, Transaction
from contracts.access import Resource, Subject
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested
from contracts.policy import Policy
from contracts.vocabulary import Actor, Level
from services.assistance.api.after_closure import told as notices_told
from services.assistance.api.steps import (
    Body,
    changeable,
    keep,
    permitted,
    readable,
    same_person,
)
from services.assistance.closing import wind_up
from services.assistance.domain.closure import (
    HandOver,
    Item,
    Ledger,
    Reason,
    checklist,
    concurrences,
    proposing_department,
)
from services.assistance.domain.closure import Request as ClosingRequest
from services.assistance.domain.rounds import Case, policy_of
from services.assistance.store import closures as store
from services.assistance.store.closures import ClosureRow
from services.assistance.store.rounds import load_cases
from services.assistance.views import closures as views
from services.assistance.views.closures import ClosureView

ID = r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$"
DUPLICATE = "DUPLICATE_MERGED"

router = APIRouter(prefix="/api/v1/closures", tags=["closures"])


class Handover(Body):
    """What the proposer states; the deciding person checks it. Papers are notes, people and bodies are ids."""

    universal_service: str | None = Field(
        default=None, max_length=40, description="department that took over in writing"
    )
    named_monitor: str | None = Field(default=None, pattern=ID)
    receiving_authority_ack: UUID | None = Field(default=None, description="note with the acknowledgement")
    independent_checks: int = Field(default=0, ge=0, le=10)
    pending: list[Literal["crime_case", "guardianship_case"]] = Field(default=[], max_length=2)
    placement: Literal["permanent", "home"] | None = None
    home_since: AwareDatetime | None = None
    merged_into: UUID | None = None


class ProposeClosure(Body):
    """A proposal to close, with the notes of summary and views. A note may say why a view could not be had."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "reason": "GOAL_MET",
                    "summary_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                    "child_view_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e51",
                    "guardian_view_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e52",
                    "handover": {"universal_service": "school"},
                }
            ]
        }
    )

    case_id: UUID
    reason: Reason
    summary_note_id: UUID | None = None
    child_view_note_id: UUID | None = None
    guardian_view_note_id: UUID | None = None
    handover: Handover = Handover()


class DecideClosure(Body):
    """Close, or leave open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"approve": True}]})

    approve: bool


# Reading -------------------------------------------------------------------------------------------------------------


@router.get("/{case_id}", response_model=ClosureView)
async def read_closure(
    case_id: UUID,
    request: Request,
    subject: Annotated[Subject, guard("closure.read")],
    db: Reading,
    reason: Reason = "GOAL_MET",
) -> Response:
    """The checklist, each item ok, open (and why) or skipped. With no waiting proposal: for `reason`."""
    case, seen_as, now = await readable(db, case_id, subject, "closure.read")
    view = await _view(db, case, subject, seen_as, now, reason)
    return versioned(request, view, case.current.version)


async def _view(
    db: Connection, case: Case, subject: Subject, seen_as: Resource, now: datetime, reason: Reason = "GOAL_MET"
) -> ClosureView:
    policy = policy_of(case.current)
    row = await store.latest_closure(db, case.current)
    waiting = row is not None and row["state"] == "requested"
    asked = store.request_of(row) if row is not None and waiting else ClosingRequest(reason)
    ledger = await store.ledger(db, case, policy.ranks, asked.hand_over.merged_into)
    is_open = case.current.state == "open"
    if row is not None and row["state"] == "closed":
        row, asked = (None, asked) if is_open else (row, store.request_of(row))
    found = checklist(ledger, asked, now, policy) if is_open else ()
    actions = _actions(case, row if waiting else None, ledger, subject, seen_as)
    told = [] if row is None or is_open else await notices_told(db, row["closure_id"], policy)
    return views.closure(case.current, row, asked.reason, found, concurrences(ledger), policy, actions, told)


def _actions(
    case: Case, waiting: dict[str, Any] | None, ledger: Ledger, subject: Subject, seen_as: Resource
) -> list[str]:
    if case.current.state != "open":
        return []
    if waiting is None:
        own = subject.department == proposing_department(case.current)
        return ["propose"] if own and permitted(subject, "closure.propose", seen_as) else []
    concur = _parties(subject, ledger) - set(waiting["concurrences"])
    other = not same_person(subject.actor(), Actor.model_validate(waiting["proposed_by"]))
    found = ["concur"] if concur and other and permitted(subject, "closure.concur", seen_as) else []
    return [*found, *(["decide"] if other and permitted(subject, "closure.decide", seen_as) else [])]


# Proposing -----------------------------------------------------------------------------------------------------------


@router.post("", status_code=201, response_model=ClosureView)
async def propose_closure(
    body: ProposeClosure, subject: Annotated[Subject, guard("closure.propose")], command: CommandOf
) -> Response:
    """Propose to close. Refused, with the list of what is still open, until every item holds; S12 starts here."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        merged = body.handover.merged_into or await _known_duplicate(tx.db, body)
        others = [merged] if merged else []
        case, seen_as = await changeable(tx, body.case_id, subject, "closure.propose", None, *others)
        now, policy = case.current, policy_of(case.current)
        if subject.department != proposing_department(now):
            raise forbidden("not_the_proposing_department")
        _check_codes(body, policy)
        row = await store.latest_closure(tx.db, now)
        if row is not None and row["state"] == "requested":
            raise conflict("closure_waiting", "已有待决定的销号申请", "A proposal is already waiting")
        hand_over = HandOver(**{**body.handover.model_dump(), "pending": tuple(body.handover.pending)})
        if body.reason == DUPLICATE and hand_over.merged_into is None:
            hand_over = replace(hand_over, merged_into=now.duplicate_of)
        asked = ClosingRequest(
            body.reason, body.summary_note_id, body.child_view_note_id, body.guardian_view_note_id, hand_over
        )
        ledger = await store.ledger(tx.db, case, policy.ranks, hand_over.merged_into)
        _refuse_open_items(checklist(ledger, asked, tx.now, policy))
        actor, closure_id = subject.actor(), tx.new_id("closure")
        stated = body.handover.model_copy(update={"merged_into": hand_over.merged_into})
        asking = body.model_copy(update={"handover": stated})
        await store.add_closure(tx.db, _row(asking, case, closure_id, actor, tx.now))
        tx.publish(
            str(now.case_id),
            ClosureRequested(
                case_id=now.case_id,
                closure_id=closure_id,
                reason=body.reason,
                by=actor,
                at=tx.now,
                response_no=now.response_no,
                concurrences=concurrences(ledger),
            ),
        )
        now = await keep(tx, now, "closure.requested", actor, closure_id=closure_id, reason=body.reason)
        view = await _view(tx.db, case.put(now), subject, seen_as, tx.now)
        return Reply(201, view, version=now.version, location=f"/api/v1/closures/{now.case_id}")

    return await command.run(act, body)


async def _known_duplicate(db: Connection, body: ProposeClosure) -> UUID | None:
    """The case that goes on in place of a duplicate, as the merge of the children told it; locked with this one."""
    if body.reason != DUPLICATE:
        return None
    case = (await load_cases(db, [body.case_id]))[body.case_id]
    return case.current.duplicate_of if case.rounds else None


def _check_codes(body: ProposeClosure, policy: Policy) -> None:
    service = body.handover.universal_service
    if service is not None and service not in policy.departments_by_code:
        raise invalid(
            FieldError("#/handover/universal_service", "unknown_department", "没有这个部门", "no such department")
        )


def _refuse_open_items(found: tuple[Item, ...]) -> None:
    still_open = [view for view in views.items(found) if view.state == "open"]
    if still_open:
        raise conflict(
            "closure_items_open",
            "尚有条件未满足，不能销号",
            "The case cannot be closed yet",
            open_items=[view.model_dump(include={"code", "zh", "en", "detail"}) for view in still_open],
        )


def _row(body: ProposeClosure, case: Case, closure_id: UUID, actor: Actor, at: datetime) -> ClosureRow:
    return ClosureRow(
        closure_id=closure_id,
        case_id=body.case_id,
        response_no=case.current.response_no,
        reason=body.reason,
        summary_note_id=body.summary_note_id,
        child_view_note_id=body.child_view_note_id,
        guardian_view_note_id=body.guardian_view_note_id,
        hand_over=body.handover.model_dump(mode="json"),
        proposed_by=actor.model_dump(),
        proposed_at=at,
        concurrences={},
        state="requested",
        open_items=[],
        decided_by=None,
        decided_at=None,
    )


# Agreeing and deciding -----------------------------------------------------------------------------------------------


@router.post("/{case_id}/concur", response_model=ClosureView)
async def concur_with_closure(
    case_id: UUID, subject: Annotated[Subject, guard("closure.concur")], command: CommandOf
) -> Response:
    """Agree to the closure: the police when they led, the responsible leader when the case was ever RED."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "closure.concur", command)
        row, policy = await _waiting(tx, case), policy_of(case.current)
        actor = _other_person(subject, row)
        own = _parties(subject, await store.ledger(tx.db, case, policy.ranks))
        if not own:
            raise forbidden("concurrence_not_asked")
        missing = sorted(own - set(row["concurrences"]))
        if not missing:
            raise conflict("already_concurred", "已同意", "You have agreed already")
        for party in missing:
            await store.concur(tx.db, row["closure_id"], party, actor.model_dump(), tx.now)
        now = await keep(tx, case.current, "closure.concurred", actor, closure_id=row["closure_id"])
        view = await _view(tx.db, case.put(now), subject, seen_as, tx.now)
        return Reply(200, view, version=now.version)

    return await command.run(act)


@router.post("/{case_id}/decide", response_model=ClosureView)
async def decide_closure(
    case_id: UUID, body: DecideClosure, subject: Annotated[Subject, guard("closure.decide")], command: CommandOf
) -> Response:
    """Close the case, or refuse. Every item is checked again as it stands now; a second person decides (D-5.3.2)."""

    async def act(tx: Transaction) -> Reply:
        merged = await tx.db.fetchval(
            "SELECT hand_over->>'merged_into' FROM closure WHERE case_id = $1 AND state = 'requested'", case_id
        )
        others = [UUID(merged)] if merged else []
        case, seen_as = await changeable(tx, case_id, subject, "closure.decide", command, *others)
        row, policy = await _waiting(tx, case), policy_of(case.current)
        actor = _other_person(subject, row)
        asked = store.request_of(row)
        ledger = await store.ledger(tx.db, case, policy.ranks, asked.hand_over.merged_into)
        found = checklist(ledger, asked, tx.now, policy)
        if body.approve:
            _refuse_open_items(found)
            case = await _close(tx, case, ledger, row, actor)
        else:
            case = await _refuse(tx, case, [item.code for item in found if not item.ok], row, actor)
        view = await _view(tx.db, case, subject, seen_as, tx.now, asked.reason)
        return Reply(200, view, version=case.current.version)

    return await command.run(act, body)


async def _close(tx: Transaction, case: Case, ledger: Ledger, row: dict[str, Any], actor: Actor) -> Case:
    lacking = [party for party in concurrences(ledger) if party not in row["concurrences"]]
    if lacking:
        raise conflict("concurrence_missing", "须先取得同意", "Concurrence is missing", parties=lacking)
    now = case.current
    agreed = [Actor.model_validate(one["by"]) for one in row["concurrences"].values()]
    await store.decide_closure(tx.db, row["closure_id"], "closed", [], actor.model_dump(), tx.now)
    tx.publish(
        str(now.case_id),
        CaseClosed(
            case_id=now.case_id,
            case_number=now.case_number,
            township=now.township,
            closure_id=row["closure_id"],
            reason=row["reason"],
            highest_level=cast(Level, ledger.ever),
            proposed_by=Actor.model_validate(row["proposed_by"]),
            decided_by=(*agreed, actor),
            at=tx.now,
            response_no=now.response_no,
        ),
    )
    shut = replace(now, state="closed", closed_at=tx.now)
    await wind_up(tx, shut, row["closure_id"], row["reason"], ledger.ever)
    return case.put(await keep(tx, shut, "case.closed", actor, closure_id=row["closure_id"], reason=row["reason"]))


async def _refuse(tx: Transaction, case: Case, codes: list[str], row: dict[str, Any], actor: Actor) -> Case:
    now, closure_id = case.current, row["closure_id"]
    await store.decide_closure(tx.db, closure_id, "refused", codes, actor.model_dump(), tx.now)
    tx.publish(
        str(now.case_id),
        ClosureRefused(case_id=now.case_id, closure_id=closure_id, open_items=tuple(codes), by=actor, at=tx.now),
    )
    return case.put(await keep(tx, now, "closure.refused", actor, closure_id=closure_id))


async def _waiting(tx: Transaction, case: Case) -> dict[str, Any]:
    row = await store.latest_closure(tx.db, case.current)
    if row is None or row["state"] != "requested":
        state = "none" if row is None else row["state"]
        raise conflict("no_closure_waiting", "没有待决定的销号申请", "No proposal is waiting", current_state=state)
    return row


def _other_person(subject: Subject, row: dict[str, Any]) -> Actor:
    actor = subject.actor()
    if same_person(actor, Actor.model_validate(row["proposed_by"])):
        raise Problem(403, "second_person", "须由另一人办理", "Another person must do this")
    return actor


def _parties(subject: Subject, ledger: Ledger) -> set[str]:
    """The parties this subject can speak for in this closure."""
    speaks = {"responsible_leader"} & subject.posts | ({"police"} if subject.department == "police" else set())
    return speaks & set(concurrences(ledger))
