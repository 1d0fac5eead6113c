"""The API as people read it: OpenAPI 3.1 with every refusal documented, and pages that need nothing from outside."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from chassis.auth import guards_of
from chassis.problem import MEDIA_TYPE, TITLES, known

STATIC = Path(__file__).with_name("static")
# The page's script sets style attributes and shows inline images; nothing may come from, or go to, another origin.
_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_API_PAGE = Template("""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/swagger-ui/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="static/swagger-ui/swagger-ui-bundle.js"></script>
<script src="static/docs.js"></script>
<noscript><p>接口说明：<a href="openapi.json">openapi.json</a> · API description</p></noscript>
</body>
</html>
""")

_PROBLEM_PAGE = Template("""<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>$code</title></head>
<body>
<h1><code>$code</code></h1>
<p>$zh</p>
<p lang="en">$en</p>
</body>
</html>
""")

_OTHER = (
    "业务规则的答复：title 与 detail 说明原因，errors 逐项指出有误的字段，trace_id 用于联系管理员。",
    "An answer of a business rule: title and detail give the reason, errors names the fields, trace_id is for support.",
)

_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details. Further members carry codes and numbers (current_version, current_state, reason).",
    "required": ["type", "title", "status", "code", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable, for programs"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body, or a parameter's name"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "trace_id": {"type": "string"},
    },
}

_ALWAYS = {"422": "A field is not acceptable", "503": "Temporarily unavailable; see Retry-After"}
_GUARDED = {"401": "No valid token", "403": "Not permitted"}
_QUERYING = {"400": "Unknown parameter or malformed request"}
_ADDRESSED = {"404": "Not found, or not visible to this subject"}
_COMMANDING = {
    "400": "Idempotency-Key missing, or malformed request",
    "409": "Conflict with the current state",
    "412": "Stale If-Match; the body has current_version",
    "413": "Body too large",
    "428": "If-Match missing",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=app.description)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = _PROBLEM_SCHEMA
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        guards = {
            (route.path_format, method.lower()): guards_of(route)
            for route in iter_route_contexts(app.routes)
            for method in route.methods or ()
        }
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _document_refusals(operation, method, path, guards.get((path, method), ()))
        app.openapi_schema = document
    return app.openapi_schema


def _document_refusals(operation: dict[str, Any], method: str, path: str, guards: tuple[str, ...]) -> None:
    refusals = _ALWAYS | _QUERYING
    if guards:
        refusals |= _GUARDED
        operation["x-action"] = guards[0]
    if "{" in path:
        refusals |= _ADDRESSED
    if method != "get":
        refusals |= _COMMANDING
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers = {status: {"description": text, "content": content} for status, text in sorted(refusals.items())}
    operation["responses"] = {k: v for k, v in operation["responses"].items() if k != "422"} | answers


def add_docs(app: FastAPI) -> None:
    """The API page, its document, and an explanation behind every problem `type`."""

    async def document(_: Request) -> Response:
        return Response(orjson.dumps(describe(app)), media_type="application/json")

    async def page(_: Request) -> Response:
        return _html(_API_PAGE.substitute(title=escape(app.title)))

    async def to_page(_: Request) -> Response:
        return RedirectResponse("docs/")

    async def explain(request: Request) -> Response:
        return problem_page(request.path_params["code"])

    app.add_route("/openapi.json", document, include_in_schema=False)
    app.add_route("/docs/openapi.json", document, include_in_schema=False)
    app.add_route("/docs/", page, include_in_schema=False)
    app.add_route("/docs", to_page, include_in_schema=False)
    app.add_route("/problems/{code}", explain, include_in_schema=False)
    app.mount("/docs/static", StaticFiles(directory=STATIC), name="docs_static")


def problem_page(code: str) -> Response:
    """What a problem code means, in both languages. Raises Problem 404 for anything that cannot be a code."""
    if not (len(code) <= 64 and code.isascii() and code.replace("_", "").isalnum()):
        raise known(404, "not_found")
    zh, en = TITLES.get(code, _OTHER)
    return _html(_PROBLEM_PAGE.substitute(code=escape(code), zh=escape(zh), en=escape(en)))


def _html(text: str) -> Response:
    return Response(text, headers={"Content-Security-Policy": _PAGE_CSP}, media_type="text/html")
