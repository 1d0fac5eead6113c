"""One unit of work: the locks it holds, the rows it writes, the events and deadlines that leave with its commit.

Order that prevents deadlocks: a transaction first locks every key it will change (`lock`, sorted), then reads, decides
and writes. The stream-head row of a key is the one lock of its aggregate; it also hands out the key's sequence, so lock
order = commit order = sequence order. Events, deadlines and audit entries are buffered and written just before commit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID

import asyncpg

from chassis.audit import AuditEntry, chained
from chassis.clock import derived_id
from contracts.envelope import Event, Payload

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a transaction happens: an event, a command or a fired deadline. Ids of its effects derive from `id`."""

    id: UUID
    correlation_id: str
    traceparent: str | None = None

    @classmethod
    def of(cls, event: Event) -> "Cause":
        """An event as the cause of what its handler does."""
        return cls(event.id, event.correlation_id, event.traceparent)


class Caused(Protocol):
    """Anything that knows its cause (a fired deadline)."""

    @property
    def cause(self) -> Cause: ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A clock that will act unless it is ended in time.

    `plan` lists (fire at, stage) ascending and is fixed at arming, with the policy version it came from; after the last
    stage it repeats every `repeat_seconds` (None: falls silent) until ended. `subject` is what it is about within `key`.
    """

    id: UUID
    key: str
    kind: str
    anchor_at: datetime
    due_at: datetime
    plan: tuple[tuple[datetime, str], ...]
    repeat_seconds: int | None
    policy_version: str
    detail: dict[str, Any]
    subject: UUID | None = None


@dataclass(slots=True)
class _Head:
    sequence: int
    audit_sequence: int
    audit_hash: bytes
    moved: bool = False


@dataclass(frozen=True, slots=True)
class _Outgoing:
    event_id: UUID
    key: str
    sequence: int
    payload: Payload
    cause: Cause


class NotLocked(RuntimeError):
    """A key was changed without `lock` first: a bug, since order per key would be lost."""


class Transaction:
    """Handed to handlers and commands. `now` is the database's time; `db` the asyncpg connection of this transaction."""

    def __init__(self, db: Connection, now: datetime, cause: Cause | None) -> None:
        self.db = db
        self.now = now
        self.cause = cause
        self._heads: dict[str, _Head] = {}
        self._outgoing: list[_Outgoing] = []
        self._names: dict[UUID, int] = {}
        self._armed: dict[UUID, Deadline] = {}
        self._ended: dict[UUID, tuple[str, datetime]] = {}
        self._audit: list[AuditEntry] = []

    async def lock(self, keys: Iterable[str]) -> None:
        """Lock these keys until commit, creating their streams. Call once, first, with every key the work will change."""
        wanted = sorted(set(keys) - self._heads.keys())
        if not wanted:
            return
        for row in await self.db.fetch("SELECT * FROM lock_streams($1::text[])", wanted):
            self._heads[row["key"]] = _Head(row["sequence"], row["audit_sequence"], row["audit_hash"])

    def adopt(self, rows: Iterable[asyncpg.Record]) -> None:
        """Take over stream heads that a claiming statement already locked (deadlines)."""
        for row in rows:
            self._heads[row["key"]] = _Head(row["sequence"], row["audit_sequence"], row["audit_hash"])

    def new_id(self, *names: object, cause: Event | Caused | None = None) -> UUID:
        """An id derived from the cause and `names`, which must be unique within the cause."""
        return derived_id(self._cause(cause).id, *names)

    def publish(self, key: str, payload: Payload, *, cause: Event | Caused | None = None) -> UUID:
        """Announce an event with this commit. Returns its id. Raises NotLocked when `key` was not locked first."""
        head = self._head(key)
        why = self._cause(cause)
        nth = self._names.get(why.id, 0)
        self._names[why.id] = nth + 1
        head.sequence += 1
        head.moved = True
        event_id = derived_id(why.id, payload.TYPE, key, nth)
        self._outgoing.append(_Outgoing(event_id, key, head.sequence, payload, why))
        return event_id

    def arm(self, *deadlines: Deadline) -> None:
        """Start clocks with this commit; arming an id again moves that clock."""
        for deadline in deadlines:
            self._head(deadline.key)
            self._armed[deadline.id] = deadline
            self._ended.pop(deadline.id, None)

    def end(self, deadline_id: UUID, state: Literal["met", "cancelled"], at: datetime) -> None:
        """Stop a clock with this commit. `at` is when the act happened; later than due stays late for ever."""
        self._ended[deadline_id] = (state, at)

    async def armed(self, keys: Iterable[str]) -> list[Deadline]:
        """Every running clock of these keys as this transaction will leave them, by due time."""
        wanted = set(keys)
        rows = await self.db.fetch(
            "SELECT * FROM deadline WHERE key = ANY($1::text[]) AND state = 'armed'", list(wanted)
        )
        running = {row["id"]: deadline_of(row) for row in rows}
        running |= {one.id: one for one in self._armed.values() if one.key in wanted}
        return sorted(
            (one for one in running.values() if one.id not in self._ended), key=lambda one: (one.due_at, one.id)
        )

    def audit(self, key: str, action: str, actor: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        """Append to the hash chain of `key`, which must be locked. Ids and codes only."""
        head = self._head(key)
        head.audit_sequence += 1
        entry = chained(head.audit_hash, key, head.audit_sequence, self.now, action, actor, detail)
        head.audit_hash = entry.hash
        head.moved = True
        self._audit.append(entry)

    async def flush(self) -> bool:
        """Write everything buffered. Called once, by the database, just before commit. True = somebody should wake."""
        for deadline_id in self._ended:
            self._armed.pop(deadline_id, None)
        if self._armed:
            await _write_armed(self.db, list(self._armed.values()), self.now)
        if self._ended:
            await _write_ended(self.db, self._ended)
        if self._audit:
            await _write_audit(self.db, self._audit)
        moved = [(key, head) for key, head in self._heads.items() if head.moved]
        if moved:
            await _write_stream(self.db, moved, self._outgoing, self.now)
        return bool(self._outgoing or self._armed)

    def _head(self, key: str) -> _Head:
        head = self._heads.get(key)
        if head is None:
            raise NotLocked(f"lock({key!r}) was not called before changing it")
        return head

    def _cause(self, cause: Event | Caused | None) -> Cause:
        if isinstance(cause, Event):
            return Cause.of(cause)
        if cause is not None:
            return cause.cause
        if self.cause is None:
            raise RuntimeError("this transaction serves several causes: name the one")
        return self.cause


def deadline_of(row: asyncpg.Record) -> Deadline:
    """A row of the deadline table as a value."""
    return Deadline(
        id=row["id"],
        key=row["key"],
        kind=row["kind"],
        anchor_at=row["anchor_at"],
        due_at=row["due_at"],
        plan=tuple(zip(row["plan_at"], row["plan_stage"], strict=True)),
        repeat_seconds=row["repeat_seconds"],
        policy_version=row["policy_version"],
        detail=row["detail"],
        subject=row["subject"],
    )


async def _write_armed(db: Connection, deadlines: Sequence[Deadline], now: datetime) -> None:
    # Postgres has no arrays of arrays of different length, so a plan travels as JSON and becomes two arrays here.
    # A clock armed again keeps how far its plan went: stages that fired are not fired a second time, and one whose whole
    # plan has run goes on repeating where it was.
    await db.execute(
        """
        INSERT INTO deadline (id, key, kind, subject, anchor_at, due_at, plan_at, plan_stage, next_stage, fire_at,
                              repeat_seconds, policy_version, detail, armed_at)
        SELECT d.id, d.key, d.kind, d.subject, d.anchor_at, d.due_at,
               ARRAY(SELECT (p->>0)::timestamptz FROM jsonb_array_elements(d.plan->'stages') WITH ORDINALITY AS e(p, n) ORDER BY n),
               ARRAY(SELECT p->>1 FROM jsonb_array_elements(d.plan->'stages') WITH ORDINALITY AS e(p, n) ORDER BY n),
               0, coalesce((d.plan->'stages'->0->>0)::timestamptz, d.due_at), d.repeat_seconds, d.policy_version, d.detail, $11
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::jsonb[],
                    $8::int[], $9::text[], $10::jsonb[])
             AS d(id, key, kind, subject, anchor_at, due_at, plan, repeat_seconds, policy_version, detail)
        ON CONFLICT (id) DO UPDATE SET
            anchor_at = excluded.anchor_at, due_at = excluded.due_at, plan_at = excluded.plan_at,
            plan_stage = excluded.plan_stage, repeat_seconds = excluded.repeat_seconds,
            policy_version = excluded.policy_version, detail = excluded.detail, subject = excluded.subject,
            state = 'armed', ended_at = NULL,
            next_stage = least(deadline.next_stage, cardinality(excluded.plan_at)),
            fire_at = CASE WHEN deadline.next_stage < cardinality(excluded.plan_at)
                           THEN excluded.plan_at[deadline.next_stage + 1] ELSE deadline.fire_at END
        """,
        [d.id for d in deadlines],
        [d.key for d in deadlines],
        [d.kind for d in deadlines],
        [d.subject for d in deadlines],
        [d.anchor_at for d in deadlines],
        [d.due_at for d in deadlines],
        [{"stages": [[at.isoformat(), stage] for at, stage in d.plan]} for d in deadlines],
        [d.repeat_seconds for d in deadlines],
        [d.policy_version for d in deadlines],
        [d.detail for d in deadlines],
        now,
    )


async def _write_ended(db: Connection, ended: Mapping[UUID, tuple[str, datetime]]) -> None:
    await db.execute(
        """
        UPDATE deadline d SET state = e.state, ended_at = e.at
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS e(id, state, at)
        WHERE d.id = e.id AND d.state = 'armed'
        """,
        list(ended),
        [state for state, _ in ended.values()],
        [at for _, at in ended.values()],
    )


async def _write_audit(db: Connection, entries: Sequence[AuditEntry]) -> None:
    await db.execute(
        """
        INSERT INTO audit_entry (key, sequence, at, action, actor, detail, previous_hash, hash)
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::jsonb[], $6::jsonb[],
                             $7::bytea[], $8::bytea[])
        """,
        [e.key for e in entries],
        [e.sequence for e in entries],
        [e.at for e in entries],
        [e.action for e in entries],
        [dict(e.actor) for e in entries],
        [dict(e.detail) for e in entries],
        [e.previous_hash for e in entries],
        [e.hash for e in entries],
    )


async def _write_stream(
    db: Connection, heads: Sequence[tuple[str, _Head]], outgoing: Sequence[_Outgoing], now: datetime
) -> None:
    """Move the heads and append their events, in one statement: every transaction pays for this round trip."""
    await db.execute(
        """
        WITH moved AS (
            UPDATE stream_head h
            SET sequence = n.sequence, audit_sequence = n.audit_sequence, audit_hash = n.audit_hash
            FROM unnest($11::text[], $12::bigint[], $13::bigint[], $14::bytea[])
                AS n(key, sequence, audit_sequence, audit_hash)
            WHERE h.key = n.key
        )
        INSERT INTO outbox (event_id, type, topic, key, sequence, occurred_at, correlation_id, causation_id,
                            traceparent, value)
        SELECT u.event_id, u.type, u.topic, u.key, u.sequence, $10, u.correlation_id, u.causation_id, u.traceparent,
               u.value
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                    $9::text[])
             AS u(event_id, type, topic, key, sequence, correlation_id, causation_id, traceparent, value)
        """,
        [o.event_id for o in outgoing],
        [o.payload.TYPE for o in outgoing],
        [o.payload.TOPIC for o in outgoing],
        [o.key for o in outgoing],
        [o.sequence for o in outgoing],
        [o.cause.correlation_id for o in outgoing],
        [str(o.cause.id) for o in outgoing],
        [o.cause.traceparent for o in outgoing],
        [o.payload.model_dump_json() for o in outgoing],
        now,
        [key for key, _ in heads],
        [head.sequence for _, head in heads],
        [head.audit_sequence for _, head in heads],
        [head.audit_hash for _, head in heads],
    )
