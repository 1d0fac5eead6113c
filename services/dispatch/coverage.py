"""`python -m services.dispatch coverage`: do rosters and posts answer every call the policy can make? Before either goes live.

With a township file (`--publication`, a published township as JSON) and a policy file it reads no database.
"""

import argparse
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from chassis.clock import wall_clock
from chassis.database import Database
from chassis.log import logger
from contracts.directory import TownshipPublished
from contracts.policy import Policy, load_calendar, load_policy, policy_in_force, policy_versions, read_policy
from services.dispatch.domain.coverage import Coverage, Gap, coverage
from services.dispatch.store.rosters import published

log = logger(__name__)


def coverage_arguments(parser: argparse.ArgumentParser) -> None:
    """What to check, when, and against what."""
    parser.description = "check rosters and posts against a policy; exit status 1 when a call would not be answered"
    parser.add_argument("--township", default="", help="township code; all that were published without it")
    parser.add_argument("--publication", type=Path, help="a published township as JSON, instead of the database")
    parser.add_argument("--policy", default="", help="a policy version, or a policy file not yet in force")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day, local; today without it")
    parser.add_argument("--days", type=int, default=28, help="how many days")


async def coverage_command(arguments: argparse.Namespace, settings: Any) -> int:
    """Log every gap with who is told instead. Exit status 1 on gaps, 2 when there is nothing to check."""
    calendar = load_calendar()
    day = arguments.first or wall_clock().astimezone(calendar.zone).date()
    policy = _policy(arguments.policy, day)
    starts_at = datetime.combine(day, time(), calendar.zone)
    townships = await _townships(arguments, settings)
    if not townships:
        log.error("coverage_no_township", township=arguments.township)
        return 2
    open_gaps = 0
    for township in townships:
        found = coverage(township, policy, calendar, starts_at, starts_at + timedelta(days=arguments.days))
        _report(township, policy, found)
        open_gaps += len(found.open_gaps)
    return 1 if open_gaps else 0


def _policy(wanted: str, day: date) -> Policy:
    if not wanted:
        return policy_in_force(day)
    return load_policy(wanted) if wanted in policy_versions() else read_policy(Path(wanted))


async def _townships(arguments: argparse.Namespace, settings: Any) -> list[TownshipPublished]:
    if arguments.publication is not None:
        return [TownshipPublished.model_validate_json(arguments.publication.read_bytes())]
    database = await Database.open(settings.database_url, name="dispatch coverage", pool_max=2)
    try:
        async with database.reading() as db:
            codes = [row["township"] for row in await db.fetch("SELECT township FROM township_snapshot")]
            found = await published(db, [code for code in codes if arguments.township in ("", code)])
    finally:
        await database.close()
    return list(found.values())


def _report(township: TownshipPublished, policy: Policy, found: Coverage) -> None:
    for gap in found.gaps:
        say = log.info if gap.covered else log.warning
        say("coverage_gap", township=township.township, **_plain(gap))
    log.info(
        "coverage_checked",
        township=township.township,
        publication=township.version,
        policy_version=policy.policy_version,
        rosters=len(found.rosters),
        posts=len(found.posts),
        gaps=len(found.open_gaps),
        covered_gaps=len(found.gaps) - len(found.open_gaps),
    )


def _plain(gap: Gap) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(gap).items()
        if value is not None
    }
