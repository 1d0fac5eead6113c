"""What people add to a running response: a referral by hand, a safety-only task, a notice given to a body outside."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from chassis.auth import guard
from chassis.command import Command, CommandOf, Reply
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.dispatch import NoticeGiven
from contracts.policy import Policy, load_calendar, load_policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.dispatch import store
from services.dispatch.api.steps import check_case
from services.dispatch.domain import announce, external
from services.dispatch.domain.adding import AddReferral, GiveSafetyTask, add_referral, give_safety_task
from services.dispatch.domain.clocks import MANUAL_NOTICE
from services.dispatch.domain.commands import Refused, Setting
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.revising import Revised
from services.dispatch.requests import AddReferralBody, NoticeBody, SafetyTaskBody
from services.dispatch.views import responses
from services.dispatch.views.responses import ResponseView

router = APIRouter(prefix="/api/v1", tags=["dispatch"])

Decide = Callable[[ResponseFile, Setting], Revised | Refused]


@router.post("/responses/{case_id}/referrals", response_model=ResponseView, status_code=201)
async def add_referral_by_hand(
    case_id: UUID, body: AddReferralBody, subject: Annotated[Subject, guard("referral.add")], command: CommandOf
) -> Response:
    """Give another department a part, with a reason; its clocks start now. By who coordinates the case."""

    def decide(file: ResponseFile, setting: Setting) -> Revised | Refused:
        if subject.department != file.coordinating:
            raise forbidden("coordinator_adds")
        return add_referral(file, AddReferral(body.department, body.role, body.reason), setting)

    return await _add(case_id, "added_referral", body, subject, command, decide)


@router.post("/responses/{case_id}/safety-tasks", response_model=ResponseView, status_code=201)
async def add_safety_task(
    case_id: UUID, body: SafetyTaskBody, subject: Annotated[Subject, guard("referral.add")], command: CommandOf
) -> Response:
    """A restricted case: the police lead gives a department that was kept out a task, and nothing but its words."""

    def decide(file: ResponseFile, setting: Setting) -> Revised | Refused:
        return give_safety_task(file, GiveSafetyTask(body.department, body.task, subject.department), setting)

    return await _add(case_id, "safety_only_task", body, subject, command, decide)


@router.post("/responses/{case_id}/notices/{notice}", response_model=ResponseView, status_code=201)
async def give_notice(
    case_id: UUID,
    notice: Annotated[str, Path(pattern=r"^N-\d{1,2}$")],
    body: NoticeBody,
    subject: Annotated[Subject, guard("notice.give")],
    command: CommandOf,
) -> Response:
    """A body outside was told by hand (N-11). The notice that was owed to it longest is given, and its clock met."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        before = await _running(tx, case_id, subject, "notice.give")
        at = body.given_at or tx.now
        _check_notice(notice, body.body, at, before, load_policy(before.policy_version), tx.now)
        file = external.given(before, body.body, at, tx.new_id("notice", body.body))
        kept = (await store.save(tx, [(before, file)]))[0]
        told = NoticeGiven(
            case_id=file.case_id,
            case_number=file.case_number,
            township=file.township,
            notice=notice,
            body=body.body,
            means=body.means,
            given_at=at,
            met=announce.met(file.finished[len(before.finished) :]),
            by=subject.actor(),
            at=tx.now,
            note_id=body.note_id,
        )
        tx.publish(file.key, told)
        detail = {"notice": notice, "body": body.body, "means": body.means}
        tx.audit(file.key, "notice.give", subject.actor().model_dump(), detail)
        return Reply(201, responses.response_view(kept, subject, tx.now))

    return await command.run(act, body)


async def _add(
    case_id: UUID,
    cause: announce.RevisionCause,
    body: BaseModel,
    subject: Subject,
    command: Command,
    decide: Decide,
) -> Response:
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        before = await _running(tx, case_id, subject, "referral.add")
        setting = Setting(tx.now, tx.new_id(cause), load_policy(before.policy_version), load_calendar())
        decision = decide(before, setting)
        if isinstance(decision, Refused):
            raise _refusal(decision, before)
        kept = (await store.save(tx, [(before, decision.file)]))[0]
        if decision.is_news:
            tx.publish(before.key, announce.revised(before, decision, cause, tx.now))
        detail = body.model_dump(mode="json")
        tx.audit(before.key, f"referral.{cause}", subject.actor().model_dump(), detail)
        return Reply(201, responses.response_view(kept, subject, tx.now))

    return await command.run(act, body)


async def _running(tx: Transaction, case_id: UUID, subject: Subject, action: str) -> ResponseFile:
    """The open response of a case, with its key locked and everything it finished."""
    await tx.lock([str(case_id)])
    file = (await store.open_responses(tx, [case_id], finished=True)).get(case_id)
    if file is None:
        ended = await responses.newest_response(tx.db, case_id)
        if ended is None:
            raise not_found()
        check_case(subject, action, ended)
        raise conflict("case_closed", "个案已销号", "The case is closed", current_state="closed")
    check_case(subject, action, file)
    return file


def _refusal(refusal: Refused, file: ResponseFile) -> Exception:
    if refusal.kind == "input":
        return invalid(FieldError(refusal.pointer, refusal.code, refusal.zh, refusal.en))
    if refusal.kind == "duty":
        return forbidden(refusal.code)
    return conflict(refusal.code, refusal.zh, refusal.en, current_state=file.state)


def _check_notice(notice: str, body: str, at: datetime, file: ResponseFile, policy: Policy, now: datetime) -> None:
    rule = policy.notices_by_id.get(notice)
    if rule is None or notice != MANUAL_NOTICE:
        zh, en = "只有对外通知（N-11）由人工发出并登记", "Only external notices (N-11) are given and recorded by hand"
        raise invalid(FieldError("#/notice", "not_by_hand", zh, en))
    if ("external_body", body) not in policy.labels:
        raise invalid(FieldError("#/body", "unknown_body", "没有这个外部单位", "There is no such body outside"))
    if not file.received_at <= at <= now + CLOCK_LEEWAY:
        zh, en = "时间须在接报之后、现在之前", "The time lies before the report or after now"
        raise invalid(FieldError("#/given_at", "impossible_time", zh, en))
