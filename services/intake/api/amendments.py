"""Amendments to a report after its dispatch."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page
from chassis.problem import not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from services.intake import amending
from services.intake.amending import AmendmentBody, AmendmentReply
from services.intake.api.access import readable
from services.intake.drafting import Office
from services.intake.store import contacts as store
from services.intake.views import beside as views
from services.intake.views.beside import AmendmentOfCase

router = APIRouter(prefix="/api/v1", tags=["reports"])


@router.post("/reports/{report_id}/amendments", status_code=201, response_model=AmendmentReply)
async def create_amendment(
    report_id: UUID,
    body: AmendmentBody,
    subject: Annotated[Subject, guard("report.amend")],
    command: CommandOf,
    runtime: RuntimeOf,
) -> Response:
    """Add what became known after the dispatch. It conflicts with nobody's; `If-Match` with the case's version is heeded
    when it is sent."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        report = await amending.find(tx, report_id, subject)
        await tx.lock([str(report.family_id)])
        file = await readable(tx.db, str(report.family_id), subject, "report.amend")
        if command.expected_version is not None:
            command.match(file.row["version"])
        reply = await amending.record(tx, report_id, report, file, body, subject, office)
        return Reply(201, reply, version=file.row["version"] + 1, location=f"/api/v1/reports/{report_id}/amendments")

    return await command.run(act, body)


@router.get("/reports/{report_id}/amendments")
async def list_amendments(
    report_id: UUID, subject: Annotated[Subject, guard("report.read")], db: Reading
) -> Page[AmendmentOfCase]:
    """What was added to a report, first added first; all of it on one page."""
    report = await store.find_report(db, report_id, subject.township)
    if report is None or report.family_id is None:
        raise not_found()
    await readable(db, str(report.family_id), subject, "report.read")
    return Page(items=await views.amendments(db, report_id=report_id), next_cursor=None)
