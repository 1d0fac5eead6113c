"""What else is kept of guardians: interviews, capacity assessments, sessions of ordered family education, the end of
orders and proceedings, and the review of a jump to G4 (D-4.4.2, D-4.4.3, L-FE 49).
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.problem import FieldError, conflict, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import OrderEnded
from contracts.policy import Policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.ladders.checks import load_step
from services.assistance.api.ladders.reading import ladder_view
from services.assistance.api.ladders.steps import CODE, FAMILY_EDUCATION
from services.assistance.api.steps import Body, changeable, keep, policy_of
from services.assistance.domain.orders import can_end
from services.assistance.ladder_clocks import ids_of_paper, review_clock_id
from services.assistance.store import ladders as store
from services.assistance.store.ladders import CapacityRow, InterviewRow
from services.assistance.views.ladders import LadderView
from services.assistance.visiting import plan_visits

ID = r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$"

router = APIRouter(prefix="/api/v1/ladders", tags=["ladders"])


class EndPaper(Body):
    """An order was revoked or fulfilled, or a proceeding ended without the paper it sought."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cause": "revoked", "ended_at": "2026-11-27T02:00:00Z"}]}
    )

    cause: Literal["revoked", "fulfilled"]
    ended_at: AwareDatetime


class NewSession(Body):
    """A session of ordered family education."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"held_at": "2026-11-27T02:00:00Z", "attended": True}]})

    held_at: AwareDatetime
    attended: bool


class NewInterview(Body):
    """An interview with a guardian (约谈). `present` are staff or organisation ids; what was said is a note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "held_at": "2026-11-20T02:00:00Z",
                    "setting": "home",
                    "present": ["ST002", "PS"],
                    "response": "accepts",
                    "note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    held_at: AwareDatetime
    setting: Literal["home", "office", "school", "phone", "elsewhere"]
    present: list[Annotated[str, Field(pattern=ID)]] = Field(min_length=1, max_length=20)
    response: str = Field(pattern=CODE)
    note_id: UUID
    guardian_id: UUID | None = None


class NewCapacity(Body):
    """A guardianship-capacity assessment: a rating for every domain of policy `guardian_ladder.capacity`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "assessed_at": "2026-11-20T02:00:00Z",
                    "ratings": {
                        "daily_care": "partial",
                        "supervision": "lacking",
                        "health": "adequate",
                        "livelihood": "partial",
                        "upbringing": "partial",
                        "willingness": "adequate",
                    },
                    "conclusion": "with_support",
                    "note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                }
            ]
        }
    )

    assessed_at: AwareDatetime
    ratings: dict[str, str] = Field(max_length=20)
    conclusion: str = Field(pattern=CODE)
    note_id: UUID
    guardian_id: UUID | None = None


class DecideReview(Body):
    """Whether to leave the ladder for G4. `malice` matters where the policy asks for it (R8)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "proceed", "note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50"}]}
    )

    decision: Literal["proceed", "not_now"]
    malice: bool = False
    note_id: UUID


def _past(pointer: str, at: datetime, tx: Transaction) -> datetime:
    if at > tx.now + CLOCK_LEEWAY:
        raise invalid(FieldError(pointer, "in_the_future", "不能晚于现在", "must not be in the future"))
    return at.astimezone(UTC)


def _known(pointer: str, code: str, kind: str, policy: Policy) -> None:
    if (kind, code) not in policy.labels:
        raise invalid(FieldError(pointer, "unknown_code", "没有这个代码", "there is no such code"))


# Orders and proceedings ----------------------------------------------------------------------------------------------


@router.post("/{case_id}/steps/{ladder_step_id}/end", response_model=LadderView)
async def end_ladder_paper(
    case_id: UUID,
    ladder_step_id: UUID,
    body: EndPaper,
    subject: Annotated[Subject, guard("ladder.record")],
    command: CommandOf,
) -> Response:
    """End an order or a proceeding. Checks of it that are still owed stay owed: somebody looks at how it went."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.record", command)
        step, taken = await load_step(tx.db, case_id, ladder_step_id)
        at = _past("#/ended_at", body.ended_at, tx)
        if at < step.issued_on:
            raise invalid(FieldError("#/ended_at", "before_the_step", "不能早于该步骤", "must not be before the step"))
        if not can_end(taken, body.cause):
            causes = [cause for cause in ("revoked", "fulfilled") if can_end(taken, cause)]
            raise conflict(
                "paper_cannot_end_so",
                "该文书不能这样结束",
                "This paper does not end so",
                current_state=step.state,
                allowed=causes,
            )
        was_order = step.state == "in_force"
        await store.end_step(tx.db, ladder_step_id, body.cause, at)
        for clock_id in ids_of_paper(ladder_step_id):
            tx.end(clock_id, "cancelled", at)
        if was_order:
            ended = OrderEnded(
                case_id=case_id, ladder_step_id=ladder_step_id, document=step.document, cause=body.cause, at=at
            )
            tx.publish(str(case_id), ended)
            await plan_visits(tx, [(case.current, None)], "order_ended")
        round_ = await keep(
            tx, case.current, "ladder.paper_ended", subject.actor(), document=step.document, cause=body.cause
        )
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(200, view, version=round_.version)

    return await command.run(act, body)


@router.post("/{case_id}/steps/{ladder_step_id}/sessions", status_code=201, response_model=LadderView)
async def record_education_session(
    case_id: UUID,
    ladder_step_id: UUID,
    body: NewSession,
    subject: Annotated[Subject, guard("ladder.record")],
    command: CommandOf,
) -> Response:
    """Record a session of ordered family education (L-FE 49)."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.record", command)
        step, _ = await load_step(tx.db, case_id, ladder_step_id)
        if step.document != FAMILY_EDUCATION or step.state != "in_force":
            raise conflict(
                "no_education_order", "没有生效的家庭教育指导令", "No such order is in force", current_state=step.state
            )
        at = _past("#/held_at", body.held_at, tx)
        session = {"held_at": at, "attended": body.attended, "recorded_by": subject.actor().model_dump()}
        await store.add_session(tx.db, ladder_step_id, session)
        round_ = await keep(tx, case.current, "ladder.session_recorded", subject.actor(), attended=body.attended)
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(201, view, version=round_.version, location=f"/api/v1/ladders/{case_id}")

    return await command.run(act, body)


# Interviews and capacity ---------------------------------------------------------------------------------------------


@router.post("/{case_id}/interviews", status_code=201, response_model=LadderView)
async def record_interview(
    case_id: UUID, body: NewInterview, subject: Annotated[Subject, guard("ladder.record")], command: CommandOf
) -> Response:
    """Record an interview with a guardian (D-4.4.2)."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.record", None)
        _known("#/response", body.response, "guardian_response", policy_of(case.current))
        row = InterviewRow(
            interview_id=tx.new_id("interview"),
            case_id=case_id,
            response_no=case.current.response_no,
            guardian_id=body.guardian_id,
            held_at=_past("#/held_at", body.held_at, tx),
            setting=body.setting,
            present=body.present,
            response=body.response,
            note_id=body.note_id,
            recorded_by=subject.actor().model_dump(),
            recorded_at=tx.now,
        )
        await store.add_interview(tx.db, row)
        round_ = await keep(tx, case.current, "ladder.interview_recorded", subject.actor(), note_id=body.note_id)
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(201, view, version=round_.version, location=f"/api/v1/ladders/{case_id}")

    return await command.run(act, body)


@router.post("/{case_id}/capacity-assessments", status_code=201, response_model=LadderView)
async def record_capacity(
    case_id: UUID, body: NewCapacity, subject: Annotated[Subject, guard("ladder.record")], command: CommandOf
) -> Response:
    """Record a guardianship-capacity assessment (D-4.4.3)."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.record", None)
        policy = policy_of(case.current)
        _check_ratings(body, policy)
        row = CapacityRow(
            assessment_id=tx.new_id("capacity"),
            case_id=case_id,
            response_no=case.current.response_no,
            guardian_id=body.guardian_id,
            assessed_at=_past("#/assessed_at", body.assessed_at, tx),
            ratings=body.ratings,
            conclusion=body.conclusion,
            note_id=body.note_id,
            recorded_by=subject.actor().model_dump(),
            recorded_at=tx.now,
        )
        await store.add_capacity(tx.db, row)
        round_ = await keep(tx, case.current, "ladder.capacity_assessed", subject.actor(), conclusion=body.conclusion)
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(201, view, version=round_.version, location=f"/api/v1/ladders/{case_id}")

    return await command.run(act, body)


def _check_ratings(body: NewCapacity, policy: Policy) -> None:
    _known("#/conclusion", body.conclusion, "capacity_conclusion", policy)
    domains = {domain.code for domain in policy.guardian_ladder.capacity.domains}
    wrong = [
        FieldError("#/ratings", "domain_missing", f"缺少：{code}", f"no rating of {code}")
        for code in sorted(domains - body.ratings.keys())
    ]
    if body.ratings.keys() - domains:
        wrong.append(FieldError("#/ratings", "unknown_domain", "没有这个方面", "there is no such domain"))
    if wrong:
        raise invalid(*wrong)
    for code, rating in body.ratings.items():
        _known(f"#/ratings/{code}", rating, "capacity_rating", policy)


# Leaving the ladder --------------------------------------------------------------------------------------------------


@router.post("/{case_id}/reviews/decide", response_model=LadderView)
async def decide_jump_review(
    case_id: UUID, body: DecideReview, subject: Annotated[Subject, guard("ladder.record")], command: CommandOf
) -> Response:
    """Decide whether the harm calls for G4 at once (policy `direct_jump`, kind review)."""

    async def act(tx: Transaction) -> Reply:
        case, seen_as = await changeable(tx, case_id, subject, "ladder.record", command)
        policy, round_ = policy_of(case.current), case.current
        if subject.department not in policy.guardian_ladder.review.by:
            raise forbidden("not_a_reviewer")
        rows = await store.reviews_of(tx.db, [case_id])
        owed = next((row for row in rows if row["response_no"] == round_.response_no), None)
        if owed is None:
            raise conflict("no_review", "没有需要审议的越级", "No jump is under review", current_state="none")
        by = subject.actor().model_dump()
        await store.decide_review(tx.db, owed["review_id"], body.decision, body.malice, body.note_id, by, tx.now)
        tx.end(review_clock_id(owed["review_id"], owed["due_at"]), "met", tx.now)
        round_ = await keep(tx, round_, "ladder.review_decided", subject.actor(), decision=body.decision)
        view = await ladder_view(tx.db, case.put(round_), subject, seen_as, tx.now)
        return Reply(200, view, version=round_.version)

    return await command.run(act, body)
