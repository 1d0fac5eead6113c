"""Referrals as queues and partner systems read them. Codes, ids and times only: labels are the reader's language."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.paging import Page
from chassis.transaction import Connection, deadline_of
from contracts.access import Scope, Subject
from contracts.policy import Label
from services.dispatch.domain.clocks import GUARDIAN_NOTICE
from services.dispatch.domain.response import DEFERRED_NOTICE, OPEN_STATES, Referral, ResponseFile
from services.dispatch.store.clocks import clock_of
from services.dispatch.store.rows import RESPONSE_TYPES, Row, referral_of, referral_row, response_file
from services.dispatch.views.access import open_actions
from services.dispatch.views.filters import Where

GUARD_STEPS = (GUARDIAN_NOTICE, DEFERRED_NOTICE, "S13")
"""The clocks that decide which actions are open."""
_WITHOUT_NOTICES = f"""
SELECT {", ".join(name for name in RESPONSE_TYPES if name != "body")}, body - '{{notices,reporters}}'::text[] AS body
FROM response WHERE response_id = ANY($1::uuid[])
"""  # noqa: S608  our own names


class NextDeadline(BaseModel):
    """The clock a department owes first."""

    deadline_id: UUID
    step: str
    due_at: datetime
    state: Literal["running", "overdue"]


class ReferralView(BaseModel):
    """One department's part. `concerns` is null for a masked notice; a safety-only task names no child either.

    `amended_at` and `amended` (aspects) stand until the department has seen the amendment of the report.
    `available_actions` are open to the reader now.
    """

    referral_id: UUID
    case_id: UUID
    case_number: str
    response_id: UUID
    department: str
    organisation: str
    village: str | None
    group: str | None
    role: str
    state: str
    level: str
    restricted: bool
    masked: bool
    concerns: list[str] | None
    because: list[str]
    children: list[UUID]
    tasks: list[Label]
    amended_at: datetime | None
    amended: list[str]
    notice_post: str | None
    issued_at: datetime
    acknowledged_at: datetime | None
    completed_at: datetime | None
    outcome: str | None
    ended_reason: str | None
    returns: int
    buck_passing: bool
    return_reason: str | None
    proposed_department: str | None
    return_note_id: UUID | None
    urged_at: datetime | None
    next_deadline: NextDeadline | None
    available_actions: list[str]
    version: int
    updated_at: datetime


class ReferralPage(Page[ReferralView]):
    """A queue page. Count down against `server_time`, not the reader's clock."""

    server_time: datetime


@dataclass(frozen=True, slots=True)
class ReferralFilters:
    """What a list was asked for. `feed` orders by last change, so that a partner system can follow everything."""

    state: str | None = None
    level: str | None = None
    role: str | None = None
    village: str | None = None
    step: str | None = None
    overdue: bool | None = None
    case_number: str | None = None
    updated_since: datetime | None = None
    organisation: str | None = None

    @property
    def feed(self) -> bool:
        return self.updated_since is not None or self.state not in (None, *OPEN_STATES)

    @property
    def order(self) -> str:
        """The column that sorts."""
        return "r.updated_at" if self.feed else "r.queue_at"


def referral_view(row: Row, referral: Referral, file: ResponseFile, subject: Subject, now: datetime) -> ReferralView:
    """One referral for one reader."""
    due = row["next_due_at"]
    state: Literal["running", "overdue"] = "overdue" if due is not None and due < now else "running"
    upcoming = None
    if due is not None:
        upcoming = NextDeadline(deadline_id=row["next_deadline_id"], step=row["next_step"], due_at=due, state=state)
    plain = {name: row[name] for name in ReferralView.model_fields if name in row}
    return ReferralView(
        **plain,
        group=row["group_code"],
        concerns=None if row["masked"] else row["body"]["concerns"],
        because=row["body"]["because"],
        children=[] if referral.safety_only else list(referral.children),
        tasks=list(referral.tasks),
        amended_at=referral.amended_at,
        amended=list(referral.amended),
        next_deadline=upcoming,
        available_actions=open_actions(referral, file, subject, now),
    )


def view_of(referral: Referral, file: ResponseFile, subject: Subject, now: datetime) -> ReferralView:
    """A referral just changed, as its row will read."""
    return referral_view(referral_row(referral, file), referral, file, subject, now)


async def referrals(
    db: Connection,
    scope: Scope,
    filters: ReferralFilters,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
    subject: Subject,
    now: datetime,
) -> list[tuple[ReferralView, datetime]]:
    """A queue, nearest clock first, or the feed of changes. Each view with the moment that sorts it."""
    where = Where()
    where.within(scope, "r", "r.organisation")
    if not filters.feed:
        where.add("r.queued")
    where.equal(
        {
            "r.state": filters.state,
            "r.level": filters.level,
            "r.role": filters.role,
            "r.village": filters.village,
            "r.next_step": filters.step,
            "r.case_number": filters.case_number,
            "r.organisation": filters.organisation,
        }
    )
    if filters.overdue is not None:
        where.add("(r.next_due_at IS NOT NULL AND r.next_due_at < $) = $", now, filters.overdue)
    if filters.updated_since is not None:
        where.add("r.updated_at >= $", filters.updated_since)
    where.after(f"{filters.order}, r.referral_id", after)
    rows = await db.fetch(
        f"SELECT r.*, {filters.order} AS sorts FROM referral r WHERE {where.text} "  # noqa: S608  our own names
        f"ORDER BY {filters.order}, r.referral_id LIMIT {limit:d}",
        *where.values,
    )
    files = await _files(db, {row["response_id"] for row in rows})
    return [
        (referral_view(row, referral_of(row), files[row["response_id"]], subject, now), row["sorts"]) for row in rows
    ]


async def open_by_organisation(db: Connection, organisations: Iterable[str]) -> dict[str, int]:
    """How many referrals each of these units has in hand."""
    rows = await db.fetch(
        "SELECT organisation, count(*) AS n FROM referral WHERE queued AND organisation = ANY($1) GROUP BY organisation",
        list(organisations),
    )
    return {row["organisation"]: row["n"] for row in rows}


async def referral(db: Connection, referral_id: UUID) -> tuple[Row, ResponseFile] | None:
    """A referral's row, and its response as far as access and actions look at it; None when there is none."""
    row = await db.fetchrow("SELECT * FROM referral WHERE referral_id = $1", referral_id)
    if row is None:
        return None
    return row, (await _files(db, [row["response_id"]]))[row["response_id"]]


async def _files(db: Connection, response_ids: Iterable[UUID]) -> dict[UUID, ResponseFile]:
    """Responses as far as the guards of actions look at them: without their other referrals."""
    wanted = list(response_ids)
    if not wanted:
        return {}
    rows = await db.fetch(_WITHOUT_NOTICES, wanted)
    armed = await db.fetch(
        "SELECT * FROM deadline WHERE key = ANY($1::text[]) AND state = 'armed' AND kind = ANY($2::text[])",
        [str(row["case_id"]) for row in rows],
        list(GUARD_STEPS),
    )
    clocks: dict[str, list[Any]] = {}
    for row in armed:
        clocks.setdefault(row["detail"]["response_id"], []).append(clock_of(deadline_of(row)))
    return {row["response_id"]: response_file(row, (), clocks.get(str(row["response_id"]), ())) for row in rows}
