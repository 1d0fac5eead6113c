"""Where a consumer stands in every stream: the rule that makes each event take effect exactly once, in order.

Per (topic, key): at or below the position = a duplicate, the next one = apply, beyond the next = a gap. A key that is
blocked (its event failed, or a gap opened) parks everything that follows in order, while other keys flow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from chassis.transaction import Connection
from contracts.envelope import RawEvent

Stream = tuple[str, str]
"""(topic, key)."""


class Verdict(Enum):
    """What to do with an event."""

    APPLY = "apply"
    DUPLICATE = "duplicate"
    GAP = "gap"
    BEHIND = "behind"


@dataclass(slots=True)
class Position:
    """The last applied sequence of a stream, and whether something blocks it."""

    sequence: int
    blocked: bool


def judge(event_sequence: int, position: Position) -> Verdict:
    """The verdict on the event with this sequence. Pure; the caller advances the position of what it applies."""
    if event_sequence <= position.sequence:
        return Verdict.DUPLICATE
    if event_sequence == position.sequence + 1:
        return Verdict.BEHIND if position.blocked else Verdict.APPLY
    return Verdict.BEHIND if position.blocked else Verdict.GAP


def rounds(events: Sequence[RawEvent]) -> list[list[RawEvent]]:
    """Split events so that no round holds a key twice and each key's events keep their arrival order over the rounds."""
    result: list[list[RawEvent]] = []
    seen: dict[str, int] = {}
    for event in events:
        nth = seen.get(event.key, 0)
        seen[event.key] = nth + 1
        if nth == len(result):
            result.append([])
        result[nth].append(event)
    return result


async def load_positions(db: Connection, streams: Iterable[Stream]) -> dict[Stream, Position]:
    """Lock and read the positions of these streams, in key order; a zombie consumer waits here and then sees duplicates."""
    wanted = sorted(set(streams))
    rows = await db.fetch(
        "SELECT * FROM lock_positions($1::text[], $2::text[])", [t for t, _ in wanted], [k for _, k in wanted]
    )
    return {(row["topic"], row["key"]): Position(row["sequence"], row["blocked_at"] is not None) for row in rows}


async def save_positions(db: Connection, positions: Mapping[Stream, Position]) -> None:
    """Record how far these streams are applied and whether they are blocked."""
    await db.execute(
        """
        UPDATE stream_position p SET sequence = n.sequence,
            blocked_at = CASE WHEN n.blocked THEN coalesce(p.blocked_at, now()) END
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bool[]) AS n(topic, key, sequence, blocked)
        WHERE p.topic = n.topic AND p.key = n.key
        """,
        [topic for topic, _ in positions],
        [key for _, key in positions],
        [position.sequence for position in positions.values()],
        [position.blocked for position in positions.values()],
    )
