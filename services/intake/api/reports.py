"""Reports: taking one down, and reading one in codes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.problem import not_found
from chassis.transaction import Transaction
from contracts.access import COORDINATOR, Subject
from services.intake.api.access import readable
from services.intake.bodies import ReportBody, ReportReply
from services.intake.drafting import Office
from services.intake.recording import record
from services.intake.views import cases as views
from services.intake.views.cases import ReportView

router = APIRouter(prefix="/api/v1", tags=["reports"])


@router.post("/reports", status_code=201, response_model=ReportReply)
async def create_report(
    body: ReportBody, subject: Annotated[Subject, guard("report.create")], command: CommandOf, runtime: RuntimeOf
) -> Response:
    """Record a report. 201 means committed with its event: the response follows without anybody's further act."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        reply = await record(tx, body, subject, office)
        return Reply(201, reply, location=reply.links["self"])

    return await command.run(act, body)


@router.get("/reports/{report_id}")
async def read_report(report_id: UUID, subject: Annotated[Subject, guard("report.read")], db: Reading) -> ReportView:
    """A report in codes: for its recorder, and for whoever may read its case."""
    found = await views.report(db, report_id)
    if found is None or found.township != subject.township:
        raise not_found()
    if found.entered_by == subject.account:
        return found.view
    if found.view.family_id is None:
        if not subject.hotline and subject.department != COORDINATOR:
            raise not_found()
        return found.view
    await readable(db, str(found.view.family_id), subject, "report.read")
    return found.view
