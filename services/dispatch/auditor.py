"""The auditor: is any open piece of work unwatched, any clock stuck, any breach unheard of? Independent of the code that
arms and fires, so that a fault there shows here.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from chassis import metrics as engine
from chassis.clock import wall_clock
from chassis.database import Database
from chassis.log import logger
from chassis.service import Runtime
from chassis.transaction import Connection
from services.dispatch import metrics
from services.dispatch.store.clocks import BESIDE, PAUSE_KIND

EVERY_SECONDS = 30.0
LOOK_BACK_SECONDS = 900
"""How far back the running auditor looks for breaches nobody was told of; the command looks back as long as asked."""
LATE_SECONDS = 60.0

# Every lead and assist task has a clock of its own until it is completed, so each open one must be watched.
_UNWATCHED = """
    SELECT r.referral_id AS id FROM referral r
    WHERE r.queued AND r.state IN ('issued', 'acknowledged', 'returning') AND r.role IN ('lead', 'assist')
      AND NOT EXISTS (SELECT 1 FROM deadline d
                      WHERE d.key = r.case_id::text AND d.state = 'armed' AND d.subject = r.referral_id)
"""
_OVERDUE = """
    SELECT id FROM deadline WHERE state = 'armed' AND fire_at < app_now() - make_interval(secs => $1)
"""
_SILENT = """
    SELECT d.id FROM deadline d
    WHERE d.breached_at > app_now() - make_interval(secs => $1) AND d.kind <> ALL($2::text[])
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.key = d.key AND o.type = 'deadline.fired.v1'
                      AND o.value::jsonb->>'deadline_id' = d.id::text AND o.value::jsonb->>'stage' = 'breach')
"""
# A paused response keeps every clock armed, later by the pause; only a pause that nothing ends would leave it waiting.
_PAUSED_TOO_LONG = """
    SELECT r.response_id AS id FROM response r
    WHERE r.state = 'open' AND r.body ? 'pauses' AND r.body->'pauses'->-1->>'state' = 'running'
      AND ((r.body->'pauses'->-1->>'until')::timestamptz < app_now() - make_interval(secs => $1)
           OR NOT EXISTS (SELECT 1 FROM deadline d WHERE d.key = r.case_id::text AND d.kind = $2 AND d.state = 'armed'))
"""

log = logger(__name__)


async def findings(db: Connection, look_back_seconds: float) -> dict[str, list[str]]:
    """Ids by kind of finding; all lists are empty when all is well."""
    checks: dict[str, tuple[Any, ...]] = {
        "open_without_deadline": (_UNWATCHED,),
        "overdue": (_OVERDUE, LATE_SECONDS),
        "silent": (_SILENT, look_back_seconds, list(BESIDE)),
        "paused_too_long": (_PAUSED_TOO_LONG, LATE_SECONDS, PAUSE_KIND),
    }
    return {name: [str(row["id"]) for row in await db.fetch(*check)] for name, check in checks.items()}


async def audit(runtime: Runtime) -> None:
    """One round: gauges, a log line per finding, and the heartbeat that shows the auditor itself is alive."""
    async with runtime.database.reading() as db:
        found = await findings(db, LOOK_BACK_SECONDS)
        levels = await db.fetch("SELECT level, count(*) AS n FROM response WHERE state = 'open' GROUP BY level")
    engine.AUDITOR_OPEN_WITHOUT_DEADLINE.set(len(found["open_without_deadline"]))
    metrics.AUDITOR_OVERDUE.set(len(found["overdue"]))
    metrics.AUDITOR_SILENT.set(len(found["silent"]))
    metrics.AUDITOR_PAUSED_TOO_LONG.set(len(found["paused_too_long"]))
    metrics.OPEN_RESPONSES.clear()
    for row in levels:
        metrics.OPEN_RESPONSES.labels(row["level"]).set(row["n"])
    _report(found)
    metrics.AUDITOR_HEARTBEAT.set(wall_clock().timestamp())


def _report(found: Mapping[str, list[str]]) -> int:
    total = sum(len(ids) for ids in found.values())
    for name, ids in found.items():
        if ids:
            log.error("auditor_finding", finding=name, count=len(ids), first=ids[:10])
    return total


def audit_arguments(parser: argparse.ArgumentParser) -> None:
    """`--hours`: how far back to look for silent breaches."""
    parser.add_argument("--hours", type=float, default=24.0, help="look back so many hours for silent breaches")


async def audit_command(arguments: argparse.Namespace, settings: Any) -> int:
    """`python -m services.dispatch audit`: exit status 1 when there is any finding."""
    database = await Database.open(settings.database_url, name="dispatch audit", pool_max=2)
    try:
        async with database.reading() as db:
            found = await findings(db, arguments.hours * 3600)
    finally:
        await database.close()
    total = _report(found)
    log.info("auditor_finished", **{name: len(ids) for name, ids in found.items()})
    return 1 if total else 0
