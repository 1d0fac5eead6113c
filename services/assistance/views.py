"""What assistance shows: the plan, visits, and the closure checklist with what each item still lacks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.domain.closure import Item
from services.assistance.domain.plan import catalogue
from services.assistance.domain.rounds import Round


class Coded(BaseModel):
    """A code with its text in both languages."""

    code: str
    zh: str
    en: str


def coded(policy: Policy, kind: str, code: str) -> Coded:
    """A code with its label."""
    label = policy.label(kind, code)
    return Coded(code=code, zh=label.zh, en=label.en)


# Plans ---------------------------------------------------------------------------------------------------------------


class MeasureView(BaseModel):
    """One measure: who owns it, by when the first step is due, and how it ended."""

    measure_id: UUID
    measure: Coded
    owner: Coded
    owner_reason: str | None
    beneficiary: Literal["child", "family"]
    goal: Coded | None
    due_at: datetime | None
    agreed_at: datetime
    state: Literal["open", "done", "ended"]
    outcome: str | None
    finished_at: datetime | None
    finished_by: Actor | None


class PlanView(BaseModel):
    """A case's plan in its current round. `not_open`: safety is not confirmed yet."""

    case_id: UUID
    case_number: str
    response_no: int
    plan_id: UUID | None
    state: Literal["not_open", "open", "agreed", "closed"]
    level: Coded | None
    opened_at: datetime | None
    agreed_at: datetime | None
    conference_at: datetime | None
    attendees: list[str]
    measures: list[MeasureView]
    available_actions: list[str]
    version: int


async def plan(db: Connection, round_: Round, policy: Policy, actions: Sequence[str]) -> PlanView:
    """The plan of this round with all its measures, oldest first."""
    rows = await db.fetch(
        "SELECT * FROM measure WHERE case_id = $1 AND response_no = $2 ORDER BY agreed_at, code",
        round_.case_id,
        round_.response_no,
    )
    return PlanView(
        case_id=round_.case_id,
        case_number=round_.case_number,
        response_no=round_.response_no,
        plan_id=round_.plan_id,
        state=_plan_state(round_),
        level=coded(policy, "level", round_.plan_level) if round_.plan_level else None,
        opened_at=round_.plan_opened_at,
        agreed_at=round_.plan_agreed_at,
        conference_at=round_.conference_at,
        attendees=list(round_.attendees),
        measures=[_measure(dict(row), policy) for row in rows],
        available_actions=list(actions),
        version=round_.version,
    )


def _plan_state(round_: Round) -> Literal["not_open", "open", "agreed", "closed"]:
    if round_.plan_id is None:
        return "not_open"
    if round_.state == "closed":
        return "closed"
    return "agreed" if round_.plan_agreed_at else "open"


def _measure(row: dict[str, Any], policy: Policy) -> MeasureView:
    label = catalogue(policy)[row["code"]]["label"]
    return MeasureView(
        **{
            **row,
            "measure": Coded(code=row["code"], **label),
            "owner": coded(policy, "department", row["owner_department"]),
            "goal": coded(policy, "problem_domain", row["goal"]) if row["goal"] else None,
        }
    )


# Visits --------------------------------------------------------------------------------------------------------------


class VisitView(BaseModel):
    """One visit to the child. What was found is a note."""

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


# Closures ------------------------------------------------------------------------------------------------------------


class ItemView(BaseModel):
    """One condition for closing. `detail` says in codes what is missing; `skipped`: the reason makes it moot."""

    code: str
    zh: str
    en: str
    state: Literal["ok", "open", "skipped"]
    detail: list[str]


class ConcurrenceView(BaseModel):
    """A party that must agree, and whether it did."""

    party: Literal["police", "responsible_leader"]
    by: Actor | None
    at: datetime | None


class ClosureView(BaseModel):
    """The road to closure: the checklist, the proposal if there is one, who agreed, and what was decided.

    Without a waiting proposal the checklist is for `reason` as if nothing had been handed in yet.
    """

    case_id: UUID
    case_number: str
    response_no: int
    closure_id: UUID | None
    state: Literal["none", "requested", "refused", "closed"]
    reason: Coded
    ready: bool
    items: list[ItemView]
    concurrences: list[ConcurrenceView]
    proposed_by: Actor | None
    proposed_at: datetime | None
    decided_by: Actor | None
    decided_at: datetime | None
    refused_for: list[str]
    available_actions: list[str]
    version: int


def items(found: Sequence[Item]) -> list[ItemView]:
    """The checklist for a reader."""
    return [
        ItemView(
            code=item.code,
            zh=item.text.zh,
            en=item.text.en,
            state="skipped" if item.skipped else "ok" if item.ok else "open",
            detail=list(item.detail),
        )
        for item in found
    ]


def closure(
    round_: Round,
    row: Mapping[str, Any] | None,
    reason: str,
    found: Sequence[Item],
    parties: Sequence[str],
    policy: Policy,
    actions: Sequence[str],
) -> ClosureView:
    """The closure of this round for a reader; `row` is the newest proposal, if any."""
    said: Mapping[str, Any] = row or {}
    agreed = said.get("concurrences") or {}
    return ClosureView(
        case_id=round_.case_id,
        case_number=round_.case_number,
        response_no=round_.response_no,
        closure_id=said.get("closure_id"),
        state=said.get("state") or "none",
        reason=coded(policy, "closure_reason", reason),
        ready=all(item.ok for item in found),
        items=items(found),
        concurrences=[
            ConcurrenceView.model_validate({"by": None, "at": None, **agreed.get(p, {}), "party": p}) for p in parties
        ],
        proposed_by=said.get("proposed_by"),
        proposed_at=said.get("proposed_at"),
        decided_by=said.get("decided_by"),
        decided_at=said.get("decided_at"),
        refused_for=list(said.get("open_items") or []),
        available_actions=list(actions),
        version=round_.version,
    )
