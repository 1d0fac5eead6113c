"""Commendation (D-4.9.2), criticism (D-4.9.3) and the right to reply: recorded by civil affairs or a supervisor (D-5.3.3).

`remark` and `reply` are about units and their work. They name no child and no family, are bounded, stay in the directory's
own table and are in no event.
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Connection, Deadline, Transaction
from contracts.access import Subject
from contracts.policy import due_at, load_calendar, load_policy
from services.directory.api.township import Body, lock_township, read_township
from services.directory.domain.programme import SubjectKind, refused_reply, speaks_for, unit_of
from services.directory.domain.records import Appraisal
from services.directory.domain.township import Township
from services.directory.firing import announcement
from services.directory.store import records
from services.directory.views import programme as views

router = APIRouter(prefix="/api/v1", tags=["appraisals"])
Reader = Annotated[Subject, guard("programme.read")]
Appraiser = Annotated[Subject, guard("appraisal.record")]
Quarter = Annotated[str, StringConstraints(pattern=r"^20\d\d-Q[1-4]$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
REPLY = "appraisal_reply"
_REFUSALS = {
    "no_reply_to_commendation": ("表彰无需申辩", "A commendation takes no reply"),
    "reply_period_over": ("申辩期已过", "The period for a reply is over"),
    "already_replied": ("已提交申辩", "A reply was given"),
    "appraisal_withdrawn": ("该记录已撤回", "The record was withdrawn"),
    "appraisal_final": ("该记录已生效", "The record is final"),
}


class AppraisalIn(Body):
    """An appraisal of a village, a department or a person of the staff, for a quarter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subject_kind": "department",
                    "subject": "health",
                    "ground": "buck_passing",
                    "period": "2026-Q4",
                    "remark": "两次退回转介，未提出承办单位",
                }
            ]
        },
    )

    subject_kind: SubjectKind
    subject: str = Field(max_length=40, description="Village code, department code or staff id")
    ground: str = Field(max_length=40, description="Code of the policy; it says whether this is praise or criticism")
    period: Quarter
    remark: Words | None = Field(default=None, description="About the unit's work. No child, no family, no case")


class ReplyIn(Body):
    """What the criticised unit answers. About its work; no child, no family, no case."""

    reply: Words


@router.post("/appraisals", response_model=views.AppraisalView, status_code=201)
async def record_appraisal(body: AppraisalIn, subject: Appraiser, command: CommandOf) -> Response:
    """Record a commendation, final at once, or a criticism, final when the unit's period to reply is over."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        rule = load_policy(township.policy_version).programme.appraisal
        ground = next((one for one in rule.grounds if one.code == body.ground), None)
        answers = unit_of(body.subject_kind, body.subject, township)
        if ground is None:
            expected = ", ".join(one.code for one in rule.grounds)
            raise invalid(FieldError("#/ground", "unknown_ground", f"应为：{expected}", f"must be one of: {expected}"))
        if answers is None:
            raise invalid(
                FieldError("#/subject", "unknown_subject", "没有这个考核对象", "no such village, department or person")
            )
        if speaks_for(subject, body.subject_kind, answers):
            raise forbidden("own_unit")
        criticism = ground.sign == "negative"
        due = due_at(rule.reply_right, tx.now, load_calendar()).at if criticism else None
        appraisal = Appraisal(
            id=tx.new_id("appraisal"),
            township=township.code,
            subject_kind=body.subject_kind,
            subject=body.subject,
            answers=answers,
            sign=ground.sign,
            ground=ground.code,
            period=body.period,
            state="recorded" if criticism else "final",
            reply_due_at=due,
            remark=body.remark,
            reply=None,
            recorded_by=subject.actor().model_dump(),
            recorded_at=tx.now,
            settled_at=None if criticism else tx.now,
        )
        if due is not None:
            tx.arm(_reply_clock(tx, township, appraisal, due))
        return await _keep(tx, subject, appraisal, 201)

    return await command.run(act, body)


def _reply_clock(tx: Transaction, township: Township, appraisal: Appraisal, due: datetime) -> Deadline:
    return Deadline(
        id=tx.new_id("appraisal-reply"),
        key=township.code,
        kind=REPLY,
        anchor_at=tx.now,
        due_at=due,
        plan=((due, "final"),),
        repeat_seconds=None,
        policy_version=township.policy_version,
        detail={},
        subject=appraisal.id,
    )


@router.get("/appraisals")
async def list_appraisals(
    subject: Reader,
    db: Reading,
    paging: PageOf,
    period: Annotated[Quarter | None, Query()] = None,
    about: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[views.AppraisalView]:
    """Appraisals, newest first. The words are open to who recorded them, to civil affairs and to the unit itself."""
    after = paging.after(datetime, UUID)
    found = await records.list_appraisals(db, subject.township, period, about, after=after, limit=paging.fetch)
    return paging.page(
        [views.appraisal(one, subject) for one in found], lambda view: (view.recorded_at, view.appraisal_id)
    )


@router.get("/appraisals/{appraisal_id}", response_model=views.AppraisalView)
async def read_appraisal(
    appraisal_id: UUID, request: Request, subject: Reader, db: Reading, runtime: RuntimeOf
) -> Response:
    """One appraisal."""
    await read_township(runtime, db, subject)
    appraisal = await _found(db, appraisal_id, subject)
    return versioned(request, views.appraisal(appraisal, subject), appraisal.version)


@router.post("/appraisals/{appraisal_id}/reply", response_model=views.AppraisalView)
async def reply_to_appraisal(
    appraisal_id: UUID, body: ReplyIn, subject: Annotated[Subject, guard("appraisal.reply")], command: CommandOf
) -> Response:
    """The criticised unit's answer, once, within its period (policy `programme.appraisal.reply_right`)."""

    async def act(tx: Transaction) -> Reply:
        await lock_township(tx, subject)
        appraisal = await _found(tx.db, appraisal_id, subject)
        if not speaks_for(subject, appraisal.subject_kind, appraisal.answers):
            raise forbidden("other_organisation")
        _refuse(refused_reply(appraisal.state, appraisal.reply_due_at, tx.now), appraisal)
        by = subject.actor().model_dump()
        replied = replace(appraisal, state="replied", reply=body.reply, replied_by=by, replied_at=tx.now)
        return await _keep(tx, subject, replace(replied, version=appraisal.version + 1), 200)

    return await command.run(act, body)


@router.post("/appraisals/{appraisal_id}/withdraw", response_model=views.AppraisalView)
async def withdraw_appraisal(appraisal_id: UUID, subject: Appraiser, command: CommandOf) -> Response:
    """Take an appraisal back, at any time: it stays in the list and counts no more. Nobody withdraws one of the own unit."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        await lock_township(tx, subject)
        appraisal = await _found(tx.db, appraisal_id, subject)
        command.match(appraisal.version)
        if speaks_for(subject, appraisal.subject_kind, appraisal.answers):
            raise forbidden("own_unit")
        _refuse("appraisal_withdrawn" if appraisal.state == "withdrawn" else None, appraisal)
        for deadline in await tx.armed([appraisal.township]):
            if deadline.subject == appraisal.id:
                tx.end(deadline.id, "cancelled", tx.now)
        withdrawn = replace(appraisal, state="withdrawn", settled_at=tx.now, version=appraisal.version + 1)
        return await _keep(tx, subject, withdrawn, 200)

    return await command.run(act)


async def _keep(tx: Transaction, subject: Subject, appraisal: Appraisal, status: Literal[200, 201]) -> Reply:
    await records.save_appraisal(tx, appraisal)
    tx.publish(appraisal.township, announcement(appraisal, subject.actor(), tx.now))
    detail = {"appraisal": str(appraisal.id), "state": appraisal.state}
    tx.audit(appraisal.township, "appraisal.write", subject.actor().model_dump(), detail)
    view = views.appraisal(appraisal, subject)
    return Reply(status, view, version=appraisal.version, location=f"/api/v1/appraisals/{appraisal.id}")


async def _found(db: Connection, appraisal_id: UUID, subject: Subject) -> Appraisal:
    appraisal = (await records.find_appraisals(db, [appraisal_id])).get(appraisal_id)
    if appraisal is None or appraisal.township != subject.township:
        raise not_found()
    return appraisal


def _refuse(rule: str | None, appraisal: Appraisal) -> None:
    if rule is not None:
        zh, en = _REFUSALS[rule]
        raise conflict(rule, zh, en, current_state=appraisal.state, available_actions=[])
