"""The gateway over real sockets, in front of a stand-in for a service."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.gateway import addresses_from, gateway
from deploy.local.ports import free_port
from deploy.local.routes import load_routes


class StandIn:
    """A service that says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_finish = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/api/v1/reports/stream", self.stream),
                Route("/{path:path}", self.echo, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

    async def echo(self, request: Request) -> Response:
        try:
            body = (await request.body()).decode()
        except ClientDisconnect:
            return Response(status_code=499)
        self.asked.append(f"{request.method} {request.url.path}")
        said = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "body": body,
            "headers": dict(request.headers),
        }
        return JSONResponse(
            said, 201, headers={"ETag": '"v3"', "Keep-Alive": "timeout=5", "Location": "/api/v1/reports/7"}
        )

    async def stream(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await self.may_finish.wait()
            yield b"last"

        return StreamingResponse(parts())


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", proxy_headers=False))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def in_front_of(service: StandIn, request_bytes_max: int = 1000) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway; intake is the stand-in, nobody answers for the other services."""
    routes = load_routes()
    nobody = f"http://127.0.0.1:{free_port()}"
    async with serving(service.app) as address:
        addresses = dict.fromkeys(routes.services, nobody) | {"intake": address}
        app = gateway(routes, addresses, request_bytes_max=request_bytes_max)
        async with serving(app) as front, httpx.AsyncClient(base_url=front, trust_env=False) as client:
            yield client


async def test_a_request_reaches_the_service_whole_and_its_answer_returns_whole() -> None:
    service = StandIn()
    async with in_front_of(service) as client:
        answer = await client.patch(
            "/api/v1/cases/a%2Fb?limit=2&q=%E4%BA%91", content=b"hello", headers={"If-Match": '"v2"'}
        )
    said = answer.json()
    assert (said["method"], said["path"], said["query"], said["body"]) == (
        "PATCH",
        "/api/v1/cases/a%2Fb",
        "limit=2&q=%E4%BA%91",
        "hello",
    )
    assert said["headers"]["if-match"] == '"v2"'
    assert len(answer.headers.get_list("date")) == 1
    assert (answer.status_code, answer.headers["etag"], answer.headers["location"]) == (
        201,
        '"v3"',
        "/api/v1/reports/7",
    )


async def test_headers_of_one_connection_are_not_passed_on_in_either_direction() -> None:
    async with in_front_of(StandIn()) as client:
        answer = await client.get(
            "/api/v1/reports",
            headers={"Connection": "keep-alive, X-Private", "X-Private": "1", "TE": "trailers", "X-Kept": "2"},
        )
    seen = answer.json()["headers"]
    assert {"x-private", "te"}.isdisjoint(seen)
    assert seen["x-kept"] == "2"
    assert "keep-alive" not in answer.headers


async def test_the_caller_cannot_choose_the_address_the_service_sees() -> None:
    async with in_front_of(StandIn()) as client:
        forged = {"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1"}
        answer = await client.get("/api/v1/reports", headers=forged)
    assert answer.json()["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert "forwarded" not in answer.json()["headers"]


@pytest.mark.parametrize(
    "path", ["/metrics", "/api/v1/secrets", "/readyz", "/api/v1/reports/..%2f..", "/api/v1/reports//"]
)
async def test_a_path_of_no_service_is_refused_by_the_gateway_itself(path: str) -> None:
    service = StandIn()
    async with in_front_of(service) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "no_such_path"
    assert service.asked == []


async def test_a_service_that_is_down_is_a_502_problem() -> None:
    async with in_front_of(StandIn()) as client:
        answer = await client.get("/api/v1/referrals")
    assert (answer.status_code, answer.json()["code"]) == (502, "service_unreachable")


async def test_a_body_beyond_the_limit_is_refused_whether_its_length_is_declared_or_not() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    service = StandIn()
    async with in_front_of(service) as client:
        declared = await client.post("/api/v1/reports", content=b"x" * 1001)
        streamed = await client.post("/api/v1/reports", content=chunks())
        largest = await client.post("/api/v1/reports", content=b"x" * 1000)
    assert (declared.status_code, streamed.status_code, largest.status_code) == (413, 413, 201)
    assert service.asked == ["POST /api/v1/reports"]


async def test_an_answer_is_passed_on_as_it_comes() -> None:
    service = StandIn()
    async with in_front_of(service) as client, client.stream("GET", "/api/v1/reports/stream") as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b"first"  # the service is still waiting for the line below
        service.may_finish.set()
        assert await anext(parts) == b"last"


async def test_docs_of_a_service_are_found_under_its_name() -> None:
    service = StandIn()
    async with in_front_of(service) as client:
        answer = await client.get("/docs/intake/openapi.json")
    assert answer.json()["path"] == "/docs/openapi.json"


async def test_the_gateway_says_that_it_lives() -> None:
    async with in_front_of(StandIn()) as client:
        answer = await client.get("/livez")
    assert json.loads(answer.text) == {"status": "ok"}


def test_addresses_come_from_the_environment_or_are_this_machines_ports() -> None:
    found = addresses_from({"INTAKE_URL": "http://intake:8000/", "DISPATCH_PORT": "9004"}, load_routes())
    assert (found["intake"], found["dispatch"]) == ("http://intake:8000", "http://127.0.0.1:9004")
    assert found["directory"] == "http://127.0.0.1:8001"
