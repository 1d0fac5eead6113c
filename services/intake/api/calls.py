"""The call log, and the call-backs it and silent contacts leave."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from services.intake import callbacks, calls
from services.intake.api.access import reading_cause, source_of, who
from services.intake.api.contacts import opened
from services.intake.bodies import Body
from services.intake.calls import CallBody, Moment
from services.intake.drafting import Office
from services.intake.store import contacts as store
from services.intake.views import contacts as views
from services.intake.views.contacts import CallbackView, CallView

router = APIRouter(prefix="/api/v1", tags=["calls"])


class Attempt(Body):
    """Somebody called back; `reached`: somebody spoke."""

    reached: bool


class Settling(Body):
    """How the call-back ended, by the policy's `contacts.callback.outcomes`."""

    outcome: str
    report_id: UUID | None = None


class NumberView(BaseModel):
    """The number to call back."""

    callback_id: UUID
    number: str


@router.post("/calls", status_code=201, response_model=CallView)
async def log_call(
    body: CallBody, subject: Annotated[Subject, guard("call.log")], command: CommandOf, runtime: RuntimeOf
) -> Response:
    """Log a call, text or letter offered to a line. What it becomes later follows by `answer` and `end`."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        call = await calls.log(tx, body, subject, office)
        view = views.call_view(call, tx.now)
        return Reply(201, view, version=call.version, location=f"/api/v1/calls/{call.call_id}")

    return await command.run(act, body)


@router.post("/calls/{call_id}/actions/answer", response_model=CallView)
async def answer_call(
    call_id: UUID, body: Moment, subject: Annotated[Subject, guard("call.log")], command: CommandOf
) -> Response:
    """Somebody answered."""

    async def act(tx: Transaction) -> Reply:
        call = await calls.answered(tx, await calls.locked(tx, call_id, subject), body.at or tx.now, subject)
        return Reply(200, views.call_view(call, tx.now), version=call.version)

    command.require_key()
    return await command.run(act, body)


@router.post("/calls/{call_id}/actions/end", response_model=CallView)
async def end_call(
    call_id: UUID, body: Moment, subject: Annotated[Subject, guard("call.log")], command: CommandOf
) -> Response:
    """The call is over. Nobody had answered: whoever waited long enough must be called back."""

    async def act(tx: Transaction) -> Reply:
        call = await calls.ended(tx, await calls.locked(tx, call_id, subject), body.at or tx.now, subject)
        return Reply(200, views.call_view(call, tx.now), version=call.version)

    command.require_key()
    return await command.run(act, body)


@router.get("/calls")
async def list_calls(
    subject: Annotated[Subject, guard("contact.list")],
    paging: PageOf,
    db: Reading,
    channel: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[CallView]:
    """The call log, the latest first."""
    found = await views.calls(db, subject, channel, paging.after(datetime, UUID), paging.fetch)
    return paging.page(found, lambda call: (call.offered_at, call.call_id))


@router.get("/calls/{call_id}", response_model=CallView)
async def read_call(
    call_id: UUID, request: Request, subject: Annotated[Subject, guard("call.log")], db: Reading
) -> Response:
    """One call."""
    call = await store.find_call(db, call_id, subject.township)
    if call is None:
        raise not_found()
    return versioned(request, views.call_view(call, await db.fetchval("SELECT app_now()")), call.version)


# Call-backs -----------------------------------------------------------------------------------------------------------


@router.get("/callbacks")
async def list_callbacks(
    subject: Annotated[Subject, guard("callback.settle")],
    paging: PageOf,
    db: Reading,
    state: Literal["open", "settled"] | None = "open",
) -> Page[CallbackView]:
    """Call-backs, the one due first first."""
    found = await views.callbacks(db, subject, state, paging.after(datetime, UUID), paging.fetch)
    return paging.page(found, lambda callback: (callback.due_at, callback.callback_id))


@router.get("/callbacks/{callback_id}", response_model=CallbackView)
async def read_callback(
    callback_id: UUID, request: Request, subject: Annotated[Subject, guard("callback.settle")], db: Reading
) -> Response:
    """One call-back."""
    view = await views.callback(db, subject, callback_id)
    if view is None:
        raise not_found()
    return versioned(request, view, view.version)


@router.get("/callbacks/{callback_id}/number")
async def read_callback_number(
    callback_id: UUID, request: Request, subject: Annotated[Subject, guard("callback.settle")], runtime: RuntimeOf
) -> NumberView:
    """The number to call, for the hotline while the call-back is open. Every reading is logged."""
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        callback = await callbacks.locked(tx, callback_id, subject)
        detail = {
            "callback_id": str(callback_id),
            "source_ip": source_of(request),
            "result": "given" if subject.hotline else "denied",
        }
        tx.audit(callback.key, "callback.number", who(subject), detail)
        sealed = await views.number_of(tx.db, callback.caller_id) if subject.hotline else None
        number = await opened(tx, sealed, office) if sealed else None
    if not subject.hotline:
        raise forbidden("reporter_confidential")
    if number is None:
        raise not_found()
    return NumberView(callback_id=callback_id, number=number)


@router.post("/callbacks/{callback_id}/actions/attempt", response_model=CallbackView)
async def attempt_callback(
    callback_id: UUID, body: Attempt, subject: Annotated[Subject, guard("callback.settle")], command: CommandOf
) -> Response:
    """Record that somebody called back. Where nobody was reached, the next attempt gets its clock."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        callback = await callbacks.locked(tx, callback_id, subject)
        command.match(callback.version)
        await callbacks.attempt(tx, callback, reached=body.reached, subject=subject)
        view = await views.callback(tx.db, subject, callback_id)
        assert view is not None
        return Reply(200, view, version=view.version)

    return await command.run(act, body)


@router.post("/callbacks/{callback_id}/actions/settle", response_model=CallbackView)
async def settle_callback(
    callback_id: UUID, body: Settling, subject: Annotated[Subject, guard("callback.settle")], command: CommandOf
) -> Response:
    """End a call-back with its outcome."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        callback = await callbacks.locked(tx, callback_id, subject)
        command.match(callback.version)
        if body.report_id is not None and await store.find_report(tx.db, body.report_id, subject.township) is None:
            raise invalid(FieldError("#/report_id", "unknown_report", "没有这个报告", "no such report"))
        await callbacks.settle(tx, callback, body.outcome, body.report_id, subject)
        view = await views.callback(tx.db, subject, callback_id)
        assert view is not None
        return Reply(200, view, version=view.version)

    return await command.run(act, body)
