"""Whether guardians keep to the steps taken with them (D-4.4.5)."""

from datetime import UTC, datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Subject
from contracts.assistance import ComplianceChecked
from contracts.policy import Policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.ladders.reading import ladder_view
from services.assistance.api.steps import Body, changeable, keep, policy_of
from services.assistance.domain.ladder import StepId, Taken, answered, next_step
from services.assistance.domain.orders import in_force
from services.assistance.domain.rounds import Round
from services.assistance.store import ladders as store
from services.assistance.store.ladders import ComplianceCheckRow, LadderStepRow
from services.assistance.views.ladders import LadderView

router = APIRouter(prefix="/api/v1/ladders", tags=["ladders"])


class CheckCompliance(Body):
    """What a compliance check found. It answers the earliest check of the step that is still owed, if there is one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"complied": False, "checked_at": "2026-11-27T02:00:00Z"}]}
    )

    complied: bool
    checked_at: AwareDatetime
    breached_order: bool = False
    note_id: UUID | None = None


@router.post("/{case_id}/steps/{ladder_step_id}/checks", status_code=201, response_model=LadderView)
async def check_compliance(
    case_id: UUID,
    ladder_step_id: UUID,
    body: CheckCompliance,
    subject: Annotated[Subject, guard("ladder.check")],
    command: CommandOf,
) -> Response:
    """Record whether the guardian keeps to a step. Not heeded at G1, it goes to the police by itself (D-4.4.5)."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.check", command)
        round_, policy = case.current, policy_of(case.current)
        step, taken = await load_step(tx.db, case_id, ladder_step_id)
        _check_found(body, step, taken, tx.now)
        owed = answered(taken)
        checked_at = body.checked_at.astimezone(UTC)
        row = ComplianceCheckRow(
            check_id=owed.check_id if owed else tx.new_id("check"),
            ladder_step_id=ladder_step_id,
            case_id=case_id,
            due_at=owed.due_at if owed else None,
            complied=body.complied,
            breached_order=body.breached_order,
            checked_at=checked_at,
            checked_by=subject.actor().model_dump(),
            late_seconds=max(0, int((checked_at - owed.due_at).total_seconds())) if owed and owed.due_at else 0,
            note_id=body.note_id,
        )
        if owed is None:
            await store.add_checks(tx.db, [row])
        else:
            await store.answer_check(tx.db, row)
            tx.end(owed.check_id, "met", checked_at)
        announce_check(step, row, round_, subject, tx, policy)
        round_ = await keep(
            tx, round_, "ladder.compliance_checked", subject.actor(), step=step.step, complied=body.complied
        )
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(201, view, version=round_.version, location=f"/api/v1/ladders/{case_id}")

    return await command.run(act, body)


async def load_step(db: Connection, case_id: UUID, ladder_step_id: UUID) -> tuple[LadderStepRow, Taken]:
    """A step of this case as stored and as the rules read it. Raises 404."""
    rows = [row for row in await store.steps_of(db, [case_id]) if row["ladder_step_id"] == ladder_step_id]
    if not rows:
        raise not_found()
    return LadderStepRow(**rows[0]), store.taken(rows, await store.checks_of(db, [case_id]))[0]


def _check_found(body: CheckCompliance, step: LadderStepRow, taken: Taken, now: datetime) -> None:
    wrong: list[FieldError] = []
    if body.checked_at > now + CLOCK_LEEWAY:
        wrong.append(FieldError("#/checked_at", "in_the_future", "不能晚于现在", "must not be in the future"))
    if body.checked_at < step.issued_on:
        wrong.append(FieldError("#/checked_at", "before_the_step", "不能早于该步骤", "must not be before the step"))
    if body.breached_order and body.complied:
        wrong.append(FieldError("#/breached_order", "complied", "已遵守则未违反", "who complied breached nothing"))
    if body.breached_order and not in_force(taken, body.checked_at):
        wrong.append(FieldError("#/breached_order", "no_order_in_force", "没有生效的文书", "no order was in force"))
    if wrong:
        raise invalid(*wrong)


def announce_check(
    step: LadderStepRow, row: ComplianceCheckRow, round_: Round, subject: Subject, tx: Transaction, policy: Policy
) -> None:
    """Tell what a check found, and where it leads."""
    complied = row.complied is True
    tx.publish(
        str(round_.case_id),
        ComplianceChecked(
            case_id=round_.case_id,
            case_number=round_.case_number,
            township=round_.township,
            ladder_step_id=step.ladder_step_id,
            step=cast(StepId, step.step),
            document=step.document,
            complied=complied,
            breached_order=row.breached_order,
            next_step=None if complied else next_step(step.step, row.breached_order, policy),
            by=subject.actor(),
            at=tx.now,
            note_id=row.note_id,
        ),
    )
