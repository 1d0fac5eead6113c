"""The hash chain behind every audit entry: editing, removing or reordering one breaks all that follow.

The chain is per key and written under the key's lock, so there is no global bottleneck and no race for its head.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

GENESIS = b"\x00" * 32


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to whom, linked to the entry before it. `actor` and `detail` hold ids and codes only."""

    key: str
    sequence: int
    at: datetime
    action: str
    actor: Mapping[str, Any]
    detail: Mapping[str, Any]
    previous_hash: bytes
    hash: bytes


def chained(
    previous_hash: bytes,
    key: str,
    sequence: int,
    at: datetime,
    action: str,
    actor: Mapping[str, Any],
    detail: Mapping[str, Any],
) -> AuditEntry:
    """The next entry of a chain."""
    content = orjson.dumps(
        [key, sequence, at.isoformat(), action, dict(actor), dict(detail)], default=str, option=orjson.OPT_SORT_KEYS
    )
    digest = hashlib.sha256(previous_hash + content).digest()
    return AuditEntry(key, sequence, at, action, actor, detail, previous_hash, digest)


def first_broken(entries: Iterable[AuditEntry]) -> int | None:
    """The sequence of the first entry of a whole chain that does not follow from those before it; None = intact."""
    previous, expected = GENESIS, 1
    for entry in entries:
        again = chained(previous, entry.key, expected, entry.at, entry.action, entry.actor, entry.detail)
        if entry.sequence != expected or entry.previous_hash != previous or entry.hash != again.hash:
            return expected
        previous, expected = entry.hash, expected + 1
    return None
