"""Reassessments and signals as people read them: ids, codes and times (class P3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject, may
from contracts.policy import Policy, load_policy
from contracts.vocabulary import Actor
from services.risk_scoring.views.assessments import Coded, coded

State = Literal["open", "assessed", "superseded", "case_closed"]


class ReassessmentView(BaseModel):
    """A reassessment that was called for: why, by when, and what became of it. `overdue` = open and past its time."""

    task_id: UUID
    case_id: UUID
    case_number: str
    response_no: int
    village: str | None
    trigger: Coded
    level: Coded
    known_at: datetime
    opened_at: datetime
    due_at: datetime
    calendar_provisional: bool
    state: State
    overdue: bool
    ended_at: datetime | None
    ended_by: Actor | None
    assessment_id: UUID | None
    late_seconds: int | None
    policy_version: str


class SignalView(BaseModel):
    """A signal. `task_id`: the reassessment it opened or joined; `due_at` is given when it was recorded."""

    signal_id: UUID
    case_id: UUID
    child_id: UUID | None
    kind: Coded
    at: datetime
    note_id: UUID | None
    task_id: UUID | None
    due_at: datetime | None = None
    recorded_by: Actor
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """The cases whose reassessments a subject may list: the same rule as `contracts.access.decide`, for SQL."""

    township: str
    everything: bool = False
    villages: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    department: str | None = None
    not_in_conflict_with: str | None = None


def sight(subject: Subject) -> Sight:
    """What the subject may list. Nothing at all where the door is closed."""
    department = subject.department
    if not may(subject, "reassessment.list"):
        return Sight(subject.township, department="")
    if department == VILLAGE:
        groups = tuple(subject.groups) if subject.grid_only else None
        return Sight(subject.township, villages=tuple(subject.villages), groups=groups, not_in_conflict_with=department)
    supervising = department == GOVERNMENT and (subject.supervises or "grid_head" in subject.posts)
    if department == COORDINATOR or "auditor" in subject.posts or supervising:
        return Sight(subject.township, everything=True, not_in_conflict_with=department)
    return Sight(subject.township, department=department, not_in_conflict_with=department)


_SEEN = """
    c.township = $1
    AND ($2::bool OR $3::text[] IS NOT NULL OR c.departments->>$5 IN ('assist', 'lead'))
    AND ($3::text[] IS NULL OR (c.village = ANY($3) AND NOT c.restricted))
    AND ($4::text[] IS NULL OR c.group_code = ANY($4))
    AND ($6::text IS NULL OR NOT EXISTS (
        SELECT FROM jsonb_array_elements(c.children) AS child WHERE child->'facts'->>'conflict_unit' = $6))
"""


async def reassessments(
    db: Connection,
    seen: Sight,
    *,
    state: State | None,
    trigger: str | None,
    case_id: UUID | None,
    overdue: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ReassessmentView]:
    """Reassessments by due time, those the subject may see."""
    rows = await db.fetch(
        f"""
        SELECT r.*, c.case_number, c.village, app_now() AS now FROM reassessment r JOIN risk_case c USING (case_id)
        WHERE {_SEEN}
          AND ($7::text IS NULL OR r.state = $7) AND ($8::text IS NULL OR r.trigger = $8)
          AND ($9::uuid IS NULL OR r.case_id = $9)
          AND ($10::bool IS NULL OR (r.state = 'open' AND r.due_at < app_now()) = $10)
          AND ($11::timestamptz IS NULL OR (r.due_at, r.task_id) > ($11, $12::uuid))
        ORDER BY r.due_at, r.task_id LIMIT $13
        """,  # noqa: S608  our own text
        seen.township, seen.everything, None if seen.villages is None else list(seen.villages),
        None if seen.groups is None else list(seen.groups), seen.department, seen.not_in_conflict_with,
        state, trigger, case_id, overdue, after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [reassessment(dict(row)) for row in rows]


async def reassessment_row(db: Connection, task_id: UUID) -> dict[str, Any] | None:
    """One reassessment with its case's number and village."""
    row = await db.fetchrow(
        """
        SELECT r.*, c.case_number, c.village, app_now() AS now FROM reassessment r JOIN risk_case c USING (case_id)
        WHERE r.task_id = $1
        """,
        task_id,
    )
    return None if row is None else dict(row)


def reassessment(row: Mapping[str, Any]) -> ReassessmentView:
    """A task for a reader."""
    policy = load_policy(row["policy_version"])
    return ReassessmentView(
        **{
            **row,
            "trigger": coded(policy, "trigger", row["trigger"]),
            "level": coded(policy, "level", row["level"]),
            "calendar_provisional": row["provisional"],
            "overdue": row["state"] == "open" and row["due_at"] < row["now"],
        }
    )


def signal(row: Mapping[str, Any], policy: Policy, due_at: datetime | None = None) -> SignalView:
    """A signal for a reader."""
    return SignalView(**{**row, "kind": coded(policy, "trigger", row["kind"]), "due_at": due_at})
