"""What every route of dispatch shares: the moment, the response a reader may see, and how a refusal is worded."""

from datetime import datetime
from uuid import UUID

from chassis.problem import FieldError, Problem, conflict, forbidden, invalid, not_found, refused
from chassis.transaction import Connection
from contracts.access import Denied, Subject, decide
from contracts.policy import load_policy
from services.dispatch.domain import commands as ask
from services.dispatch.domain.referral import available_actions
from services.dispatch.domain.response import Referral, ResponseFile
from services.dispatch.views import responses
from services.dispatch.views.access import case_resource, referral_resource


async def now_of(db: Connection) -> datetime:
    moment: datetime = await db.fetchval("SELECT app_now()")
    return moment


async def readable(db: Connection, case_id: UUID, subject: Subject, action: str) -> ResponseFile:
    file = await responses.newest_response(db, case_id)
    if file is None:
        raise not_found()
    check_case(subject, action, file)
    return file


def check_case(subject: Subject, action: str, file: ResponseFile) -> None:
    decision = decide(subject, action, case_resource(file, subject))
    if isinstance(decision, Denied):
        raise refused(decision)


def check_referral(subject: Subject, action: str, referral: Referral, file: ResponseFile) -> None:
    decision = decide(subject, action, referral_resource(referral, file, subject))
    if isinstance(decision, Denied):
        raise refused(decision)


def refusal_of(refusal: ask.Refused, referral: Referral, file: ResponseFile, now: datetime) -> Problem:
    if refusal.kind == "input":
        return invalid(FieldError(refusal.pointer, refusal.code, refusal.zh, refusal.en))
    if refusal.kind == "duty":
        return forbidden(refusal.code)
    still_open = available_actions(referral, file, now, load_policy(file.policy_version))
    return conflict(
        refusal.code,
        refusal.zh,
        refusal.en,
        current_state=referral.state,
        available_actions=list(still_open),
        current_version=referral.version,
    )
