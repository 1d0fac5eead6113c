"""The first move of every handler, and of all that only change the file."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from contracts.envelope import Event
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.store.cases import load_cases


async def load(events: Sequence[Event], tx: Transaction) -> dict[UUID, CaseFile]:
    """The case files of these events, locked."""
    await tx.lock([event.key for event in events])
    return await load_cases(tx.db, [event.data.case_id for event in events])


async def each(events: Sequence[Event], tx: Transaction) -> Iterator[tuple[Event, CaseFile]]:
    """Events about cases that are known here."""
    files = await load(events, tx) if events else {}
    return iter([(event, files[event.data.case_id]) for event in events if event.data.case_id in files])


async def fold(events: Sequence[Event], tx: Transaction, change: Callable[[CaseFile, Any], CaseFile]) -> None:
    """Apply a change to each event's case and keep the files that became different."""
    changes = Changes(tx)
    for event, before in await each(events, tx):
        after = change(before, event.data)
        if after is not before:
            changes.put(after, event, before)
    await changes.keep()
