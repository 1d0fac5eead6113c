"""The whole product in one process: every service with its own database, the in-memory broker, the console in front.

For tests of pages and of long stories: what one service announces reaches the others by `settle`, or by itself while
`running_by_itself` is open. The clock of all services is one and can be moved. Nothing is replaced but broker and network.
"""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from chassis.broker import MemoryBroker
from chassis.clock import new_uuid7
from chassis.http import create_app
from chassis.service import Service
from chassis.testing import Issuer, Running, running
from services.assistance.service import SERVICE as ASSISTANCE
from services.console.owners import OWNERS, Owners
from services.console.service import SERVICE as CONSOLE
from services.directory import loading
from services.directory.service import SERVICE as DIRECTORY
from services.directory.tokens import write_keys
from services.dispatch.service import SERVICE as DISPATCH
from services.intake.service import SERVICE as INTAKE
from services.notification.service import SERVICE as NOTIFICATION
from services.risk_scoring.service import SERVICE as RISK_SCORING
from tests.bench.reports import body_of
from tests.samples import golden

_GIVEN = "安宁晨曦雨桐星河子墨若溪书瑶景行知远清和嘉木云帆"
PASSWORD = "cloud-creek-demo"
SERVICES: tuple[Service, ...] = (INTAKE, RISK_SCORING, DISPATCH, ASSISTANCE, NOTIFICATION, CONSOLE)
SETTINGS: Mapping[str, dict[str, Any]] = {
    "intake": {"master_key": SecretStr(b64encode(bytes(32)).decode()), "receipt_pause_seconds": 0},
    "console": {"secure_cookies": False},
}


@dataclass
class Product:
    """Every service, running; people by their login names."""

    apps: Mapping[str, Running]
    _tokens: dict[str, str] = field(default_factory=dict)
    _named: int = 0

    @property
    def console(self) -> Running:
        """The console."""
        return self.apps["console"]

    async def token(self, who: str) -> str:
        """The access token of a person of the sample township, for example `st088`."""
        if who not in self._tokens:
            form = {"grant_type": "password", "username": who, "password": PASSWORD}
            answer = await self.apps["directory"].client.post("/oauth/token", data=form)
            assert answer.status_code == 200, answer.text
            self._tokens[who] = answer.json()["access_token"]
        return self._tokens[who]

    async def ask(
        self, who: str, service: str, method: str, path: str, body: Any = None, *, version: int | None = None
    ) -> httpx.Response:
        """One request of a person at a service's API."""
        headers = {"Authorization": f"Bearer {await self.token(who)}", "Idempotency-Key": str(new_uuid7())}
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        return await self.apps[service].client.request(method, path, json=body, headers=headers)

    async def report(self, number: str, who: str = "st127", **changed: Any) -> dict[str, Any]:
        """Send a golden case as if it came in now: at the ages given, whatever year it is. The receipt."""
        body = deepcopy(body_of(golden.golden_case(number), received_at=(await self.now()).isoformat())) | changed
        for statement in (body, *body.get("siblings", ())):
            statement["child"].pop("birth_date", None)
            statement["child"]["name"] = self._fresh_name(statement["child"].get("name"))
            statement.get("facts", {}).pop("safe_until", None)
        answer = await self.ask(who, "intake", "POST", "/api/v1/reports", body)
        assert answer.status_code == 201, answer.text
        await self.settle()
        return dict(answer.json())

    def _fresh_name(self, name: str | None) -> str | None:
        """Another child's name each time: the same name in the same village would be recognised as the same child."""
        if name is None:
            return None
        self._named += 1
        return name[0] + _GIVEN[self._named % len(_GIVEN)] + _GIVEN[self._named // len(_GIVEN) % len(_GIVEN)]

    async def settle(self) -> None:
        """Until nothing is on its way any more."""
        for _ in range(200):
            moved = 0
            for app in self.apps.values():
                moved += await app.relay() + await app.consume()
            if not moved:
                return
        raise AssertionError("the product does not come to rest")

    async def move_clock(self, moment: datetime) -> None:
        """Everybody's clock shows `moment` now and runs on from there; what came due has fired."""
        for app in self.apps.values():
            await app.set_clock(moment)
        await self.fire()

    async def fire(self) -> None:
        """Fire what is due, everywhere, and let it arrive."""
        for app in self.apps.values():
            await app.fire()
        await self.settle()

    async def now(self) -> datetime:
        """The product's time."""
        return await self.console.database.now()

    async def advance(self, by: timedelta) -> None:
        """Move everybody's clock on."""
        await self.move_clock(await self.now() + by)

    @contextlib.asynccontextmanager
    async def running_by_itself(self) -> AsyncIterator[None]:
        """Events flow without `settle`, as they do when each service runs on its own."""

        async def flow() -> None:
            while True:
                await self.settle()
                for app in self.apps.values():
                    for job in app.process.service.periodic:
                        if job.every_seconds <= 1:
                            await job.work(app.process.runtime)
                await asyncio.sleep(0.03)

        task = asyncio.create_task(flow())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.asynccontextmanager
async def product(folder: Path, *, now: datetime | None = None) -> AsyncIterator[Product]:
    """Start every service, load the sample township, let everybody hear of it."""
    broker = MemoryBroker()
    key_file = folder / "signing.pem"
    await asyncio.to_thread(write_keys, key_file, rotate=False)
    async with contextlib.AsyncExitStack() as stack:
        directory = await stack.enter_async_context(
            running(DIRECTORY, broker=broker, now=now, signing_key_file=key_file, demo_password=SecretStr(PASSWORD))
        )
        text = (golden.FOLDER / "township.yaml").read_text(encoding="utf-8")
        await loading.load(directory.database, text, directory.process.runtime.settings, demo=True)
        jwks = orjson.loads((await directory.client.get("/.well-known/jwks.json")).content)
        issuer = Issuer(ec.generate_private_key(ec.SECP256R1()), jwks)
        apps = {"directory": directory}
        for service in SERVICES:
            apps[service.name] = await stack.enter_async_context(
                running(service, broker=broker, issuer=issuer, now=now, **SETTINGS.get(service.name, {}))
            )
        runtime = apps["console"].process.runtime
        transports = {
            getattr(runtime.settings, f"{owner}_url"): httpx.ASGITransport(
                app=create_app(apps[owner].process.service, apps[owner].process.runtime), raise_app_exceptions=False
            )
            for owner in OWNERS
        }
        runtime.resources["owners"] = Owners(runtime.settings, transports)
        made = Product(apps)
        await made.settle()
        yield made
