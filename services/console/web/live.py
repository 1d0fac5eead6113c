"""The live line to open pages: server-sent events that say what changed, never what it says.

One reader per process follows the table of hints and hands each to the connections it concerns. A connection that slept
too long is told `resync`, and its page asks for everything again; one whose session is over is told `ended`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from chassis.clock import new_uuid7
from chassis.database import Database
from chassis.problem import known
from chassis.service import Runtime
from chassis.transaction import Cause
from contracts.access import COORDINATOR, VILLAGE, Subject
from services.console.store import hints, sessions
from services.console.store.hints import Hint
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)

POLL_SECONDS = 0.2
HEARTBEAT_SECONDS = 15.0
DISMISS_SECONDS = 5.0
"""At most this long does a line outlive its session."""
FRESH_SECONDS = 10.0
"""What a line without a past is told first: its page was made a moment before the line was open."""
LINES_MAX = 20
"""Lines of one account at a time: one per browser, or one per visible tab of browsers without shared workers."""
BEHIND = 200
"""Ids that may still appear below the newest seen, from transactions that committed late."""
BATCH = 1000
QUEUE_MAX = 1000
LINE = "live"


class Signal(Enum):
    """What a line says beside hints."""

    RESYNC = "resync"
    ENDED = "ended"


@dataclass(eq=False, slots=True)
class Listener:
    """One open connection, of a session."""

    subject: Subject
    session: bytes
    waiting: asyncio.Queue[Hint | Signal] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))

    def told(self, hint: Hint) -> Hint | None:
        """What this person may hear of a change; None = nothing. The same rule as contracts.access for the case itself.

        Those who see all cases of the township hear everything, others what touches their own organisation. A unit with a
        conflict of interest hears nothing of the case, the village nothing of restricted ones, a grid member nothing of
        other groups. The hotline hears that a restricted case moved, not which.
        """
        subject = self.subject
        if hint.conflict_unit is not None and subject.department == hint.conflict_unit:
            return None
        if subject.supervises or subject.department == COORDINATOR:
            return hint
        if subject.hotline:
            return replace(hint, case_id=None, level=None) if hint.restricted else hint
        if subject.department == VILLAGE and hint.restricted:
            return None
        if subject.grid_only and hint.group not in subject.groups:
            return None
        return hint if subject.organisation in hint.organisations else None

    def hand(self, item: Hint | Signal) -> None:
        """Put it into the queue. Who is too slow to follow one by one is told to look at everything again."""
        if self.waiting.full():
            self._empty()
            item = Signal.RESYNC if isinstance(item, Hint) else item
        self.waiting.put_nowait(item)

    def end(self) -> None:
        """The session is over: whatever still waits is not for this person any more."""
        self._empty()
        self.waiting.put_nowait(Signal.ENDED)

    def _empty(self) -> None:
        while not self.waiting.empty():
            self.waiting.get_nowait()


class Line:
    """Follows the hints while anybody listens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._seen: set[int] = set()
        self._newest: int | None = None
        self._turn = asyncio.Lock()

    @contextlib.contextmanager
    def listening(self, subject: Subject, session: bytes) -> Iterator[Listener]:
        """A listener for as long as its connection lives."""
        listener = Listener(subject, session)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def lines_of(self, account: str) -> int:
        """How many connections an account holds."""
        return sum(listener.subject.account == account for listener in self._listeners)

    async def follow(self) -> None:
        """Read new hints and hand them out. Costs one small query per poll while somebody listens, else nothing."""
        async with self._turn:
            if not self._listeners:
                self._newest = None
                return
            async with self._database.reading() as db:
                if self._newest is None:
                    _, self._newest = await hints.kept(db)
                    self._seen = {hint.id for hint in await hints.since(db, self._newest - BEHIND, BATCH)}
                    self._newest = max(self._seen, default=self._newest)
                fresh = [h for h in await hints.since(db, self._newest - BEHIND, BATCH) if h.id not in self._seen]
            for hint in fresh:
                self._seen.add(hint.id)
                self._newest = max(self._newest, hint.id)
                for listener in self._listeners:
                    if told := listener.told(hint):
                        listener.hand(told)
            self._seen = {id_ for id_ in self._seen if id_ > self._newest - BEHIND}

    async def dismiss(self) -> None:
        """End the lines whose session has ended: a signed-out person hears nothing more."""
        if not self._listeners:
            return
        async with self._database.reading() as db:
            living = await sessions.living(db, [listener.session for listener in self._listeners])
        for listener in self._listeners:
            if listener.session not in living:
                listener.end()


async def run(runtime: Runtime) -> None:
    """The periodic work: one look at the hints."""
    await runtime.resources[LINE].follow()


async def dismiss(runtime: Runtime) -> None:
    """The periodic work: one look at the sessions of the open lines."""
    await runtime.resources[LINE].dismiss()


async def forget(runtime: Runtime) -> None:
    """The periodic work: delete old hints."""
    id_ = new_uuid7()
    async with runtime.database.transaction(Cause(id_, str(id_), None)) as tx:
        await hints.forget(tx.db)


@router.get("/ui/events")
async def events(
    request: Request,
    page: Annotated[Page, page_of("inbox.read")],
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[int | None, Header()] = None,
) -> StreamingResponse:
    """The line of one browser. `after` or Last-Event-ID: what it saw last; the later one counts, for a browser that
    connects again by itself repeats its first address."""
    line: Line = request.app.state.runtime.resources[LINE]
    database = request.app.state.runtime.database
    seen = max((id_ for id_ in (after, last_event_id) if id_ is not None), default=None)
    if line.lines_of(page.subject.account) >= LINES_MAX:
        raise known(429, "too_many_requests", headers={"Retry-After": str(int(HEARTBEAT_SECONDS))})

    async def stream() -> AsyncIterator[bytes]:
        with line.listening(page.subject, page.session.finder) as listener:
            yield b"retry: 2000\nevent: hello\ndata: {}\n\n"
            await line.follow()  # from here on nothing new passes by; what came before is in _missed
            for item in await _missed(database, listener, seen):
                yield _frame(item, page.subject)
            while True:
                try:
                    item = await asyncio.wait_for(listener.waiting.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b"event: heartbeat\ndata: {}\n\n"
                    continue
                yield _frame(item, page.subject)
                if item is Signal.ENDED:
                    return

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _missed(database: Database, listener: Listener, seen: int | None) -> list[Hint | Signal]:
    async with database.reading() as db:
        if seen is None:
            missed = await hints.lately(db, FRESH_SECONDS)
        else:
            oldest, newest = await hints.kept(db)
            if not oldest - 1 <= seen <= newest:
                return [Signal.RESYNC]
            missed = await hints.since(db, seen, BATCH)
    if len(missed) >= BATCH:
        return [Signal.RESYNC]
    return [told for hint in missed if (told := listener.told(hint))]


def _frame(item: Hint | Signal, subject: Subject) -> bytes:
    if isinstance(item, Signal):
        return b"event: %s\ndata: {}\n\n" % item.value.encode()
    case = str(item.case_id) if item.case_id else None
    own = subject.organisation in item.organisations
    data = {"kind": item.kind, "case_id": case, "level": item.level, "own": own}
    return b"id: %d\nevent: changed\ndata: %s\n\n" % (item.id, orjson.dumps(data))
