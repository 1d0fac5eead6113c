"""Starts the servers a run or a test stands on, and stops them: Postgres and the broker, or those that exist."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local import kafka, postgres
from deploy.local.kafka import Broker
from deploy.local.process import Command
from deploy.local.screen import LocalError, say
from deploy.local.settings import HOST, LocalSettings, Servers
from deploy.local.supervisor import Supervisor

SERVER_SECONDS_MAX = 90.0


@dataclass(frozen=True)
class Plan:
    """What has to be started for the servers; None where one exists already."""

    settings: LocalSettings
    servers: Servers
    postgres: Command | None
    broker: Broker | None


def prepare(settings: LocalSettings, passwords: Mapping[str, str], environ: Mapping[str, str]) -> Plan:
    """Everything that takes place before a process runs: downloads, data folders, configuration."""
    logs = settings.logs
    logs.mkdir(parents=True, exist_ok=True)
    database_url = settings.database_url
    server = None
    if database_url is None:
        database_url = postgres.superuser_url(settings.postgres_port, passwords["postgres"])
        server = postgres.prepare(
            settings.data / "pg", settings.postgres_port, passwords["postgres"], logs / "postgres.log"
        )
    bootstrap_servers = settings.kafka_bootstrap_servers
    broker = None
    if bootstrap_servers is None:
        bootstrap_servers = f"{HOST}:{settings.kafka_port}"
        broker = kafka.prepare(
            settings.data / "kafka", settings.kafka_port, settings.kafka_controller_port, logs / "kafka.log", environ
        )
    servers = Servers(database_url, bootstrap_servers, durable_broker=broker is None or broker.durable)
    return Plan(settings, servers, server, broker)


async def start_servers(plan: Plan, supervisor: Supervisor) -> None:
    """Start both and return when both answer. Errors: LocalError naming the one that does not."""
    say("启动 PostgreSQL 与消息代理", "starting PostgreSQL and the broker")
    await asyncio.gather(start_postgres(plan, supervisor), start_broker(plan, supervisor))


async def start_postgres(plan: Plan, supervisor: Supervisor) -> None:
    """Start the database server, or make sure that the named one answers."""
    ready = postgres.until_ready(plan.servers.database_url)
    if plan.postgres is not None:
        command = plan.postgres
        await supervisor.start_server(
            "0 postgres", command, ready, lambda: postgres.why_not(command.log), SERVER_SECONDS_MAX
        )
        return
    await _answers(ready, LocalError("DATABASE_URL 指定的数据库没有回答", "the server of DATABASE_URL does not answer"))


async def start_broker(plan: Plan, supervisor: Supervisor) -> None:
    """Start the broker, or make sure that the named one answers."""
    ready = kafka.until_ready(plan.servers.kafka_bootstrap_servers)
    if plan.broker is not None:
        command = plan.broker.command
        await supervisor.start_server("1 kafka", command, ready, lambda: kafka.why_not(command.log), SERVER_SECONDS_MAX)
        return
    error = LocalError("KAFKA_BOOTSTRAP_SERVERS 没有回答", "the broker of KAFKA_BOOTSTRAP_SERVERS does not answer")
    await _answers(ready, error)


async def _answers(ready: Coroutine[None, None, None], error: LocalError) -> None:
    try:
        await asyncio.wait_for(ready, 15)
    except TimeoutError:
        raise error from None


@contextmanager
def only_one(settings: LocalSettings) -> Iterator[None]:
    """Hold the data folder; a second run on it would start a second server on the same data."""
    settings.data.mkdir(parents=True, exist_ok=True)
    with (settings.data / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise LocalError(
                f"已在运行（进程 {file.read().strip()}），请先按 Ctrl-C 停止它",
                f"already running from {settings.data}; stop it first",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
