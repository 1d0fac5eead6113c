"""Signals: what people and departments' systems report of a case, coded, each a reason to assess it anew (D-5.5.1)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import Policy, load_policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.risk_scoring.api.steps import Body, check, known, must_be_open, readable
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.domain.learning import learned
from services.risk_scoring.domain.triggers import says
from services.risk_scoring.store.reassessments import add_signal, signals_of
from services.risk_scoring.store.tables import SignalRow
from services.risk_scoring.views.reassessments import SignalView, signal

router = APIRouter(prefix="/api/v1/signals", tags=["reassessments"])


class RecordSignal(Body):
    """Something happened. `kind` is a trigger of the policy that may be reported; the words go into a note of the case."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "kind": "absent_3_school_days",
                    "at": "2026-03-24T08:00:00+08:00",
                }
            ]
        }
    )

    case_id: UUID
    child_id: UUID | None = None
    kind: str = Field(max_length=40)
    at: datetime
    note_id: UUID | None = None


@router.post("", status_code=201, response_model=SignalView)
async def record_signal(
    body: RecordSignal, subject: Annotated[Subject, guard("signal.record")], command: CommandOf
) -> Response:
    """Record a signal. It opens a reassessment, or joins the one that is open for the same reason."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        before = await known(tx, body.case_id)
        check(before, subject, "signal.record", tx.now)
        must_be_open(before)
        policy = load_policy(before.policy_version)
        _check(body, before, policy, tx.now)
        changes, actor = Changes(tx), subject.actor()
        file = learned(before, says(body.kind, policy), body.child_id, policy)
        if file is not before:
            file = changes.score(
                file, policy, "trigger", None, effective_at=tx.now, by=actor, level_before=before.level
            )
        changes.open(file, body.kind, tx.now, None)
        await changes.keep()
        task = next((one for one in changes.running[file.case_id] if one.trigger == body.kind), None)
        row = SignalRow(
            signal_id=tx.new_id("signal"),
            case_id=body.case_id,
            child_id=body.child_id,
            kind=body.kind,
            at=body.at,
            note_id=body.note_id,
            task_id=task.task_id if task else None,
            recorded_by=actor.model_dump(),
            recorded_at=tx.now,
        )
        await add_signal(tx.db, row)
        detail = {"signal_id": str(row.signal_id), "kind": body.kind}
        tx.audit(str(body.case_id), "signal.record", actor.model_dump(), detail)
        view = signal(row.model_dump(), policy, due_at=task.due_at if task else None)
        return Reply(201, view, location=f"/api/v1/signals?case_id={body.case_id}")

    return await command.run(act, body)


def _check(body: RecordSignal, file: CaseFile, policy: Policy, now: datetime) -> None:
    trigger = policy.risk.reassessment.by_code.get(body.kind)
    if trigger is None or not trigger.signal:
        raise invalid(FieldError("#/kind", "unknown_signal", "没有这种信号", "no such kind of signal"))
    if body.child_id is not None and all(child.child_id != body.child_id for child in file.children):
        raise invalid(FieldError("#/child_id", "unknown_child", "本案没有这名儿童", "no such child in this case"))
    if body.at.tzinfo is None:
        raise invalid(FieldError("#/at", "no_time_zone", "须带时区", "a time zone is needed"))
    if body.at > now + CLOCK_LEEWAY:
        raise invalid(FieldError("#/at", "in_the_future", "时间在将来", "the time lies in the future"))


@router.get("")
async def list_signals(
    case_id: UUID, subject: Annotated[Subject, guard("assessment.read")], paging: PageOf, db: Reading
) -> Page[SignalView]:
    """A case's signals, newest first."""
    file, _ = await readable(db, case_id, subject)
    rows = await signals_of(db, case_id, paging.after(datetime, UUID), paging.fetch)
    policy = load_policy(file.policy_version)
    return paging.page([signal(row, policy) for row in rows], lambda view: (view.recorded_at, str(view.signal_id)))
