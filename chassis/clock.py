"""The only place where ids and instants are born outside the database.

Business time is the database's (`app_now()`), handed to handlers as `Transaction.now`. Ids of effects are derived from
their cause, so doing a thing twice makes the same ids; only the first cause of a chain gets a fresh id.
"""

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID, uuid5

NAMESPACE = UUID("6f1d2c9e-7a43-5c1b-9d0e-2b8f4c6a1e35")


def new_uuid7() -> UUID:
    """A fresh, time-ordered id (RFC 9562 version 7) for the first cause of a chain."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def derived_id(cause: UUID, *names: object) -> UUID:
    """The id of an effect of `cause`, named within it: the same cause and names give the same id, for ever."""
    return uuid5(cause, "/".join(str(name) for name in names))


def monotonic() -> float:
    """Seconds of the process's monotonic clock, for waits and watchdogs only."""
    return time.monotonic()


def wall_clock() -> datetime:
    """This machine's UTC time, for tokens and logs only; never for deadlines or records."""
    return datetime.now(UTC)
