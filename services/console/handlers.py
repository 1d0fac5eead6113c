"""What the console does with an event: keep it, fold it into facts, and tell open pages that something changed."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from chassis.consumer import Handler
from chassis.transaction import Connection, Transaction
from contracts import dispatch
from contracts.envelope import Event, Payload
from services.console.folding import FOLDS, changes_of
from services.console.store import archive, hints
from services.console.store.hints import Hint
from services.console.writing import write

KINDS = {
    "intake.events": "case",
    "risk_scoring.events": "case",
    "dispatch.events": "referral",
    "assistance.events": "plan",
    "notification.events": "inbox",
    "directory.events": "township",
}
"""What open pages are told, by topic: `referral` makes queues look again, `plan` plans and visits, and so on."""
ARRIVAL = "arrival"


async def on_events(events: Sequence[Event], tx: Transaction) -> None:
    """Archive, fold and hint, in one commit."""
    await tx.lock([event.key for event in events])
    await archive.add(tx.db, events)
    await fold(tx.db, events)
    await hints.add(tx.db, await _hints(tx.db, events))


async def fold(db: Connection, events: Sequence[Event]) -> None:
    """Write what the events say. Used for new events and for making the read model anew."""
    rounds = await archive.newest_rounds(db, [case for event in events if (case := _case(event))])
    changes = [change for event in events for change in changes_of(event, rounds.get(_case(event), 1))]
    await write(db, changes)


def _case(event: Event) -> UUID | None:
    case: UUID | None = getattr(event.data, "case_id", None)
    return case


async def _hints(db: Connection, events: Sequence[Event]) -> list[Hint]:
    concerned = await archive.organisations_of(db, [case for event in events if (case := _case(event))])
    return [hint for event in events for hint in (_hint(event, concerned), *_arrivals(event))]


def _hint(event: Event, concerned: Mapping[UUID, tuple[str, ...]]) -> Hint:
    case = _case(event)
    level = getattr(event.data, "level", None) or getattr(event.data, "report_level", None)
    return Hint(KINDS[event.topic], case, level, concerned.get(case, ()) if case else ())


def _arrivals(event: Event) -> Iterator[Hint]:
    """New work for somebody: their pages may say so aloud."""
    if isinstance(event.data, dispatch.ResponseOpened | dispatch.ResponseRevised) and event.data.referrals:
        units = {referral.organisation for referral in event.data.referrals if referral.organisation}
        yield Hint(ARRIVAL, event.data.case_id, event.data.level, tuple(sorted(units)))


HANDLERS: Mapping[type[Payload], Handler] = dict.fromkeys(FOLDS, on_events)
"""Every type the console folds, to the one handler."""
