"""Measures over HTTP: a department's queue, asking for one, and every step to its end (D-4.5, D-4.2.3)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.measure_steps import (
    Held,
    check_measures,
    held,
    keep_measure,
    must_offer,
    refused_for,
    seen,
    seen_as,
)
from services.assistance.api.steps import Body, changeable, permitted
from services.assistance.domain.measures import (
    Act,
    Measure,
    Outcome,
    Refusal,
    State,
    act_on,
    receipt,
    record_round,
    sign,
    with_papers,
)
from services.assistance.domain.measures import finish as finished
from services.assistance.domain.plan import EMPLOYMENT, OwnerReason, Wanted, emergency_refusal, working_proved
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.money import money_moves, paid_for
from services.assistance.store.rounds import load_cases
from services.assistance.tasks import amended, change, papers_follow, request, setting_of
from services.assistance.views import measures as views
from services.assistance.views.measures import MeasureFilters, MeasureView

router = APIRouter(prefix="/api/v1/measures", tags=["measures"])

Ending = Literal["achieved", "partly_achieved"]
WITHDRAWN = ("not_needed", "refused_by_family", "moved_away", "replaced", "case_changed")
"""Why a measure is cancelled or stopped."""


class AskedMeasure(Body):
    """A measure of the catalogue. Another owner than the catalogue's needs a reason code; `due_at` is a date the plan sets,
    never later than the policy's limit."""

    code: str = Field(max_length=40)
    owner_department: str = Field(max_length=40)
    owner_reason: OwnerReason | None = None
    beneficiary: Literal["child", "family"] = "child"
    child_id: UUID | None = None
    goal: str | None = Field(default=None, max_length=40, description="a problem domain: living, guardianship, ...")
    due_at: AwareDatetime | None = None


class RequestMeasure(AskedMeasure):
    """A measure outside a conference: an amendment of the plan, or an emergency service before there is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "code": "EMERGENCY_AID",
                    "owner_department": "civil_affairs",
                    "emergency": True,
                }
            ]
        }
    )

    case_id: UUID
    emergency: bool = False
    note_id: UUID | None = None


class MeasureAct(Body):
    """A step. `reason` to refuse, cancel or stop; `outcome` when done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "documents_missing"}]})

    reason: str | None = Field(default=None, max_length=40)
    outcome: Ending | None = None


# Reading -------------------------------------------------------------------------------------------------------------


@router.get("")
async def list_measures(
    subject: Annotated[Subject, guard("measure.read")],
    paging: PageOf,
    db: Reading,
    department: Annotated[str | None, Query(max_length=40, description="for those who see every department's")] = None,
    state: State | None = None,
    code: Annotated[str | None, Query(max_length=40)] = None,
    case_id: UUID | None = None,
    emergency: bool | None = None,
    overdue: bool | None = None,
) -> Page[MeasureView]:
    """The queue of the reader's department, nearest clock first. Without `state`: what is running."""
    filters = MeasureFilters(department, state, code, case_id, emergency, overdue)
    found = await views.queue(db, subject, filters, after=paging.after(datetime, UUID), limit=paging.fetch)
    cases = await load_cases(db, {measure.case_id for measure in found})
    now: datetime = await db.fetchval("SELECT app_now()")
    shown = []
    for measure in found:
        round_ = cases[measure.case_id].numbered(measure.response_no, "")
        may_act = permitted(subject, "measure.act", seen_as(round_, measure, frozenset()))
        shown.append(views.measure_view(measure, round_, subject, now, may_act=may_act))
    return paging.page(shown, lambda view: (view.due_at or views.FAR, view.measure_id))


@router.get("/{measure_id}", response_model=MeasureView)
async def read_measure(
    measure_id: UUID, request_: Request, subject: Annotated[Subject, guard("measure.read")], db: Reading
) -> Response:
    """One measure."""
    measure, round_, found = await seen(db, measure_id, subject, "measure.read")
    now: datetime = await db.fetchval("SELECT app_now()")
    may_act = permitted(subject, "measure.act", found)
    view = views.measure_view(measure, round_, subject, now, may_act=may_act)
    return versioned(request_, view, measure.version)


# Asking --------------------------------------------------------------------------------------------------------------


@router.post("", status_code=201, response_model=MeasureView)
async def request_measure(
    body: RequestMeasure, subject: Annotated[Subject, guard("measure.request")], command: CommandOf
) -> Response:
    """Ask for a measure: any department with a task in the case. An emergency service of the five kinds needs no plan while
    the case is RED or ORANGE (D-4.2.3); everything else amends the plan."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, _ = await changeable(tx, body.case_id, subject, "measure.request", None)
        round_, actor = case.current, subject.actor()
        wanted = Wanted(**body.model_dump(include=set(AskedMeasure.model_fields)))
        setting = await setting_of(tx.db, round_, tx.now)
        check_measures([wanted], setting, "#")
        _may_be_asked(body, round_)
        [made] = await request(tx, setting, [wanted], actor, emergency=body.emergency, note_id=body.note_id)
        if round_.plan_agreed_at is not None:
            await amended(tx, round_, actor)
        detail = {"measure": str(made.measure_id), "code": made.code}
        tx.audit(str(round_.case_id), "measure.requested", actor.model_dump(), detail)
        view = views.measure_view(made, round_, subject, tx.now, may_act=True)
        return Reply(201, view, version=made.version, location=f"/api/v1/measures/{made.measure_id}")

    return await command.run(act, body)


def _may_be_asked(body: RequestMeasure, round_: Round) -> None:
    if body.emergency:
        refusal = emergency_refusal(body.code, round_, policy_of(round_))
        if refusal is not None and refusal.rule == "emergency_service":
            raise invalid(FieldError("#/code", refusal.rule, refusal.text.zh, refusal.text.en))
        if refusal is not None:
            raise refused_for(refusal, round_.level)
    elif round_.plan_id is None:
        raise conflict(
            "plan_not_open",
            "安全确认后方可制定计划；红级、橙级可申请紧急服务",
            "The plan opens once safety is confirmed; an emergency service can be asked for while RED or ORANGE",
            available_actions=["emergency"],
        )


# Special kinds -------------------------------------------------------------------------------------------------------


class Confirmation(Body):
    """One responsible party confirms its share. The guardian's comes as a signed paper, kept as a note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"party": "school"}]})

    party: str = Field(max_length=40)
    note_id: UUID | None = None


class Receipt(Body):
    """One side of a hand-over signs. `body`: code of the institution or department that gives or receives the child."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "county_rescue_station"}]})

    body: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    note_id: UUID | None = None


class RoundMade(Body):
    """A round of a schedule was made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"done_at": "2026-11-20T02:00:00Z"}]})

    done_at: AwareDatetime
    note_id: UUID | None = None


class Noted(Body):
    """A paper came or an order was issued; the paper is a note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50"}]})

    note_id: UUID


@router.post("/{measure_id}/confirm", response_model=MeasureView)
async def confirm_share(
    measure_id: UUID, body: Confirmation, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """A responsible party confirms: that the pupil attends again (school and guardian, D-4.5.9), or that it joined an
    escort (D-5.4.3)."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        return await keep_measure(
            found, sign(found.measure, body.party, found.who, tx.now, body.note_id), "confirmed", announce=False
        )

    return await command.run(act, body)


@router.post("/{measure_id}/handed-over", response_model=MeasureView)
async def hand_child_over(
    measure_id: UUID, body: Receipt, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """The escort signs for the hand-over (D-5.4.2)."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        signed = receipt(found.measure, "handed_over", found.who, tx.now, body.body, body.note_id)
        return await keep_measure(found, signed, "handed_over", announce=False)

    return await command.run(act, body)


@router.post("/{measure_id}/received", response_model=MeasureView)
async def receive_child(
    measure_id: UUID, body: Receipt, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """The receiving side signs: another department, or civil affairs with the institution's paper (D-5.4.2)."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        signed = receipt(found.measure, "received", found.who, tx.now, body.body, body.note_id)
        return await keep_measure(found, signed, "received", announce=False)

    return await command.run(act, body)


@router.post("/{measure_id}/record-round", response_model=MeasureView)
async def record_medical_round(
    measure_id: UUID, body: RoundMade, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """A round of a schedule was made; the next comes due (D-5.6.3)."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        must_offer(found, "record_round")
        if not found.measure.requested_at - CLOCK_LEEWAY <= body.done_at <= tx.now + CLOCK_LEEWAY:
            text = ("须在申请之后、现在之前", "after the request, not in the future")
            raise invalid(FieldError("#/done_at", "not_a_possible_time", *text))
        done = body.done_at.astimezone(UTC)
        return await keep_measure(found, record_round(found.measure, done), "round", at=done, announce=True)

    return await command.run(act, body)


@router.post("/{measure_id}/papers", response_model=MeasureView)
async def hand_in_papers(
    measure_id: UUID, body: Noted, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """The papers of emergency help have come, after the help (L-SA 48)."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        must_offer(found, "papers")
        return await keep_measure(found, with_papers(found.measure, tx.now), "papers", announce=True)

    return await command.run(act, body)


@router.post("/{measure_id}/order", response_model=MeasureView)
async def issue_order(
    measure_id: UUID, body: Noted, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """The township government orders the guardian to send the child to school, once persuasion failed for the longer limit
    (D-4.5.7). The order is a note."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        must_offer(found, "order")
        return await keep_measure(found, replace(found.measure, ordered_at=tx.now), "ordered", announce=True)

    return await command.run(act, body)


# Steps ---------------------------------------------------------------------------------------------------------------


@router.post("/{measure_id}/{step}", response_model=MeasureView)
async def take_step(
    measure_id: UUID,
    step: Act,
    body: MeasureAct,
    subject: Annotated[Subject, guard("measure.act")],
    command: CommandOf,
) -> Response:
    """Take a measure to its next state: accept, grant, refuse, complete, cancel or stop."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        _check_reason(step, body.reason, found)
        paid = await paid_for(tx.db, measure_id)
        outcome = (body.outcome or "achieved") if step == "complete" else None
        after = act_on(
            found.measure, step, found.who, found.entry, tx.now, reason=body.reason, outcome=outcome, paid=paid
        )
        if not isinstance(after, Refusal):
            await _may_be_taken(step, found)
            after = papers_follow(after, found.entry, tx.now)
        return await keep_measure(found, after, step)

    return await command.run(act, body)


async def finish(tx: Transaction, round_: Round, measure: Measure, subject: Subject, outcome: Outcome) -> Measure:
    """End a measure with its outcome, under the same guards as its steps. Raises 403 or 409."""
    found = Held(tx, measure, round_, subject)
    paid = await paid_for(tx.db, measure.measure_id)
    after = finished(measure, outcome, found.who, found.entry, tx.now, paid=paid)
    if isinstance(after, Refusal):
        raise refused_for(after, measure.state)
    await _may_be_taken("complete" if after.state == "completed" else "stop", found)
    return await change(tx, round_, measure, after, subject.actor(), "finished")


async def _may_be_taken(step: Act, found: Held) -> None:
    """Money on its way keeps a measure open; work is granted only on a proven age (L-CL 2)."""
    tx, measure = found.tx, found.measure
    if step in {"refuse", "complete", "cancel", "stop"} and await money_moves(tx.db, measure.measure_id):
        raise conflict("money_moves", "有资金正在审批或支付", "Money for it is on its way", current_state=measure.state)
    if step not in {"grant", "complete"} or measure.code != EMPLOYMENT or measure.beneficiary != "child":
        return
    setting = await setting_of(tx.db, found.round, tx.now)
    if not working_proved(measure.child_id, setting):
        raise conflict(
            "age_not_proved",
            "须先以准确出生日期确认已满16周岁(资格建议E-8)",
            "Advice E-8 on the exact birth date must first show that the child is 16",
            current_state=measure.state,
            available_actions=["eligibility"],
        )


def _check_reason(step: Act, reason: str | None, found: Held) -> None:
    refusals = tuple(code.code for code in found.policy.assistance.refusal_reasons)
    known = {"refuse": refusals, "cancel": WITHDRAWN, "stop": WITHDRAWN}.get(step, ())
    if reason is not None and reason not in known:
        names = ", ".join(known) or "—"
        raise invalid(FieldError("#/reason", "unknown_reason", f"原因代码应为：{names}", f"one of: {names}"))
