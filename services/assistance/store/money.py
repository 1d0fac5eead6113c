"""Budget lines and disbursements. Amounts are fen, whole numbers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from services.assistance.domain.money import Disbursement, Line
from services.assistance.store.tables import Table, insert_of, plain


class BudgetLineRow(Table, table=True):
    """A line of the township's budget for one year. `committed`: approved or paid and not returned."""

    __tablename__ = "budget_line"
    __table_args__ = (
        UniqueConstraint("township", "year", "code", name="budget_line_once"),
        CheckConstraint("committed BETWEEN 0 AND amount", name="budget_line_never_overdrawn"),
    )

    line_id: UUID = Field(primary_key=True)
    township: str
    year: int
    code: str
    amount: int = Field(sa_type=BigInteger)
    committed: int = Field(sa_type=BigInteger)
    version: int
    set_by: dict[str, Any] = Field(sa_type=JSONB)
    set_at: datetime


class DisbursementRow(Table, table=True):
    """Money for one measure on its approval trail. `trail` keeps every step with who and when."""

    __tablename__ = "disbursement"
    __table_args__ = (
        CheckConstraint("amount > 0", name="disbursement_of_something"),
        Index("disbursement_of_township", "township", "requested_at", "disbursement_id"),
        Index("disbursement_of_case", "case_id"),
    )

    disbursement_id: UUID = Field(primary_key=True)
    case_id: UUID
    case_number: str
    response_no: int
    measure_id: UUID
    township: str
    line_id: UUID
    amount: int = Field(sa_type=BigInteger)
    payee_reference: str
    state: str
    due_at: datetime | None
    trail: dict[str, Any] = Field(sa_type=JSONB)
    reason: str | None
    requested_at: datetime
    version: int


_SAVE_LINE = f"{insert_of(BudgetLineRow)} ON CONFLICT (line_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("amount", "committed", "version", "set_by", "set_at")
)
_SAVE = f"{insert_of(DisbursementRow)} ON CONFLICT (disbursement_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("state", "due_at", "trail", "reason", "version")
)


def key_of(line_id: UUID) -> str:
    """The lock of a budget line."""
    return f"budget-line:{line_id}"


async def find_line(db: Connection, line_id: UUID) -> tuple[Line, dict[str, Any]] | None:
    """A budget line as a value, and its row."""
    row = await db.fetchrow("SELECT * FROM budget_line WHERE line_id = $1", line_id)
    return None if row is None else (line_of(dict(row)), dict(row))


def line_of(row: Mapping[str, Any]) -> Line:
    """A stored line as a value."""
    return Line(**{name: row[name] for name in Line.__dataclass_fields__})


async def save_line(db: Connection, row: Mapping[str, Any]) -> None:
    """Write a line as it is now. Raises UniqueViolationError for a second line of that code and year."""
    await db.execute(_SAVE_LINE, [plain(row)])


async def find_disbursement(db: Connection, disbursement_id: UUID) -> Disbursement | None:
    """One disbursement."""
    row = await db.fetchrow("SELECT * FROM disbursement WHERE disbursement_id = $1", disbursement_id)
    return None if row is None else disbursement_of(dict(row))


def disbursement_of(row: Mapping[str, Any]) -> Disbursement:
    """A stored disbursement as a value."""
    return Disbursement(**{name: row[name] for name in Disbursement.__dataclass_fields__})


async def save_disbursement(db: Connection, found: Disbursement) -> None:
    """Write a disbursement as it is now."""
    await db.execute(_SAVE, [plain({name: getattr(found, name) for name in Disbursement.__dataclass_fields__})])


async def paid_for(db: Connection, measure_id: UUID) -> bool:
    """Whether money was paid for a measure and not returned."""
    found: bool = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM disbursement WHERE measure_id = $1 AND state = 'paid')", measure_id
    )
    return found


async def money_moves(db: Connection, measure_id: UUID) -> bool:
    """Whether money for a measure is on its way: asked for or approved, neither paid nor refused."""
    found: bool = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM disbursement WHERE measure_id = $1 AND state IN ('requested', 'approved'))",
        measure_id,
    )
    return found
