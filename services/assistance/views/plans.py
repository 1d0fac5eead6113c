"""The plan of a case: goals, measures, versions, and what the policy suggests for its level."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.policy import Policy, load_calendar
from contracts.vocabulary import Actor
from services.assistance.domain.conferences import plan_due
from services.assistance.domain.measures import Measure
from services.assistance.domain.plan import Suggestion
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.measures import measures_of
from services.assistance.store.plans import goals_of
from services.assistance.views.coded import Coded, coded
from services.assistance.views.measures import MeasureView, measure_view


class GoalView(BaseModel):
    """One goal: its head of need and how it stands. Its text is a note."""

    goal_id: UUID
    head: Coded
    child_id: UUID | None
    note_id: UUID | None
    set_at: datetime
    review_at: datetime
    outcome: Literal["open", "met", "partly_met", "not_met", "dropped"]
    reviewed_at: datetime | None
    reviewed_by: Actor | None
    review_note_id: UUID | None


class PlanView(BaseModel):
    """A case's plan in its current round. `not_open`: safety is not confirmed yet. `plan_due_at` is S9."""

    case_id: UUID
    case_number: str
    response_no: int
    plan_id: UUID | None
    state: Literal["not_open", "open", "agreed", "closed"]
    level: Coded | None
    plan_due_at: datetime | None
    opened_at: datetime | None
    agreed_at: datetime | None
    conference_at: datetime | None
    attendees: list[str]
    goals: list[GoalView]
    measures: list[MeasureView]
    available_actions: list[str]
    version: int


class PlanVersionView(BaseModel):
    """One version of a plan: what it held then, by id."""

    number: int
    kind: Literal["agreed", "amended", "reviewed"]
    conference_id: UUID | None
    measures: dict[UUID, str]
    goals: dict[UUID, str]
    by: Actor
    at: datetime


class TemplateView(BaseModel):
    """What the policy suggests for this level and these concerns (D-4.5.1)."""

    level: Coded
    goals: list[Coded]
    measures: list[Coded]


async def plan(
    db: Connection, round_: Round, subject: Subject, now: datetime, actions: Sequence[str], *, may_act: bool
) -> PlanView:
    """The plan of this round, oldest first, as far as the reader's department may know it."""
    policy = policy_of(round_)
    seen = [one for one in await measures_of(db, round_) if _sees(subject, round_, one)]
    return PlanView(
        case_id=round_.case_id,
        case_number=round_.case_number,
        response_no=round_.response_no,
        plan_id=round_.plan_id,
        state=_plan_state(round_),
        level=coded(policy, "level", round_.plan_level) if round_.plan_level else None,
        plan_due_at=plan_due(round_, policy, load_calendar()),
        opened_at=round_.plan_opened_at,
        agreed_at=round_.plan_agreed_at,
        conference_at=round_.conference_at,
        attendees=list(round_.attendees),
        goals=[_goal(row, policy) for row in await goals_of(db, round_)],
        measures=[measure_view(one, round_, subject, now, may_act=may_act) for one in seen],
        available_actions=list(actions),
        version=round_.version,
    )


def _sees(subject: Subject, round_: Round, measure: Measure) -> bool:
    """Who coordinates, leads or lives with the child sees the whole plan; every other department what it has a part in, so
    that a school reads nothing of a family's money nor of a crime (policy `data_protection.roles`)."""
    mine = {measure.owner_department, measure.requested_by.get("department"), *measure.parties}
    return sees_whole(subject, round_) or subject.department in mine


def sees_whole(subject: Subject, round_: Round) -> bool:
    """Whether the reader's department may read every measure of the plan."""
    return subject.department in {COORDINATOR, GOVERNMENT, VILLAGE, round_.case_lead}


def _plan_state(round_: Round) -> Literal["not_open", "open", "agreed", "closed"]:
    if round_.plan_id is None:
        return "not_open"
    if round_.state == "closed":
        return "closed"
    return "agreed" if round_.plan_agreed_at else "open"


def _goal(row: Mapping[str, Any], policy: Policy) -> GoalView:
    return GoalView.model_validate({**row, "head": coded(policy, "problem_domain", row["head"])})


def template(suggested: Suggestion, level: str, policy: Policy) -> TemplateView:
    """The suggestion for a reader."""
    entries = policy.assistance.by_code
    labels = [(code, entries[code].label) for code in suggested.measures]
    return TemplateView(
        level=coded(policy, "level", level),
        goals=[coded(policy, "problem_domain", head) for head in suggested.goals],
        measures=[Coded(code=code, zh=label.zh, en=label.en) for code, label in labels],
    )
