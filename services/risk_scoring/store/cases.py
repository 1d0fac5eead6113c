"""Case files in the store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from contracts.vocabulary import Reporter
from services.risk_scoring.domain.case_file import CaseFile, Child
from services.risk_scoring.store.tables import RiskCase
from services.risk_scoring.store.writing import insert, plain

_SAVE_CASES = f"{insert(RiskCase)} ON CONFLICT (case_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in RiskCase.model_fields if name != "case_id"
)


async def load_cases(db: Connection, ids: Iterable[UUID]) -> dict[UUID, CaseFile]:
    """The case files of these ids; an id nobody reported is left out."""
    rows = await db.fetch("SELECT * FROM risk_case WHERE case_id = ANY($1::uuid[])", list(ids))
    return {row["case_id"]: _case_file(dict(row)) for row in rows}


def _case_file(row: dict[str, Any]) -> CaseFile:
    return CaseFile(
        **{
            **row,
            "reporters": tuple(Reporter.model_validate(reporter) for reporter in row["reporters"]),
            "children": tuple(_child(child) for child in row["children"]),
            "household": tuple(UUID(text) for text in row["household"]),
        }
    )


def _child(plain: Mapping[str, Any]) -> Child:
    return Child(
        child_id=UUID(plain["child_id"]),
        case_id=UUID(plain["case_id"]),
        case_number=plain["case_number"],
        concerns=tuple(plain["concerns"]),
        facts=plain["facts"],
        answers=plain["answers"],
        level=plain["level"],
    )


async def save_cases(db: Connection, files: Sequence[CaseFile]) -> None:
    """Write case files as they are now. Their keys are locked by the caller."""
    if not files:
        return
    await db.execute(_SAVE_CASES, [_case_row(file) for file in files])


def _case_row(file: CaseFile) -> dict[str, Any]:
    return {
        **plain({name: getattr(file, name) for name in RiskCase.model_fields}),
        "reporters": [reporter.model_dump() for reporter in file.reporters],
        "household": [str(case_id) for case_id in file.household],
        "children": [plain({name: getattr(child, name) for name in Child.__slots__}) for child in file.children],
    }


async def under_one_roof(db: Connection, ids: Iterable[UUID]) -> set[UUID]:
    """The open cases that name one of these as a case of their household."""
    rows = await db.fetch(
        "SELECT case_id FROM risk_case WHERE household <> '[]' AND household ?| $1::text[] AND state = 'open'",
        [str(case_id) for case_id in ids],
    )
    return {row["case_id"] for row in rows}


async def townships(db: Connection) -> list[str]:
    """The townships with open cases."""
    rows = await db.fetch("SELECT DISTINCT township FROM risk_case WHERE state = 'open' ORDER BY township")
    return [row["township"] for row in rows]


async def open_cases(
    db: Connection, township: str, period: str | None, received_before: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Open cases in the order of their ids, after one of them; with `period` those its rescreen has not reached."""
    rows = await db.fetch(
        """
        SELECT case_id FROM risk_case
        WHERE township = $1 AND state = 'open' AND received_at <= $3 AND ($4::uuid IS NULL OR case_id > $4)
          AND ($2::text IS NULL OR rescreened IS DISTINCT FROM $2)
        ORDER BY case_id LIMIT $5
        """,
        township, period, received_before, after, limit,
    )  # fmt: skip
    return [row["case_id"] for row in rows]


async def count_open(db: Connection, township: str, received_before: datetime) -> int:
    """How many cases of a township are open."""
    found: int = await db.fetchval(
        "SELECT count(*) FROM risk_case WHERE township = $1 AND state = 'open' AND received_at <= $2",
        township,
        received_before,
    )
    return found
