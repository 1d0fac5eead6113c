"""Taking a step of the guardian ladder, with its paper (D-4.4.4 to D-4.4.6)."""

from datetime import UTC, datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import LadderStepRecorded
from contracts.policy import Policy
from contracts.policy.guardian_ladder import LadderDocument
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.ladders.checks import announce_check
from services.assistance.api.ladders.reading import ladder_view
from services.assistance.api.steps import Body, changeable, keep, policy_of
from services.assistance.domain.ladder import (
    Accepted,
    Refused,
    StepId,
    Taken,
    check_owner,
    checks_due,
    decide_step,
    issuer_problem,
    village_barred,
)
from services.assistance.domain.orders import Wrong, court_due, first_state, settled_by, valid_until
from services.assistance.domain.rounds import Round
from services.assistance.ladder_clocks import check_clock, ids_of_paper, paper_clocks
from services.assistance.store import ladders as store
from services.assistance.store.ladders import ComplianceCheckRow, LadderStepRow
from services.assistance.views.ladders import LadderView
from services.assistance.visiting import plan_visits

CODE = r"^[a-z][a-z0-9_]{0,39}$"
PROVIDER = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
NUMBER = r"^[\w〔〕\[\]()（）-]*[0-9][\w〔〕\[\]()（）-]*$"
NUMBERED_FROM = 2
"""Rank of the first step whose papers carry a number (G2, the police)."""
FAMILY_EDUCATION = "family_education_order"

router = APIRouter(prefix="/api/v1/ladders", tags=["ladders"])


class NewStep(Body):
    """A step taken with a guardian. Codes are those of policy `guardian_ladder`; what happened is a note.

    `guardian_id` tells guardians apart, each of whom has a ladder. `in_force_until` for protection orders, `urgent` for
    an application to the court; `provider`, `starts_on` and `sessions_planned` for ordered family education.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "document": "warning_letter",
                    "issuer": "police",
                    "document_number": "云派告字〔2026〕12号",
                    "issued_on": "2026-11-20T02:00:00Z",
                    "reason": "not_heeded",
                    "response": "accepts",
                }
            ]
        }
    )

    document: str = Field(pattern=CODE)
    issuer: str = Field(pattern=CODE)
    issued_on: AwareDatetime
    reason: str = Field(pattern=CODE)
    response: str = Field(pattern=CODE)
    guardian_id: UUID | None = None
    document_number: str | None = Field(default=None, max_length=60, pattern=NUMBER)
    in_force_until: AwareDatetime | None = None
    urgent: bool = False
    provider: str | None = Field(default=None, pattern=PROVIDER)
    starts_on: AwareDatetime | None = None
    sessions_planned: int | None = Field(default=None, ge=1, le=100)
    note_id: UUID | None = None


@router.post("/{case_id}/steps", status_code=201, response_model=LadderView)
async def record_ladder_step(
    case_id: UUID, body: NewStep, subject: Annotated[Subject, guard("ladder.record")], command: CommandOf
) -> Response:
    """Record a step with its paper. Refused unless it is the next one after non-compliance or a jump is open; the
    refusal says what is missing and which papers would be allowed."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.record", command)
        round_, policy = case.current, policy_of(case.current)
        paper = _checked(body, round_, tx.now, policy)
        problem = issuer_problem(paper, body.issuer, subject.department, subject.posts, village_barred(round_), policy)
        if problem is not None:
            raise forbidden(problem)
        known = await store.load_ladder(tx.db, round_)
        decision = decide_step(known, body.document, body.guardian_id, body.reason, policy)
        if isinstance(decision, Refused):
            raise _refusal(decision)
        step, checks = _rows(body, decision, round_, subject, tx, policy)
        await store.add_step(tx.db, step, checks)
        await _settle(paper, known.taken, body.guardian_id, step, tx)
        tx.arm(*paper_clocks(step, round_, policy))
        tx.arm(*(check_clock(check, step, round_, policy) for check in checks if check.complied is None))
        _announce_step(step, checks, paper, round_, subject, tx, policy)
        await plan_visits(tx, [(round_, None)])
        round_ = await keep(tx, round_, "ladder.step_recorded", subject.actor(), step=step.step, document=step.document)
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(201, view, version=round_.version, location=f"/api/v1/ladders/{case_id}")

    return await command.run(act, body)


def _refusal(decision: Refused) -> Problem:
    return conflict(
        decision.rule,
        decision.text.zh,
        decision.text.en,
        missing=list(decision.missing),
        allowed=list(decision.allowed),
    )


def _checked(body: NewStep, round_: Round, now: datetime, policy: Policy) -> LadderDocument:
    """The paper, once every field of the body is sound. Raises 422 naming each that is not."""
    section = policy.guardian_ladder
    paper = section.document(body.document)
    wrong: list[FieldError] = []
    if paper is None:
        raise invalid(FieldError("#/document", "unknown_document", "没有这种文书", "there is no such paper"))
    if body.reason not in {reason.code for reason in section.reasons}:
        wrong.append(FieldError("#/reason", "unknown_reason", "没有这种原因", "there is no such reason"))
    if body.response not in {response.code for response in section.responses}:
        wrong.append(FieldError("#/response", "unknown_response", "没有这种反应", "there is no such response"))
    if body.issued_on > now + CLOCK_LEEWAY:
        wrong.append(FieldError("#/issued_on", "in_the_future", "不能晚于现在", "must not be in the future"))
    numbered = paper.kind != "proceeding" and section.rank(paper.step) >= NUMBERED_FROM
    if numbered and body.document_number is None:
        wrong.append(FieldError("#/document_number", "number_missing", "须填写文书编号", "the paper has a number"))
    if paper.code == FAMILY_EDUCATION and body.provider is None:
        wrong.append(FieldError("#/provider", "provider_missing", "须填写指导机构", "who gives the guidance?"))
    until = valid_until(paper, body.issued_on, body.in_force_until, policy)
    if isinstance(until, Wrong):
        wrong.append(FieldError("#/in_force_until", until.rule, until.text.zh, until.text.en))
    if wrong:
        raise invalid(*wrong)
    return paper


def _rows(
    body: NewStep, decision: Accepted, round_: Round, subject: Subject, tx: Transaction, policy: Policy
) -> tuple[LadderStepRow, list[ComplianceCheckRow]]:
    paper, issued_on = decision.document, body.issued_on.astimezone(UTC)
    until = valid_until(paper, issued_on, body.in_force_until, policy)
    refused = any(one.code == body.response and one.refuses for one in policy.guardian_ladder.responses)
    step = LadderStepRow(
        ladder_step_id=tx.new_id("ladder_step"),
        case_id=round_.case_id,
        response_no=round_.response_no,
        guardian_id=body.guardian_id,
        step=paper.step,
        document=paper.code,
        document_number=body.document_number,
        issuer=body.issuer,
        issued_on=issued_on,
        reason=body.reason,
        response=body.response,
        refused=refused,
        moves=decision.moves,
        jump_reason=decision.jump_reason,
        owner=check_owner(body.issuer, subject.department, village_barred(round_), policy),
        state=first_state(paper),
        in_force_until=until.astimezone(UTC) if isinstance(until, datetime) else None,
        ended_at=None,
        end_cause=None,
        urgent=body.urgent,
        court_due_at=court_due(paper, issued_on, body.urgent, policy),
        provider=body.provider,
        starts_on=body.starts_on.astimezone(UTC) if body.starts_on else None,
        sessions_planned=body.sessions_planned,
        sessions=[],
        note_id=body.note_id,
        recorded_by=subject.actor().model_dump(),
        recorded_at=tx.now,
    )
    due = checks_due(paper, issued_on, policy)
    checks = [_planned(step, tx.new_id("check", number), at) for number, at in enumerate(due)]
    # A guardian who refuses on the spot has not complied: nobody waits for the date of the check (D-4.4.5).
    return step, [*checks, *([_found_refusing(step, tx)] if refused else [])]


def _planned(step: LadderStepRow, check_id: UUID, due_at: datetime) -> ComplianceCheckRow:
    return ComplianceCheckRow(
        check_id=check_id,
        ladder_step_id=step.ladder_step_id,
        case_id=step.case_id,
        due_at=due_at,
        complied=None,
        breached_order=False,
        checked_at=None,
        checked_by=None,
        late_seconds=0,
        note_id=None,
    )


def _found_refusing(step: LadderStepRow, tx: Transaction) -> ComplianceCheckRow:
    return ComplianceCheckRow(
        check_id=tx.new_id("check", "refused"),
        ladder_step_id=step.ladder_step_id,
        case_id=step.case_id,
        due_at=None,
        complied=False,
        breached_order=False,
        checked_at=step.issued_on,
        checked_by=step.recorded_by,
        late_seconds=0,
        note_id=step.note_id,
    )


async def _settle(
    paper: LadderDocument, taken: tuple[Taken, ...], guardian_id: UUID | None, step: LadderStepRow, tx: Transaction
) -> None:
    """The proceedings this paper answers are over, and the court's limit with them."""
    for one in settled_by(paper, taken):
        if one.guardian_id == guardian_id and await store.end_step(
            tx.db, one.ladder_step_id, "fulfilled", step.issued_on
        ):
            for clock_id in ids_of_paper(one.ladder_step_id):
                tx.end(clock_id, "met", step.issued_on)


def _announce_step(
    step: LadderStepRow,
    checks: list[ComplianceCheckRow],
    paper: LadderDocument,
    round_: Round,
    subject: Subject,
    tx: Transaction,
    policy: Policy,
) -> None:
    copies = policy.notices_by_id["N-8"].to if paper.copies else ()
    barred = {round_.conflict_unit, *(["village_committee"] if village_barred(round_) else [])}
    tx.publish(
        str(round_.case_id),
        LadderStepRecorded(
            case_id=round_.case_id,
            case_number=round_.case_number,
            township=round_.township,
            ladder_step_id=step.ladder_step_id,
            step=cast(StepId, step.step),
            document=step.document,
            issuer=step.issuer,
            issued_on=step.issued_on,
            in_force_until=step.in_force_until,
            jumped=step.moves and step.jump_reason is not None,
            checks_due=tuple(check.due_at for check in checks if check.due_at is not None),
            copies_to=tuple(party for party in copies if party not in barred),
            by=subject.actor(),
            at=tx.now,
        ),
    )
    for check in checks:
        if check.complied is False:
            announce_check(step, check, round_, subject, tx, policy)
