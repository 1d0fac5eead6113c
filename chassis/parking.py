"""Parked events: what could not be applied, kept in order with the stream it belongs to until a person or a retry resolves it.

Errors are recorded as class and code, never as text: messages may carry what people typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from chassis.broker import Delivery
from chassis.transaction import Connection
from contracts.envelope import InvalidPayload, RawEvent, UnknownType, read_envelope


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked event as an operator sees it."""

    id: int
    topic: str
    key: str | None
    sequence: int | None
    type: str | None
    reason: str
    error_class: str | None
    error_code: str | None
    attempts: int
    parked_at: datetime


def error_code(error: BaseException | None) -> str | None:
    """A short code of an error: SQLSTATE, or the field names of an invalid payload. Never its text."""
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate
    if isinstance(error, InvalidPayload | UnknownType):
        return str(error)[:500]
    return None


async def park(db: Connection, events: Sequence[RawEvent], reason: str, error: BaseException | None = None) -> None:
    """Park events. One already parked counts another attempt."""
    await db.executemany(
        """
        INSERT INTO parked (topic, key, sequence, event_id, type, headers, value, reason, error_class, error_code)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (topic, key, sequence) WHERE resolved_at IS NULL DO UPDATE SET
            attempts = parked.attempts + 1,
            reason = CASE WHEN excluded.reason = 'failed' THEN 'failed' ELSE parked.reason END,
            error_class = coalesce(excluded.error_class, parked.error_class),
            error_code = coalesce(excluded.error_code, parked.error_code)
        """,
        [
            (
                event.topic,
                event.key,
                event.sequence,
                event.id,
                event.type,
                [[name, value.decode()] for name, value in event.headers()],
                event.value,
                reason,
                type(error).__name__ if error else None,
                error_code(error),
            )
            for event in events
        ],
    )


async def park_undecodable(db: Connection, delivery: Delivery, error: BaseException) -> None:
    """Keep the raw bytes of a message without a usable envelope; there is no stream to block."""
    await db.execute(
        """
        INSERT INTO parked (topic, headers, value, reason, error_class, error_code)
        VALUES ($1, $2, $3, 'undecodable', $4, $5)
        """,
        delivery.topic,
        [[name.replace("\0", ""), (value or b"").hex()] for name, value in delivery.headers],
        delivery.value,
        type(error).__name__,
        f"partition {delivery.partition} offset {delivery.offset}",
    )


async def next_parked(db: Connection, topic: str, key: str, sequence: int) -> RawEvent | None:
    """The parked event with this sequence of a stream, if it is there."""
    row = await db.fetchrow(
        "SELECT headers, value FROM parked WHERE topic = $1 AND key = $2 AND sequence = $3 AND resolved_at IS NULL",
        topic,
        key,
        sequence,
    )
    if row is None:
        return None
    return read_envelope(topic, key.encode(), [(n, v.encode()) for n, v in row["headers"]], row["value"])


async def resolve(
    db: Connection, topic: str, key: str, sequence: int, resolution: str, by: str, reason: str | None = None
) -> None:
    """Mark a parked event as applied or skipped; the row stays as the record of it."""
    await db.execute(
        """
        UPDATE parked SET resolved_at = now(), resolution = $4, resolved_by = $5, resolution_reason = $6
        WHERE topic = $1 AND key = $2 AND sequence = $3 AND resolved_at IS NULL
        """,
        topic,
        key,
        sequence,
        resolution,
        by,
        reason,
    )


async def resolve_applied(db: Connection, topic: str, key: str, position: int, by: str) -> None:
    """Mark every parked event at or below the stream's position as applied."""
    await db.execute(
        """
        UPDATE parked SET resolved_at = now(), resolution = 'applied', resolved_by = $4
        WHERE topic = $1 AND key = $2 AND sequence <= $3 AND resolved_at IS NULL
        """,
        topic,
        key,
        position,
        by,
    )


async def open_items(db: Connection, limit: int = 200) -> list[Parked]:
    """What waits for somebody, oldest first."""
    rows: list[Any] = await db.fetch(
        """
        SELECT id, topic, key, sequence, type, reason, error_class, error_code, attempts, parked_at
        FROM parked WHERE resolved_at IS NULL ORDER BY parked_at, id LIMIT $1
        """,
        limit,
    )
    return [Parked(**dict(row)) for row in rows]
