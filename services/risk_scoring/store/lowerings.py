"""Proposals to lower a level, in the store."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.risk_scoring.store.tables import LoweringRow


async def open_lowering(db: Connection, case_id: UUID) -> dict[str, Any] | None:
    """The proposal that waits for a decision, if any."""
    row = await db.fetchrow("SELECT * FROM lowering WHERE case_id = $1 AND state = 'proposed'", case_id)
    return None if row is None else dict(row)


async def lowering(db: Connection, case_id: UUID, proposal_id: UUID) -> dict[str, Any] | None:
    """One proposal of this case."""
    row = await db.fetchrow("SELECT * FROM lowering WHERE case_id = $1 AND proposal_id = $2", case_id, proposal_id)
    return None if row is None else dict(row)


async def add_lowering(db: Connection, row: LoweringRow) -> None:
    """Keep a proposal. Raises UniqueViolationError when one is already waiting."""
    await db.execute(
        """
        INSERT INTO lowering (proposal_id, case_id, response_no, level_from, level_to, reason_note_id,
                              best_interest_note_id, proposed_by, proposer_posts, proposed_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'proposed')
        """,
        row.proposal_id, row.case_id, row.response_no, row.level_from, row.level_to, row.reason_note_id,
        row.best_interest_note_id, row.proposed_by, row.proposer_posts, row.proposed_at,
    )  # fmt: skip


async def decide_lowering(
    db: Connection, proposal_id: UUID, state: str, by: Mapping[str, Any] | None, at: datetime
) -> None:
    """Record what became of a waiting proposal: approved, declined or superseded."""
    await db.execute(
        "UPDATE lowering SET state = $2, decided_by = $3, decided_at = $4 WHERE proposal_id = $1 AND state = 'proposed'",
        proposal_id,
        state,
        by,
        at,
    )


async def supersede_lowerings(db: Connection, case_ids: Sequence[UUID], at: datetime) -> None:
    """A level that moved, or a case that closed, makes a waiting proposal pointless: it named the old level."""
    if case_ids:
        await db.execute(
            """
            UPDATE lowering SET state = 'superseded', decided_at = $2
            WHERE case_id = ANY($1::uuid[]) AND state = 'proposed'
            """,
            list(case_ids),
            at,
        )
