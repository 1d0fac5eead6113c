"""Clocks of assistance: what is announced when one runs.

A topic arms its clocks with `clocks.task_clock` and gives each of its kinds a function in `FIRING`; `announce` suits most.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, cast
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.assistance import TaskFired
from contracts.vocabulary import Level, Place
from services.assistance.clocks import ALARM
from services.assistance.domain.rounds import Case
from services.assistance.expiry import expire
from services.assistance.store.measures import mark_unresolved
from services.assistance.store.rounds import load_cases

Fire = Callable[[Fired, Case, Transaction], Awaitable[None]]
"""Acts on one stage of one clock; the case's key is locked, its rounds are as stored."""


def task_fired(fired: Fired, case: Case) -> TaskFired:
    """What is announced of one stage, from the clock's own detail and where the case stands now."""
    clock, said = fired.deadline, fired.deadline.detail
    now = case.numbered(said["response_no"], case.current.case_number)
    blocked = {now.conflict_unit, said["owner"]}
    return TaskFired(
        case_id=now.case_id,
        case_number=now.case_number,
        township=now.township,
        subject=said["subject"],
        subject_id=cast(UUID, clock.subject),
        code=said["code"],
        owner=said["owner"],
        organisation=said["organisation"],
        place=Place(village=now.village, group=now.group_code),
        level=cast(Level, now.level or "yellow"),
        stage=cast(Literal["due_soon", "overdue", "repeat", "alarm"], fired.stage),
        repeat_no=fired.repeat_no,
        targets=tuple(target for target in said["targets"].get(fired.stage, ()) if target not in blocked),
        due_at=clock.due_at,
        planned_at=fired.planned_at,
        fired_at=fired.fired_at,
        lateness_seconds=fired.lateness_seconds,
        policy_version=clock.policy_version,
    )


async def announce(fired: Fired, case: Case, tx: Transaction) -> None:
    """Tell the owner and the targets; nothing else changes."""
    tx.publish(fired.deadline.key, task_fired(fired, case), cause=fired)


async def unresolved(fired: Fired, case: Case, tx: Transaction) -> None:
    """The longer limit passed: the township's order is the way on (policy `RETURN_TO_SCHOOL`, D-4.5.7)."""
    if fired.stage == ALARM and fired.deadline.subject is not None:
        await mark_unresolved(tx.db, fired.deadline.subject, fired.fired_at)
    await announce(fired, case, tx)


FIRING: dict[str, Fire] = {
    "measure": announce,
    "measure_unresolved": unresolved,
    "plan_review": announce,
    "conference": announce,
    "disbursement": announce,
    "compliance_check": announce,
    "court_decision": announce,
    "order_reminder": announce,
    "order_expiry": expire,
    "jump_review": announce,
    "placement_cap": announce,
    "placement_follow_up": announce,
    "guardianship_review": announce,
    "guardianship_length": announce,
    "visit": announce,
    "after_case_review": announce,
}
"""What happens when a clock of this kind runs."""


async def on_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    """Act on each stage in due order."""
    cases = await load_cases(tx.db, {UUID(one.deadline.key) for one in fired})
    for one in fired:
        await FIRING[one.deadline.kind](one, cases[UUID(one.deadline.key)], tx)
