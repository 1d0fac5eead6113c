"""Looks for hours with nobody on duty and for vacant posts, and announces them until somebody has acted."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.clock import new_uuid7
from chassis.service import Runtime
from chassis.transaction import Cause, Transaction
from contracts.directory import RosterGapFound
from contracts.policy import elapsed, load_policy
from services.directory import store
from services.directory.domain.alerts import alerts, watched
from services.directory.domain.gaps import Gap, Known, fallback, find_gaps, watch
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import Township
from services.directory.store import records

NOT_ANNOUNCED = UUID(int=0)


def gaps_ahead(township: Township, now: datetime) -> tuple[Gap, ...]:
    """Every gap within the days the policy looks ahead."""
    days = load_policy(township.policy_version).programme.rosters.look_ahead_days
    zone = ZoneInfo(township.timezone)
    return find_gaps(snapshot(township, 0, NOT_ANNOUNCED), watched(township), alerts(township), now, days, zone)


def who_answers(township: Township, gap: Gap) -> tuple[str, ...]:
    """Who answers while nobody is on duty there: police and duty room. Nobody stands in for a vacant post."""
    if gap.kind == "vacant_post":
        return ()
    unit = township.organisation(gap.roster)
    rule = load_policy(township.policy_version).sla.rules["roster"]["fallback"]
    return fallback(gap.roster, unit.department if unit else None, rule)


async def look(tx: Transaction, township: Township) -> None:
    """Announce new gaps at once and known ones daily, and close those that are gone. The township's key must be locked."""
    rule = load_policy(township.policy_version).programme.rosters
    known = await records.open_gaps(tx.db, township.code)
    seen = watch(gaps_ahead(township, tx.now), known, township.code, tx.now, elapsed(rule.repeat))
    await records.keep_gaps(tx, township.code, seen.announced, seen.closed)
    for payload in _payloads(township, seen.announced):
        tx.publish(township.code, payload)


def _payloads(township: Township, announced: Iterable[Known]) -> Iterable[RosterGapFound]:
    for one in announced:
        yield RosterGapFound(
            township=township.code,
            gap_id=one.id,
            kind=one.gap.kind,
            roster=one.gap.roster,
            post=one.gap.post,
            starts_at=one.gap.starts_at,
            ends_at=one.gap.ends_at,
            fallback=who_answers(township, one.gap),
            found_at=one.announced_at,
            repeat_no=one.repeat_no,
        )


async def watch_gaps(runtime: Runtime) -> None:
    """Look at every township. Two processes that look at once take turns at its lock; the second finds nothing new."""
    async with runtime.database.reading() as db:
        codes = [row["code"] for row in await db.fetch("SELECT code FROM township ORDER BY code")]
    for code in codes:
        identity = new_uuid7()
        async with runtime.database.transaction(Cause(identity, str(identity))) as tx:
            await tx.lock([code])
            township = await store.load_township(tx.db, code)
            if township is not None:
                await look(tx, township)
