"""What a case conference agrees becomes the plan: goals, measures, a version, and the clock of its review (S9, D-5.3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from chassis.clock import derived_id
from chassis.problem import FieldError, conflict, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import ConferenceHeld, PlanAgreed
from contracts.policy import due_at as limit_due_at
from contracts.policy import load_calendar
from contracts.vocabulary import CLOCK_LEEWAY, Actor
from services.assistance.api.measure_steps import check_measures
from services.assistance.api.measures import AskedMeasure
from services.assistance.api.steps import Body, keep
from services.assistance.clocks import task_clock
from services.assistance.domain.measures import Measure
from services.assistance.domain.plan import Wanted, review_limit
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.conferences import save_conference
from services.assistance.store.measures import open_measures
from services.assistance.store.plans import GoalRow, add_goals
from services.assistance.tasks import amended, request, setting_of
from services.assistance.views.measures import coordinator_of

ID = r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$"
MAX = 40
PersonOrUnit = Annotated[str, Field(pattern=ID)]
PLAN_REVIEW = "plan_review"


class AskedGoal(Body):
    """A goal under one head of need; its text is a note. Without a date it is reviewed with the plan of this level."""

    head: str = Field(max_length=40, description="a problem domain: living, guardianship, education, development")
    child_id: UUID | None = None
    note_id: UUID | None = None
    review_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a conference decided on the plan."""

    goals: Sequence[AskedGoal]
    measures: Sequence[AskedMeasure]


def must_have_been(held_at: datetime, now: datetime, pointer: str) -> None:
    """Raises 422 for a conference that lies ahead."""
    if held_at > now + CLOCK_LEEWAY:
        raise invalid(FieldError(pointer, "in_the_future", "不能晚于现在", "must not be in the future"))


async def ask_for(tx: Transaction, round_: Round, measures: Sequence[AskedMeasure], actor: Actor) -> list[Measure]:
    """The measures a conference asks for, checked and requested."""
    setting = await setting_of(tx.db, round_, tx.now)
    wanted = [Wanted(**one.model_dump()) for one in measures]
    check_measures(wanted, setting)
    return await request(tx, setting, wanted, actor)


async def agree(
    tx: Transaction, round_: Round, subject: Subject, agreed: Agreed, held_at: datetime, attendees: Sequence[str],
    conference_id: UUID,
) -> tuple[Round, list[Measure]]:  # fmt: skip
    """The plan as agreed, kept as its next version; a later conference adds to what runs. Returns the round as kept."""
    if round_.plan_id is None:
        raise conflict("plan_not_open", "安全确认后方可制定计划", "The plan opens once safety is confirmed")
    actor = subject.actor()
    made = await ask_for(tx, round_, agreed.measures, actor)
    await add_goals(tx.db, _goals(tx, round_, agreed.goals))
    running = await open_measures(tx.db, round_)
    tx.publish(
        str(round_.case_id),
        PlanAgreed(case_id=round_.case_id, plan_id=round_.plan_id, measures=running, by=actor, at=tx.now),
    )
    await keep_version(tx, round_, "amended" if round_.plan_agreed_at else "agreed", actor, conference_id)
    kept = replace(
        round_,
        plan_agreed_at=tx.now,
        conference_at=held_at.astimezone(UTC),
        attendees=tuple(dict.fromkeys(attendees)),
    )
    codes = ",".join(sorted(one.code for one in made))
    return await keep(tx, kept, "plan.agreed", actor, measures=codes), made


def _goals(tx: Transaction, round_: Round, goals: Sequence[AskedGoal]) -> list[GoalRow]:
    policy = policy_of(round_)
    heads, children = {d.code for d in policy.problem_domains}, {child.child_id for child in round_.children}
    wrong = []
    for index, goal in enumerate(goals):
        if goal.head not in heads:
            wrong.append(
                FieldError(f"#/goals/{index}/head", "unknown_goal", "没有这个目标类别", "no such kind of goal")
            )
        if goal.child_id is not None and goal.child_id not in children:
            text = ("本案没有这名未成年人", "no such child in this case")
            wrong.append(FieldError(f"#/goals/{index}/child_id", "unknown_child", *text))
        if goal.review_at is not None and goal.review_at <= tx.now:
            wrong.append(FieldError(f"#/goals/{index}/review_at", "in_the_past", "须晚于现在", "must lie ahead"))
    if wrong:
        raise invalid(*wrong)
    review = next_review(round_, tx.now)
    return [
        GoalRow(
            goal_id=tx.new_id("goal", index), case_id=round_.case_id, response_no=round_.response_no, head=goal.head,
            child_id=goal.child_id, note_id=goal.note_id, set_at=tx.now, review_at=goal.review_at or review,
            outcome="open", reviewed_at=None, reviewed_by=None, review_note_id=None,
        )
        for index, goal in enumerate(goals)
    ]  # fmt: skip


def next_review(round_: Round, now: datetime) -> datetime:
    """When the plan is looked at again, by the level in force."""
    return limit_due_at(review_limit(round_.level, policy_of(round_)), now, load_calendar()).at


async def keep_version(
    tx: Transaction, round_: Round, kind: str, actor: Actor, conference_id: UUID | None = None
) -> None:
    """Keep the plan as it is now as its next version, and start the clock of the next review in place of the last."""
    number = await amended(tx, round_, actor, kind, conference_id)
    plan_id = round_.plan_id
    assert plan_id is not None
    for clock in await tx.armed([str(round_.case_id)]):
        if clock.kind == PLAN_REVIEW:
            tx.end(clock.id, "met", tx.now)
    owner, due = coordinator_of(round_), next_review(round_, tx.now)
    tx.arm(
        task_clock(
            derived_id(plan_id, "review", number), round_, "conference", plan_id, PLAN_REVIEW, owner, tx.now, due,
            kind=PLAN_REVIEW,
        )
    )  # fmt: skip


async def keep_held(tx: Transaction, row: dict[str, Any], actor: Actor) -> None:
    """Keep the record of a conference and announce it."""
    await save_conference(tx.db, row)
    tx.publish(
        str(row["case_id"]),
        ConferenceHeld(
            case_id=row["case_id"],
            conference_id=row["conference_id"],
            held_at=row["held_at"],
            attended=tuple(row["attended"]),
            absent=tuple(row["absent"]),
            decisions=tuple(row["decisions"]),
            tasks=tuple(UUID(task) for task in row["tasks"]),
            by=actor,
        ),
    )
