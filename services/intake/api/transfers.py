"""Hand-overs between lines and areas: they are sent as contacts of kind `transferred`, and finished here."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints

from chassis.auth import guard
from chassis.command import Command, CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from services.intake import transfers
from services.intake.bodies import Body, Reference
from services.intake.store import cases
from services.intake.store.contacts import Transfer
from services.intake.views import contacts as views
from services.intake.views.contacts import TransferView

router = APIRouter(prefix="/api/v1", tags=["transfers"])

Receipt = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,8}[A-Z0-9-]{2,32}$")]
"""The receiver's number of its receipt. It begins with letters, so that no telephone or ID number passes for one."""


class Acknowledgement(Body):
    """The receiver has it. `case`: what came in belongs to this case; `receipt`: noted down for a receiver outside."""

    case: Reference | None = None
    receipt: Receipt | None = None


class Refusal(Body):
    """The receiver will not have it, by the policy's `contacts.transfer.refusal_reasons`."""

    reason: str


class Resending(Body):
    """To whom it goes instead."""

    receiver: str


class Nothing(Body):
    """No more to say."""


@router.get("/transfers")
async def list_transfers(
    subject: Annotated[Subject, guard("transfer.list")],
    paging: PageOf,
    db: Reading,
    state: Literal["sent", "acknowledged", "refused", "withdrawn"] | None = None,
    receiver: Annotated[str | None, Query(max_length=40)] = None,
    *,
    unfinished: bool = False,
) -> Page[TransferView]:
    """Hand-overs, the latest first. `unfinished`: those nobody has acknowledged."""
    found = await views.transfers(
        db,
        subject,
        state=state,
        receiver=receiver,
        unfinished=unfinished,
        after=paging.after(datetime, UUID),
        limit=paging.fetch,
    )
    return paging.page(found, lambda transfer: (transfer.sent_at, transfer.transfer_id))


@router.get("/transfers/{transfer_id}", response_model=TransferView)
async def read_transfer(
    transfer_id: UUID, request: Request, subject: Annotated[Subject, guard("transfer.list")], db: Reading
) -> Response:
    """One hand-over."""
    view = await views.transfer(db, subject, transfer_id)
    if view is None:
        raise not_found()
    return versioned(request, view, view.version)


@router.post("/transfers/{transfer_id}/actions/acknowledge", response_model=TransferView)
async def acknowledge_transfer(
    transfer_id: UUID,
    body: Acknowledgement,
    subject: Annotated[Subject, guard("transfer.acknowledge")],
    command: CommandOf,
) -> Response:
    """The receiver acknowledges: only now is the hand-over finished. Two lines, one case: name the case it belongs to."""

    async def change(tx: Transaction) -> Transfer:
        found = None
        further: tuple[str, ...] = ()
        if body.case is not None:
            found = await cases.find_case(tx.db, body.case, subject.township)
            if found is None:
                raise invalid(FieldError("#/case", "unknown_case", "没有这个个案", "no such case"))
            further = (str(found.family_id),)
        transfer = await transfers.locked(tx, transfer_id, subject, *further)
        command.match(transfer.version)
        if found and transfer.family_id not in (None, found.family_id):
            raise invalid(FieldError("#/case", "other_case", "与移交的个案不符", "it is about another case"))
        return await transfers.acknowledge(tx, transfer, found.family_id if found else None, body.receipt, subject)

    return await _done(command, body, subject, change)


@router.post("/transfers/{transfer_id}/actions/refuse", response_model=TransferView)
async def refuse_transfer(
    transfer_id: UUID, body: Refusal, subject: Annotated[Subject, guard("transfer.acknowledge")], command: CommandOf
) -> Response:
    """The receiver will not have it. The sender still holds it, and its clock runs on."""

    async def change(tx: Transaction) -> Transfer:
        transfer = await _matched(tx, transfer_id, subject, command)
        return await transfers.refuse(tx, transfer, body.reason, subject)

    return await _done(command, body, subject, change)


@router.post("/transfers/{transfer_id}/actions/resend", response_model=TransferView)
async def resend_transfer(
    transfer_id: UUID, body: Resending, subject: Annotated[Subject, guard("transfer.create")], command: CommandOf
) -> Response:
    """After a refusal: hand it over to somebody else."""

    async def change(tx: Transaction) -> Transfer:
        transfer = await _matched(tx, transfer_id, subject, command)
        return await transfers.resend(tx, transfer, body.receiver, subject)

    return await _done(command, body, subject, change)


@router.post("/transfers/{transfer_id}/actions/withdraw", response_model=TransferView)
async def withdraw_transfer(
    transfer_id: UUID, body: Nothing, subject: Annotated[Subject, guard("transfer.create")], command: CommandOf
) -> Response:
    """The case stays here after all. Without a case there is nothing to keep: a report takes the contact up instead."""

    async def change(tx: Transaction) -> Transfer:
        return await transfers.withdraw(tx, await _matched(tx, transfer_id, subject, command), subject)

    return await _done(command, body, subject, change)


async def _matched(tx: Transaction, transfer_id: UUID, subject: Subject, command: Command) -> Transfer:
    transfer = await transfers.locked(tx, transfer_id, subject)
    command.match(transfer.version)
    return transfer


async def _done(
    command: Command, body: Body, subject: Subject, change: Callable[[Transaction], Awaitable[Transfer]]
) -> Response:
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        transfer = await change(tx)
        view = await views.transfer(tx.db, subject, transfer.transfer_id)
        assert view is not None
        return Reply(200, view, version=view.version)

    return await command.run(act, body)
