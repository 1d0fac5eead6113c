"""The level as people change it: raised by one person at once, lowered by two persons and one step."""

from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, Problem, conflict, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import Policy
from contracts.risk_scoring import LevelLoweringProposed
from contracts.vocabulary import Actor
from services.risk_scoring import domain
from services.risk_scoring.api.steps import Body, actions_of, changeable
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.domain.scoring import relevelled
from services.risk_scoring.store.assessments import latest_children
from services.risk_scoring.store.cases import save_cases
from services.risk_scoring.store.lowerings import add_lowering, decide_lowering, lowering, open_lowering
from services.risk_scoring.store.tables import LoweringRow
from services.risk_scoring.views import assessments as views
from services.risk_scoring.views.assessments import LoweringView, RiskView

LevelCode = Literal["blue", "yellow", "orange", "red"]
LoweringCode = Literal["blue", "yellow", "orange"]

router = APIRouter(prefix="/api/v1/assessments", tags=["assessments"])


class RaiseLevel(Body):
    """Raise at once. `evidence` is a rule of the instrument (R1..Y4) or a reassessment trigger; the reason is a note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"to": "red", "evidence": "self_harm_signal", "reason_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f"}
            ]
        }
    )

    to: LevelCode
    evidence: str = Field(max_length=40)
    reason_note_id: UUID | None = None


class ProposeLowering(Body):
    """Lower by one level, with both notes (policy `manual_change.lower`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "to": "yellow",
                    "reason_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "best_interest_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    to: LoweringCode
    reason_note_id: UUID
    best_interest_note_id: UUID


# Raising -----------------------------------------------------------------------------------------------------------


@router.post("/cases/{case_id}/raise", response_model=RiskView)
async def raise_level(
    case_id: UUID, body: RaiseLevel, subject: Annotated[Subject, guard("level.raise")], command: CommandOf
) -> Response:
    """Raise the level at once. New limits count from now, and departments the new level needs are called."""

    async def act(tx: Transaction) -> Reply:
        file, policy = await changeable(tx, case_id, subject, "level.raise", command)
        if body.evidence not in _evidence_codes(policy):
            raise invalid(FieldError("#/evidence", "unknown_evidence", "没有这个依据代码", "no such evidence code"))
        if policy.rank(body.to) < policy.rank(file.level):
            raise conflict("not_a_raise", "降级须由两人办理", "Lowering takes two persons", current_state=file.level)
        person = _person(subject.actor(), subject.posts)
        _allowed(domain.LevelRequest(file.level, body.to, frozenset(), person), policy)
        given = {"evidence": body.evidence, "reason_note_id": body.reason_note_id}
        file = await _change_level(tx, file, policy, "manual_raise", body.to, subject, given)
        return Reply(200, views.risk(file, None, actions_of(file, None, subject, tx.now)), version=file.version)

    return await command.run(act, body)


def _evidence_codes(policy: Policy) -> set[str]:
    rules = policy.compiled
    codes = {rule.code for rule in (*rules.overrides, *rules.floors, *rules.plus_one)}
    return codes | {trigger.code for trigger in policy.risk.reassessment.triggers}


# Lowering ----------------------------------------------------------------------------------------------------------


@router.post("/cases/{case_id}/lowerings", status_code=201, response_model=LoweringView)
async def propose_lowering(
    case_id: UUID,
    body: ProposeLowering,
    subject: Annotated[Subject, guard("level.propose_lowering")],
    command: CommandOf,
) -> Response:
    """Propose to lower the level by one. A civil affairs supervisor, another person, decides."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        file, policy = await changeable(tx, case_id, subject, "level.propose_lowering", command)
        if await open_lowering(tx.db, case_id) is not None:
            raise conflict("lowering_waiting", "已有待核准的降级申请", "A proposal is already waiting")
        actor = subject.actor()
        request = await _lowering_request(tx, file, body.to, _person(actor, subject.posts), None)
        if _allowed(request, policy).direction != "lower":
            raise conflict("not_a_lowering", "不是降级", "This is not a lowering", current_state=file.level)
        row = LoweringRow(
            proposal_id=tx.new_id("lowering"),
            case_id=case_id,
            response_no=file.response_no,
            level_from=file.level,
            level_to=body.to,
            reason_note_id=body.reason_note_id,
            best_interest_note_id=body.best_interest_note_id,
            proposed_by=actor.model_dump(),
            proposer_posts=sorted(subject.posts),
            proposed_at=tx.now,
            state="proposed",
            decided_by=None,
            decided_at=None,
        )
        await add_lowering(tx.db, row)
        tx.publish(str(case_id), _proposed(row, actor))
        file = await _touched(tx, file, "level.lowering-proposed", actor, proposal_id=row.proposal_id, to=body.to)
        return Reply(201, views.lowering_view(row.model_dump(), policy), version=file.version)

    return await command.run(act, body)


def _proposed(row: LoweringRow, actor: Actor) -> LevelLoweringProposed:
    return LevelLoweringProposed.model_validate({**row.model_dump(), "proposed_by": actor})


@router.post("/cases/{case_id}/lowerings/{proposal_id}/approve", response_model=RiskView)
async def approve_lowering(
    case_id: UUID,
    proposal_id: UUID,
    subject: Annotated[Subject, guard("level.approve_lowering")],
    command: CommandOf,
) -> Response:
    """Lower the level as proposed. Everything is checked again as it stands now."""

    async def act(tx: Transaction) -> Reply:
        file, policy = await changeable(tx, case_id, subject, "level.approve_lowering", command)
        row = await _waiting(tx, file, proposal_id)
        proposer = _person(Actor.model_validate(row["proposed_by"]), row["proposer_posts"])
        approver = _person(subject.actor(), subject.posts)
        _allowed(await _lowering_request(tx, file, row["level_to"], proposer, approver), policy)
        await decide_lowering(tx.db, proposal_id, "approved", subject.actor().model_dump(), tx.now)
        given = {
            "reason_note_id": row["reason_note_id"],
            "best_interest_note_id": row["best_interest_note_id"],
            "proposal_id": proposal_id,
        }
        file = await _change_level(tx, file, policy, "manual_lowering", row["level_to"], subject, given)
        return Reply(200, views.risk(file, None, actions_of(file, None, subject, tx.now)), version=file.version)

    return await command.run(act)


@router.post("/cases/{case_id}/lowerings/{proposal_id}/decline", response_model=RiskView)
async def decline_lowering(
    case_id: UUID,
    proposal_id: UUID,
    subject: Annotated[Subject, guard("level.approve_lowering")],
    command: CommandOf,
) -> Response:
    """Leave the level as it is."""

    async def act(tx: Transaction) -> Reply:
        file, _ = await changeable(tx, case_id, subject, "level.approve_lowering", command)
        await _waiting(tx, file, proposal_id)
        actor = subject.actor()
        await decide_lowering(tx.db, proposal_id, "declined", actor.model_dump(), tx.now)
        file = await _touched(tx, file, "level.lowering-declined", actor, proposal_id=proposal_id)
        return Reply(200, views.risk(file, None, actions_of(file, None, subject, tx.now)), version=file.version)

    return await command.run(act)


# Shared steps ----------------------------------------------------------------------------------------------------


def _person(actor: Actor, posts: Any) -> domain.Person:
    """A person is the member of staff; two accounts of one are still one person."""
    return domain.Person(actor.staff or actor.account or "", actor.department, frozenset(posts))


async def _lowering_request(
    tx: Transaction, file: CaseFile, to: str, proposer: domain.Person, approver: domain.Person | None
) -> domain.LevelRequest:
    latest = await latest_children(tx.db, file.assessment_id) if file.assessment_id else ()
    return domain.LevelRequest(
        current=file.level,
        wanted=to,
        fired=frozenset(code for child in latest for code in child.fired),
        proposer=proposer,
        approver=approver,
        has_reason=True,
        has_best_interest_note=True,
        child_seen=file.child_seen,
        within_step_limit=not file.overdue,
        conflict_units=file.conflict_units,
        propose_only=approver is None,
    )


def _allowed(request: domain.LevelRequest, policy: Policy) -> domain.Allowed:
    decision = domain.decide_level_change(request, policy)
    if isinstance(decision, domain.Refused):
        status = 403 if decision.rule in {"conflicted_unit", "second_person", "supervisor"} else 409
        raise Problem(status, decision.rule, decision.reason.zh, decision.reason.en, current_state=request.current)
    return decision


async def _waiting(tx: Transaction, file: CaseFile, proposal_id: UUID) -> Any:
    row = await lowering(tx.db, file.case_id, proposal_id)
    if row is None:
        raise not_found()
    if row["state"] != "proposed":
        raise conflict("lowering_decided", "该申请已处理", "It was decided already", current_state=row["state"])
    return row


async def _change_level(
    tx: Transaction,
    file: CaseFile,
    policy: Policy,
    cause: Literal["manual_raise", "manual_lowering"],
    to: str,
    subject: Subject,
    given: dict[str, Any],
) -> CaseFile:
    before, actor = file.level, subject.actor()
    latest = await latest_children(tx.db, file.assessment_id) if file.assessment_id else ()
    file, assessed = relevelled(file, latest, to, policy)
    changes = Changes(tx)
    file = changes.announce(
        file, assessed, policy, cause, None, effective_at=tx.now, by=actor, level_before=before, **given
    )
    await changes.keep()
    detail = {"from": before, "to": to, **{name: str(value) for name, value in given.items() if value}}
    tx.audit(str(file.case_id), f"level.{cause}", actor.model_dump(), detail)
    return file


async def _touched(tx: Transaction, file: CaseFile, action: str, actor: Actor, **detail: Any) -> CaseFile:
    """The next version of the file, and the audit entry of the act."""
    tx.audit(str(file.case_id), action, actor.model_dump(), {name: str(value) for name, value in detail.items()})
    file = replace(file, version=file.version + 1)
    await save_cases(tx.db, [file])
    return file
