"""Call-backs: a silent or broken-off call, or an unanswered text, is a task with a clock until somebody settles it. A silent
caller may be a child.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.clock import derived_id
from chassis.problem import FieldError, conflict, invalid, not_found
from chassis.transaction import Deadline, Transaction
from contracts.access import Subject
from contracts.policy import Policy, elapsed, load_policy
from contracts.vocabulary import Actor
from services.intake.domain.contacts import ANSWERED, CallbackReason, late, settling_problem
from services.intake.store import cases
from services.intake.store import contacts as store
from services.intake.store.contacts import Callback
from services.intake.store.writing import insert_all
from services.intake.timeline import callback_entry

CALLBACK = "callback"


def opened(
    tx: Transaction,
    reason: CallbackReason,
    contact_id: UUID,
    caller_id: UUID,
    family_id: UUID | None,
    township: str,
    policy: Policy,
    *,
    since: datetime,
    due_at: datetime | None = None,
) -> Callback:
    """A new call-back, its clock armed. `since` is when the caller was lost; the caller inserts the row."""
    callback = Callback(
        callback_id=derived_id(contact_id, CALLBACK),
        township=township,
        contact_id=contact_id,
        caller_id=caller_id,
        family_id=family_id,
        reason=reason,
        state="open",
        outcome=None,
        report_id=None,
        opened_at=tx.now,
        due_at=due_at or since + elapsed(policy.contacts.callback.limit),
        attempts=(),
        late_seconds=0,
        settled_at=None,
        settled_by=None,
        policy_version=policy.policy_version,
        version=1,
    )
    tx.arm(_clock(callback, tx.now, policy))
    return callback


async def locked(tx: Transaction, callback_id: UUID, subject: Subject) -> Callback:
    """The call-back under the lock of its stream. Raises Problem 404, 409 when it is settled."""
    found = await store.find_callback(tx.db, callback_id, subject.township)
    if found is None:
        raise not_found()
    await tx.lock([found.key])
    now = await store.find_callback(tx.db, callback_id, subject.township)
    assert now is not None
    if now.state != "open":
        raise conflict("already_settled", "已办结", "It was settled already", current_state=now.state)
    return now


async def attempt(tx: Transaction, callback: Callback, *, reached: bool, subject: Subject) -> Callback:
    """Somebody called. An attempt that reached nobody starts the next clock; whoever was reached waits for the settling."""
    policy = load_policy(callback.policy_version)
    tried = {"at": tx.now.isoformat(), "by": subject.actor().model_dump(exclude_none=True), "reached": reached}
    moved = replace(
        callback,
        attempts=[*callback.attempts, tried],
        late_seconds=callback.late_seconds if callback.attempts else late(callback.due_at, tx.now),
        due_at=tx.now + elapsed(policy.contacts.callback.again_after),
        version=callback.version + 1,
    )
    tx.end(_clock_id(callback), "met", tx.now)
    tx.arm(_clock(moved, tx.now, policy))
    await store.save(tx.db, moved)
    await _tell(tx, moved, "attempted", {"reached": reached, "attempt": len(moved.attempts)}, subject.actor())
    return moved


async def settle(
    tx: Transaction, callback: Callback, outcome: str, report_id: UUID | None, subject: Subject
) -> Callback:
    """The hotline ends the task. Raises Problem 422 when the outcome does not fit what was done."""
    policy = load_policy(callback.policy_version)
    problem = settling_problem(
        outcome,
        [tried["reached"] for tried in callback.attempts],
        has_number=await store.knows_number(tx.db, callback.caller_id),
        has_report=report_id is not None,
        policy=policy,
    )
    if problem is not None:
        at = f"#{problem.pointer}"
        raise invalid(FieldError(at, problem.code, problem.message.zh, problem.message.en))
    return await _ended(tx, callback, outcome, report_id, subject.actor())


async def settle_by_itself(tx: Transaction, callback: Callback, report_id: UUID | None, by: Actor) -> Callback:
    """Somebody answered, or took the call down: nobody needs to call back for it any more."""
    return await _ended(tx, callback, ANSWERED, report_id, by)


async def _ended(tx: Transaction, callback: Callback, outcome: str, report_id: UUID | None, by: Actor) -> Callback:
    settled = replace(
        callback,
        state="settled",
        outcome=outcome,
        report_id=report_id,
        late_seconds=callback.late_seconds if callback.attempts else late(callback.due_at, tx.now),
        settled_at=tx.now,
        settled_by=by.model_dump(exclude_none=True),
        version=callback.version + 1,
    )
    tx.end(_clock_id(callback), "met", tx.now)
    await store.save(tx.db, settled)
    codes = {"outcome": outcome} | ({"report_id": str(report_id)} if report_id else {})
    await _tell(tx, settled, "settled", codes, by)
    return settled


async def _tell(tx: Transaction, callback: Callback, act: str, codes: dict[str, Any], by: Actor) -> None:
    if callback.family_id is not None:
        entry = callback_entry(callback.callback_id, act, codes, by, tx.now)
        await insert_all(tx.db, [cases.add_timeline([(callback.family_id, entry)])])


def _clock(callback: Callback, since: datetime, policy: Policy) -> Deadline:
    repeat: timedelta = elapsed(policy.contacts.callback.repeat_every)
    # A call that was lost long ago and is written down now is due at once, and never before it was written down.
    fires_at = max(callback.due_at, since)
    return Deadline(
        id=_clock_id(callback),
        key=callback.key,
        kind=CALLBACK,
        anchor_at=since,
        due_at=callback.due_at,
        plan=((fires_at, "breach"),),
        repeat_seconds=int(repeat.total_seconds()),
        policy_version=policy.policy_version,
        detail={},
        subject=callback.callback_id,
    )


def _clock_id(callback: Callback) -> UUID:
    """A clock for each attempt that is still owed."""
    return derived_id(callback.callback_id, CALLBACK, len(callback.attempts))
