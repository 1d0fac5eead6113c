"""Plans over HTTP: read, agree at the case conference, finish measures (S9, D-5.3.2)."""

from dataclasses import replace
from datetime import UTC
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import COORDINATOR, Resource, Subject
from contracts.assistance import PlanAgreed
from contracts.policy import Policy, load_calendar
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance import store, views
from services.assistance.api.steps import Body, changeable, keep, permitted, policy_of, readable
from services.assistance.domain.plan import OUTCOMES, Measure, Outcome, OwnerReason, due_at, measure_problems
from services.assistance.domain.rounds import Round
from services.assistance.store import MeasureRow
from services.assistance.views import PlanView

MAX_MEASURES = 40
ID = r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$"

router = APIRouter(prefix="/api/v1/plans", tags=["plans"])


class AgreedMeasure(Body):
    """A measure of the catalogue. Another owner than the catalogue's needs a reason code."""

    code: str = Field(max_length=40)
    owner_department: str = Field(max_length=40)
    owner_reason: OwnerReason | None = None
    beneficiary: Literal["child", "family"] = "child"
    goal: str | None = Field(default=None, max_length=40, description="a problem domain: living, guardianship, ...")


class Conference(Body):
    """When the conference was held and who attended, by staff or organisation id."""

    held_at: AwareDatetime
    attendees: list[Annotated[str, Field(pattern=ID)]] = Field(min_length=1, max_length=40)


class AgreePlan(Body):
    """What the conference agreed. A later conference adds measures to those that run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "measures": [{"code": "LEGAL_AID", "owner_department": "justice", "goal": "guardianship"}],
                    "conference": {"held_at": "2026-11-20T01:30:00Z", "attendees": ["ST301", "V01-VC"]},
                }
            ]
        }
    )

    measures: list[AgreedMeasure] = Field(min_length=1, max_length=MAX_MEASURES)
    conference: Conference


class FinishMeasure(Body):
    """How a measure ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "achieved"}]})

    outcome: Outcome


@router.get("/{case_id}", response_model=PlanView)
async def read_plan(
    case_id: UUID, request: Request, subject: Annotated[Subject, guard("plan.read")], db: Reading
) -> Response:
    """The plan of the current round."""
    case, seen_as, _ = await readable(db, case_id, subject, "plan.read")
    round_ = case.current
    view = await views.plan(db, round_, policy_of(round_), _actions(round_, subject, seen_as))
    return versioned(request, view, round_.version)


def _actions(round_: Round, subject: Subject, seen_as: Resource) -> list[str]:
    if round_.state != "open" or round_.plan_id is None:
        return []
    agree = ["agree"] if permitted(subject, "plan.agree", seen_as) else []
    return [*agree, *(["finish"] if subject.department is not None else [])]


@router.post("/{case_id}/agree", response_model=PlanView)
async def agree_plan(
    case_id: UUID, body: AgreePlan, subject: Annotated[Subject, guard("plan.agree")], command: CommandOf
) -> Response:
    """Record what the case conference agreed (S9). Civil affairs calls the conference."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "plan.agree", command)
        now, policy = case.current, policy_of(case.current)
        if now.plan_id is None:
            raise conflict("plan_not_open", "安全确认后方可制定计划", "The plan opens once safety is confirmed")
        if body.conference.held_at > tx.now + CLOCK_LEEWAY:
            raise invalid(
                FieldError("#/conference/held_at", "in_the_future", "不能晚于现在", "must not be in the future")
            )
        running = await store.open_measures(tx.db, now)
        _check_measures(body, running, now, tx, policy)
        rows = [_row(measure, now, tx, policy) for measure in body.measures]
        await store.add_measures(tx.db, rows)
        actor, agreed = subject.actor(), {row.code: row.owner_department for row in rows}
        tx.publish(
            str(case_id),
            PlanAgreed(case_id=case_id, plan_id=now.plan_id, measures={**running, **agreed}, by=actor, at=tx.now),
        )
        held = replace(
            now,
            plan_agreed_at=tx.now,
            conference_at=body.conference.held_at.astimezone(UTC),
            attendees=tuple(dict.fromkeys(body.conference.attendees)),
        )
        held = await keep(tx, held, "plan.agreed", actor, measures=",".join(sorted(agreed)))
        view = await views.plan(tx.db, held, policy, _actions(held, subject, seen_as))
        return Reply(200, view, version=held.version)

    return await command.run(act, body)


def _check_measures(body: AgreePlan, running: dict[str, str], now: Round, tx: Transaction, policy: Policy) -> None:
    wanted = [Measure(**measure.model_dump()) for measure in body.measures]
    found = measure_problems(wanted, running, now.children, now.started_at or tx.now, tx.now, policy)
    if found:
        raise invalid(
            *(FieldError(f"#/measures/{p.index}/{p.field}", p.code, p.text.zh, p.text.en) for p in found),
        )


def _row(measure: AgreedMeasure, now: Round, tx: Transaction, policy: Policy) -> MeasureRow:
    return MeasureRow(
        measure_id=tx.new_id("measure", measure.code),
        case_id=now.case_id,
        response_no=now.response_no,
        code=measure.code,
        owner_department=measure.owner_department,
        owner_reason=measure.owner_reason,
        beneficiary=measure.beneficiary,
        goal=measure.goal,
        due_at=due_at(measure.code, now.level, tx.now, policy, load_calendar()),
        agreed_at=tx.now,
        state="open",
        outcome=None,
        finished_at=None,
        finished_by=None,
    )


@router.post("/{case_id}/measures/{measure_id}/finish", response_model=PlanView)
async def finish_measure(
    case_id: UUID,
    measure_id: UUID,
    body: FinishMeasure,
    subject: Annotated[Subject, guard("referral.complete")],
    command: CommandOf,
) -> Response:
    """End a measure with its outcome: by the department that owns it, or by civil affairs."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "plan.read", command)
        now, policy = case.current, policy_of(case.current)
        row = await store.measure(tx.db, now, measure_id)
        if row is None:
            raise not_found()
        if subject.department not in {row["owner_department"], COORDINATOR}:
            raise forbidden("not_the_owner")
        if row["state"] != "open":
            raise conflict("measure_finished", "该措施已办结", "The measure is finished", current_state=row["state"])
        actor = subject.actor()
        await store.finish_measure(tx.db, measure_id, OUTCOMES[body.outcome], body.outcome, actor.model_dump(), tx.now)
        now = await keep(tx, now, "measure.finished", actor, measure=row["code"], outcome=body.outcome)
        view = await views.plan(tx.db, now, policy, _actions(now, subject, seen_as))
        return Reply(200, view, version=now.version)

    return await command.run(act, body)
