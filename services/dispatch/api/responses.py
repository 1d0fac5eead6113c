"""The response to a case over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from chassis.auth import guard
from chassis.http import Reading
from contracts.access import Subject
from services.dispatch.api.steps import now_of, readable
from services.dispatch.views import responses
from services.dispatch.views.responses import ResponseView

router = APIRouter(prefix="/api/v1", tags=["dispatch"])


@router.get("/responses/{case_id}")
async def read_response(
    case_id: UUID, subject: Annotated[Subject, guard("response.read")], db: Reading
) -> ResponseView:
    """The newest response to a case: referrals, every clock and its fate, notices, what was not created and why."""
    file = await readable(db, case_id, subject, "response.read")
    return responses.response_view(file, subject, await now_of(db))
