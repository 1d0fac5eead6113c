"""Reassessments and signals in the store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.risk_scoring.domain.reassessing import Ended, Task
from services.risk_scoring.store.tables import ReassessmentRow, SignalRow
from services.risk_scoring.store.writing import insert, plain

_SAVE = f"{insert(ReassessmentRow)} ON CONFLICT (task_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ReassessmentRow.model_fields if name != "task_id"
)
_ADD_SIGNALS = insert(SignalRow)
_TASK = ", ".join(Task.__slots__)


async def open_tasks(db: Connection, case_ids: Iterable[UUID]) -> dict[UUID, list[Task]]:
    """The open reassessments of these cases, by case."""
    rows = await db.fetch(
        f"SELECT {_TASK} FROM reassessment WHERE case_id = ANY($1::uuid[]) AND state = 'open' ORDER BY opened_at",  # noqa: S608  our own names
        list(case_ids),
    )
    found: dict[UUID, list[Task]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(Task(**dict(row)))
    return found


async def save_tasks(db: Connection, running: Sequence[Task], ended: Sequence[Ended]) -> None:
    """Write tasks as they are now: open, or over. Their keys are locked by the caller.

    What is over goes first: a case may have one open task of a trigger.
    """
    rows = []
    for one in ended:
        over = {
            "state": one.outcome,
            "ended_at": one.at,
            "ended_by": one.by.model_dump(),
            "assessment_id": one.assessment_id,
            "late_seconds": one.late_seconds,
        }
        rows.append(plain({**_row(one.task), **over}))
    rows += [_row(task) for task in running]
    if rows:
        await db.execute(_SAVE, rows)


def _row(task: Task) -> dict[str, Any]:
    fields: dict[str, Any] = dict.fromkeys(ReassessmentRow.model_fields)
    return plain({**fields, **{name: getattr(task, name) for name in Task.__slots__}, "state": "open"})


async def due_for_alarm(db: Connection, task_ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """Open tasks with the number and township of their case, for the announcement that they are late."""
    rows = await db.fetch(
        """
        SELECT r.*, c.case_number, c.township FROM reassessment r JOIN risk_case c USING (case_id)
        WHERE r.task_id = ANY($1::uuid[]) AND r.state = 'open'
        """,
        list(task_ids),
    )
    return {row["task_id"]: dict(row) for row in rows}


async def add_signal(db: Connection, row: SignalRow) -> None:
    """Keep a signal for good."""
    await db.execute(_ADD_SIGNALS, [plain(row.model_dump())])


async def signals_of(
    db: Connection, case_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """A case's signals, newest first, from before the signal `after`."""
    rows = await db.fetch(
        """
        SELECT * FROM signal
        WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (recorded_at, signal_id) < ($2, $3::uuid))
        ORDER BY recorded_at DESC, signal_id DESC LIMIT $4
        """,
        case_id,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [dict(row) for row in rows]
