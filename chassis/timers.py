"""Deadlines that act: claimed in due order, each stage fired exactly once, its effects in the same commit.

A worker locks the keys of what is due with SKIP LOCKED (a key that a command holds is tried again on the next tick),
then re-reads the deadlines under that lock, so a command that ended one in time always wins. State, events and the next
stage commit together; the next stage's time comes from the plan, never from the firing. After downtime every missed
stage fires in due order with its lateness; only missed repeats of the last stage are folded into one.

The worker compares the server's clock with this machine's monotonic clock: after a jump it fires nothing until two
samples agree again, so that a wrong clock cannot mark people late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from chassis import metrics
from chassis.clock import derived_id, monotonic
from chassis.database import Database
from chassis.faults import is_infrastructure
from chassis.transaction import Cause, Deadline, Transaction, deadline_of

BATCH = 500
POLL_SECONDS = 1.0
JUMP_SECONDS = 5.0
HOLD_SECONDS = 60.0

_DUE = """
SELECT id, key FROM deadline
WHERE state = 'armed' AND fire_at <= app_now() AND held_until <= app_now() ORDER BY fire_at, id LIMIT $1
"""
_LOCK_HEADS = """
SELECT key, sequence, audit_sequence, audit_hash FROM stream_head WHERE key = ANY($1::text[]) FOR UPDATE SKIP LOCKED
"""
_STILL_DUE = """
SELECT * FROM deadline
WHERE id = ANY($1::uuid[]) AND state = 'armed' AND fire_at <= app_now() AND held_until <= app_now() FOR UPDATE
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fired:
    """One stage of one deadline, firing now. `lateness_seconds` = fired minus planned."""

    deadline: Deadline
    stage: str
    repeat_no: int
    planned_at: datetime
    fired_at: datetime

    @property
    def lateness_seconds(self) -> float:
        return (self.fired_at - self.planned_at).total_seconds()

    @property
    def cause(self) -> Cause:
        """Firing the same stage again would make the same event ids."""
        identity = derived_id(self.deadline.id, self.stage, self.repeat_no)
        return Cause(identity, self.deadline.key)


FiredHandler = Callable[[Sequence[Fired], Transaction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Next:
    """Where a deadline stands after firing: index into its plan, moment of the next firing (None: silent), repeats."""

    stage: int
    fire_at: datetime | None
    repeat_no: int


def firings_of(row: asyncpg.Record, now: datetime) -> tuple[list[Fired], Next]:
    """The stages of a due deadline that fire by `now`, in order, and what comes after them. Pure.

    Missed repeats of the last stage are folded into the newest one; its number still counts them all.
    """
    deadline = deadline_of(row)
    index, planned, repeat_no = row["next_stage"], row["fire_at"], row["repeat_no"]
    fired: list[Fired] = []
    while index < len(deadline.plan) and planned <= now:
        fired.append(Fired(deadline, deadline.plan[index][1], 0, planned, now))
        index += 1
        if index < len(deadline.plan):
            planned = deadline.plan[index][0]
    if index < len(deadline.plan):
        return fired, Next(index, planned, 0)
    if deadline.repeat_seconds is None:
        return fired, Next(index, None, repeat_no)
    step = timedelta(seconds=deadline.repeat_seconds)
    if fired:
        planned = planned + step
    if planned <= now:
        missed = int((now - planned) / step)
        repeat_no, planned = repeat_no + missed + 1, planned + step * missed
        fired.append(Fired(deadline, "repeat", repeat_no, planned, now))
        planned = planned + step
    return fired, Next(index, planned, repeat_no)


class Timers:
    """The firing loop of one process. Any number of processes may run it."""

    def __init__(self, database: Database, on_fired: FiredHandler, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._database = database
        self._on_fired = on_fired
        self._poll_seconds = poll_seconds
        self._wake = asyncio.Event()
        self._jump = JumpGuard()

    def nudge(self) -> None:
        """Look again now: a deadline was armed in this process."""
        self._wake.set()

    async def run(self) -> None:
        """Fire what is due, for ever. Database errors are logged and retried after a pause."""
        while True:
            try:
                if await self._clock_is_sound():
                    while await self.fire_due():
                        pass
                pause = await self._pause()
            except Exception as error:
                if not is_infrastructure(error):
                    raise
                log.warning("timers.paused", error=type(error).__name__)
                pause = self._poll_seconds
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), timeout=pause)
            except TimeoutError:
                continue

    async def fire_due(self, limit: int = BATCH) -> int:
        """Fire everything due of up to `limit` deadlines in one commit, by planned time; returns how many stages.

        When the handler fails on the batch, it is fired one by one; what fails alone is held for HOLD_SECONDS and
        logged, so that one bad deadline never silences the others.
        """
        try:
            return await self._fire(limit)
        except Exception as error:
            if is_infrastructure(error):
                raise
            if limit > 1:
                return sum([await self.fire_due(1) for _ in range(limit)])
            await self._hold_first(error)
            return 1

    async def _hold_first(self, error: Exception) -> None:
        metrics.DEADLINE_FAILED_TOTAL.inc()
        async with self._database.transaction() as tx:
            held = await tx.db.fetchval(
                """
                UPDATE deadline SET held_until = app_now() + make_interval(secs => $1) WHERE id = (
                    SELECT id FROM deadline
                    WHERE state = 'armed' AND fire_at <= app_now() AND held_until <= app_now() ORDER BY fire_at, id LIMIT 1
                ) RETURNING id
                """,
                HOLD_SECONDS,
            )
        log.error("timers.deadline_failed", deadline=str(held), error=type(error).__name__)

    async def _fire(self, limit: int) -> int:
        async with self._database.transaction() as tx:
            due = await tx.db.fetch(_DUE, limit)
            heads = await tx.db.fetch(_LOCK_HEADS, [row["key"] for row in due]) if due else []
            tx.adopt(heads)
            held = {row["key"] for row in heads}
            rows = await tx.db.fetch(_STILL_DUE, [row["id"] for row in due if row["key"] in held]) if held else []
            if not rows:
                return 0
            stands = [(row, *firings_of(row, tx.now)) for row in rows]
            firing = sorted((one for _, fired, _ in stands for one in fired), key=lambda one: one.planned_at)
            await self._on_fired(firing, tx)
            await _advance(tx, [(row, following) for row, _, following in stands])
        for fired in firing:
            metrics.DEADLINE_FIRED_TOTAL.labels(fired.deadline.kind, fired.stage).inc()
            metrics.DEADLINE_LATENESS_SECONDS.labels(fired.deadline.kind).observe(max(0.0, fired.lateness_seconds))
        return len(firing)

    async def _clock_is_sound(self) -> bool:
        async with self._database.reading() as connection:
            server: datetime = await connection.fetchval("SELECT clock_timestamp()")
        sound = self._jump.sample(server, monotonic())
        if not sound:
            log.error("timers.clock_jump", server=server.isoformat())
        return sound

    async def _pause(self) -> float:
        async with self._database.reading() as connection:
            wait = await connection.fetchval(
                "SELECT extract(epoch FROM min(fire_at) - app_now())::float8 FROM deadline "
                "WHERE state = 'armed' AND fire_at IS NOT NULL AND held_until <= app_now()"
            )
        return self._poll_seconds if wait is None else min(max(wait, 0.01), self._poll_seconds)


class JumpGuard:
    """Is the server's clock moving as this machine's monotonic clock does?"""

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None
        self._doubtful = 0

    def sample(self, server: datetime, mono: float) -> bool:
        """Record a sample; False for the sample after a jump of more than JUMP_SECONDS and the one that follows it."""
        last, self._last = self._last, (server, mono)
        if last is None:
            return True
        drift = abs((server - last[0]).total_seconds() - (mono - last[1]))
        if drift > JUMP_SECONDS:
            self._doubtful = 2
        elif self._doubtful:
            self._doubtful -= 1
        return self._doubtful == 0


async def _advance(tx: Transaction, stands: Sequence[tuple[asyncpg.Record, Next]]) -> None:
    # A handler may have ended or moved a deadline it was told about; its own write (at flush) has the last word on the
    # state, and this one only records how far the plan went.
    await tx.db.execute(
        """
        UPDATE deadline d SET next_stage = n.stage, fire_at = n.fire_at, repeat_no = n.repeat_no,
            breached_at = coalesce(d.breached_at, CASE WHEN d.due_at <= $5 THEN $5 END)
        FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::int[]) AS n(id, stage, fire_at, repeat_no)
        WHERE d.id = n.id
        """,
        [row["id"] for row, _ in stands],
        [following.stage for _, following in stands],
        [following.fire_at for _, following in stands],
        [following.repeat_no for _, following in stands],
        tx.now,
    )
