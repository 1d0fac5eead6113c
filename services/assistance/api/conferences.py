"""Case conferences over HTTP: called, held with its decisions and tasks in one commit, or called off (D-5.3.2)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import Command, CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import load_calendar
from services.assistance.api.agreeing import (
    MAX,
    Agreed,
    AskedGoal,
    PersonOrUnit,
    agree,
    ask_for,
    keep_held,
    must_have_been,
)
from services.assistance.api.measures import AskedMeasure
from services.assistance.api.steps import Body, changeable, keep, permitted, readable
from services.assistance.clocks import task_clock
from services.assistance.domain.conferences import Problem, call_problems, plan_due, record_problems
from services.assistance.domain.rounds import Case, Round, policy_of
from services.assistance.store.conferences import conferences_of, find_conference, save_conference
from services.assistance.tasks import amended
from services.assistance.views import conferences as views
from services.assistance.views.conferences import ConferenceView
from services.assistance.views.measures import coordinator_of

router = APIRouter(prefix="/api/v1/conferences", tags=["conferences"])

Code = Annotated[str, Field(max_length=40)]
PLANNING = frozenset({"plan_agreed", "plan_amended"})


class CallConference(Body):
    """Call a conference: when, whom, what about."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "scheduled_at": "2026-11-20T01:30:00Z",
                    "invited": ["civil_affairs", "police", "village_committee"],
                    "agenda": ["safety", "plan"],
                }
            ]
        }
    )

    case_id: UUID
    scheduled_at: AwareDatetime
    invited: list[Code] = Field(min_length=1, max_length=MAX)
    agenda: list[Code] = Field(min_length=1, max_length=MAX)


class HoldConference(Body):
    """The record: who came, what was decided, the tasks given. The minutes are a note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "held_at": "2026-11-20T01:30:00Z",
                    "attended": ["civil_affairs", "police"],
                    "attendees": ["ST301", "ST401"],
                    "decisions": ["plan_agreed"],
                    "measures": [{"code": "LEGAL_AID", "owner_department": "justice"}],
                    "minutes_note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    held_at: AwareDatetime
    attended: list[Code] = Field(min_length=1, max_length=MAX)
    attendees: list[PersonOrUnit] = Field(min_length=1, max_length=MAX)
    agenda: list[Code] | None = Field(default=None, max_length=MAX)
    decisions: list[Code] = Field(min_length=1, max_length=MAX)
    goals: list[AskedGoal] = Field(default=[], max_length=MAX)
    measures: list[AskedMeasure] = Field(default=[], max_length=MAX)
    minutes_note_id: UUID


@router.get("")
async def list_conferences(
    case_id: UUID, subject: Annotated[Subject, guard("conference.read")], paging: PageOf, db: Reading
) -> Page[ConferenceView]:
    """A case's conferences over all rounds, newest first."""
    case, seen_as, _ = await readable(db, case_id, subject, "conference.read")
    rows = await conferences_of(db, case_id, after=paging.after(datetime, UUID), limit=paging.fetch)
    may = permitted(subject, "conference.record", seen_as)
    return paging.page([_view(row, case, may) for row in rows], lambda view: (view.called_at, view.conference_id))


@router.get("/{conference_id}", response_model=ConferenceView)
async def read_conference(
    conference_id: UUID, request: Request, subject: Annotated[Subject, guard("conference.read")], db: Reading
) -> Response:
    """One conference."""
    row = await find_conference(db, conference_id)
    if row is None:
        raise not_found()
    case, seen_as, _ = await readable(db, row["case_id"], subject, "conference.read")
    return versioned(request, _view(row, case, permitted(subject, "conference.record", seen_as)), row["version"])


def _view(row: dict[str, Any], case: Case, may_record: bool) -> ConferenceView:
    round_ = case.numbered(row["response_no"], "")
    policy = policy_of(round_)
    open_ = may_record and row["state"] == "called" and round_.state == "open"
    due = plan_due(round_, policy, load_calendar())
    return views.conference(row, due, policy, ["hold", "cancel"] if open_ else [])


@router.post("", status_code=201, response_model=ConferenceView)
async def call_conference(
    body: CallConference, subject: Annotated[Subject, guard("conference.record")], command: CommandOf
) -> Response:
    """Call a conference. Every department with a task is asked; the first one is no later than S9."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, _ = await changeable(tx, body.case_id, subject, "conference.record", None)
        round_, actor = case.current, subject.actor()
        scheduled = body.scheduled_at.astimezone(UTC)
        _raise(call_problems(body.invited, body.agenda, scheduled, round_, tx.now, policy_of(round_), load_calendar()))
        row: dict[str, Any] = {
            "conference_id": tx.new_id("conference"), "case_id": round_.case_id, "response_no": round_.response_no,
            "state": "called", "scheduled_at": scheduled, "called_by": actor.model_dump(), "called_at": tx.now,
            "invited": list(dict.fromkeys(body.invited)), "agenda": list(dict.fromkeys(body.agenda)), "held_at": None,
            "attended": [], "attendees": [], "absent": [], "decisions": [], "tasks": [], "minutes_note_id": None,
            "recorded_by": None, "recorded_at": None, "version": 1,
        }  # fmt: skip
        await save_conference(tx.db, row)
        tx.arm(
            task_clock(
                row["conference_id"], round_, "conference", row["conference_id"], "conference", coordinator_of(round_),
                tx.now, scheduled,
            )
        )  # fmt: skip
        detail = {"conference": str(row["conference_id"])}
        tx.audit(str(round_.case_id), "conference.called", actor.model_dump(), detail)
        where = f"/api/v1/conferences/{row['conference_id']}"
        return Reply(201, _view(row, case, True), version=1, location=where)

    return await command.run(act, body)


def _raise(problems: Sequence[Problem]) -> None:
    if problems:
        raise invalid(*(FieldError(f"#/{name}", code, text.zh, text.en) for name, code, text in problems))


async def _called(
    tx: Transaction, conference_id: UUID, subject: Subject, command: Command
) -> tuple[dict[str, Any], Case]:
    case_id = await tx.db.fetchval("SELECT case_id FROM conference WHERE conference_id = $1", conference_id)
    if case_id is None:
        raise not_found()
    case, _ = await changeable(tx, case_id, subject, "conference.record", None)
    row = await find_conference(tx.db, conference_id)
    assert row is not None
    command.match(row["version"], current_state=row["state"])
    if row["state"] != "called" or row["response_no"] != case.current.response_no:
        raise conflict("conference_over", "会商已结束", "The conference is over", current_state=row["state"])
    return row, case


@router.post("/{conference_id}/hold", response_model=ConferenceView)
async def hold_conference(
    conference_id: UUID,
    body: HoldConference,
    subject: Annotated[Subject, guard("conference.record")],
    command: CommandOf,
) -> Response:
    """Record the conference. Its decisions, the plan it agreed and the tasks it gave are one commit."""

    async def act(tx: Transaction) -> Reply:
        row, case = await _called(tx, conference_id, subject, command)
        round_, actor, policy = case.current, subject.actor(), policy_of(case.current)
        must_have_been(body.held_at, tx.now, "#/held_at")
        agenda = row["agenda"] if body.agenda is None else body.agenda
        _raise(record_problems(body.attended, row["invited"], agenda, body.decisions, policy))
        now, tasks = await _decided(tx, round_, body, subject, conference_id)
        held = {
            **row, "state": "held", "held_at": body.held_at.astimezone(UTC), "agenda": agenda,
            "attended": list(dict.fromkeys(body.attended)), "attendees": list(dict.fromkeys(body.attendees)),
            "absent": [one for one in row["invited"] if one not in body.attended],
            "decisions": list(dict.fromkeys(body.decisions)), "tasks": tasks,
            "minutes_note_id": body.minutes_note_id, "recorded_by": actor.model_dump(), "recorded_at": tx.now,
            "version": row["version"] + 1,
        }  # fmt: skip
        await keep_held(tx, held, actor)
        tx.end(conference_id, "met", body.held_at)
        detail = {"conference": str(conference_id)}
        tx.audit(str(round_.case_id), "conference.held", actor.model_dump(), detail)
        return Reply(200, _view(held, case.put(now), True), version=held["version"])

    return await command.run(act, body)


async def _decided(
    tx: Transaction, round_: Round, body: HoldConference, subject: Subject, conference_id: UUID
) -> tuple[Round, list[str]]:
    """What the decisions change: the plan, or single tasks of a plan that is open."""
    if PLANNING & set(body.decisions):
        agreed = Agreed(body.goals, body.measures)
        now, made = await agree(tx, round_, subject, agreed, body.held_at, body.attendees, conference_id)
        return now, [str(one.measure_id) for one in made]
    if body.goals:
        raise invalid(FieldError("#/goals", "plan_not_decided", "目标须随计划决定", "goals come with a plan decision"))
    if not body.measures:
        return round_, []
    if round_.plan_id is None:
        raise conflict("plan_not_open", "安全确认后方可制定计划", "The plan opens once safety is confirmed")
    made = await ask_for(tx, round_, body.measures, subject.actor())
    if round_.plan_agreed_at is not None:
        await amended(tx, round_, subject.actor(), conference_id=conference_id)
    return await keep(tx, round_, "conference.tasks", subject.actor()), [str(one.measure_id) for one in made]


@router.post("/{conference_id}/cancel", response_model=ConferenceView)
async def cancel_conference(
    conference_id: UUID, subject: Annotated[Subject, guard("conference.record")], command: CommandOf
) -> Response:
    """Call the conference off. S9 keeps running."""

    async def act(tx: Transaction) -> Reply:
        row, case = await _called(tx, conference_id, subject, command)
        actor = subject.actor().model_dump()
        off = {**row, "state": "cancelled", "recorded_by": actor, "recorded_at": tx.now, "version": row["version"] + 1}
        await save_conference(tx.db, off)
        tx.end(conference_id, "cancelled", tx.now)
        detail = {"conference": str(conference_id)}
        tx.audit(str(row["case_id"]), "conference.cancelled", actor, detail)
        return Reply(200, _view(off, case, True), version=off["version"])

    return await command.run(act)
