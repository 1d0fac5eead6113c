"""What follows a closure, for a reader: who was told, and what was learnt."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.views.coded import Coded, coded


class NoticeView(BaseModel):
    """Somebody who must hear of the closure: told when and by whom, or why not."""

    recipient: Literal["child", "guardian", "department", "reporter"]
    reference: str
    state: Literal["owed", "told", "not_told"]
    reason: Coded | None
    note_id: UUID | None
    told_at: datetime | None
    told_by: Actor | None


class AfterCaseReviewView(BaseModel):
    """The review after a case: owed until recorded. What was said is a note."""

    review_id: UUID
    case_id: UUID
    case_number: str
    response_no: int
    opened_at: datetime
    due_at: datetime
    state: Literal["owed", "done"]
    lessons: list[Coded]
    attended: list[Coded]
    note_id: UUID | None
    held_at: datetime | None
    late_seconds: int
    recorded_by: Actor | None
    available_actions: list[str]


def notice_view(row: Mapping[str, Any], policy: Policy) -> NoticeView:
    """One line of the list."""
    reason = coded(policy, "not_told", row["reason"]) if row["reason"] else None
    return NoticeView.model_validate({**row, "reason": reason})


def review_view(row: Mapping[str, Any], case_number: str, policy: Policy, *, may_act: bool) -> AfterCaseReviewView:
    """One review for a reader."""
    done = row["recorded_at"] is not None
    return AfterCaseReviewView.model_validate(
        {
            **row,
            "case_number": case_number,
            "state": "done" if done else "owed",
            "lessons": [coded(policy, "lesson", code) for code in row["lessons"]],
            "attended": [coded(policy, "department", code) for code in row["attended"]],
            "available_actions": ["record"] if may_act and not done else [],
        }
    )


async def reviews_owed(
    db: Connection, subject: Subject, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[dict[str, Any]]:
    """The reviews nobody has recorded yet, nearest first: of every case for civil affairs and the township government, of
    the own villages for a village (never a restricted case), of cases with a part in them for other departments."""
    rows = await db.fetch(
        """
        SELECT a.* FROM after_case_review a JOIN case_round r USING (case_id, response_no)
        WHERE a.recorded_at IS NULL AND r.township = $1 AND r.conflict_unit IS DISTINCT FROM $2
          AND (CASE WHEN $3::boolean THEN true
                    WHEN $4::boolean THEN NOT r.restricted AND r.village = ANY($5::text[])
                    ELSE jsonb_path_exists(r.tasks, '$.* ? (@.department == $dept && @.role != "inform")',
                                           jsonb_build_object('dept', $2::text)) END)
          AND ($6::timestamptz IS NULL OR (a.due_at, a.review_id) > ($6, $7::uuid))
        ORDER BY a.due_at, a.review_id LIMIT $8
        """,
        subject.township,
        subject.department or "",
        subject.department in {COORDINATOR, GOVERNMENT},
        subject.department == VILLAGE,
        sorted(subject.villages),
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [dict(row) for row in rows]
