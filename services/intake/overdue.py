"""What intake says when one of its clocks runs out: again and again, until somebody has acted."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.intake import AccessReviewOverdue, CallbackOverdue, DispatchOverdue
from contracts.vocabulary import SYSTEM
from services.intake import transfers
from services.intake.callbacks import CALLBACK
from services.intake.store import cases
from services.intake.store import contacts as store
from services.intake.store.writing import Insert, insert_all
from services.intake.timeline import timeline_entry
from services.intake.transfers import RECEIPT
from services.intake.watchdog import REVIEW, WATCHDOG


async def on_deadlines_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    """Each kind of clock says its own."""
    told: list[Insert | None] = []
    for kind, tell in _TOLD.items():
        ran_out = [firing for firing in fired if firing.deadline.kind == kind]
        if ran_out:
            told += await tell(ran_out, tx)
    await insert_all(tx.db, told)


async def _undispatched(fired: Sequence[Fired], tx: Transaction) -> list[Insert | None]:
    """No response has opened in time."""
    return [_say_of_case(tx, firing, _dispatch_overdue(firing)) for firing in fired]


def _dispatch_overdue(firing: Fired) -> DispatchOverdue:
    deadline = firing.deadline
    assert deadline.subject is not None
    return DispatchOverdue(
        case_id=UUID(deadline.key),
        case_number=deadline.detail["case_number"],
        report_id=deadline.subject,
        township=deadline.detail["township"],
        received_at=deadline.detail["received_at"],
        due_at=deadline.due_at,
        fired_at=firing.fired_at,
        repeat_no=firing.repeat_no,
    )


async def _unreviewed(fired: Sequence[Fired], tx: Transaction) -> list[Insert | None]:
    """A file was opened by break-glass and nobody has reviewed it."""
    told = []
    for firing in fired:
        deadline = firing.deadline
        assert deadline.subject is not None
        overdue = AccessReviewOverdue(
            case_id=UUID(deadline.key),
            case_number=deadline.detail["case_number"],
            township=deadline.detail["township"],
            grant_id=deadline.subject,
            due_at=deadline.due_at,
            fired_at=firing.fired_at,
            repeat_no=firing.repeat_no,
        )
        told.append(_say_of_case(tx, firing, overdue))
    return told


async def _not_called_back(fired: Sequence[Fired], tx: Transaction) -> list[Insert | None]:
    """Nobody called back."""
    known = await store.callbacks(tx.db, _subjects(fired))
    told = []
    for firing in fired:
        assert firing.deadline.subject is not None
        callback = known[firing.deadline.subject]
        overdue = CallbackOverdue(
            callback_id=callback.callback_id,
            report_id=callback.contact_id,
            township=callback.township,
            due_at=callback.due_at,
            fired_at=firing.fired_at,
            repeat_no=firing.repeat_no,
            case_id=callback.family_id,
            attempts=len(callback.attempts),
        )
        tx.publish(firing.deadline.key, overdue, cause=firing)
        entry = timeline_entry(overdue)
        assert entry is not None
        told.append(cases.add_timeline([(callback.family_id, entry)]) if callback.family_id else None)
    return told


async def _unacknowledged(fired: Sequence[Fired], tx: Transaction) -> list[Insert | None]:
    """The receiver of a hand-over owes its receipt."""
    known = await store.transfers(tx.db, _subjects(fired))
    told = []
    for firing in fired:
        assert firing.deadline.subject is not None
        transfer = known[firing.deadline.subject]
        told.append(transfers.announce(tx, transfer, "overdue", SYSTEM, firing.fired_at, firing=firing))
    return told


def _say_of_case(tx: Transaction, firing: Fired, overdue: DispatchOverdue | AccessReviewOverdue) -> Insert | None:
    tx.publish(firing.deadline.key, overdue, cause=firing)
    entry = timeline_entry(overdue)
    assert entry is not None
    return cases.add_timeline([(overdue.case_id, entry)])


def _subjects(fired: Sequence[Fired]) -> list[UUID]:
    return [firing.deadline.subject for firing in fired if firing.deadline.subject is not None]


_TOLD: Mapping[str, Callable[[Sequence[Fired], Transaction], Awaitable[list[Insert | None]]]] = {
    WATCHDOG: _undispatched,
    CALLBACK: _not_called_back,
    RECEIPT: _unacknowledged,
    REVIEW: _unreviewed,
}
