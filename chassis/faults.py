"""Two kinds of failure, and nothing else decides what a loop does about them.

Infrastructure (database, broker, network, time-out, a prerequisite that has not arrived): pause, back off, try again;
never park. Everything else is deterministic, so trying again gives the same failure: park the key and let others flow.
"""

import asyncpg

_RETRIED_CLASSES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes: connection, rollback (deadlock, serialisation), resources, not available, operator, system."""


class NotYet(Exception):
    """A prerequisite of this event has not arrived yet. The consumer waits for it; it never parks the key."""


class BrokerUnavailable(Exception):
    """The broker did not take or give messages in time."""


def is_infrastructure(error: BaseException) -> bool:
    """May the same work succeed later without anybody changing it?"""
    if isinstance(error, NotYet | BrokerUnavailable | OSError | TimeoutError | asyncpg.InterfaceError):
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(_RETRIED_CLASSES)
    return False
