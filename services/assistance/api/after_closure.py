"""After the closure over HTTP: say who was told of it, and record the review of a case that was ever RED."""

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
from chassis.transaction import Connection, Transaction
from contracts.access import Resource, Subject
from contracts.policy import Policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.assistance.api.steps import Body, permitted, readable, resource
from services.assistance.domain.after_closure import GUARDIAN
from services.assistance.domain.rounds import Case, policy_of
from services.assistance.store import after_closure as store
from services.assistance.store.after_closure import ClosingNoticeRow
from services.assistance.store.rounds import load_cases
from services.assistance.views import after_closure as views
from services.assistance.views.after_closure import AfterCaseReviewView, NoticeView

notices = APIRouter(prefix="/api/v1/closures", tags=["closures"])
router = APIRouter(prefix="/api/v1/after-case-reviews", tags=["after-case-reviews"])
RECORD = "after_case_review.record"


class Told(Body):
    """Somebody was told that the case is closed, or `reason` says why nobody is. `reference` is the child's, department's
    or report's id as the checklist names it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"recipient": "guardian", "reference": "guardian", "told_at": "2026-11-20T02:00:00Z"}]
        }
    )

    recipient: Literal["child", "guardian", "department", "reporter"]
    reference: str = Field(default=GUARDIAN, max_length=60)
    told_at: AwareDatetime | None = None
    reason: str | None = Field(default=None, max_length=40)
    note_id: UUID | None = None


class Notices(Body):
    """The whole checklist of the last closure."""

    items: list[NoticeView]


class NewReview(Body):
    """What the departments learnt together; the text is a note."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "held_at": "2026-12-01T06:00:00Z",
                    "attended": ["civil_affairs", "police", "school"],
                    "lessons": ["found_late", "handover_failed"],
                    "note_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e51",
                }
            ]
        }
    )

    held_at: AwareDatetime
    attended: list[str] = Field(min_length=1, max_length=20)
    lessons: list[str] = Field(min_length=1, max_length=20)
    note_id: UUID


class Reviews(Body):
    """The reviews of a case, oldest first."""

    items: list[AfterCaseReviewView]


# Notices -------------------------------------------------------------------------------------------------------------


@notices.post("/{case_id}/notices", response_model=Notices)
async def tell_of_closure(
    case_id: UUID, body: Told, subject: Annotated[Subject, guard("closure.decide")], command: CommandOf
) -> Response:
    """Record who was told of the closure, or why not. What is said again replaces what was said before."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        await tx.lock([str(case_id)])
        case, _, _ = await readable(tx.db, case_id, subject, "closure.decide")
        closure_id = await store.last_closed(tx.db, case_id)
        if closure_id is None:
            raise conflict("not_closed", "个案尚未销号", "The case was never closed", current_state=case.current.state)
        policy = policy_of(case.current)
        _check_told(body, policy, tx.now)
        row = ClosingNoticeRow(
            closure_id=closure_id,
            recipient=body.recipient,
            reference=body.reference,
            case_id=case_id,
            state="not_told" if body.reason else "told",
            reason=body.reason,
            note_id=body.note_id,
            told_at=(body.told_at or tx.now).astimezone(UTC),
            told_by=subject.actor().model_dump(),
        )
        if not await store.tell(tx.db, row):
            raise invalid(FieldError("#/reference", "not_on_the_list", "告知清单中没有此对象", "not on the list"))
        tx.audit(str(case_id), "closure.told", subject.actor().model_dump(), {"recipient": body.recipient})
        return Reply(200, Notices(items=await told(tx.db, closure_id, policy)))

    return await command.run(act, body)


def _check_told(body: Told, policy: Policy, now: datetime) -> None:
    known = sorted(reason.code for reason in policy.closure.not_told_reasons)
    if body.reason is not None and body.reason not in known:
        text = ("没有这个原因，可用：" + "、".join(known), "no such reason; known: " + ", ".join(known))
        raise invalid(FieldError("#/reason", "unknown_reason", *text))
    if body.told_at is not None and body.told_at > now + CLOCK_LEEWAY:
        raise invalid(FieldError("#/told_at", "in_the_future", "不能晚于现在", "must not be in the future"))


async def told(db: Connection, closure_id: UUID, policy: Policy) -> list[NoticeView]:
    """Who must hear of a closure, and who has."""
    return [views.notice_view(row, policy) for row in await store.notices_of(db, closure_id)]


# Reviews -------------------------------------------------------------------------------------------------------------


@router.get("")
async def list_reviews(
    subject: Annotated[Subject, guard("after_case_review.read")], paging: PageOf, db: Reading
) -> Page[AfterCaseReviewView]:
    """The reviews that are still owed, nearest first."""
    rows = await views.reviews_owed(db, subject, after=paging.after(datetime, UUID), limit=paging.fetch)
    cases = await load_cases(db, {row["case_id"] for row in rows})
    shown = [_shown(row, cases[row["case_id"]], subject, resource(cases[row["case_id"]].current, ())) for row in rows]
    return paging.page(shown, lambda view: (view.due_at, str(view.review_id)))


@router.get("/{case_id}")
async def read_reviews(
    case_id: UUID, subject: Annotated[Subject, guard("after_case_review.read")], db: Reading
) -> Reviews:
    """The reviews of one case, owed and done."""
    case, seen_as, _ = await readable(db, case_id, subject, "after_case_review.read")
    return Reviews(items=[_shown(row, case, subject, seen_as) for row in await store.reviews_after(db, case_id)])


def _shown(row: dict[str, Any], case: Case, subject: Subject, seen_as: Resource) -> AfterCaseReviewView:
    round_ = case.numbered(row["response_no"], case.current.case_number)
    may_act = permitted(subject, RECORD, seen_as)
    return views.review_view(row, round_.case_number, policy_of(round_), may_act=may_act)


@router.post("/{case_id}", response_model=AfterCaseReviewView)
async def record_review(
    case_id: UUID, body: NewReview, subject: Annotated[Subject, guard(RECORD)], command: CommandOf
) -> Response:
    """Record the review that is owed: who attended, what was learnt, and the note."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        await tx.lock([str(case_id)])
        case, seen_as, _ = await readable(tx.db, case_id, subject, RECORD)
        rows = await store.reviews_after(tx.db, case_id)
        owed = next((row for row in rows if row["recorded_at"] is None), None)
        if owed is None:
            if not rows:
                raise not_found()
            raise conflict(
                "already_recorded", "已完成个案复盘", "The review was recorded already", current_state="done"
            )
        _check_review(body, owed, policy_of(case.current), tx.now)
        at = body.held_at.astimezone(UTC)
        late = max(0, int((at - owed["due_at"]).total_seconds()))
        held = {**body.model_dump(include={"lessons", "attended", "note_id"}), "held_at": at, "late_seconds": late}
        actor = subject.actor().model_dump()
        await store.record_review(tx.db, owed["review_id"], held, actor, tx.now)
        tx.end(owed["review_id"], "met", at)
        tx.audit(str(case_id), "after_case_review.recorded", actor, {"lessons": ",".join(body.lessons)})
        done = {**owed, **held, "recorded_by": actor, "recorded_at": tx.now}
        return Reply(200, _shown(done, case, subject, seen_as))

    return await command.run(act, body)


def _check_review(body: NewReview, owed: dict[str, Any], policy: Policy, now: datetime) -> None:
    lessons = {lesson.code for lesson in policy.closure.after_case_review.lessons}
    wrong = [
        FieldError(f"#/lessons/{index}", "unknown_lesson", "没有这类经验教训", "no such lesson")
        for index, code in enumerate(body.lessons)
        if code not in lessons
    ]
    wrong += [
        FieldError(f"#/attended/{index}", "unknown_department", "没有这个部门", "no such department")
        for index, code in enumerate(body.attended)
        if code not in policy.departments_by_code
    ]
    if body.held_at > now + CLOCK_LEEWAY:
        wrong.append(FieldError("#/held_at", "in_the_future", "不能晚于现在", "must not be in the future"))
    if body.held_at < owed["opened_at"]:
        wrong.append(FieldError("#/held_at", "before_the_closure", "不能早于销号", "must not be before the closure"))
    if wrong:
        raise invalid(*wrong)
