"""Pausing a response over HTTP: one person proposes, another decides, anybody who coordinates may let it go on."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import load_calendar, load_policy
from services.dispatch import store
from services.dispatch.api.commands import Body, open_response_of, refuse
from services.dispatch.domain import pause
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.response import ResponseFile
from services.dispatch.views import standing
from services.dispatch.views.standing import PauseView

router = APIRouter(prefix="/api/v1", tags=["dispatch"])


class ProposePauseBody(Body):
    """暂停申请: a coded reason (policy `sla.pause`); text goes into a note first."""

    reason: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    note_id: UUID | None = None


class DecidePauseBody(Body):
    """批准或不批准."""


class ResumeBody(Body):
    """恢复计时."""


class PauseList(BaseModel):
    """Pauses of open cases."""

    items: list[PauseView]


@router.get("/responses/pauses")
async def list_pauses(
    subject: Annotated[Subject, guard("response.read")],
    db: Reading,
    state: Literal["proposed", "running", "declined", "ended"] | None = None,
) -> PauseList:
    """The last pause of each open case that has one; without `state` those that wait for a decision or run."""
    return PauseList(items=await standing.waiting_pauses(db, subject, state))


@router.post("/responses/{case_id}/pause", status_code=201, response_model=PauseView)
async def propose_pause(
    case_id: UUID,
    body: ProposePauseBody,
    subject: Annotated[Subject, guard("response.propose_pause")],
    command: CommandOf,
) -> Response:
    """Ask for a pause of the clocks. Nothing stops before the supervisor, another person, agrees."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        file = await open_response_of(tx, case_id, subject, "response.propose_pause")
        pause_id, policy = tx.new_id("pause", case_id), load_policy(file.policy_version)
        after = pause.propose(file, pause_id, body.reason, subject.actor(), tx.now, body.note_id, policy)
        return await _kept(tx, file, after, subject, "response.propose_pause", 201)

    return await command.run(act, body)


@router.post("/responses/{case_id}/pause/approve", response_model=PauseView)
async def approve_pause(
    case_id: UUID, body: DecidePauseBody, subject: Annotated[Subject, guard("response.pause")], command: CommandOf
) -> Response:
    """The clocks stop now, for the policy's bound at the longest."""
    return await _decide(case_id, True, body, subject, command)


@router.post("/responses/{case_id}/pause/decline", response_model=PauseView)
async def decline_pause(
    case_id: UUID, body: DecidePauseBody, subject: Annotated[Subject, guard("response.pause")], command: CommandOf
) -> Response:
    """The clocks run on."""
    return await _decide(case_id, False, body, subject, command)


async def _decide(case_id: UUID, granted: bool, body: Body, subject: Subject, command: CommandOf) -> Response:
    async def act(tx: Transaction) -> Reply:
        file = await open_response_of(tx, case_id, subject, "response.pause")
        policy = load_policy(file.policy_version)
        after = pause.decide(file, granted, subject.actor(), subject.posts, tx.now, policy, load_calendar())
        if granted and isinstance(after, ResponseFile):
            tx.publish(file.key, pause.paused_event(after))
        return await _kept(tx, file, after, subject, "response.pause", 200)

    return await command.run(act, body)


@router.post("/responses/{case_id}/resume", response_model=PauseView)
async def resume_response(
    case_id: UUID, body: ResumeBody, subject: Annotated[Subject, guard("response.resume")], command: CommandOf
) -> Response:
    """The clocks go on; each is later by as much as it stood still."""

    async def act(tx: Transaction) -> Reply:
        file = await open_response_of(tx, case_id, subject, "response.resume")
        after = pause.end(file, "person", tx.now, load_policy(file.policy_version), load_calendar())
        if after is file:
            raise refuse(Refused("not_paused", "本案未暂停", "The response is not paused"), file)
        tx.publish(file.key, pause.resumed_event(after, subject.actor()))
        return await _kept(tx, file, after, subject, "response.resume", 200)

    return await command.run(act, body)


async def _kept(
    tx: Transaction, file: ResponseFile, after: ResponseFile | Refused, subject: Subject, action: str, status: int
) -> Reply:
    if isinstance(after, Refused):
        raise refuse(after, file)
    (kept,) = await store.save(tx, [(file, after)])
    last = kept.pauses[-1]
    tx.audit(file.key, action, subject.actor().model_dump(), {"pause_id": str(last.pause_id), "state": last.state})
    return Reply(status, standing.pause_view(last, kept))
