"""Referrals over HTTP: department queues and the acts on a referral."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel

from chassis.auth import guard
from chassis.command import Command, CommandOf, Reply, etag
from chassis.http import Reading
from chassis.paging import PageOf
from chassis.problem import FieldError, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject, scope
from contracts.policy import intake_problems, load_calendar, load_policy
from services.dispatch import metrics, store
from services.dispatch.api.steps import check_referral, now_of, refusal_of
from services.dispatch.domain import announce
from services.dispatch.domain import commands as ask
from services.dispatch.domain.referral import decide as decide_act
from services.dispatch.domain.response import Finished, Referral, ResponseFile
from services.dispatch.requests import (
    AcknowledgeBody,
    CompleteBody,
    ConfirmSafetyBody,
    DecideReturnBody,
    GiveFeedbackBody,
    NotifyGuardianBody,
    RecordAssessmentBody,
    ReportArrivalBody,
    RerouteBody,
    ReturnBody,
    RevokeBody,
    SeeAmendmentBody,
)
from services.dispatch.store.rows import referral_of
from services.dispatch.views import referrals
from services.dispatch.views.access import access_action
from services.dispatch.views.referrals import ReferralFilters, ReferralPage, ReferralView

GRID_POSTS = frozenset({"grid_member", "group_head"})
VILLAGE_POSTS = frozenset({"child_director", "village_director", "village_responsible", "village_station"})
StateCode = Literal["issued", "acknowledged", "returning", "completed", "ended"]
LevelCode = Literal["blue", "yellow", "orange", "red"]
RoleCode = Literal["inform", "assist", "lead"]

router = APIRouter(prefix="/api/v1", tags=["dispatch"])


# Queues --------------------------------------------------------------------------------------------------------------


@router.get("/referrals")
async def list_referrals(
    subject: Annotated[Subject, guard("referral.list")],
    paging: PageOf,
    db: Reading,
    state: Annotated[StateCode | None, Query(description="Without it: everything with something left to do")] = None,
    level: LevelCode | None = None,
    role: RoleCode | None = None,
    village: Annotated[str | None, Query(max_length=40)] = None,
    step: Annotated[str | None, Query(max_length=40, description="The step of the nearest clock")] = None,
    overdue: bool | None = None,
    case_number: Annotated[str | None, Query(max_length=40)] = None,
    updated_since: Annotated[AwareDatetime | None, Query(description="Every change since, in its order")] = None,
    organisation: Annotated[
        str | None, Query(max_length=40, description="One unit's part of a list that shows all")
    ] = None,
) -> ReferralPage:
    """The reader's queue, nearest running clock first. With `updated_since`, or a state that is over, by last change."""
    filters = ReferralFilters(state, level, role, village, step, overdue, case_number, updated_since, organisation)
    now = await now_of(db)
    found = await referrals.referrals(
        db,
        scope(subject, "referral.list"),
        filters,
        after=paging.after(datetime, UUID),
        limit=paging.fetch,
        subject=subject,
        now=now,
    )
    page = paging.page(found, lambda pair: (pair[1], pair[0].referral_id))
    return ReferralPage(items=[view for view, _ in page.items], next_cursor=page.next_cursor, server_time=now)


@router.get("/referrals/{referral_id}", response_model=ReferralView)
async def read_referral(
    referral_id: UUID, subject: Annotated[Subject, guard("referral.read")], db: Reading
) -> Response:
    """One referral. Its ETag is the version that acts ask for; clocks move without changing it, so it is never a 304."""
    found = await referrals.referral(db, referral_id)
    if found is None:
        raise not_found()
    row, file = found
    referral = referral_of(row)
    check_referral(subject, "referral.read", referral, file)
    view = referrals.referral_view(row, referral, file, subject, await now_of(db))
    return Response(view.model_dump_json(), headers={"ETag": etag(view.version)}, media_type="application/json")


# Acts ----------------------------------------------------------------------------------------------------------------

Wish = Callable[[Referral, ResponseFile], ask.Command]
"""Makes the domain's command from the referral it is about."""


@router.post("/referrals/{referral_id}/actions/acknowledge", response_model=ReferralView)
async def acknowledge_referral(
    referral_id: UUID,
    body: AcknowledgeBody,
    subject: Annotated[Subject, guard("referral.acknowledge")],
    command: CommandOf,
) -> Response:
    """Sign for the referral (S4), or mark a notice as read."""
    return await _carry_out("acknowledge", referral_id, body, subject, command, lambda _r, _f: ask.Acknowledge())


@router.post("/referrals/{referral_id}/actions/return", response_model=ReferralView)
async def return_referral(
    referral_id: UUID, body: ReturnBody, subject: Annotated[Subject, guard("referral.return")], command: CommandOf
) -> Response:
    """Say that it is another department's job. The task stays here, and its clocks run on, until civil affairs rules."""
    wish = ask.Return(body.reason, body.proposed_department, body.note_id)
    return await _carry_out("return", referral_id, body, subject, command, lambda _r, _f: wish)


@router.post("/referrals/{referral_id}/actions/decide-return", response_model=ReferralView)
async def decide_referral_return(
    referral_id: UUID,
    body: DecideReturnBody,
    subject: Annotated[Subject, guard("referral.decide_return")],
    command: CommandOf,
) -> Response:
    """Rule on a return: upheld, the task moves; refused, it stays."""
    wish = ask.DecideReturn(body.upheld, body.department)
    return await _carry_out("decide-return", referral_id, body, subject, command, lambda _r, _f: wish)


@router.post("/referrals/{referral_id}/actions/revoke", response_model=ReferralView)
async def revoke_referral(
    referral_id: UUID, body: RevokeBody, subject: Annotated[Subject, guard("referral.revoke")], command: CommandOf
) -> Response:
    """Take a referral back. Its clocks end without being met; the case lead's is rerouted instead."""
    wish = ask.Revoke(body.reason, subject.supervises)
    return await _carry_out("revoke", referral_id, body, subject, command, lambda _r, _f: wish)


@router.post("/referrals/{referral_id}/actions/reroute", response_model=ReferralView)
async def reroute_referral(
    referral_id: UUID, body: RerouteBody, subject: Annotated[Subject, guard("referral.reroute")], command: CommandOf
) -> Response:
    """Move a task to another department without waiting for a return."""
    wish = ask.Reroute(body.department, body.reason, subject.supervises)
    return await _carry_out("reroute", referral_id, body, subject, command, lambda _r, _f: wish)


@router.post("/referrals/{referral_id}/actions/see-amendment", response_model=ReferralView)
async def see_amendment(
    referral_id: UUID,
    body: SeeAmendmentBody,
    subject: Annotated[Subject, guard("referral.see_amendment")],
    command: CommandOf,
) -> Response:
    """The department has seen that the report was amended; its queue stops saying so."""
    return await _carry_out("see-amendment", referral_id, body, subject, command, lambda _r, _f: ask.SeeAmendment())


@router.post("/referrals/{referral_id}/actions/report-arrival", response_model=ReferralView)
async def report_referral_arrival(
    referral_id: UUID,
    body: ReportArrivalBody,
    subject: Annotated[Subject, guard("referral.report_arrival")],
    command: CommandOf,
) -> Response:
    """Somebody is on the scene (S5). The first who sees the child makes the case's first contact."""
    if subject.kind == "client" and body.tier is None:
        raise invalid(FieldError("#/tier", "tier_required", "接口须说明由哪一级到场", "A client names the tier"))

    def wish(referral: Referral, file: ResponseFile) -> ask.Command:
        return ask.ReportArrival(body.arrived_at, body.child_seen, body.tier, _tiers(subject))

    return await _carry_out("report-arrival", referral_id, body, subject, command, wish)


@router.post("/referrals/{referral_id}/actions/confirm-safety", response_model=ReferralView)
async def confirm_referral_safety(
    referral_id: UUID,
    body: ConfirmSafetyBody,
    subject: Annotated[Subject, guard("referral.confirm_safety")],
    command: CommandOf,
) -> Response:
    """The child is safe (S6). By the case lead or the coordinator, once the child was seen."""
    wish = ask.ConfirmSafety(body.basis, body.confirmed_at)
    return await _carry_out("confirm-safety", referral_id, body, subject, command, lambda _r, _f: wish)


@router.post("/referrals/{referral_id}/actions/record-assessment", response_model=ReferralView)
async def record_referral_assessment(
    referral_id: UUID,
    body: RecordAssessmentBody,
    subject: Annotated[Subject, guard("referral.record_assessment")],
    command: CommandOf,
) -> Response:
    """Sign the written assessment of one child (S8); its findings are scored again."""

    def wish(referral: Referral, file: ResponseFile) -> ask.Command:
        problems = intake_problems(body.concerns, body.facts, body.answers, load_policy(file.policy_version))
        if problems:
            raise invalid(*(FieldError(f"#{p.pointer}", p.code, p.message.zh, p.message.en) for p in problems))
        return ask.RecordAssessment(body.child_id)

    return await _carry_out("record-assessment", referral_id, body, subject, command, wish)


@router.post("/referrals/{referral_id}/actions/notify-guardian", response_model=ReferralView)
async def notify_referral_guardian(
    referral_id: UUID,
    body: NotifyGuardianBody,
    subject: Annotated[Subject, guard("referral.notify_guardian")],
    command: CommandOf,
) -> Response:
    """A guardian who is not suspected was told (N-9)."""
    return await _carry_out("notify-guardian", referral_id, body, subject, command, lambda _r, _f: ask.NotifyGuardian())


@router.post("/referrals/{referral_id}/actions/give-feedback", response_model=ReferralView)
async def give_referral_feedback(
    referral_id: UUID,
    body: GiveFeedbackBody,
    subject: Annotated[Subject, guard("referral.give_feedback")],
    command: CommandOf,
) -> Response:
    """The reporter was told the result (S13), or cannot be."""
    wish = ask.GiveFeedback(body.report_id, body.possible)
    return await _carry_out("give-feedback", referral_id, body, subject, command, lambda _r, _f: wish)


@router.post("/referrals/{referral_id}/actions/complete", response_model=ReferralView)
async def complete_referral(
    referral_id: UUID, body: CompleteBody, subject: Annotated[Subject, guard("referral.complete")], command: CommandOf
) -> Response:
    """The department's task is done."""
    return await _carry_out("complete", referral_id, body, subject, command, lambda _r, _f: ask.Complete(body.outcome))


async def _carry_out(
    action: str, referral_id: UUID, body: BaseModel, subject: Subject, command: Command, wish: Wish
) -> Response:
    """Every act: may they, is it what they saw, is it possible; then rows, clocks, event and audit in one commit."""
    command.require_version()
    met: list[tuple[tuple[Finished, ...], str]] = []

    async def act(tx: Transaction) -> Reply:
        met.clear()
        file = await store.response_of_referral(tx, referral_id)
        if file is None:
            raise not_found()
        referral = file.referral(referral_id)
        check_referral(subject, access_action(action), referral, file)
        command.match(referral.version, current_state=referral.state)
        asked = wish(referral, file)
        policy = load_policy(file.policy_version)
        cause = tx.new_id(action, referral_id)
        decision = decide_act(asked, referral, file, ask.Setting(tx.now, cause, policy, load_calendar()))
        if isinstance(decision, ask.Refused):
            raise refusal_of(decision, referral, file, tx.now)
        kept = (await store.save(tx, [(file, decision.file)]))[0]
        found = body.model_dump(include={"child_id", "facts", "answers", "concerns"})
        note_id = getattr(body, "note_id", None)
        for event in announce.acts(file, asked, decision, subject.actor(), tx.now, note_id, found):
            tx.publish(file.key, event)
        tx.audit(file.key, access_action(action), subject.actor().model_dump(), {"referral_id": str(referral_id)})
        met.append((decision.met, file.level))
        changed = kept.referral(referral_id)
        return Reply(200, referrals.view_of(changed, kept, subject, tx.now), version=changed.version)

    response = await command.run(act, body)
    if "Idempotency-Replayed" not in response.headers:
        for finished, level in met:
            metrics.observe(finished, level)
    return response


def _tiers(subject: Subject) -> tuple[str, ...]:
    """The tiers whose arrival this caller may report. Who stands in for a village that has no post of its own, and an
    API client, may speak for any."""
    grid = ("group",) if subject.posts & GRID_POSTS else ()
    village = ("village",) if subject.posts & VILLAGE_POSTS else ()
    return (*grid, *village) or ask.TIERS
