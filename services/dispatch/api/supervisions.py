"""催办 and 督办 over HTTP: urging, supervision orders, the replies of the units and the end of an order."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import load_calendar, load_policy
from services.dispatch import store
from services.dispatch.api.commands import Body, open_response_of, refuse
from services.dispatch.api.steps import check_case
from services.dispatch.domain import supervision
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.supervision import Supervision
from services.dispatch.store import supervisions as kept
from services.dispatch.views import responses, standing
from services.dispatch.views.standing import SupervisionView

router = APIRouter(prefix="/api/v1", tags=["dispatch"])
Units = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=40)]


class UrgeBody(Body):
    """催办. Without `organisations` everybody with something left to do."""

    organisations: Units = []
    note_id: UUID | None = None


class UrgeView(BaseModel):
    """Whom an urge reached."""

    urge_id: UUID
    case_id: UUID
    case_number: str
    organisations: list[str]
    referrals: list[UUID]
    at: datetime


class OrderBody(Body):
    """督办. Without `organisations` every unit with a task in the case."""

    organisations: Units = []
    note_id: UUID | None = None


class ReplyBody(Body):
    """督办回复: the text is a note."""

    note_id: UUID


class LiftBody(Body):
    """解除督办."""

    note_id: UUID | None = None


@router.post("/responses/{case_id}/urges", status_code=201, response_model=UrgeView)
async def urge_response(
    case_id: UUID, body: UrgeBody, subject: Annotated[Subject, guard("case.urge")], command: CommandOf
) -> Response:
    """Press the units named to act now. No clock moves; their queue items show it."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        file = await open_response_of(tx, case_id, subject, "case.urge")
        urged = supervision.urge(file, body.organisations, tx.now)
        if isinstance(urged, Refused):
            raise refuse(urged, file)
        after, reached = urged
        urge_id = tx.new_id("urge", case_id)
        await store.save(tx, [(file, after)])
        event = supervision.urged_event(file, urge_id, reached, subject.actor(), tx.now, body.note_id)
        tx.publish(file.key, event)
        tx.audit(file.key, "case.urge", subject.actor().model_dump(), {"urge_id": str(urge_id)})
        view = UrgeView(
            urge_id=urge_id,
            case_id=file.case_id,
            case_number=file.case_number,
            organisations=list(event.organisations),
            referrals=list(event.referrals),
            at=tx.now,
        )
        return Reply(201, view)

    return await command.run(act, body)


@router.post("/responses/{case_id}/supervisions", status_code=201, response_model=SupervisionView)
async def order_supervision(
    case_id: UUID, body: OrderBody, subject: Annotated[Subject, guard("supervision.order")], command: CommandOf
) -> Response:
    """Put the case under supervision: each unit named owes a written reply within the policy's limit."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        file = await open_response_of(tx, case_id, subject, "supervision.order")
        policy, calendar = load_policy(file.policy_version), load_calendar()
        supervision_id = tx.new_id("supervision", case_id)
        ordered = supervision.order(
            file, supervision_id, body.organisations, subject.actor(), tx.now, body.note_id, policy, calendar
        )
        if isinstance(ordered, Refused):
            raise refuse(ordered, file)
        one, after = ordered
        await store.save(tx, [(file, after)])
        await kept.add(tx.db, one, file)
        tx.publish(file.key, supervision.ordered_event(one, file))
        _audit(tx, file, subject, "supervision.order", one)
        location = f"/api/v1/supervisions/{supervision_id}"
        return Reply(201, standing.supervision_view(one, file, file.state), location=location)

    return await command.run(act, body)


@router.get("/supervisions")
async def list_supervisions(
    subject: Annotated[Subject, guard("supervision.read")],
    paging: PageOf,
    db: Reading,
    open_only: Annotated[bool, Query(description="Only orders that still stand")] = True,
) -> Page[SupervisionView]:
    """Orders, oldest first: those that name the reader's unit; all for civil affairs and the township's leaders."""
    after = paging.after(datetime, UUID)
    found = await standing.supervisions(db, subject, open_only=open_only, after=after, limit=paging.fetch)
    return paging.page(found, lambda view: (view.ordered_at, view.supervision_id))


@router.get("/supervisions/{supervision_id}")
async def read_supervision(
    supervision_id: UUID, subject: Annotated[Subject, guard("supervision.read")], db: Reading
) -> SupervisionView:
    """One order and the replies to it."""
    row = await kept.row_of(db, supervision_id)
    file = None if row is None else await responses.response(db, row["response_id"])
    if row is None or file is None:
        raise not_found()
    check_case(subject, "supervision.read", file)
    (one,) = await kept.supervisions_of(db, [row])
    return standing.supervision_view(one, file, file.state)


@router.post("/supervisions/{supervision_id}/reply", response_model=SupervisionView)
async def reply_to_supervision(
    supervision_id: UUID,
    body: ReplyBody,
    subject: Annotated[Subject, guard("supervision.reply")],
    command: CommandOf,
) -> Response:
    """The written reply of the caller's unit."""

    async def act(tx: Transaction) -> Reply:
        one, file = await _standing_order(tx, supervision_id, subject, "supervision.reply")
        replied = supervision.reply(one, file, subject.organisation, subject.actor(), tx.now, body.note_id)
        if isinstance(replied, Refused):
            raise refuse(replied, file)
        after, changed = replied
        unit = next(unit for unit in after.units if unit.organisation == subject.organisation)
        await kept.save_reply(tx.db, supervision_id, unit)
        await store.save(tx, [(file, changed)])
        tx.publish(file.key, supervision.replied_event(after, unit.organisation, file))
        _audit(tx, file, subject, "supervision.reply", after)
        return Reply(200, standing.supervision_view(after, file, file.state))

    return await command.run(act, body)


@router.post("/supervisions/{supervision_id}/lift", response_model=SupervisionView)
async def lift_supervision(
    supervision_id: UUID,
    body: LiftBody,
    subject: Annotated[Subject, guard("supervision.order")],
    command: CommandOf,
) -> Response:
    """The township lifts the order; replies still owed are owed no longer."""

    async def act(tx: Transaction) -> Reply:
        one, file = await _standing_order(tx, supervision_id, subject, "supervision.order")
        lifted = supervision.lift(one, file, subject.actor(), tx.now)
        if isinstance(lifted, Refused):
            raise refuse(lifted, file)
        after, changed = lifted
        await kept.save_lifting(tx.db, after)
        await store.save(tx, [(file, changed)])
        tx.publish(file.key, supervision.lifted_event(after, file, body.note_id))
        _audit(tx, file, subject, "supervision.lift", after)
        return Reply(200, standing.supervision_view(after, file, file.state))

    return await command.run(act, body)


async def _standing_order(
    tx: Transaction, supervision_id: UUID, subject: Subject, action: str
) -> tuple[Supervision, ResponseFile]:
    """An order and its response, locked; read again under the lock, so that two replies meet in order."""
    row = await kept.row_of(tx.db, supervision_id)
    if row is None:
        raise not_found()
    file = await open_response_of(tx, row["case_id"], subject, action)
    row = await kept.row_of(tx.db, supervision_id)
    if row is None or file.response_id != row["response_id"]:
        raise not_found()
    (one,) = await kept.supervisions_of(tx.db, [row])
    return one, file


def _audit(tx: Transaction, file: ResponseFile, subject: Subject, action: str, one: Supervision) -> None:
    tx.audit(file.key, action, subject.actor().model_dump(), {"supervision_id": str(one.supervision_id)})
