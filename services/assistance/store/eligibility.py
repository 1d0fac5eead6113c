"""Advice on benefits, as it was given. Birth dates are not kept."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, desc
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.store.tables import Table, insert_of, plain


class AdviceRow(Table, table=True):
    """One piece of advice for one child: the rule, the answer, and what papers were at hand."""

    __tablename__ = "eligibility_advice"
    __table_args__ = (Index("eligibility_of_child", "case_id", "child_id", "rule", desc("advised_at")),)

    advice_id: UUID = Field(primary_key=True)
    case_id: UUID
    child_id: UUID
    rule: str
    result: str
    from_date: date | None
    detail: dict[str, Any] = Field(sa_type=JSONB)
    policy_version: str
    advised_by: dict[str, Any] = Field(sa_type=JSONB)
    advised_at: datetime


_ADD = insert_of(AdviceRow)
_LATEST = """
SELECT DISTINCT ON (child_id, rule) * FROM eligibility_advice
WHERE case_id = $1 ORDER BY child_id, rule, advised_at DESC, advice_id
"""


async def add_advice(db: Connection, rows: list[AdviceRow]) -> None:
    """Keep advice."""
    await db.execute(_ADD, [plain(row.model_dump(mode="python")) for row in rows])


async def latest_advice(db: Connection, case_id: UUID) -> list[dict[str, Any]]:
    """The newest advice of every rule for every child of a case."""
    return [dict(row) for row in await db.fetch(_LATEST, case_id)]


async def working_from(db: Connection, case_id: UUID, rule: str) -> Mapping[UUID, date]:
    """From which day each child may work, where an exact birth date was shown (E-8)."""
    rows = await db.fetch(
        f"SELECT child_id, from_date FROM ({_LATEST}) a WHERE rule = $2 AND from_date IS NOT NULL",  # noqa: S608  ours
        case_id,
        rule,
    )
    return {row["child_id"]: row["from_date"] for row in rows}
