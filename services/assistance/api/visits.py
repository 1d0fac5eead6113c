"""Visits over HTTP: the queue of those owed, record one from the field, say that one failed (D-4.4.2, D-5.1.2)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import VisitFailed, VisitRecorded
from contracts.policy import Label, load_policy
from contracts.vocabulary import CLOCK_LEEWAY, Level
from services.assistance.api.steps import Body, changeable, permitted, readable, resource
from services.assistance.domain.rounds import Round, later, policy_of
from services.assistance.domain.visits import (
    LEAD,
    POLICE,
    Found,
    Planned,
    answered_by,
    cannot_answer,
    failures_in_row,
    lateness,
    must_be_heard,
)
from services.assistance.store import visits as store
from services.assistance.store.rounds import load_cases, save_rounds
from services.assistance.store.visits import VisitFailureRow, VisitRow
from services.assistance.views import visits as views
from services.assistance.views.visits import FailureView, PlannedFilters, PlannedVisitView, VisitView
from services.assistance.visiting import plan_visits

FAILURES_THAT_COUNT = "red"
"""The level at which one failed visit already sends the police (policy `visits.rules.failed_visit_red`)."""
WHY_NOT = {
    "already_settled": Label(zh="该走访已完成或已取消", en="This visit was made or cancelled already"),
    "before_its_time": Label(zh="走访时间早于该次走访的起算时间", en="The visit was before this one's time; it is an extra visit"),
    "remote_not_allowed": Label(zh="本次须当面走访", en="This visit must be in person"),
    "child_not_seen": Label(zh="未见到未成年人，请登记走访未成", en="The child was not seen: report a failed attempt"),
}  # fmt: skip
"""Why a visit does not count as the planned one it names."""

router = APIRouter(prefix="/api/v1/visits", tags=["visits"])


class NewVisit(Body):
    """A visit. `post` only where the visitor holds several; what was found is a note in the file. Without
    `planned_visit_id` it answers the nearest visit by level that the post owes; special ones must be named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "visited_at": "2026-11-20T02:00:00Z",
                    "child_seen": True,
                    "in_person": True,
                    "heard_alone": True,
                    "satisfactory": True,
                }
            ]
        }
    )

    case_id: UUID
    planned_visit_id: UUID | None = None
    post: str | None = Field(default=None, max_length=40)
    visited_at: AwareDatetime
    child_seen: bool
    in_person: bool
    heard_alone: bool | None = Field(default=None, description="asked of a child of eight or older, else a reason")
    not_heard_reason: str | None = Field(default=None, max_length=40)
    satisfactory: bool
    note_id: UUID | None = None


class NewFailure(Body):
    """An attempt at which nobody was seen; what was noticed is a note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "attempted_at": "2026-11-20T02:00:00Z",
                    "failure": "nobody_home",
                }
            ]
        }
    )

    case_id: UUID
    planned_visit_id: UUID | None = None
    post: str | None = Field(default=None, max_length=40)
    attempted_at: AwareDatetime
    failure: Literal["nobody_home", "entry_refused", "child_not_shown", "moved_away"]
    note_id: UUID | None = None


# Reading -------------------------------------------------------------------------------------------------------------


@router.get("")
async def list_visits(
    case_id: UUID, subject: Annotated[Subject, guard("visit.read")], paging: PageOf, db: Reading
) -> Page[VisitView]:
    """A case's visits, newest first."""
    await readable(db, case_id, subject, "visit.read")
    found = await views.visits(db, case_id, after=paging.after(datetime, UUID), limit=paging.fetch)
    return paging.page(found, lambda view: (view.visited_at, str(view.visit_id)))


@router.get("/planned")
async def list_planned_visits(
    subject: Annotated[Subject, guard("visit.read")],
    paging: PageOf,
    db: Reading,
    case_id: UUID | None = None,
    department: Annotated[str | None, Query(max_length=40)] = None,
    post: Annotated[str | None, Query(max_length=40)] = None,
    village: Annotated[str | None, Query(max_length=40)] = None,
    group: Annotated[str | None, Query(max_length=40)] = None,
    overdue: bool | None = None,
    due_before: AwareDatetime | None = None,
) -> Page[PlannedVisitView]:
    """The visits the reader's post or department owes, nearest first; civil affairs and the grid head see every one."""
    filters = PlannedFilters(case_id, department, post, village, group, overdue, due_before)
    rows = await views.queue(db, subject, filters, after=paging.after(datetime, UUID), limit=paging.fetch)
    cases = await load_cases(db, {row["case_id"] for row in rows})
    shown = []
    for row in rows:
        round_, one = cases[row["case_id"]].current, store.planned(row)
        own = _held(subject, round_, one)
        can = one.owed.post in own and permitted(subject, "visit.record", resource(round_, [one.owed.department]))
        shown.append(views.planned_view(row, load_policy(round_.policy_version), may_act=can))
    return paging.page(shown, lambda view: (view.due_at, str(view.planned_visit_id)))


# Recording -----------------------------------------------------------------------------------------------------------


@router.post("", status_code=201, response_model=VisitView)
async def record_visit(
    body: NewVisit, subject: Annotated[Subject, guard("visit.record")], command: CommandOf
) -> Response:
    """Record a visit. The post is the visitor's; a visit where the child was not seen cannot be satisfactory. The planned
    visit it answers is met at the time of the visit, and the next one is planned."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, _ = await changeable(tx, body.case_id, subject, "visit.record", None)
        now = case.current
        named = await _named(tx, body.planned_visit_id, now)
        _check_time("#/visited_at", body.visited_at, now, tx.now)
        _check_visit(body, now)
        post = _post(body.post, subject, now, named)
        found = Found(body.visited_at.astimezone(UTC), body.child_seen, body.in_person)
        answered = await _answered(tx, named, post, found, now)
        actor = subject.actor()
        row = VisitRow(
            visit_id=tx.new_id("visit"),
            case_id=now.case_id,
            response_no=now.response_no,
            post=post,
            visited_at=found.visited_at,
            child_seen=body.child_seen,
            in_person=body.in_person,
            satisfactory=body.satisfactory,
            note_id=body.note_id,
            recorded_by=actor.model_dump(),
            recorded_at=tx.now,
            planned_visit_id=answered.planned_visit_id if answered else None,
            heard_alone=body.heard_alone,
            not_heard_reason=body.not_heard_reason,
            late_seconds=lateness(answered, found) if answered else 0,
        )
        await store.add_visit(tx.db, row)
        if body.child_seen and body.in_person:
            await save_rounds(tx.db, [replace(now, seen_at=later(now.seen_at, row.visited_at))])
        tx.publish(str(now.case_id), VisitRecorded.model_validate({**row.model_dump(), "by": actor}))
        if answered is not None:
            await store.answer_planned(tx.db, answered.planned_visit_id, found)
            tx.end(answered.planned_visit_id, "met", found.visited_at)
            await plan_visits(tx, [(now, None)])
        return Reply(201, VisitView(**row.model_dump()), location=f"/api/v1/visits?case_id={now.case_id}")

    return await command.run(act, body)


async def _named(tx: Transaction, planned_visit_id: UUID | None, now: Round) -> Planned | None:
    if planned_visit_id is None:
        return None
    one = await store.planned_visit(tx.db, now.case_id, now.response_no, planned_visit_id)
    if one is None:
        raise invalid(
            FieldError("#/planned_visit_id", "no_such_visit", "本案没有这次走访计划", "no such planned visit")
        )
    return one


async def _answered(tx: Transaction, named: Planned | None, post: str, found: Found, now: Round) -> Planned | None:
    if named is None:
        known = await store.planned_of(tx.db, [(now.case_id, now.response_no)])
        return answered_by(post, found, known[now.case_id])
    why = cannot_answer(named, found)
    if why is not None:
        raise _refusal(why, named)
    return named


def _refusal(why: str, named: Planned) -> Problem:
    text = WHY_NOT[why]
    return conflict(
        why,
        text.zh,
        text.en,
        current_state=named.state,
        opens_at=named.owed.anchor_at,
        remote_allowed=named.owed.remote_allowed,
    )


def _check_time(pointer: str, moment: datetime, now: Round, at: datetime) -> None:
    if moment > at + CLOCK_LEEWAY:
        raise invalid(FieldError(pointer, "in_the_future", "不能晚于现在", "must not be in the future"))
    if now.started_at is not None and moment < now.started_at:
        raise invalid(FieldError(pointer, "before_the_case", "不能早于接报时间", "must not be before the report"))


def _check_visit(body: NewVisit, now: Round) -> None:
    if body.satisfactory and not body.child_seen:
        raise invalid(
            FieldError(
                "#/satisfactory",
                "child_not_seen",
                "未见到未成年人，不能记为满意",
                "not satisfactory: the child was not seen",
            )
        )
    policy = policy_of(now)
    reasons = sorted(reason.code for reason in policy.visits.rules.not_heard_reasons)
    if body.not_heard_reason is not None and body.not_heard_reason not in reasons:
        text = ("没有这个原因，可用：" + "、".join(reasons), "no such reason; known: " + ", ".join(reasons))
        raise invalid(FieldError("#/not_heard_reason", "unknown_reason", *text))
    talked = body.heard_alone is True or body.not_heard_reason is not None
    if body.child_seen and body.in_person and must_be_heard(now, policy) and not talked:
        age = policy.visits.rules.heard_alone_from_age
        text = (
            f"满{age}周岁须单独听取意见，否则请填写原因",
            f"a child of {age} or older is heard alone, else give not_heard_reason",
        )
        raise invalid(FieldError("#/heard_alone", "not_heard_alone", *text))


def _held(subject: Subject, now: Round, named: Planned | None = None) -> list[str]:
    """The posts a subject visits as: those it holds (policy `visits.table`), its department's, then the department. A
    planned visit of the grid head that another department stands in for belongs to that department."""
    held = [post for post in policy_of(now).visits.posts if post in subject.posts]
    held += [POLICE] if subject.department == POLICE else []
    held += [LEAD] if subject.department is not None and subject.department == now.case_lead else []
    stands_in = named is not None and subject.department == named.owed.department
    if named is not None and stands_in and named.owed.owner == named.owed.department:
        held.append(named.owed.post)
    if named is not None and not stands_in:
        held = [post for post in held if post != named.owed.post]
    return list(dict.fromkeys([*held, *([subject.department] if subject.department else [])]))


def _post(asked: str | None, subject: Subject, now: Round, named: Planned | None) -> str:
    """The visiting post: the planned visit's, else the one asked for or the first the subject holds."""
    held = _held(subject, now, named)
    if named is not None:
        if named.owed.post not in held:
            raise forbidden("not_your_visit")
        return named.owed.post
    if asked is None:
        return held[0] if held else ""
    if asked not in held:
        raise invalid(FieldError("#/post", "not_your_post", "您不担任此岗位", "you do not hold this post"))
    return asked


# Failing -------------------------------------------------------------------------------------------------------------


@router.post("/failures", status_code=201, response_model=FailureView)
async def record_failure(
    body: NewFailure, subject: Annotated[Subject, guard("visit.record")], command: CommandOf
) -> Response:
    """Say that nobody was seen. The visit stays owed; the second failure in a row calls for a reassessment, and while the
    case is RED each one sends the police to look the same day."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, _ = await changeable(tx, body.case_id, subject, "visit.record", None)
        now = case.current
        named = await _named(tx, body.planned_visit_id, now)
        _check_time("#/attempted_at", body.attempted_at, now, tx.now)
        at = body.attempted_at.astimezone(UTC)
        post = _post(body.post, subject, now, named)
        tried = named or await _answered(tx, None, post, Found(at, child_seen=True, in_person=True), now)
        seen = [*await store.sightings(tx.db, now.case_id, now.response_no), *([now.seen_at] if now.seen_at else [])]
        failed = await store.failed_attempts(tx.db, now.case_id, now.response_no)
        actor = subject.actor()
        row = VisitFailureRow(
            failure_id=tx.new_id("failure"),
            case_id=now.case_id,
            response_no=now.response_no,
            planned_visit_id=tried.planned_visit_id if tried else None,
            post=post,
            attempted_at=at,
            failure=body.failure,
            failures_in_row=failures_in_row(at, seen, failed),
            welfare_check=now.level == FAILURES_THAT_COUNT,
            note_id=body.note_id,
            recorded_by=actor.model_dump(),
            recorded_at=tx.now,
        )
        await store.add_failure(tx.db, row)
        tx.publish(
            str(now.case_id),
            VisitFailed(
                case_id=now.case_id,
                planned_visit_id=row.planned_visit_id,
                post=post,
                attempted_at=at,
                failure=body.failure,
                failures_in_row=row.failures_in_row,
                level=cast(Level, now.level),
                welfare_check=row.welfare_check,
                by=actor,
                note_id=body.note_id,
            ),
        )
        return Reply(201, FailureView(**row.model_dump()), location=f"/api/v1/visits?case_id={now.case_id}")

    return await command.run(act, body)
