"""What an operator does to a running service's engine, and the housekeeping it does itself.

parked list | retry | skip: what could not be applied; replay: fill a wiped broker from the outbox; relay-reset: after a
restore into a new database cluster. All of it is safe to repeat: consumers drop by sequence what they have applied.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chassis import metrics, migrations, parking, relay
from chassis.consumer import Handler, Inbox
from chassis.database import Database
from chassis.settings import Settings
from chassis.transaction import Connection
from contracts.envelope import Payload

if TYPE_CHECKING:
    from chassis.service import Runtime

HOUSEKEEPING_SECONDS = 3600.0
MEASURE_SECONDS = 5.0
OUTBOX_DAYS = 14
IDEMPOTENCY_HOURS = 72
_UNSEEN = """
SELECT EXISTS (SELECT 1 FROM "{partition}" o LEFT JOIN relay_cursor c ON c.shard = o.shard
               WHERE c.snapshot IS NULL OR NOT pg_visible_in_snapshot(o.xid, c.snapshot))
"""
VERBS = frozenset({"parked", "replay", "relay-reset"})


def add_verbs(verbs: Any) -> None:
    """Add the operator's verbs to a service's command line."""
    parked = verbs.add_parser("parked", help="events that could not be applied")
    actions = parked.add_subparsers(dest="action", required=True)
    actions.add_parser("list")
    for name in ("retry", "skip"):
        action = actions.add_parser(name)
        action.add_argument("--topic", required=True)
        action.add_argument("--key", required=True)
        action.add_argument("--by", required=True, help="who decides this, recorded with the event")
        if name == "skip":
            action.add_argument("--reason", required=True)
    verbs.add_parser("replay", help="send the whole outbox to the broker again")
    verbs.add_parser("relay-reset", help="forget a cursor that belongs to another database cluster")


def say(line: str) -> None:
    """One line for the person at the terminal."""
    sys.stdout.write(f"{line}\n")


async def run(
    verb: str,
    arguments: argparse.Namespace,
    name: str,
    handlers: Mapping[type[Payload], Handler],
    settings: Settings,
) -> int:
    """Carry out one verb. Returns the exit status."""
    database = await Database.open(settings.database_url, name=f"{name} operator", pool_max=3)
    try:
        if verb == "parked":
            return await _parked(arguments, Inbox(database, handlers), database)
        async with database.reading() as connection:
            if verb == "replay":
                count = await relay.refill(connection)
                say(f"将重发 {count} 个事件 · {count} events will be sent again")
            else:
                await relay.reset(connection)
                say("游标已重置 · cursor reset")
        return 0
    finally:
        await database.close()


async def _parked(arguments: argparse.Namespace, inbox: Inbox, database: Database) -> int:
    if arguments.action == "list":
        async with database.reading() as connection:
            items = await parking.open_items(connection)
        for item in items:
            say(
                f"{item.topic}  {item.key}  #{item.sequence}  {item.type}  {item.reason}  "
                f"{item.error_class or ''} {item.error_code or ''}  x{item.attempts}  {item.parked_at:%Y-%m-%d %H:%M:%S}Z"
            )
        say(f"{len(items)} parked")
        return 0
    if arguments.action == "skip":
        done = await inbox.skip(arguments.topic, arguments.key, reason=arguments.reason, by=arguments.by)
        say("skipped" if done else "nothing blocks this stream")
        return 0 if done else 1
    applied = await inbox.drain(arguments.topic, arguments.key, by=arguments.by)
    say(f"{applied} applied")
    return 0 if applied else 1


async def housekeeping(runtime: "Runtime") -> None:
    """Keep outbox partitions ahead of the days, drop those all cursors passed and that are old, forget old replies."""
    async with runtime.database.reading() as connection:
        await connection.fetchval("SELECT add_outbox_partitions($1)", migrations.OUTBOX_PARTITIONS_AHEAD)
        for partition in await droppable(connection, OUTBOX_DAYS):
            await connection.execute(f'DROP TABLE "{partition}"')
        await connection.execute(
            "DELETE FROM idempotency WHERE created_at < now() - make_interval(hours => $1)", IDEMPOTENCY_HOURS
        )


async def droppable(connection: Connection, days: int) -> list[str]:
    """Outbox partitions older than `days` whose every row the saved cursor has seen."""
    names = await connection.fetch(
        """
        SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - $1::int
        ORDER BY c.relname
        """,
        days,
    )
    passed = []
    for row in names:
        unseen = await connection.fetchval(_UNSEEN.format(partition=row["name"]))
        if not unseen:
            passed.append(row["name"])
    return passed


async def measure(runtime: "Runtime") -> None:
    """Refresh the gauges that need a query."""
    async with runtime.database.reading() as connection:
        metrics.RELAY_OLDEST_UNSENT_SECONDS.set(await relay.oldest_unsent_seconds(connection))
        row = await connection.fetchrow(
            """
            SELECT count(*) AS armed, count(*) FILTER (WHERE fire_at <= app_now()) AS overdue
            FROM deadline WHERE state = 'armed' AND fire_at <= app_now() + interval '1 day'
            """
        )
        parked = await connection.fetch(
            "SELECT topic, count(DISTINCT key) AS keys FROM parked WHERE resolved_at IS NULL GROUP BY topic"
        )
    assert row is not None
    metrics.DEADLINES_ARMED.set(row["armed"])
    metrics.DEADLINES_OVERDUE.set(row["overdue"])
    metrics.PARKED_KEYS.clear()
    for item in parked:
        metrics.PARKED_KEYS.labels(item["topic"]).set(item["keys"])
