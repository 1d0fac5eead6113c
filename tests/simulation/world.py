"""All services in one process on the in-memory broker and real Postgres; one seed decides order, duplicates and crashes.

Each step is awaited to its end, so a seed replays exactly. What is shuffled: which service relays or consumes next and
how much, messages delivered again, consumers that die before they commit their offsets, a broker that refuses, a broker
that loses its whole log, and timers that fire late.
"""

import contextlib
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import SecretStr

from chassis.broker import MemoryBroker
from chassis.faults import is_infrastructure
from chassis.service import Service
from chassis.testing import Issuer, Running, running
from services.assistance.service import SERVICE as ASSISTANCE
from services.directory.domain.reference_file import read_township
from services.directory.domain.snapshot import snapshot
from services.dispatch.service import SERVICE as DISPATCH
from services.intake.service import SERVICE as INTAKE
from services.notification.service import SERVICE as NOTIFICATION
from services.risk_scoring.service import SERVICE as RISK_SCORING
from tests.samples import golden

SERVICES: tuple[Service, ...] = (INTAKE, RISK_SCORING, DISPATCH, ASSISTANCE, NOTIFICATION)
OPERATOR = {"staff": "ST127", "org": "YX-HL", "posts": ["hotline_operator"], "sub": "operator"}
SETTINGS: Mapping[str, dict[str, Any]] = {"intake": {"master_key": SecretStr(b64encode(bytes(32)).decode())}}


@dataclass
class World:
    """The running services and the chance that drives them."""

    seed: int
    chance: random.Random
    broker: MemoryBroker
    apps: Mapping[str, Running]
    faults: dict[str, int] = field(default_factory=dict)

    async def step(self) -> None:
        """One random thing happens."""
        app = self.apps[self.chance.choice(sorted(self.apps))]
        action = self.chance.choices(
            (self._relay, self._consume, self._die, self._duplicate, self._refuse, self._wipe, self._wait),
            weights=(30, 45, 6, 8, 3, 1, 7),
        )[0]
        await action(app)

    async def _relay(self, app: Running) -> None:
        try:
            await app.relay()
        except Exception as error:
            if not is_infrastructure(error):
                raise

    async def _consume(self, app: Running) -> None:
        assert app.process.intake is not None
        await app.process.intake.step(wait_seconds=0, limit=self.chance.choice((1, 2, 5, 50)))

    async def _die(self, app: Running) -> None:
        """A consumer takes messages, applies them, and dies before its offsets are committed."""
        self._count("died before commit")
        assert app.process.intake is not None
        await app.process.intake.step(wait_seconds=0, limit=self.chance.choice((1, 3)), commit=False)
        await app.process.intake.close()

    async def _duplicate(self, app: Running) -> None:
        topics = [topic for topic in app.process.service.consumes if self.broker.messages(topic)]
        if topics:
            self._count("delivered again")
            message = self.chance.choice(self.broker.messages(self.chance.choice(topics)))
            self.broker.append(message.topic, message.key, message.headers, message.value)

    async def _refuse(self, app: Running) -> None:
        self._count("broker refused")
        self.broker.refusing = True
        with contextlib.suppress(Exception):
            await app.relay()
        self.broker.refusing = False

    async def _wipe(self, _: Running) -> None:
        if self.faults.get("broker wiped", 0) < 2:
            self._count("broker wiped")
            self.broker.wipe(f"memory-{self.chance.random()}")
            for app in self.apps.values():
                assert app.process.intake is not None
                await app.process.intake.close()

    async def _wait(self, _: Running) -> None:
        """Time passes for everybody; due deadlines of one service fire now, those of the others later."""
        ahead = timedelta(seconds=self.chance.choice((1, 20, 90)))
        for app in self.apps.values():
            await app.set_clock(await app.database.now() + ahead)
        await self.apps[self.chance.choice(sorted(self.apps))].fire()

    def _count(self, fault: str) -> None:
        self.faults[fault] = self.faults.get(fault, 0) + 1

    async def settle(self) -> None:
        """No more faults: run until nothing moves."""
        self.broker.refusing = False
        for _ in range(200):
            moved = 0
            for app in self.apps.values():
                moved += await app.relay() + await app.consume()
            if not moved:
                return
        raise AssertionError(f"seed {self.seed}: the system does not come to rest")

    async def publish_township(self) -> None:
        """Announce the sample township to every service that wants it, as the directory would."""
        township = read_township((golden.FOLDER / "township.yaml").read_text(encoding="utf-8"))
        await self.apps["dispatch"].publish(snapshot(township, 1, UUID(int=1)), township.code)
        await self.settle()

    async def report(self, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Send a report; the answer must be 201."""
        intake = self.apps["intake"]
        answer = await intake.client.post(
            "/api/v1/reports", json=body, headers={**intake.as_(**OPERATOR), "Idempotency-Key": key}
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def response_of(self, case_id: str) -> dict[str, Any]:
        """The response as civil affairs sees it."""
        dispatch = self.apps["dispatch"]
        claims = {"staff": "ST088", "org": "YX-CA", "dept": "civil_affairs", "posts": ["civil_affairs_supervisor"]}
        answer = await dispatch.client.get(f"/api/v1/responses/{case_id}", headers=dispatch.as_(**claims))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@contextlib.asynccontextmanager
async def world(seed: int, start: datetime) -> AsyncIterator[World]:
    """Every service on a fresh database."""
    broker, issuer = MemoryBroker(), Issuer.new()
    async with contextlib.AsyncExitStack() as stack:
        apps: dict[str, Running] = {}
        for service in SERVICES:
            own = SETTINGS.get(service.name, {})
            apps[service.name] = await stack.enter_async_context(
                running(service, broker=broker, issuer=issuer, now=start, **own)
            )
        yield World(seed, random.Random(seed), broker, apps)


async def no_holes(app: Running) -> None:
    """Every consumer applied 1..n of each stream, and nothing is parked."""
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM parked WHERE resolved_at IS NULL") == 0
        assert await db.fetchval("SELECT count(*) FROM stream_position WHERE blocked_at IS NOT NULL") == 0


async def contiguous(app: Running) -> None:
    """The outbox numbers each key's events 1..n without a hole, each once."""
    async with app.database.reading() as db:
        broken = await db.fetch(
            "SELECT key FROM outbox GROUP BY key HAVING count(*) <> max(sequence) OR count(DISTINCT sequence) <> count(*)"
        )
        assert not broken


async def positions(app: Running) -> dict[tuple[str, str], int]:
    """How far this service has applied each stream."""
    async with app.database.reading() as db:
        rows = await db.fetch("SELECT topic, key, sequence FROM stream_position WHERE sequence > 0")
    return {(row["topic"], row["key"]): row["sequence"] for row in rows}


async def heads(app: Running) -> dict[tuple[str, str], int]:
    """The last sequence this service published per key."""
    async with app.database.reading() as db:
        rows = await db.fetch("SELECT topic, key, max(sequence) AS last FROM outbox GROUP BY topic, key")
    return {(row["topic"], row["key"]): row["last"] for row in rows}


def event_ids(broker: MemoryBroker, topic: str) -> set[UUID]:
    """The distinct events of a topic."""
    found = set()
    for message in broker.messages(topic):
        headers = dict(message.headers)
        found.add(UUID(headers["ce_id"].decode()))
    return found


def canonical(value: Any) -> bytes:
    """A value as sorted JSON, for comparing whole states."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
