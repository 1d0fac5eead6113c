"""Commands of the service: the half-yearly rescreen and the what-if of a policy version, from the command line."""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import yaml
from pydantic import ValidationError

from chassis.clock import new_uuid7
from chassis.database import Database
from chassis.settings import Settings
from chassis.transaction import Cause
from contracts.policy import Policy, PolicyError, load_calendar
from contracts.policy.model import chosen_policy
from contracts.vocabulary import SYSTEM
from services.risk_scoring import rescreening, whatif
from services.risk_scoring.domain.replaying import Differing, WhatIf
from services.risk_scoring.store.cases import townships

SINCE_DAYS = 90
"""How far back the what-if looks unless told otherwise."""


def rescreen_arguments(parser: argparse.ArgumentParser) -> None:
    """`rescreen [--dry-run]`."""
    parser.description = (
        "score every open case again under the policy in force; once per month, and it may be interrupted"
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing; print what would change")


async def rescreen(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run this month's rescreen to its end, or foretell it."""
    database = await Database.open(settings.database_url, name="risk_scoring rescreen", pool_max=2)
    try:
        async with database.reading() as db:
            places = await townships(db)
        for township in places:
            await (_foretell if arguments.dry_run else _run)(database, township)
    finally:
        await database.close()
    return 0


async def _foretell(database: Database, township: str) -> None:
    now = await database.now()
    policy = rescreening.policy_on(now)
    async with database.reading() as db:
        outcomes = await rescreening.foreseen(db, township, now, policy)
    _say(
        f"{township} {rescreening.period_of(now)} {policy.policy_version}: 试运行，不写入 · dry run, nothing is written"
    )
    for one in outcomes:
        if one.differs:
            _say(
                f"{one.before.case_number}\t{one.before.level} -> {one.after.level}\t"
                f"工具结果 · computed: {one.after.computed_level}"
            )
    _say(
        f"未结个案 · open cases: {len(outcomes)}; 升级 · raised: {sum(one.raised for one in outcomes)}; "
        f"低于现行等级 · below the level in force: {sum(one.lower for one in outcomes)}"
    )


async def _run(database: Database, township: str) -> None:
    identity = new_uuid7()
    async with database.transaction(Cause(identity, str(identity))) as tx:
        run = await rescreening.start(tx, township, SYSTEM)
    while await rescreening.advance(database, run):
        pass
    async with database.reading() as db:
        row = await db.fetchrow("SELECT * FROM rescreen WHERE rescreen_id = $1", run.rescreen_id)
    assert row is not None
    _say(
        f"{township} {row['period']} {row['policy_version']}: 已复筛 · rescreened {row['done']}/{row['total']}; "
        f"升级 · raised: {row['raised']}; 低于现行等级 · below the level in force: {row['lower']}; "
        f"需人工复评 · for a person: {row['tasks']}"
    )


def what_if_arguments(parser: argparse.ArgumentParser) -> None:
    """`what-if --policy <file or version> [--since date]`."""
    parser.description = "replay past assessments under another policy version; nothing is written"
    parser.add_argument("--policy", required=True, help="a policy file, or a version that is loaded here")
    parser.add_argument("--since", type=date.fromisoformat, help=f"first day, default {SINCE_DAYS} days ago")


async def what_if(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print who would change level, why, and the matrix of old and new levels."""
    try:
        policy = chosen_policy(arguments.policy)
    except (PolicyError, ValidationError, yaml.YAMLError, OSError) as error:
        sys.stderr.write(f"策略不可用 · the policy cannot be used: {error}\n")
        return 1
    database = await Database.open(settings.database_url, name="risk_scoring what-if", pool_max=2)
    try:
        now = await database.now()
        async with database.reading() as db:
            result, _ = await whatif.replay(db, policy, since(arguments.since, now), now)
            numbers = await whatif.numbers(db, result)
    finally:
        await database.close()
    for line in report(result, policy, numbers):
        _say(line)
    return 0


def since(day: date | None, now: datetime) -> datetime:
    """The start of a day in the township's time; without one some time ago."""
    if day is None:
        return now - timedelta(days=SINCE_DAYS)
    return datetime.combine(day, time(), load_calendar().zone).astimezone(UTC)


def report(result: WhatIf, policy: Policy, numbers: Mapping[UUID, str]) -> list[str]:
    """The replay in lines, in both languages."""
    replayed = f"重算 · replayed {result.replayed} 次评估 · assessments, {result.children} 名儿童 · children"
    lines = [f"策略 · policy {policy.policy_version}: {replayed}"]
    if result.unreadable:
        lines.append(f"无法重算(原策略版本缺失) · not replayed, their own version is missing: {result.unreadable}")
    lines += [_line(one, numbers.get(one.case_id, str(one.case_id))) for one in result.differing if one.level_changes]
    lines.append("原等级 \\ 新等级 · old \\ new\t" + "\t".join(policy.ranks))
    lines += [
        f"{old}\t" + "\t".join(str(result.matrix[old, new]) for new in policy.ranks)
        for old in _old_levels(result, policy)
    ]
    only_score = sum(not one.level_changes for one in result.differing)
    lines.append(f"仅分数或规则不同 · other score or rules, same level: {only_score}")
    return lines


def _old_levels(result: WhatIf, policy: Policy) -> list[str]:
    return [*policy.ranks, *sorted({old for old, _ in result.matrix} - set(policy.ranks))]


def _line(one: Differing, number: str) -> str:
    why = [f"-{code}" for code in one.rules_gone] + [f"+{code}" for code in one.rules_new]
    why += [f"{code} {old}->{new}" for code, (old, new) in one.points.items()]
    return (
        f"{number}\t{one.assessed_at:%Y-%m-%d}\t{one.before.level} {one.before.score} -> "
        f"{one.after.level} {one.after.score}\t{', '.join(why) or '分级区间 · bands'}"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
