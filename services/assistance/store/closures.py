"""Proposals to close, and the ledger the closure guard weighs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.closure import HandOver, Ledger, Request, Survivor, Visit
from services.assistance.domain.orders import standing
from services.assistance.domain.rounds import Case, Round, policy_of
from services.assistance.domain.settling import unsettled
from services.assistance.store.ladders import load_taken
from services.assistance.store.measures import open_measures
from services.assistance.store.placements import load_placements
from services.assistance.store.tables import Table, insert_of, plain


class ClosureRow(Table, table=True):
    """One proposal to close: what was asked, who agreed, what was decided."""

    __tablename__ = "closure"
    __table_args__ = (
        Index("closure_waiting", "case_id", unique=True, postgresql_where="state = 'requested'"),
        Index("closure_of_case", "case_id", desc("proposed_at")),
    )

    closure_id: UUID = Field(primary_key=True)
    case_id: UUID
    response_no: int
    reason: str
    summary_note_id: UUID | None
    child_view_note_id: UUID | None
    guardian_view_note_id: UUID | None
    hand_over: dict[str, Any] = Field(sa_type=JSONB)
    proposed_by: dict[str, Any] = Field(sa_type=JSONB)
    proposed_at: datetime
    concurrences: dict[str, Any] = Field(sa_type=JSONB)
    state: str
    open_items: list[Any] = Field(sa_type=JSONB)
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None


_ADD_CLOSURES = insert_of(ClosureRow)


async def ledger(db: Connection, case: Case, ranks: Mapping[str, int], merged_into: UUID | None = None) -> Ledger:
    """Everything the closure guard weighs about the current round."""
    now = case.current
    rows = await db.fetch(
        """
        SELECT visit_id, visited_at, child_seen, in_person, satisfactory,
               coalesce(recorded_by->>'staff', recorded_by->>'account', '') AS by
        FROM visit
        WHERE case_id = $1 AND response_no = $2 ORDER BY visited_at, visit_id
        """,
        now.case_id,
        now.response_no,
    )
    running = await open_measures(db, now)
    at: datetime = await db.fetchval("SELECT app_now()")
    ever = max((known.highest_level for known in case.rounds), key=lambda level: ranks.get(level, -1))
    survivor = await _survivor(db, now, merged_into) if merged_into is not None else None
    taken = await load_taken(db, now.case_id)
    papers = standing(taken, at)
    days = policy_of(now).closure.item("placement").number("days")
    return Ledger(
        round=now,
        ever=ever,
        visits=tuple(Visit(**dict(row)) for row in rows),
        open_measures=tuple(sorted(running)),
        survivor=survivor,
        owed=(*(f"check:{step}" for step in papers.checks), *await _owed(db, now)),
        orders=papers.orders,
        pending=papers.pending,
        unsettled=unsettled(await load_placements(db, now.case_id), at, days),
        failed_since=await _failed_since(db, now, rows[-1]["visited_at"] if rows else None),
    )


async def _owed(db: Connection, now: Round) -> list[str]:
    """Work beside referrals and measures that nobody has ended: searches, reviews of a jump, money under way."""
    rows = await db.fetch(
        """
        SELECT 'search:' || code AS code FROM placement_follow_up WHERE case_id = $1 AND done_at IS NULL
        UNION ALL SELECT 'review:jump' FROM jump_review WHERE case_id = $1 AND response_no = $2 AND decision IS NULL
        UNION ALL SELECT 'disbursement:' || disbursement_id FROM disbursement
        WHERE case_id = $1 AND response_no = $2 AND state IN ('requested', 'approved')
        """,
        now.case_id,
        now.response_no,
    )
    return [row["code"] for row in rows]


async def _failed_since(db: Connection, now: Round, visited_at: datetime | None) -> bool:
    failed: bool = await db.fetchval(
        """
        SELECT EXISTS (SELECT 1 FROM visit_failure WHERE case_id = $1 AND response_no = $2
                       AND ($3::timestamptz IS NULL OR attempted_at > $3))
        """,
        now.case_id,
        now.response_no,
        visited_at,
    )
    return failed


async def _survivor(db: Connection, now: Round, case_id: UUID) -> Survivor | None:
    row = await db.fetchrow(
        """
        SELECT state = 'open' AS open, level FROM case_round
        WHERE case_id = $1 AND township = $2 ORDER BY response_no DESC LIMIT 1
        """,
        case_id,
        now.township,
    )
    return None if row is None else Survivor(**dict(row))


async def add_closure(db: Connection, row: ClosureRow) -> None:
    """Keep a proposal to close. Raises UniqueViolationError when one is waiting."""
    await db.execute(_ADD_CLOSURES, [plain(row.model_dump())])


async def latest_closure(db: Connection, round_: Round) -> dict[str, Any] | None:
    """The newest proposal of this round, waiting or decided."""
    row = await db.fetchrow(
        "SELECT * FROM closure WHERE case_id = $1 AND response_no = $2 ORDER BY proposed_at DESC, closure_id LIMIT 1",
        round_.case_id,
        round_.response_no,
    )
    return None if row is None else dict(row)


async def concur(db: Connection, closure_id: UUID, party: str, by: Mapping[str, Any], at: datetime) -> None:
    """Record that a party agrees."""
    await db.execute(
        "UPDATE closure SET concurrences = concurrences || jsonb_build_object($2::text, $3::jsonb) WHERE closure_id = $1",
        closure_id,
        party,
        {"by": by, "at": at},
    )


async def decide_closure(
    db: Connection, closure_id: UUID, state: str, open_items: Sequence[str], by: Mapping[str, Any] | None, at: datetime
) -> None:
    """Record the decision on a waiting proposal."""
    await db.execute(
        """
        UPDATE closure SET state = $2, open_items = $3, decided_by = $4, decided_at = $5
        WHERE closure_id = $1 AND state = 'requested'
        """,
        closure_id,
        state,
        list(open_items),
        by,
        at,
    )


def request_of(row: Mapping[str, Any]) -> Request:
    """A stored proposal as the guard reads it."""
    stated = row["hand_over"]
    moment = stated.get("home_since")
    ids = {name: UUID(stated[name]) for name in ("receiving_authority_ack", "merged_into") if stated.get(name)}
    hand_over = HandOver(
        **{
            **stated,
            **ids,
            "pending": tuple(stated.get("pending", ())),
            "home_since": datetime.fromisoformat(moment) if moment else None,
        }
    )
    return Request(
        row["reason"], row["summary_note_id"], row["child_view_note_id"], row["guardian_view_note_id"], hand_over
    )
