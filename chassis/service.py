"""A service as a declaration, and the process that runs it: HTTP, consumer, relay, timers and periodic work.

`python -m services.<name> [serve|migrate|parked|replay|relay-reset|<own command>]`. Every task is named and watched: when
one ends, the process stops aloud and its supervisor starts a fresh one.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI

from chassis import metrics, migrations, operations
from chassis.broker import Broker
from chassis.consumer import Handler, Inbox, Intake
from chassis.database import Database
from chassis.http import create_app
from chassis.kafka import Kafka
from chassis.log import configure
from chassis.metrics import watch_loop
from chassis.readiness import Readiness
from chassis.relay import Relay
from chassis.settings import Settings
from chassis.timers import FiredHandler, Timers
from contracts.envelope import Payload

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a running service holds. `resources` is what its startup made (keys, adapters)."""

    settings: Any
    database: Database
    inbox: Inbox
    ready: Readiness
    resources: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work done every `every_seconds`, by each process of the service. An error is logged; the next turn comes anyway."""

    name: str
    every_seconds: float
    work: Callable[[Runtime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Command:
    """An extra command line verb: `arguments` adds to the parser, `run` acts and returns the exit status."""

    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Any], Coroutine[Any, Any, int]]


@dataclass(frozen=True, slots=True)
class Service:
    """One service on one page: what it reacts to, its routes, its clocks, its tables."""

    name: str
    handlers: Mapping[type[Payload], Handler]
    routers: tuple[APIRouter, ...]
    migrations: Path
    settings: type[Settings]
    subject_of: Callable[[Mapping[str, Any]], Any]
    may: Callable[[Any, str], bool]
    on_fired: FiredHandler | None = None
    periodic: tuple[Periodic, ...] = ()
    startup: Callable[[Runtime], Awaitable[None]] | None = None
    linger_seconds: float = 0.0
    """How long the consumer waits for more events before it applies what came: a batch costs little more than one event.
    Nothing on the way from a report to a queue should wait."""
    needs: tuple[type[Payload], ...] = ()
    """Announcements without which it can do none of its work: it is not ready before it has heard each once."""
    public: frozenset[str] = frozenset()
    """Addresses of its own that may be asked without a token."""
    furnish: Callable[[FastAPI], None] | None = None
    """Adds to the app what routers cannot: static files, answers to errors in another form."""
    commands: Mapping[str, Command] = field(default_factory=dict)
    body_caps: Mapping[str, int] = field(default_factory=dict)
    """Addresses that take larger bodies than `max_body_bytes` (uploads): path, bytes at most."""

    @property
    def topic(self) -> str:
        """The one topic this service publishes."""
        return f"{self.name}.events"

    @property
    def consumes(self) -> tuple[str, ...]:
        """The topics its handlers need."""
        return tuple(sorted({payload.TOPIC for payload in self.handlers}))


class Process:
    """One process of a service."""

    def __init__(self, service: Service, settings: Settings, database: Database, broker: Broker) -> None:
        self.service = service
        self.inbox = Inbox(database, service.handlers)
        self.intake = (
            Intake(service.name, service.consumes, broker, self.inbox, linger_seconds=service.linger_seconds)
            if service.consumes
            else None
        )
        self.relay = Relay(service.name, database, broker, [service.topic])
        self.timers = Timers(database, service.on_fired) if service.on_fired else None
        needs = {payload.TOPIC for payload in service.needs}
        self.runtime = Runtime(
            settings, database, self.inbox, Readiness(database, broker, service.topic, self.inbox, [*needs])
        )
        self._broker = broker
        self._partitions = settings.kafka_partitions
        database.on_commit(self.relay.nudge)
        if self.timers:
            database.on_commit(self.timers.nudge)

    async def start(self) -> None:
        """Run the service's own startup. Raises when it cannot work: the process then exits."""
        if self.service.startup:
            await self.service.startup(self.runtime)

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """The loops of this process by name."""
        loops: dict[str, Coroutine[Any, Any, None]] = {
            "broker": self._with_topics(),
            "housekeeping": _every(
                operations.housekeeping, self.runtime, operations.HOUSEKEEPING_SECONDS, "housekeeping"
            ),
            "gauges": _every(operations.measure, self.runtime, operations.MEASURE_SECONDS, "gauges"),
            "loop watch": watch_loop(),
        }
        if self.timers:
            loops["timers"] = self.timers.run()
        for job in self.service.periodic:
            loops[job.name] = _every(job.work, self.runtime, job.every_seconds, job.name)
        return loops

    async def _with_topics(self) -> None:
        """Relay and consumer start when the broker has the topics; until then the service takes commands and is unready."""
        topics = sorted({self.service.topic, *self.service.consumes})
        while True:
            try:
                await self._broker.ensure_topics(topics, self._partitions)
                break
            except Exception as error:
                log.warning("broker.not_reachable", error=type(error).__name__)
                await asyncio.sleep(1.0)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.relay.run(), name="relay")
            if self.intake:
                loops.create_task(self.intake.run(), name="consumer")

    async def stop(self) -> None:
        """Leave the group and close the pool."""
        if self.intake:
            await self.intake.close()
        await self.relay.drop_producer()
        await self.runtime.database.close()


async def _every(work: Callable[[Runtime], Awaitable[None]], runtime: Runtime, seconds: float, name: str) -> None:
    while True:
        try:
            await work(runtime)
            metrics.PERIODIC_DONE_AT_SECONDS.labels(name).set_to_current_time()
        except Exception as error:
            log.warning("periodic.failed", job=name, error=type(error).__name__)
        await asyncio.sleep(seconds)


async def serve(service: Service, settings: Settings) -> int:
    """Run the service until SIGTERM or SIGINT. Returns 0 after a clean stop, 1 when a task ended on its own."""
    database = await Database.open(settings.database_url, name=service.name, pool_max=settings.database_pool_max)
    broker = Kafka(settings.kafka_bootstrap_servers, prefix=settings.kafka_prefix, idempotent=settings.kafka_idempotent)
    process = Process(service, settings, database, broker)
    await process.start()
    app = create_app(service, process.runtime)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=int(settings.shutdown_seconds),
            server_header=False,
        )
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    tasks = [asyncio.create_task(work, name=name) for name, work in process.tasks().items()]
    http = asyncio.create_task(_serve_http(server), name="http")
    waiter = asyncio.create_task(stopping.wait(), name="signal")
    done, _ = await asyncio.wait([*tasks, http, waiter], return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in done if task is not waiter]
    for task in failed:
        error = None if task.cancelled() else task.exception()
        log.critical("task.ended", task=task.get_name(), error=type(error).__name__, detail=repr(error)[:300])
    server.should_exit = True
    for task in [*tasks, waiter]:
        task.cancel()
    # Not wait_for: it would wait for tasks that do not heed their cancellation.
    await asyncio.wait({http, *tasks, waiter}, timeout=settings.shutdown_seconds)
    await process.stop()
    return 1 if failed else 0


async def _serve_http(server: uvicorn.Server) -> None:
    # uvicorn.Server.serve() would install its own signal handlers; _serve() is the part without them.
    await server._serve()


def main(service: Service, argv: Sequence[str] | None = None) -> None:
    """The command line of a service."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    verbs = parser.add_subparsers(dest="verb")
    verbs.add_parser("serve", help="run the service (default)")
    verbs.add_parser("migrate", help="bring the database to the newest revision")
    operations.add_verbs(verbs)
    for name, command in service.commands.items():
        command.arguments(verbs.add_parser(name))
    arguments = parser.parse_args(argv)
    if arguments.verb == "migrate":
        plain = Settings()  # type: ignore[call-arg]  # pydantic-settings fills it from the environment
        configure(service.name, plain.log_level)
        migrations.upgrade(service.migrations, plain.database_url)
        return
    settings = service.settings()  # type: ignore[call-arg]  # pydantic-settings fills it from the environment
    configure(service.name, settings.log_level)
    sys.exit(_run(service, settings, arguments))


def _run(service: Service, settings: Settings, arguments: argparse.Namespace) -> int:
    verb = arguments.verb or "serve"
    if verb in service.commands:
        return _asyncio_run(service.commands[verb].run(arguments, settings))
    if verb in operations.VERBS:
        return _asyncio_run(operations.run(verb, arguments, service.name, service.handlers, settings))
    return _serve_and_exit(service, settings)


def _serve_and_exit(service: Service, settings: Settings) -> int:
    """Serve, then leave at once. What was answered is committed, so nothing a library still waits for is worth waiting
    for: a stop must not take longer than a crash."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    status = loop.run_until_complete(serve(service, settings))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _asyncio_run(work: Coroutine[Any, Any, int]) -> int:
    return uvloop.run(work)
