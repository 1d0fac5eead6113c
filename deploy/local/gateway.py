"""One address for all services: a small streaming reverse proxy. `python -m deploy.local.gateway`.

It routes by path (deploy/routes.yaml) and forwards; who may do what is the services' business. Nothing of a request
or an answer is held in memory whole, everything has a limit, and no path, query or body is logged.
Settings: HTTP_HOST, GATEWAY_PORT, and per service <SERVICE>_URL (default: its port on this machine).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.routes import Routes, load_routes
from deploy.local.settings import HOST, port_setting

REQUEST_BYTES_MAX = 10 * 1024 * 1024
CONNECTIONS_MAX = 200
CONNECT_SECONDS_MAX = 5.0
READ_SECONDS_MAX = 75.0
REQUESTS_AT_ONCE_MAX = 1000
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "trailers",
        "transfer-encoding", "upgrade", "proxy-connection",
    }
)  # fmt: skip
_FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix"})
_OWN = frozenset({"date", "server"})  # each hop says its own
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def end_to_end(headers: Iterable[tuple[str, str]], without: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Headers a proxy may pass on: no hop-by-hop header, none that `Connection` names, none of `without`."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in pairs if name == "connection" for part in value.split(",")}
    return [(name, value) for name, value in pairs if name not in HOP_BY_HOP | named | without]


def problem(status: int, code: str, zh: str, en: str) -> Response:
    """An RFC 9457 answer of the gateway itself."""
    body = {
        "type": "about:blank",
        "status": status,
        "code": code,
        "title": f"{zh} / {en}",
        "title_zh": zh,
        "title_en": en,
    }
    return JSONResponse(body, status, media_type="application/problem+json")


class _TooLarge(Exception):
    pass


async def _limited(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > bytes_max:
            raise _TooLarge
        yield chunk


def gateway(
    routes: Routes,
    addresses: Mapping[str, str],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    request_bytes_max: int = REQUEST_BYTES_MAX,
) -> Starlette:
    """The application: `addresses` gives the base URL of each service."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
        timeout = httpx.Timeout(READ_SECONDS_MAX, connect=CONNECT_SECONDS_MAX, pool=CONNECT_SECONDS_MAX)
        async with httpx.AsyncClient(
            limits=limits, timeout=timeout, follow_redirects=False, trust_env=False, transport=transport
        ) as client:
            app.state.client = client
            yield

    async def forward(request: Request) -> Response:
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        target = routes.target(path)
        if target is None:
            return problem(404, "no_such_path", "没有这个地址", "no such path")
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > request_bytes_max:
            return problem(413, "body_too_large", "请求内容过大", "request body too large")
        query = request.scope["query_string"].decode("latin-1")
        url = addresses[target.service] + target.path + (f"?{query}" if query else "")
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        outgoing = request.app.state.client.build_request(
            request.method,
            url,
            headers=_request_headers(request),
            content=_limited(request, request_bytes_max) if has_body else None,
        )
        return await _answer(request.app.state.client, outgoing)

    async def alive(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[Route("/livez", alive), Route("/{path:path}", forward, methods=_METHODS)],
        lifespan=lifespan,
    )


async def _answer(client: httpx.AsyncClient, outgoing: httpx.Request) -> Response:
    try:
        incoming = await client.send(outgoing, stream=True)
    except _TooLarge:
        return problem(413, "body_too_large", "请求内容过大", "request body too large")
    except httpx.PoolTimeout:
        return problem(503, "gateway_busy", "请求过多，请稍后再试", "too many requests at once, try again")
    except (httpx.ReadTimeout, httpx.WriteTimeout):
        return problem(504, "service_silent", "服务没有及时回答", "the service did not answer in time")
    except httpx.TransportError:
        return problem(502, "service_unreachable", "服务暂时不可用", "the service cannot be reached")

    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in incoming.aiter_raw():
                yield chunk
        finally:
            await incoming.aclose()

    answer = StreamingResponse(body(), incoming.status_code)
    headers = end_to_end(incoming.headers.multi_items(), without=_OWN)
    answer.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return answer


def _request_headers(request: Request) -> list[tuple[str, str]]:
    headers = end_to_end(request.headers.items(), without=_FORWARDED)
    client = request.client.host if request.client else "unknown"
    host = request.headers.get("host", "")
    return [
        *headers,
        ("x-forwarded-for", client),
        ("x-forwarded-host", host),
        ("x-forwarded-proto", request.url.scheme),
    ]


def addresses_from(environ: Mapping[str, str], routes: Routes) -> dict[str, str]:
    """Base URL of each service: <SERVICE>_URL, else its port on this machine."""
    return {
        name: environ.get(f"{name.upper()}_URL", f"http://{HOST}:{environ.get(port_setting(name), port)}").rstrip("/")
        for name, port in routes.ports.items()
    }


def main() -> None:
    """Serve until SIGTERM."""
    routes = load_routes()
    uvicorn.run(
        gateway(routes, addresses_from(os.environ, routes)),
        host=os.environ.get("HTTP_HOST", HOST),
        port=int(os.environ.get("GATEWAY_PORT", "8000")),
        limit_concurrency=REQUESTS_AT_ONCE_MAX,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
