"""Finding a case for a subject, or the refusal the access policy gives."""

from typing import Any

from fastapi import Request

from chassis.clock import new_uuid7
from chassis.log import current_traceparent
from chassis.problem import not_found, refused
from chassis.transaction import Cause, Connection
from contracts.access import Denied, Subject, decide
from services.intake.views.cases import CaseRecord, find_record


async def known_case(db: Connection, reference: str, subject: Subject) -> CaseRecord:
    """The case of an id or number in the subject's township. Raises Problem 404."""
    record = await find_record(db, reference, subject)
    if record is None:
        raise not_found()
    return record


async def readable(db: Connection, reference: str, subject: Subject, action: str) -> CaseRecord:
    """The case, when the subject may perform `action` on it. Raises Problem 404 or 403."""
    record = await known_case(db, reference, subject)
    now = await db.fetchval("SELECT app_now()")
    decision = decide(subject, action, record.resource(now))
    if isinstance(decision, Denied):
        raise refused(decision)
    return record


def who(subject: Subject) -> dict[str, Any]:
    """The subject as the access log names it: ids, department and posts."""
    return {**subject.actor().model_dump(exclude_none=True), "posts": sorted(subject.posts)}


def reading_cause() -> Cause:
    """The cause of a reading that is logged: itself."""
    identity = new_uuid7()
    return Cause(identity, str(identity), current_traceparent())


def source_of(request: Request) -> str | None:
    """The address a reading came from, for the access log."""
    return request.client.host if request.client else None
