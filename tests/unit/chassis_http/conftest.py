"""An app of the chassis around a few routes, with an issuer of its own: no database, no broker."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict

from chassis.auth import guard
from chassis.http import create_app
from chassis.paging import Page, PageOf
from chassis.problem import conflict
from chassis.testing import Issuer
from contracts.access import Subject, may

Reader = Annotated[Subject, guard("directory.read")]
SECRET_TEXT = "the child of the third house"
NUMBERS = 7


class Number(BaseModel):
    """One row of a list."""

    n: int


class Sheet(BaseModel):
    """A body with rules of its own."""

    model_config = ConfigDict(extra="forbid")

    age: int
    kind: str = "a"


class Readiness:
    """Checks that a test sets."""

    def __init__(self) -> None:
        self.faults: dict[str, str | None] = {"database": None}

    async def checks(self) -> dict[str, str | None]:
        return self.faults


def example_router() -> APIRouter:
    """One route of every kind the tests need."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/numbers")
    async def list_numbers(subject: Reader, paging: PageOf, parity: str | None = None) -> Page[Number]:
        first = (paging.after(int) or (0,))[0] + 1
        rows = [Number(n=n) for n in range(first, NUMBERS + 1)][: paging.fetch]
        return paging.page(rows, lambda row: (row.n,))

    @router.post("/sheets")
    async def write_sheet(body: Sheet, subject: Reader) -> Number:
        return Number(n=body.age)

    @router.get("/accounts")
    async def for_administrators(subject: Annotated[Subject, guard("account.write")]) -> Number:
        return Number(n=1)

    @router.get("/faults/{kind}")
    async def fail(kind: str, subject: Reader) -> Number:
        faults: dict[str, Exception] = {
            "bug": ValueError(SECRET_TEXT),
            "database_away": ConnectionRefusedError(SECRET_TEXT),
            "database_stopping": asyncpg.AdminShutdownError(SECRET_TEXT),
            "locked": asyncpg.LockNotAvailableError(SECRET_TEXT),
            "wrong_state": conflict("wrong_state", "状态不符", "Wrong state", current_state="closed"),
        }
        raise faults[kind]

    return router


@pytest.fixture
def issuer() -> Issuer:
    return Issuer.new()


@pytest.fixture
def jwks_file(tmp_path: Path, issuer: Issuer) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(issuer.jwks))
    return path


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
def make_app(jwks_file: Path, readiness: Readiness) -> Callable[..., FastAPI]:
    """Makes an app around routers, or around the example routes."""

    def make(*routers: APIRouter) -> FastAPI:
        settings = SimpleNamespace(
            jwks_url=str(jwks_file),
            token_issuer="shouwang",
            token_audience="shouwang-api",
            cursor_key=None,
            max_body_bytes=1000,
        )
        service: Any = SimpleNamespace(
            name="example",
            routers=routers or (example_router(),),
            subject_of=Subject.from_claims,
            may=may,
            public=frozenset(),
            furnish=None,
            body_caps={},
        )
        runtime: Any = SimpleNamespace(settings=settings, ready=readiness, database=None, resources={})
        return create_app(service, runtime)

    return make


@pytest.fixture
async def client(make_app: Callable[..., FastAPI], issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the example app with a valid token of a police officer."""
    token = issuer.token(org="YX-PS", dept="police")
    transport = httpx.ASGITransport(make_app(), raise_app_exceptions=True)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://example", headers=headers) as made:
        yield made
