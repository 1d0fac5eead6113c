"""Amendments that overtook the response to their report: kept until it opens, so that none is lost."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from contracts.intake import ReportAmended
from services.dispatch.store.tables import Table


class WaitingAmendment(Table, table=True):
    """One amendment of a case that has no response yet."""

    __tablename__ = "waiting_amendment"
    __table_args__ = (Index("waiting_amendment_case", "case_id"),)

    amendment_id: UUID = Field(primary_key=True)
    case_id: UUID
    body: dict[str, object] = Field(sa_type=JSONB)


async def without_response(db: Connection, case_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these cases that never had a response."""
    wanted = set(case_ids)
    rows = await db.fetch("SELECT DISTINCT case_id FROM response WHERE case_id = ANY($1::uuid[])", list(wanted))
    return wanted - {row["case_id"] for row in rows}


async def keep_waiting(db: Connection, amendments: Sequence[ReportAmended]) -> None:
    """Keep amendments until the response opens."""
    if amendments:
        await db.execute(
            """
            INSERT INTO waiting_amendment (amendment_id, case_id, body)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) ON CONFLICT DO NOTHING
            """,
            [one.amendment_id for one in amendments],
            [one.case_id for one in amendments],
            [one.model_dump(mode="json") for one in amendments],
        )


async def take_waiting(db: Connection, case_ids: Iterable[UUID]) -> dict[UUID, list[ReportAmended]]:
    """The amendments that waited for these cases, oldest first; they wait no longer."""
    rows = await db.fetch(
        "DELETE FROM waiting_amendment WHERE case_id = ANY($1::uuid[]) RETURNING body", list(case_ids)
    )
    waiting: dict[UUID, list[ReportAmended]] = {}
    for one in sorted((ReportAmended.model_validate(row["body"]) for row in rows), key=lambda found: found.at):
        waiting.setdefault(one.case_id, []).append(one)
    return waiting
