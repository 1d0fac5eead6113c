"""What a task's clock announces: it is due soon, it is late, it still is."""

from collections.abc import Sequence
from typing import Any

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.risk_scoring import ReassessmentDueSoon, ReassessmentOverdue
from services.risk_scoring.store.reassessments import due_for_alarm


async def on_deadlines_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    """Call open reassessments to mind. One that is over by now stays silent."""
    found = await due_for_alarm(tx.db, [one.deadline.id for one in fired])
    for one in fired:
        row = found.get(one.deadline.id)
        if row is None:
            continue
        said: dict[str, Any] = {
            "case_id": row["case_id"],
            "case_number": row["case_number"],
            "township": row["township"],
            "task_id": row["task_id"],
            "trigger": row["trigger"],
            "level": row["level"],
            "due_at": row["due_at"],
            "fired_at": one.fired_at,
        }
        if one.stage == "due_soon":
            tx.publish(one.deadline.key, ReassessmentDueSoon(**said), cause=one)
        else:
            tx.publish(one.deadline.key, ReassessmentOverdue(**said, repeat_no=one.repeat_no), cause=one)
