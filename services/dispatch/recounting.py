"""Clocks that counted days of a year whose holidays were not published: counted again once the calendar knows the year.

At every start, once an hour, and by hand with `python -m services.dispatch recompute-provisional`. A deadline that has
passed is never moved (policy `clocks.year_without_data`).
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chassis.clock import new_uuid7
from chassis.database import Database
from chassis.log import logger
from chassis.service import Runtime
from chassis.transaction import Cause, Transaction
from contracts.dispatch import ResponseRevised
from contracts.policy import WorkingCalendar, load_calendar, load_policy
from services.dispatch import metrics, store
from services.dispatch.domain import announce
from services.dispatch.domain.moves import recounted
from services.dispatch.domain.opening import with_ack_limits
from services.dispatch.domain.response import Clock, ResponseFile

EVERY_SECONDS = 3600.0
BATCH = 100
_PROVISIONAL = """
SELECT DISTINCT key FROM deadline
WHERE state = 'armed' AND (detail->>'provisional') = 'true' AND due_at > app_now() AND key > $1
ORDER BY key LIMIT $2
"""
_COUNT = "SELECT count(*) FROM deadline WHERE state = 'armed' AND (detail->>'provisional') = 'true'"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Recounted:
    """How many clocks moved or became final, and how many still wait for their year."""

    settled: int
    left: int


async def recount(database: Database, calendar: WorkingCalendar) -> Recounted:
    """Count again whatever the calendar now knows, a batch of cases per commit."""
    settled, after = 0, ""
    while True:
        async with database.reading() as db:
            keys = [row["key"] for row in await db.fetch(_PROVISIONAL, after, BATCH)]
        if not keys:
            break
        identity = new_uuid7()
        async with database.transaction(Cause(identity, str(identity))) as tx:
            settled += await _recount(tx, keys, calendar)
        after = keys[-1]
    async with database.reading() as db:
        left = await db.fetchval(_COUNT)
    return Recounted(settled, left)


async def _recount(tx: Transaction, keys: list[str], calendar: WorkingCalendar) -> int:
    await tx.lock(keys)
    changes: list[store.Change] = []
    settled = 0
    for file in (await store.open_responses(tx, [UUID(key) for key in keys])).values():
        clocks = tuple(_again(clock, file, tx, calendar) for clock in file.clocks)
        changed = [new for new, old in zip(clocks, file.clocks, strict=True) if new != old]
        if changed:
            settled += len(changed)
            after = with_ack_limits(replace(file, clocks=clocks))
            tx.publish(file.key, _announcement(after, changed, tx))
            changes.append((file, after))
    await store.save(tx, changes)
    return settled


def _again(clock: Clock, file: ResponseFile, tx: Transaction, calendar: WorkingCalendar) -> Clock:
    again = recounted(clock.deadline, tx.now, load_policy(file.policy_version), calendar)
    return clock if again is clock.deadline else replace(clock, deadline=again)


def _announcement(file: ResponseFile, changed: list[Clock], tx: Transaction) -> ResponseRevised:
    return ResponseRevised.model_validate(
        {
            "case_id": file.case_id,
            "case_number": file.case_number,
            "response_id": file.response_id,
            "township": file.township,
            "cause": "calendar",
            "level_before": file.level,
            "level": file.level,
            "restricted": file.restricted,
            "concerns": file.concerns,
            "case_lead": file.case_lead,
            "coordinator": file.coordinator,
            "deadlines": tuple(announce.armed(clock) for clock in changed),
            "revised_at": tx.now,
            "policy_version": file.policy_version,
        }
    )


async def recount_provisional(runtime: Runtime) -> None:
    """The periodic turn, and the alert that a year is missing: a gauge and a log line for the administrator."""
    found = await recount(runtime.database, load_calendar())
    metrics.PROVISIONAL_DEADLINES.set(found.left)
    _report(found, log.warning if found.left else log.info)


def _report(found: Recounted, say: Callable[..., Any]) -> None:
    if found.settled or found.left:
        say("calendar_provisional_deadlines", settled=found.settled, left=found.left)


def recount_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""
    parser.description = "count clocks again that counted days of a year whose holidays are known by now"


async def recount_command(arguments: argparse.Namespace, settings: Any) -> int:
    """`python -m services.dispatch recompute-provisional`: 1 while clocks still wait for the holidays of their year."""
    database = await Database.open(settings.database_url, name="dispatch recompute", pool_max=2)
    try:
        found = await recount(database, load_calendar())
    finally:
        await database.close()
    log.info("recompute_finished", settled=found.settled, left=found.left)
    return 1 if found.left else 0
