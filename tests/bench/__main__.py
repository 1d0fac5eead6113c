"""`make bench`: throw-away servers, the engine's stages, the product under load, the bare reference; a table and a JSON file."""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import psutil

from chassis.log import configure
from deploy.local import stack
from deploy.local.settings import current_settings
from deploy.local.supervisor import Supervisor
from deploy.local.testing import throw_away
from tests.bench import bare, product, stages
from tests.chain import Chain, chain

RESULT = Path(__file__).resolve().parents[2] / ".local" / "bench.json"
ENGINE_ONLY = frozenset({"stream_head", "stream_position", "outbox", "idempotency"})
"""What the engine writes for its promises; the bare pipeline writes the business rows only."""


async def main(arguments: argparse.Namespace) -> int:
    """Run the parts asked for and print the table."""
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="shouwang-bench-") as folder:
        settings = throw_away(current_settings(), Path(folder), os.environ)
        plan = stack.prepare(settings, {"postgres": password}, os.environ)
        supervisor = Supervisor()
        try:
            await stack.start_servers(plan, supervisor)
            os.environ["TEST_DATABASE_URL"] = plan.servers.database_url
            found = await _measure(
                arguments, Path(folder), plan.servers.database_url, plan.servers.kafka_bootstrap_servers
            )
        finally:
            await supervisor.stop()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    for line in table(found):
        print(line)
    return 0


async def _measure(arguments: argparse.Namespace, folder: Path, superuser: str, bootstrap: str) -> dict[str, Any]:
    found: dict[str, Any] = {"cores": os.cpu_count(), "python": sys.version.split()[0]}
    async with chain(folder / "chain", superuser=superuser, bootstrap=bootstrap) as running:
        await product.warm_up(running)
        found["idle"] = await _idle(running)
        found["latency"] = asdict(await product.latency(running, seconds=arguments.seconds))
        found["sustained"] = asdict(await product.sustained(running, reports=arguments.reports))
        found["memory_mb"] = _memory(running)
        found["events_per_report"], staged = await _stages_of(running)
        await _bare_databases(superuser, staged)
    found["bare_per_second"] = await bare.run(staged, bootstrap, arguments.reports)
    found["share_of_bare"] = found["sustained"]["per_second"] / found["bare_per_second"]
    await _drop_bare(superuser, staged)
    found["relay_per_second"] = await stages.relay(bootstrap)
    found["consumer_per_second"] = await stages.consumer(bootstrap)
    found["deadlines_per_second"] = await stages.deadlines()
    return found


async def _stages_of(running: Chain) -> tuple[float, list[bare.Stage]]:
    """The bare pipeline's stages, with the writes per report that the real run made in each database."""
    dispatch = await asyncpg.connect(running.database_of("dispatch"))
    reports = await dispatch.fetchval("SELECT count(*) FROM response")
    await dispatch.close()
    links: Sequence[tuple[str, str | None, str | None]] = (
        ("intake", None, "intake"),
        ("risk_scoring", "intake", "risk"),
        ("dispatch", "risk", "dispatch"),
        ("notification", "dispatch", None),
        ("assistance", "dispatch", None),
    )
    staged, events = [], 0.0
    for name, source, target in links:
        dsn = running.database_of(name)
        writes = await bare.measured_writes(dsn, reports, without=ENGINE_ONLY)
        connection = await asyncpg.connect(dsn)
        row = await connection.fetchrow("SELECT count(*) AS n, avg(length(value))::int AS size FROM outbox")
        await connection.close()
        assert row is not None
        events += row["n"] / reports
        database = dsn.rpartition("/")[0] + f"/bare_{name}"
        staged.append(bare.Stage(name, database, writes, source, target, int(row["size"] or 0)))
    return events, staged


async def _bare_databases(superuser: str, staged: Sequence[bare.Stage]) -> None:
    admin = await asyncpg.connect(superuser)
    for stage in staged:
        await admin.execute(f'CREATE DATABASE "bare_{stage.name}"')
    await admin.close()


async def _drop_bare(superuser: str, staged: Sequence[bare.Stage]) -> None:
    admin = await asyncpg.connect(superuser)
    for stage in staged:
        await admin.execute(f'DROP DATABASE "bare_{stage.name}" WITH (FORCE)')
    await admin.close()


async def _idle(running: Chain, seconds: float = 10.0) -> dict[str, float]:
    """Percent of a core that each service uses while nothing happens; the notices of the warm-up go out first."""
    await asyncio.sleep(15)
    before = {name: sum(process.cpu_times()[:2]) for name, process in _processes(running).items()}
    await asyncio.sleep(seconds)
    return {
        name: round(100 * (sum(process.cpu_times()[:2]) - before[name]) / seconds, 1)
        for name, process in _processes(running).items()
    }


def _memory(running: Chain) -> dict[str, float]:
    return {name: round(process.memory_info().rss / 1e6) for name, process in _processes(running).items()}


def _processes(running: Chain) -> dict[str, psutil.Process]:
    mine = psutil.Process().children(recursive=True)
    return {
        name: process
        for name in running.environments
        for process in mine
        if process.cmdline()[1:3] == ["-m", f"services.{name}"]
    }


def table(found: dict[str, Any]) -> list[str]:
    """The result as a Markdown table beside the targets."""
    late, sustained = found["latency"], found["sustained"]
    rows = [
        ("accepted → in every queue, p50", f"{late['queue_p50']:.0f} ms", "≤ 25 ms"),
        ("accepted → in every queue, p99", f"{late['queue_p99']:.0f} ms", "≤ 120 ms"),
        ("answer to a report, p50 / p99", f"{late['accept_p50']:.1f} / {late['accept_p99']:.1f} ms", ""),
        ("reports fully fanned out, sustained", f"{sustained['per_second']:.0f}/s", "≥ 300/s"),
        ("referrals per report", f"{sustained['referrals_per_report']:.1f}", "≥ 4"),
        ("bare asyncpg + aiokafka, same rows", f"{found['bare_per_second']:.0f}/s", ""),
        ("share of bare", f"{found['share_of_bare']:.0%}", "≥ 60 %"),
        ("relay alone", f"{found['relay_per_second']:.0f} events/s", "≥ 8,000"),
        ("consumer alone", f"{found['consumer_per_second']:.0f} events/s", "≥ 20,000"),
        ("deadlines fired", f"{found['deadlines_per_second']:.0f}/s", "≥ 20,000"),
        ("idle, most of a core by a service", f"{max(found['idle'].values(), default=0):.1f} %", "< 2 %"),
        ("memory, largest service after load", f"{max(found['memory_mb'].values(), default=0):.0f} MB", "< 120 MB"),
    ]
    return [
        f"{found['cores']} cores, Python {found['python']}; reports at {late['per_second']:.0f}/s for the latencies",
        "",
        "| what | measured | target |",
        "|---|---|---|",
        *(f"| {what} | {measured} | {target} |" for what, measured, target in rows),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--reports", type=int, default=6000)
    parser.add_argument("--seconds", type=float, default=20.0)
    configure("bench", "WARNING")
    sys.exit(asyncio.run(main(parser.parse_args())))
