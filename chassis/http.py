"""The HTTP face of a service: one app, its door (trace, size, headers, metrics) and the pages every service has."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson
import prometheus_client
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import problem
from chassis.auth import Verifier, key_source, unguarded
from chassis.clock import monotonic
from chassis.docs import add_docs
from chassis.log import begin_trace, current_traceparent, logger
from chassis.metrics import HTTP_SECONDS
from chassis.operating import operations_router
from chassis.paging import signing_key
from chassis.parameters import query_names
from chassis.problem import known
from chassis.reading import Reading, RuntimeOf, reading, runtime_of

if TYPE_CHECKING:
    from chassis.service import Runtime, Service

__all__ = ["Door", "Reading", "RuntimeOf", "create_app", "reading", "runtime_of"]

log = logger(__name__)

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""On every answer that does not set its own."""
_CHECK_SECONDS = 5.0
_SLOW_SECONDS = 1.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def create_app(service: "Service", runtime: "Runtime") -> FastAPI:
    """The app of one service. Raises RuntimeError when a route is neither guarded nor declared public: it fails closed."""
    settings = runtime.settings
    app = FastAPI(
        title=f"Shouwang {service.name}",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.service = service.name
    app.state.runtime = runtime
    app.state.subject_of = service.subject_of
    app.state.may = service.may
    # The service that issues the tokens brings a verifier of its own keys, so that it need not ask itself for them.
    app.state.verifier = runtime.resources.get("verifier") or Verifier(
        key_source(settings.jwks_url), settings.token_issuer, settings.token_audience
    )
    app.state.cursor_key = signing_key(settings.cursor_key)
    problem.install(app)
    _add_operations(app)
    add_docs(app)
    for router in (operations_router(service.name), *service.routers):
        app.include_router(router)
    if service.furnish:
        service.furnish(app)
    app.state.parameters = {
        route.endpoint: frozenset(query_names(route.dependant))
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
    }
    if missing := unguarded(app, service.public):
        raise RuntimeError(f"routes without a guard: {', '.join(missing)}")
    app.add_middleware(Door, max_body_bytes=settings.max_body_bytes, larger=service.body_caps)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _add_operations(app: FastAPI) -> None:
    """Liveness, readiness and metrics: for the platform, kept off the gateway."""

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        try:
            checks = await asyncio.wait_for(app.state.runtime.ready.checks(), _CHECK_SECONDS)
        except TimeoutError:
            checks = {"checks": "timeout"}
        ready = not any(checks.values())
        body = {"ready": ready, "checks": {name: fault or "ok" for name, fault in checks.items()}}
        return Response(orjson.dumps(body), 200 if ready else 503, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(prometheus_client.generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


class Door:
    """Outermost layer, for every request: trace, body cap, headers, duration, a log line for refusals, 500 for what nobody caught."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._cap = max_body_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cap = self._larger.get(scope["path"], self._cap)
        begin_trace(Headers(scope=scope).get("traceparent"))
        visit = _Visit(scope, send)
        try:
            if _declared_length(scope) > cap:
                refusal = await problem.answered(Request(scope), known(413, "too_large"))
                await refusal(scope, receive, visit.send)
            else:
                await self._app(scope, _capped(receive, cap), visit.send)
        except Exception as error:
            answer = await problem.unexpected(Request(scope), error)
            if visit.status:
                raise  # the head is out: only a broken connection can still tell the client
            await answer(scope, receive, visit.send)
        finally:
            visit.record()


class _Visit:
    """One request's answer on its way out: headers are added, status and time noted."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = monotonic()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            present = {name.lower() for name, _ in headers}
            headers.extend(pair for pair in _HEADERS if pair[0] not in present)
            headers.append((b"traceresponse", (current_traceparent() or "").encode()))
        await self._send(message)

    def record(self) -> None:
        seconds = monotonic() - self._began
        method = self._scope["method"] if self._scope["method"] in _METHODS else "OTHER"
        route = getattr(self._scope.get("route"), "path", "unmatched")
        HTTP_SECONDS.labels(route, method, str(self.status)).observe(seconds)
        if self.status >= 400 or seconds > _SLOW_SECONDS:  # the rest is in the metrics
            log.info("request", method=method, route=route, status=self.status, ms=round(seconds * 1000, 1))


def _declared_length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _capped(receive: Receive, cap: int) -> Receive:
    """Count a body sent in chunks too: its length is only known by reading it."""
    taken = 0

    async def counting() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > cap:
            raise HTTPException(413)
        return message

    return counting
