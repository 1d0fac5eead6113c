"""More time for one clock over HTTP: asked by the unit that owes it, decided by civil affairs."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import not_found, refused
from chassis.transaction import Transaction
from contracts.access import Denied, Subject, decide
from contracts.policy import load_calendar, load_policy
from services.dispatch import store
from services.dispatch.api.commands import Body, open_response_of, refuse
from services.dispatch.api.steps import check_case
from services.dispatch.domain import extension
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.extension import Extension
from services.dispatch.domain.response import Clock, ResponseFile
from services.dispatch.store import extensions as kept
from services.dispatch.store.clocks import BESIDE
from services.dispatch.views import responses, standing
from services.dispatch.views.access import case_resource
from services.dispatch.views.standing import ExtensionView

router = APIRouter(prefix="/api/v1", tags=["dispatch"])


class AskExtensionBody(Body):
    """延期申请, before the clock expires: a coded reason and the moment wished for (policy `sla.extension`)."""

    reason: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    until: AwareDatetime
    note_id: UUID | None = None


class DecideExtensionBody(Body):
    """The decision. `until` gives another moment than the one asked for."""

    granted: bool
    until: AwareDatetime | None = None


@router.post("/deadlines/{deadline_id}/extensions", status_code=201, response_model=ExtensionView)
async def ask_for_extension(
    deadline_id: UUID,
    body: AskExtensionBody,
    subject: Annotated[Subject, guard("referral.ask_extension")],
    command: CommandOf,
) -> Response:
    """Ask for more time for a clock of your own, before it expires. The clock runs on until civil affairs decides."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case_id = await _case_of(tx, deadline_id)
        file = await open_response_of(tx, case_id, subject, "deadline.list")
        clock = _running(file, deadline_id)
        if clock is not None:
            _check_own(subject, file, clock)
        wish = Extension(
            extension_id=tx.new_id("extension", deadline_id),
            deadline_id=deadline_id,
            step="" if clock is None else clock.deadline.step,
            organisation=None if clock is None else clock.organisation,
            referral_id=None if clock is None else clock.referral_id,
            reason=body.reason,
            until=body.until,
            due_before=tx.now if clock is None else clock.deadline.due,
            asked_by=subject.actor(),
            asked_at=tx.now,
            note_id=body.note_id,
        )
        earlier = await kept.of_deadline(tx.db, deadline_id)
        policy, calendar = load_policy(file.policy_version), load_calendar()
        if refusal := extension.ask(clock, file, earlier, wish, policy, calendar):
            raise refuse(refusal, file)
        await kept.add(tx.db, wish, file)
        tx.publish(file.key, extension.requested_event(wish, file))
        _audit(tx, file, subject, "referral.ask_extension", wish)
        location = f"/api/v1/extensions/{wish.extension_id}"
        return Reply(201, standing.extension_view(wish, file), location=location)

    return await command.run(act, body)


@router.get("/extensions")
async def list_extensions(
    subject: Annotated[Subject, guard("deadline.list")],
    paging: PageOf,
    db: Reading,
    state: Literal["asked", "granted", "refused"] | None = None,
) -> Page[ExtensionView]:
    """Requests of the reader's unit, oldest first; all of the township for civil affairs and its leaders."""
    after = paging.after(datetime, UUID)
    found = await standing.extensions(db, subject, state=state, after=after, limit=paging.fetch)
    return paging.page(found, lambda view: (view.asked_at, view.extension_id))


@router.get("/extensions/{extension_id}")
async def read_extension(
    extension_id: UUID, subject: Annotated[Subject, guard("deadline.list")], db: Reading
) -> ExtensionView:
    """One request and what was decided."""
    row = await kept.row_of(db, extension_id)
    file = None if row is None else await responses.response(db, row["response_id"])
    if row is None or file is None:
        raise not_found()
    check_case(subject, "deadline.list", file)
    return standing.extension_view(kept.extension_of(row), file)


@router.post("/extensions/{extension_id}/decide", response_model=ExtensionView)
async def decide_extension(
    extension_id: UUID,
    body: DecideExtensionBody,
    subject: Annotated[Subject, guard("extension.decide")],
    command: CommandOf,
) -> Response:
    """Grant or refuse. A clock that has expired meanwhile stays expired."""

    async def act(tx: Transaction) -> Reply:
        row = await kept.row_of(tx.db, extension_id)
        if row is None:
            raise not_found()
        file = await open_response_of(tx, row["case_id"], subject, "extension.decide")
        row = await kept.row_of(tx.db, extension_id)
        asked = kept.extension_of(row or {})
        policy, calendar = load_policy(file.policy_version), load_calendar()
        clock, actor = _running(file, asked.deadline_id), subject.actor()
        decided = extension.decide(asked, clock, file, body.granted, body.until, actor, tx.now, policy, calendar)
        if isinstance(decided, Refused):
            raise refuse(decided, file)
        after, changed = decided
        await kept.save_decision(tx.db, after)
        await store.save(tx, [(file, changed)])
        tx.publish(file.key, extension.decided_event(after, changed))
        _audit(tx, file, subject, "extension.decide", after)
        return Reply(200, standing.extension_view(after, changed))

    return await command.run(act, body)


async def _case_of(tx: Transaction, deadline_id: UUID) -> UUID:
    """The case of a clock. Raises Problem 404 when there is none."""
    key = await tx.db.fetchval(
        "SELECT key FROM deadline WHERE id = $1 AND kind <> ALL($2::text[])", deadline_id, list(BESIDE)
    )
    if key is None:
        raise not_found()
    return UUID(key)


def _running(file: ResponseFile, deadline_id: UUID) -> Clock | None:
    return next((clock for clock in file.clocks if clock.id == deadline_id), None)


def _check_own(subject: Subject, file: ResponseFile, clock: Clock) -> None:
    resource = replace(
        case_resource(file, subject), department=clock.deadline.department, organisation=clock.organisation
    )
    decision = decide(subject, "referral.ask_extension", resource)
    if isinstance(decision, Denied):
        raise refused(decision)


def _audit(tx: Transaction, file: ResponseFile, subject: Subject, action: str, one: Extension) -> None:
    detail = {"extension_id": str(one.extension_id), "deadline_id": str(one.deadline_id), "state": one.state}
    tx.audit(file.key, action, subject.actor().model_dump(), detail)
