"""Visits made, newest first, and the queue of those owed, nearest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.domain.visits import GRID_HEAD
from services.assistance.views.coded import Coded, coded


class VisitView(BaseModel):
    """One visit to the child. What was found is a note. `late_seconds`: after the planned visit it answers was due."""

    visit_id: UUID
    case_id: UUID
    response_no: int
    post: str
    visited_at: datetime
    child_seen: bool
    in_person: bool
    satisfactory: bool
    note_id: UUID | None
    recorded_by: Actor
    recorded_at: datetime
    planned_visit_id: UUID | None
    heard_alone: bool | None
    not_heard_reason: str | None
    late_seconds: int


class FailureView(BaseModel):
    """An attempt at which nobody was seen. `welfare_check`: the police look today."""

    failure_id: UUID
    case_id: UUID
    response_no: int
    planned_visit_id: UUID | None
    post: str
    attempted_at: datetime
    failure: str
    failures_in_row: int
    welfare_check: bool
    note_id: UUID | None
    recorded_by: Actor
    recorded_at: datetime


class PlannedVisitView(BaseModel):
    """A visit that somebody owes. `opens_at`: a visit before it answers an earlier one; `sees`: who is to be seen."""

    planned_visit_id: UUID
    case_id: UUID
    case_number: str
    level: Coded
    rule: str
    post: Coded
    department: Coded
    village: str | None
    group: str | None
    opens_at: datetime
    due_at: datetime
    overdue: bool
    remote_allowed: bool
    sees: Literal["child", "victim", "harmer"]
    available_actions: list[str]


@dataclass(frozen=True, slots=True)
class PlannedFilters:
    """What of the queue is wanted."""

    case_id: UUID | None = None
    department: str | None = None
    post: str | None = None
    village: str | None = None
    group: str | None = None
    overdue: bool | None = None
    due_before: datetime | None = None


async def visits(db: Connection, case_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[VisitView]:
    """A case's visits over all rounds, newest first, from before the visit `after`."""
    rows = await db.fetch(
        """
        SELECT * FROM visit
        WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (visited_at, visit_id) < ($2, $3::uuid))
        ORDER BY visited_at DESC, visit_id DESC LIMIT $4
        """,
        case_id,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [VisitView(**dict(row)) for row in rows]


_QUEUE = """
SELECT p.*, r.case_number, r.level, r.village, r.group_code, p.due_at < app_now() AS overdue
FROM planned_visit p JOIN case_round r USING (case_id, response_no)
WHERE p.state = 'planned' AND r.township = $1 AND r.conflict_unit IS DISTINCT FROM $2
  AND ($3::boolean OR p.department = $2)
  AND ($2 <> 'village_committee' OR (NOT r.restricted AND r.village = ANY($4::text[])
       AND ($5::text[] IS NULL OR r.group_code = ANY($5))))
  AND ($6::uuid IS NULL OR p.case_id = $6) AND ($7::text IS NULL OR p.department = $7)
  AND ($8::text IS NULL OR p.post = $8) AND ($9::text IS NULL OR r.village = $9)
  AND ($10::text IS NULL OR r.group_code = $10)
  AND ($11::boolean IS NULL OR (p.due_at < app_now()) = $11)
  AND ($12::timestamptz IS NULL OR p.due_at < $12)
  AND ($13::timestamptz IS NULL OR (p.due_at, p.planned_visit_id) > ($13, $14::uuid))
ORDER BY p.due_at, p.planned_visit_id LIMIT $15
"""


async def queue(
    db: Connection, subject: Subject, filters: PlannedFilters, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[dict[str, Any]]:
    """The visits a subject must see to, nearest first.

    Civil affairs, the leaders and the grid head see every department's, others their own; the village sees its villages,
    a grid member the own grid, neither a restricted case; a unit with a conflict of interest never sees the case.
    """
    leads = subject.department == GOVERNMENT and (subject.supervises or GRID_HEAD in subject.posts)
    rows = await db.fetch(
        _QUEUE, subject.township, subject.department or "", subject.department == COORDINATOR or leads,
        sorted(subject.villages), sorted(subject.groups) if subject.grid_only else None,
        filters.case_id, filters.department, filters.post, filters.village, filters.group, filters.overdue,
        filters.due_before, after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


def planned_view(row: dict[str, Any], policy: Policy, *, may_act: bool) -> PlannedVisitView:
    """One planned visit for a reader."""
    party = row["rule"].partition(":")[2]
    kind = "department" if row["post"] in {COORDINATOR, VILLAGE, "police"} else "post"
    return PlannedVisitView.model_validate(
        {
            **row,
            "level": coded(policy, "level", row["level"]),
            "post": coded(policy, kind, row["post"]),
            "department": coded(policy, "department", row["department"]),
            "group": row["group_code"],
            "opens_at": row["anchor_at"],
            "sees": party or "child",
            "available_actions": ["record", "fail"] if may_act else [],
        }
    )
