"""What happens by itself when an order's period is over: it is no longer in force, and everybody hears of it."""

from typing import cast
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.assistance import OrderEnded
from services.assistance.domain.rounds import Case
from services.assistance.store.ladders import end_step
from services.assistance.visiting import plan_visits


async def expire(fired: Fired, case: Case, tx: Transaction) -> None:
    """End the order at the moment it says. One that a person ended before stays as it is."""
    step_id = cast(UUID, fired.deadline.subject)
    if await end_step(tx.db, step_id, "expired", fired.deadline.due_at):
        tx.publish(
            fired.deadline.key,
            OrderEnded(
                case_id=case.case_id,
                ladder_step_id=step_id,
                document=fired.deadline.detail["code"],
                cause="expired",
                at=fired.deadline.due_at,
            ),
            cause=fired,
        )
        await plan_visits(tx, [(case.current, fired)], "order_ended")
    tx.end(fired.deadline.id, "met", fired.deadline.due_at)
