"""What commands on a whole response share: the response under its lock, and a refusal that says which rule and what is open."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.problem import FieldError, Problem, conflict, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from services.dispatch import store
from services.dispatch.api.steps import check_case
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.response import ResponseFile
from services.dispatch.views import responses


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


async def open_response_of(tx: Transaction, case_id: UUID, subject: Subject, action: str) -> ResponseFile:
    """The open response of a case, locked, that the subject may act on. Raises Problem 404, 403, or 409 when it is closed."""
    await tx.lock([str(case_id)])
    file = (await store.open_responses(tx, [case_id])).get(case_id)
    if file is None:
        closed = await responses.newest_response(tx.db, case_id)
        if closed is None:
            raise not_found()
        check_case(subject, action, closed)
        raise conflict("case_closed", "个案已销号", "The case is closed", current_state=closed.state)
    check_case(subject, action, file)
    return file


def refuse(refusal: Refused, file: ResponseFile) -> Problem:
    """A refusal as its answer: 422 for content, 403 for duty, 409 for the wrong moment."""
    if refusal.kind == "input":
        return invalid(FieldError(refusal.pointer, refusal.code, refusal.zh, refusal.en))
    if refusal.kind == "duty":
        words = (refusal.zh, refusal.en)
        return Problem(403, "forbidden", "您没有此项权限", "You may not do this", words, reason=refusal.code)
    pause = None if file.pause is None else file.pause.state
    return conflict(
        refusal.code, refusal.zh, refusal.en, current_state=file.state, current_level=file.level, pause=pause
    )
