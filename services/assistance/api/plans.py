"""Plans over HTTP: read, agree at the case conference, review goals, finish measures (S9, D-1.3, D-4.5.1, D-5.3.2)."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Resource, Subject
from services.assistance.api.agreeing import (
    MAX,
    Agreed,
    AskedGoal,
    PersonOrUnit,
    agree,
    keep_held,
    keep_version,
    must_have_been,
    next_review,
)
from services.assistance.api.measures import AskedMeasure, finish
from services.assistance.api.steps import Body, changeable, keep, permitted, readable
from services.assistance.domain.conferences import must_be_invited
from services.assistance.domain.measures import Outcome
from services.assistance.domain.plan import GoalOutcome, template
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.measures import find_measure
from services.assistance.store.plans import goals_of, review_goal, versions_of
from services.assistance.views import plans as views
from services.assistance.views.measures import coordinator_of
from services.assistance.views.plans import PlanVersionView, PlanView, TemplateView

router = APIRouter(prefix="/api/v1/plans", tags=["plans"])


class Conference(Body):
    """When the conference was held and who attended, by staff or organisation id; `attended` names the departments."""

    held_at: AwareDatetime
    attendees: list[PersonOrUnit] = Field(min_length=1, max_length=MAX)
    attended: list[Annotated[str, Field(max_length=40)]] | None = Field(default=None, max_length=MAX)
    minutes_note_id: UUID | None = None


class AgreePlan(Body):
    """What the conference agreed. A later conference adds measures and goals to those that run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "goals": [{"head": "guardianship"}],
                    "measures": [{"code": "LEGAL_AID", "owner_department": "justice", "goal": "guardianship"}],
                    "conference": {"held_at": "2026-11-20T01:30:00Z", "attendees": ["ST301", "V01-VC"]},
                }
            ]
        }
    )

    measures: list[AskedMeasure] = Field(min_length=1, max_length=MAX)
    goals: list[AskedGoal] = Field(default=[], max_length=MAX)
    conference: Conference


class FinishMeasure(Body):
    """How a measure ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "achieved"}]})

    outcome: Outcome


class ReviewGoal(Body):
    """How a goal stands. One that stays open is reviewed again at `review_at`, else with the plan of this level."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "partly_met"}]})

    outcome: GoalOutcome
    note_id: UUID | None = None
    review_at: AwareDatetime | None = None


# Reading -------------------------------------------------------------------------------------------------------------


@router.get("/{case_id}", response_model=PlanView)
async def read_plan(
    case_id: UUID, request: Request, subject: Annotated[Subject, guard("plan.read")], db: Reading
) -> Response:
    """The plan of the current round."""
    case, seen_as, now = await readable(db, case_id, subject, "plan.read")
    view = await _view(db, case.current, subject, seen_as, now)
    return versioned(request, view, case.current.version)


async def _view(db: Any, round_: Round, subject: Subject, seen_as: Resource, now: datetime) -> PlanView:
    may_act = permitted(subject, "measure.act", seen_as)
    return await views.plan(db, round_, subject, now, _actions(round_, subject, seen_as), may_act=may_act)


def _actions(round_: Round, subject: Subject, seen_as: Resource) -> list[str]:
    if round_.state != "open" or round_.plan_id is None:
        return []
    agree_ = ["agree", "review"] if permitted(subject, "plan.agree", seen_as) else []
    request_ = ["request"] if permitted(subject, "measure.request", seen_as) else []
    return [*agree_, *request_, *(["finish"] if subject.department is not None else [])]


@router.get("/{case_id}/versions")
async def list_plan_versions(
    case_id: UUID, subject: Annotated[Subject, guard("plan.read")], db: Reading
) -> list[PlanVersionView]:
    """Every version of the plan of the current round, newest first. For departments that see the whole plan."""
    case, _, _ = await readable(db, case_id, subject, "plan.read")
    if not views.sees_whole(subject, case.current):
        raise forbidden("own_measures_only")
    return [PlanVersionView.model_validate(row) for row in await versions_of(db, case.current)]


@router.get("/{case_id}/template")
async def read_plan_template(
    case_id: UUID, subject: Annotated[Subject, guard("plan.read")], db: Reading
) -> TemplateView:
    """What the policy suggests for the level in force and the concerns reported (D-4.5.1). The conference decides."""
    case, _, _ = await readable(db, case_id, subject, "plan.read")
    round_ = case.current
    policy = policy_of(round_)
    level = round_.level or policy.one_above(policy.levels[0].code)
    return views.template(template(level, round_.concerns_at, policy), level, policy)


# Agreeing and reviewing ----------------------------------------------------------------------------------------------


@router.post("/{case_id}/agree", response_model=PlanView)
async def agree_plan(
    case_id: UUID, body: AgreePlan, subject: Annotated[Subject, guard("plan.agree")], command: CommandOf
) -> Response:
    """Record what the case conference agreed (S9). Civil affairs calls the conference."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "plan.agree", command)
        must_have_been(body.conference.held_at, tx.now, "#/conference/held_at")
        conference_id, agreed = tx.new_id("conference"), Agreed(body.goals, body.measures)
        before = case.current
        held, made = await agree(
            tx, before, subject, agreed, body.conference.held_at, body.conference.attendees, conference_id
        )
        tasks = [str(one.measure_id) for one in made]
        await keep_held(tx, _held(body, before, subject, conference_id, tasks, tx.now), subject.actor())
        return Reply(200, await _view(tx.db, held, subject, seen_as, tx.now), version=held.version)

    return await command.run(act, body)


def _held(
    body: AgreePlan, round_: Round, subject: Subject, conference_id: UUID, tasks: list[str], now: datetime
) -> dict[str, Any]:
    """The record of a conference that was not called through the system: who attended is what the record says."""
    asked, actor = sorted(must_be_invited(round_, policy_of(round_))), subject.actor().model_dump()
    attended = body.conference.attended or [coordinator_of(round_)]
    absent = [one for one in asked if one not in attended] if body.conference.attended else []
    held_at = body.conference.held_at.astimezone(UTC)
    decision = "plan_amended" if round_.plan_agreed_at else "plan_agreed"
    return {
        "conference_id": conference_id, "case_id": round_.case_id, "response_no": round_.response_no, "state": "held",
        "scheduled_at": held_at, "called_by": actor, "called_at": now, "invited": sorted({*asked, *attended}),
        "agenda": ["plan"], "held_at": held_at, "attended": attended, "attendees": body.conference.attendees,
        "absent": absent, "decisions": [decision], "tasks": tasks,
        "minutes_note_id": body.conference.minutes_note_id, "recorded_by": actor, "recorded_at": now, "version": 1,
    }  # fmt: skip


@router.post("/{case_id}/goals/{goal_id}/review", response_model=PlanView)
async def review_plan_goal(
    case_id: UUID,
    goal_id: UUID,
    body: ReviewGoal,
    subject: Annotated[Subject, guard("plan.agree")],
    command: CommandOf,
) -> Response:
    """Record how a goal stands; the plan gets its next version and its next review."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "plan.agree", command)
        round_, actor = case.current, subject.actor()
        if goal_id not in {row["goal_id"] for row in await goals_of(tx.db, round_)}:
            raise not_found()
        if round_.plan_id is None:
            raise conflict("plan_not_open", "安全确认后方可制定计划", "The plan opens once safety is confirmed")
        if body.review_at is not None and body.review_at <= tx.now:
            raise invalid(FieldError("#/review_at", "in_the_past", "须晚于现在", "must lie ahead"))
        again = body.review_at or next_review(round_, tx.now)
        await review_goal(tx.db, goal_id, body.outcome, again, actor.model_dump(), tx.now, body.note_id)
        await keep_version(tx, round_, "reviewed", actor)
        now = await keep(tx, round_, "plan.goal_reviewed", actor, goal=goal_id, outcome=body.outcome)
        return Reply(200, await _view(tx.db, now, subject, seen_as, tx.now), version=now.version)

    return await command.run(act, body)


@router.post("/{case_id}/measures/{measure_id}/finish", response_model=PlanView)
async def finish_measure(
    case_id: UUID,
    measure_id: UUID,
    body: FinishMeasure,
    subject: Annotated[Subject, guard("measure.act")],
    command: CommandOf,
) -> Response:
    """End a measure with its outcome: by the department that owns it, or by who coordinates the case."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "plan.read", command)
        now = case.current
        measure = await find_measure(tx.db, measure_id)
        if measure is None or (measure.case_id, measure.response_no) != (now.case_id, now.response_no):
            raise not_found()
        saved = await finish(tx, now, measure, subject, body.outcome)
        now = await keep(tx, now, "measure.finished", subject.actor(), measure=saved.code, outcome=body.outcome)
        return Reply(200, await _view(tx.db, now, subject, seen_as, tx.now), version=now.version)

    return await command.run(act, body)
