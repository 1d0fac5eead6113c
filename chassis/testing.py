"""Runs one service inside a test: real Postgres, the in-memory broker, the service's own HTTP app, a clock that can be moved.

The same `Process` as in production, stepped by hand instead of looping, so a test decides what happens when. Product code
that ships, under the same suites as the real parts it stands in for.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from chassis import migrations
from chassis.broker import MemoryBroker
from chassis.clock import derived_id, new_uuid7, wall_clock
from chassis.database import Database
from chassis.http import create_app
from chassis.service import Process, Service
from contracts.envelope import Payload, RawEvent

TEST_DATABASE_URL = "TEST_DATABASE_URL"
KEY_ID = "test-key"


def server_dsn() -> str:
    """The superuser DSN of the test server. Raises RuntimeError naming the variable when it is not set."""
    dsn = os.environ.get(TEST_DATABASE_URL)
    if not dsn:
        raise RuntimeError(f"{TEST_DATABASE_URL} is not set: run the tests with `make test`")
    return dsn


def dsn_of(name: str) -> str:
    """The DSN of another database on the test server."""
    parts = urlsplit(server_dsn())
    return urlunsplit(parts._replace(path=f"/{name}"))


async def fresh_database(service: Service) -> str:
    """A new, migrated database, cloned from a template made once per service and process. Returns its DSN."""
    template = f"template_{service.name}_{os.getpid()}"
    admin = await asyncpg.connect(server_dsn())
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", template):
            await admin.execute(f'CREATE DATABASE "{template}"')
            # Alembic starts an event loop of its own, so it runs in a thread.
            await asyncio.to_thread(migrations.upgrade, service.migrations, dsn_of(template))
        name = f"test_{service.name}_{new_uuid7().hex}"
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await admin.close()
    return dsn_of(name)


async def drop_database(dsn: str) -> None:
    """Remove a database made by `fresh_database`, whoever is still connected."""
    admin = await asyncpg.connect(server_dsn())
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{urlsplit(dsn).path[1:]}" WITH (FORCE)')
    finally:
        await admin.close()


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs tokens for tests; `jwks` is what services verify them with."""

    private_key: ec.EllipticCurvePrivateKey
    jwks: dict[str, Any]

    @classmethod
    def new(cls) -> "Issuer":
        """A fresh key pair."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = orjson.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        return cls(key, {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "ES256"}]})

    def token(self, **claims: Any) -> str:
        """A valid token with these claims; `sub`, `kind` and `township` have defaults."""
        now = wall_clock()
        content = {
            "sub": "account-1",
            "kind": "person",
            "township": "YX",
            "iss": "shouwang",
            "aud": "shouwang-api",
            "iat": now,
            "nbf": now - timedelta(seconds=5),
            "exp": now + timedelta(hours=1),
            **claims,
        }
        return jwt.encode(content, self.private_key, algorithm="ES256", headers={"kid": KEY_ID, "typ": "at+jwt"})


class Running:
    """One service under test."""

    def __init__(self, process: Process, broker: MemoryBroker, client: httpx.AsyncClient, issuer: Issuer) -> None:
        self.process = process
        self.broker = broker
        self.client = client
        self.issuer = issuer
        self._foreign: dict[tuple[str, str], int] = {}

    @property
    def database(self) -> Database:
        """The service's database, for looking into tables."""
        return self.process.runtime.database

    def token(self, **claims: Any) -> str:
        """A bearer token; see Issuer.token."""
        return self.issuer.token(**claims)

    def as_(self, **claims: Any) -> dict[str, str]:
        """Request headers of somebody with these claims."""
        return {"Authorization": f"Bearer {self.token(**claims)}"}

    async def publish(
        self, payload: Payload, key: str, *, at: datetime | None = None, event_id: UUID | None = None
    ) -> RawEvent:
        """Deliver an event of another service, with the next sequence of its stream."""
        sequence = self._foreign.get((payload.TOPIC, key), 0) + 1
        self._foreign[payload.TOPIC, key] = sequence
        identity = event_id or derived_id(new_uuid7(), payload.TYPE, key, sequence)
        moment = at or wall_clock()
        event = RawEvent(
            id=identity,
            type=payload.TYPE,
            source="test",
            topic=payload.TOPIC,
            key=key,
            sequence=sequence,
            time=moment,
            correlation_id=str(identity),
            value=payload.model_dump_json().encode(),
        )
        await self.deliver(event)
        return event

    async def deliver(self, event: RawEvent) -> None:
        """Put this very event into its topic (again, or out of order)."""
        await self.broker.ensure_topics([event.topic], 2)
        self.broker.append(event.topic, event.key.encode(), event.headers(), event.value)

    async def settle(self) -> None:
        """Relay and consume until nothing is left to do."""
        while await self.relay() + await self.consume():
            pass

    async def relay(self) -> int:
        """Send what waits in the outbox. Returns the number of events."""
        total = 0
        async with contextlib.aclosing(self.process.relay.owned()) as windows:
            async for sent in windows:
                total += sent
                if not sent:
                    break
        return total

    async def consume(self) -> int:
        """Apply what waits in the broker. Returns the number of messages."""
        total = 0
        while self.process.intake and (taken := await self.process.intake.step(wait_seconds=0)):
            total += taken
        return total

    async def set_clock(self, moment: datetime) -> None:
        """Move the service's clock so that it shows `moment` now and runs on from there."""
        async with self.database.reading() as connection:
            await connection.execute(
                "INSERT INTO clock_offset (ahead) VALUES ($1::timestamptz - clock_timestamp()) "
                "ON CONFLICT (singleton) DO UPDATE SET ahead = excluded.ahead",
                moment,
            )

    async def fire(self, advance: timedelta = timedelta(0)) -> int:
        """Move the clock on and fire everything due, in order. Returns how many stages fired."""
        if advance:
            await self.set_clock(await self.database.now() + advance)
        fired = 0
        while self.process.timers and (count := await self.process.timers.fire_due()):
            fired += count
        return fired

    async def published(self, payload: type[Payload] | None = None) -> list[Any]:
        """The payloads this service published, in commit order; of one type, or all."""
        async with self.database.reading() as connection:
            rows = await connection.fetch("SELECT type, value FROM outbox ORDER BY id")
        if payload is not None:
            return [payload.model_validate_json(row["value"]) for row in rows if row["type"] == payload.TYPE]
        return [(row["type"], orjson.loads(row["value"])) for row in rows]

    async def parked(self) -> int:
        """How many events wait for somebody."""
        async with self.database.reading() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM parked WHERE resolved_at IS NULL"))


@contextlib.asynccontextmanager
async def running(
    service: Service,
    *,
    broker: MemoryBroker | None = None,
    issuer: Issuer | None = None,
    now: datetime | None = None,
    dsn: str | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    """Run `service` on a fresh database (or on `dsn`, kept). `settings` are fields of its Settings."""
    own = dsn is None
    dsn = dsn or await fresh_database(service)
    broker = broker or MemoryBroker()
    issuer = issuer or Issuer.new()
    await broker.ensure_topics(sorted({service.topic, *service.consumes}), 2)
    key_file = Path(tempfile.mkdtemp(prefix="jwks")) / "jwks.json"
    key_file.write_bytes(orjson.dumps(issuer.jwks))
    configured = service.settings(database_url=dsn, jwks_url=str(key_file), **settings)
    database = await Database.open(dsn, name=service.name, pool_max=8)
    process = Process(service, configured, database, broker)
    try:
        await process.start()
        app = create_app(service, process.runtime)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            service_under_test = Running(process, broker, client, issuer)
            if now is not None:
                await service_under_test.set_clock(now)
            yield service_under_test
    finally:
        await process.stop()
        shutil.rmtree(key_file.parent)
        if own:
            await drop_database(dsn)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
