"""A provider's tasks as the provider sees them: what, where, by when, whom to call back. Nothing of the case or the child."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.policy import Policy
from services.assistance.views.coded import Coded

TaskState = Literal["assigned", "reported", "confirmed", "rejected", "withdrawn"]


class ProviderTaskView(BaseModel):
    """One task. `area` is a village, `contact` the code of the unit to call back (its number is in the directory)."""

    task_id: UUID
    task: Coded
    area: str | None
    contact: str
    due_at: datetime
    state: TaskState
    result: Literal["done", "not_done"] | None
    reason: str | None
    done_at: datetime | None
    assigned_at: datetime
    available_actions: list[str]
    version: int


def task(row: Mapping[str, Any], policy: Policy) -> ProviderTaskView:
    """A stored task."""
    label = policy.assistance.by_code[row["label"]].label
    return ProviderTaskView.model_validate(
        {
            **{name: row[name] for name in ProviderTaskView.model_fields if name in row},
            "task": Coded(code=row["label"], zh=label.zh, en=label.en),
            "available_actions": ["report"] if row["state"] == "assigned" else [],
        }
    )


async def tasks(
    db: Connection, township: str, provider: str, state: TaskState | None, *,
    after: tuple[datetime, UUID] | None, limit: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """A provider's tasks, nearest date first. Without `state`: those still to be done."""
    rows = await db.fetch(
        """
        SELECT * FROM provider_task
        WHERE township = $1 AND provider = $2 AND state = coalesce($3, 'assigned')
          AND ($4::timestamptz IS NULL OR (due_at, task_id) > ($4, $5::uuid))
        ORDER BY due_at, task_id LIMIT $6
        """,
        township, provider, state, after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]
