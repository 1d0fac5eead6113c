"""The whole product as it really runs: every service its own process, real Postgres, real Kafka, HTTP between them and us.

Used by the end-to-end tests and the benchmarks. Time is moved through each database's test clock, so days pass in
seconds for every service alike.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil

from chassis.testing import free_port
from deploy.local.databases import ensure_databases
from deploy.local.process import Command, last_lines, run_once
from deploy.local.routes import load_routes
from deploy.local.run import SAMPLE
from deploy.local.secrets import ensure_secrets
from deploy.local.settings import LocalSettings, Servers, database_url_of, service_environment, settings_from
from deploy.local.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 60.0
PASSWORD = "demo-password-of-a-test"


@dataclass(slots=True)
class Chain:
    """A running product. `client` reaches a service by name; `login` gives the headers of a person."""

    settings: LocalSettings
    passwords: Mapping[str, str]
    superuser: str
    run_name: str
    supervisor: Supervisor
    environments: dict[str, dict[str, str]]
    client: httpx.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    def url(self, service: str, path: str) -> str:
        """The address of a path at a service."""
        return self.settings.address(service) + path

    def database_of(self, service: str) -> str:
        """The superuser's DSN of a service's database."""
        parts = self.superuser.rpartition("/")[0]
        return f"{parts}/{self.run_name}_{service}"

    async def login(self, username: str) -> dict[str, str]:
        """Request headers of the person with this user name (a staff id in lower case)."""
        if username not in self.tokens:
            answer = await self.client.post(
                self.url("directory", "/oauth/token"),
                data={"grant_type": "password", "username": username, "password": PASSWORD},
            )
            answer.raise_for_status()
            self.tokens[username] = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self.tokens[username]}"}

    async def get(self, who: str, service: str, path: str, **params: Any) -> Any:
        """GET as somebody; the parsed body of a 200."""
        answer = await self.client.get(self.url(service, path), params=params or None, headers=await self.login(who))
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def post(
        self, who: str, service: str, path: str, body: Any, *, version: int | None = None, key: str | None = None
    ) -> httpx.Response:
        """POST as somebody, with a fresh Idempotency-Key unless given, against a version if given."""
        headers = {**await self.login(who), "Idempotency-Key": key or uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        return await self.client.post(self.url(service, path), json=body, headers=headers)

    async def set_clock(self, moment: datetime) -> None:
        """Let every service's clock show `moment` now and run on from there."""
        await asyncio.gather(*(_set_clock(self.database_of(name), moment) for name in self.environments))

    async def restart(self, service: str) -> None:
        """Start a service (again) under the supervisor."""
        await self.supervisor.start("services", self.command(service, "serve"))

    async def kill(self, service: str) -> None:
        """End a service's process at once, as a crash would; the supervisor starts it again."""
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it ended by itself, or nobody has reaped it yet
                if child.cmdline()[1:3] == ["-m", f"services.{service}"]:
                    child.kill()

    def command(self, service: str, *arguments: str) -> Command:
        """`python -m services.<service> <arguments>` in that service's environment."""
        return Command(
            name=service,
            argv=[sys.executable, "-m", f"services.{service}", *arguments],
            env=self.environments[service],
            log=self.settings.logs / f"{service}.log",
            cwd=ROOT,
        )

    async def must(self, service: str, *arguments: str) -> None:
        """Run a command to its end; it must succeed."""
        command = self.command(service, *arguments)
        status = await run_once(command)
        assert status == 0, f"{service} {arguments}: {last_lines(command.log, 12)}"


async def _set_clock(dsn: str, moment: datetime) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO clock_offset (ahead) VALUES ($1::timestamptz - clock_timestamp()) "
            "ON CONFLICT (singleton) DO UPDATE SET ahead = excluded.ahead",
            moment,
        )
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def chain(folder: Path, *, superuser: str, bootstrap: str, **extra: str) -> AsyncIterator[Chain]:
    """Databases, migrations, the sample township and every service; all gone afterwards. `extra` goes to each service."""
    run_name = f"chain{uuid4().hex[:8]}"
    settings = settings_from({"LOCAL_DIR": str(folder)} | _ports())
    passwords = ensure_secrets(settings.secrets, settings.service_ports)
    servers = Servers(superuser, bootstrap)
    names = {name: f"{run_name}_{name}" for name in settings.service_ports}
    await ensure_databases(superuser, names.values(), {names[name]: passwords[name] for name in names})
    environments = {
        name: service_environment(name, settings, servers, passwords, os.environ)
        | {
            "DATABASE_URL": database_url_of(superuser, role, passwords[name], role),
            "KAFKA_PREFIX": f"{run_name}.",
            "DEMO_PASSWORD": PASSWORD,
            "LOG_LEVEL": "WARNING",
        }
        | extra
        for name, role in names.items()
    }
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=httpx.Limits(max_connections=200)) as client:
        running = Chain(settings, passwords, superuser, run_name, Supervisor(), environments, client)
        try:
            await asyncio.gather(*(running.must(name, "migrate") for name in names))
            await running.must("directory", "load", str(SAMPLE), "--demo-passwords")
            for name in names:
                await running.restart(name)
            await _until_ready(running)
            yield running
        finally:
            await running.supervisor.stop()
            await _drop(superuser, list(names.values()))


def _ports() -> dict[str, str]:
    routes = load_routes()
    return {f"{name.upper()}_PORT": str(free_port()) for name in routes.ports} | {"GATEWAY_PORT": str(free_port())}


async def _until_ready(running: Chain) -> None:
    async with asyncio.timeout(READY_SECONDS):
        for name in running.environments:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await running.client.get(running.url(name, "/readyz"))).status_code == 200:
                        break
                await asyncio.sleep(0.1)


async def _drop(superuser: str, names: list[str]) -> None:
    admin = await asyncpg.connect(superuser)
    try:
        for name in names:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
    finally:
        await admin.close()
