"""Work handed to providers over HTTP: the owner assigns, the provider reports, the owner confirms (D-7.3, D-5.11.2)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import load_policy, policy_versions
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.measure_steps import Held, held, keep_measure, must_offer, refused_for
from services.assistance.api.steps import Body
from services.assistance.domain.providers import (
    ASSIGNED,
    CONFIRMED,
    REPORTED_DONE,
    REPORTED_NOT_DONE,
    assign_problem,
)
from services.assistance.store.measures import find_measure
from services.assistance.store.providers import find_task, provider, running_task, save_task
from services.assistance.store.rounds import load_cases
from services.assistance.tasks import change
from services.assistance.views import providers as views
from services.assistance.views.measures import MeasureView
from services.assistance.views.providers import ProviderTaskView, TaskState

assigning = APIRouter(prefix="/api/v1/measures", tags=["measures"])
router = APIRouter(prefix="/api/v1/provider-tasks", tags=["provider tasks"])


class Assign(Body):
    """Hand the work to a provider of the township, by a date."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider": "PV02", "due_at": "2026-11-27T09:00:00Z"}]})

    provider: str = Field(max_length=40)
    due_at: AwareDatetime


class Judge(Body):
    """Whether the owner accepts what the provider reported."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accept": True}]})

    accept: bool


class Report(Body):
    """What the provider did. Anything more is told to the unit by telephone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"result": "done", "done_at": "2026-11-25T02:00:00Z"}]})

    result: Literal["done", "not_done"]
    reason: Literal["nobody_there", "refused", "no_capacity", "unsafe", "other"] | None = None
    done_at: AwareDatetime


# The owner -----------------------------------------------------------------------------------------------------------


@assigning.post("/{measure_id}/assign", response_model=MeasureView)
async def assign_provider(
    measure_id: UUID, body: Assign, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """Hand the work of a measure to a provider. The owner stays responsible; the provider learns the task, not the case."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        must_offer(found, "assign")
        refusal = assign_problem(
            found.measure, found.entry, found.round, await provider(tx.db, found.round.township, body.provider)
        )
        if refusal is not None and refusal.rule == "unknown_provider":
            raise invalid(FieldError("#/provider", refusal.rule, refusal.text.zh, refusal.text.en))
        if refusal is not None:
            raise refused_for(refusal, found.measure.state)
        if body.due_at <= tx.now:
            raise invalid(FieldError("#/due_at", "in_the_past", "须晚于现在", "must lie ahead"))
        await save_task(tx.db, _task(found, body))
        after = replace(found.measure, provider=body.provider, provider_state=ASSIGNED)
        return await keep_measure(found, after, "assigned", announce=False)

    return await command.run(act, body)


def _task(found: Held, body: Assign) -> dict[str, Any]:
    subject, now = found.subject, found.tx.now
    return {
        "task_id": found.tx.new_id("provider-task"), "measure_id": found.measure.measure_id,
        "case_id": found.round.case_id, "township": found.round.township, "provider": body.provider,
        "label": found.measure.code, "area": found.round.village,
        "contact": subject.organisation or subject.department or "", "due_at": body.due_at.astimezone(UTC),
        "state": "assigned", "result": None, "reason": None, "done_at": None,
        "assigned_by": subject.actor().model_dump(), "assigned_at": now, "reported_by": None, "reported_at": None,
        "version": 1,
    }  # fmt: skip


@assigning.post("/{measure_id}/confirm-provider", response_model=MeasureView)
async def confirm_provider(
    measure_id: UUID, body: Judge, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """Accept what the provider reported, or not; then the work is the owner's again, to do or to hand out anew."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        must_offer(found, "confirm_provider")
        accepted = body.accept and found.measure.provider_state == REPORTED_DONE
        await _end_task(tx, measure_id, "confirmed" if body.accept else "rejected")
        after = replace(
            found.measure,
            provider=found.measure.provider if accepted else None,
            provider_state=CONFIRMED if accepted else None,
        )
        return await keep_measure(found, after, "provider_confirmed", announce=False)

    return await command.run(act, body)


@assigning.post("/{measure_id}/withdraw-provider", response_model=MeasureView)
async def withdraw_provider(
    measure_id: UUID, subject: Annotated[Subject, guard("measure.act")], command: CommandOf
) -> Response:
    """Take the work back."""

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, measure_id, subject, command)
        must_offer(found, "withdraw_provider")
        await _end_task(tx, measure_id, "withdrawn")
        after = replace(found.measure, provider=None, provider_state=None)
        return await keep_measure(found, after, "provider_withdrawn", announce=False)

    return await command.run(act)


async def _end_task(tx: Transaction, measure_id: UUID, state: TaskState) -> None:
    row = await running_task(tx.db, measure_id)
    if row is not None:
        await save_task(tx.db, {**row, "state": state, "version": row["version"] + 1})


# The provider --------------------------------------------------------------------------------------------------------


@router.get("")
async def list_provider_tasks(
    subject: Annotated[Subject, guard("provider_task.list")],
    paging: PageOf,
    db: Reading,
    state: TaskState | None = None,
) -> Page[ProviderTaskView]:
    """The provider's own tasks, nearest date first. Without `state`: those still to be done."""
    rows = await views.tasks(
        db, subject.township, subject.organisation or "", state, after=paging.after(datetime, UUID), limit=paging.fetch
    )
    policy = load_policy(policy_versions()[-1])
    return paging.page([views.task(row, policy) for row in rows], lambda view: (view.due_at, view.task_id))


@router.post("/{task_id}/report", response_model=ProviderTaskView)
async def report_provider_task(
    task_id: UUID, body: Report, subject: Annotated[Subject, guard("provider_task.report")], command: CommandOf
) -> Response:
    """Report the work done or not done. The measure's owner confirms."""

    async def act(tx: Transaction) -> Reply:
        case_id = await tx.db.fetchval(
            "SELECT case_id FROM provider_task WHERE task_id = $1 AND township = $2 AND provider = $3",
            task_id, subject.township, subject.organisation,
        )  # fmt: skip
        if case_id is None:
            raise not_found()
        await tx.lock([str(case_id)])
        row = await find_task(tx.db, task_id)
        assert row is not None
        command.match(row["version"], current_state=row["state"])
        _check_report(body, row, tx.now)
        reported = {
            **row, "state": "reported", "result": body.result, "reason": body.reason,
            "done_at": body.done_at.astimezone(UTC), "reported_by": subject.actor().model_dump(),
            "reported_at": tx.now, "version": row["version"] + 1,
        }  # fmt: skip
        await save_task(tx.db, reported)
        await _tell_owner(tx, row, body, subject)
        view = views.task(reported, load_policy(policy_versions()[-1]))
        return Reply(200, view, version=reported["version"])

    return await command.run(act, body)


def _check_report(body: Report, row: dict[str, Any], now: datetime) -> None:
    if row["state"] != "assigned":
        raise conflict("already_reported", "已报告或已收回", "Reported or withdrawn", current_state=row["state"])
    if body.result == "not_done" and body.reason is None:
        raise invalid(FieldError("#/reason", "reason_missing", "须说明原因", "a reason is required"))
    if not row["assigned_at"] - CLOCK_LEEWAY <= body.done_at <= now + CLOCK_LEEWAY:
        raise invalid(FieldError("#/done_at", "not_a_possible_time", "时间不合理", "not a possible time"))


async def _tell_owner(tx: Transaction, row: dict[str, Any], body: Report, subject: Subject) -> None:
    measure = await find_measure(tx.db, row["measure_id"])
    assert measure is not None
    round_ = (await load_cases(tx.db, [measure.case_id]))[measure.case_id].numbered(measure.response_no, "")
    said = REPORTED_DONE if body.result == "done" else REPORTED_NOT_DONE
    after = replace(measure, provider_state=said)
    actor = subject.actor()
    await change(
        tx, round_, measure, after, actor, "provider_reported", announce=True, reason=f"provider_{body.result}"
    )
