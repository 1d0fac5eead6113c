"""nginx routes exactly as the one table of routes says, and as the gateway of the local stack does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.gateway.__main__ import ROUTES_CONF
from deploy.gateway.routes import host_of, routes_conf
from deploy.local.gateway import READ_SECONDS_MAX, REQUEST_BYTES_MAX
from deploy.local.routes import Target, load_routes, parse_routes

ROUTES = load_routes()
NGINX = (ROUTES_CONF.parent / "nginx.conf").read_text(encoding="utf-8")
LOCATION = re.compile(
    r"^location (= )?(\S+) \{ set \$service (\w+); (rewrite .*? break; )?proxy_pass http://(\S+)\$domain:8000; \}$"
)


def test_the_written_routes_are_those_of_the_table() -> None:
    message = "deploy/routes.yaml has changed: run `python -m deploy.gateway`"
    assert ROUTES_CONF.read_text(encoding="utf-8") == routes_conf(ROUTES), message


def _nginx_target(conf: str, path: str) -> Target | None:
    """What nginx does with a path: an exact location, else the longest that begins it, then its rewrite."""
    found = [LOCATION.match(line) for line in conf.splitlines() if line.startswith("location")]
    exact = [m for m in found if m and m[1] and m[2] == path]
    below = sorted((m for m in found if m and not m[1] and path.startswith(m[2])), key=lambda m: len(m[2]))
    chosen = exact or below[-1:]
    if not chosen:
        return None
    match = chosen[0]
    assert match[5] == host_of(match[3])
    return Target(match[3], re.sub(r"^/docs/[^/]+(/.*)$", r"/docs\1", path) if match[4] else path)


def _paths() -> list[str]:
    prefixes = [prefix for prefix, _ in ROUTES.prefixes]
    docs = [
        f"/docs/{name}/{rest}"
        for s in ROUTES.services
        for name in sorted({s, host_of(s)})
        for rest in ("", "static/docs.js")
    ]
    nobody = ["/metrics", "/readyz", "/api/v1", "/api/v1/", "/docs", "/docs/", "/docs/nobody/"]
    return [
        *prefixes,
        *(f"{p}/x/y" for p in prefixes if p != "/"),
        *(f"{p}x" for p in prefixes if p != "/"),
        *docs,
        *nobody,
    ]


@pytest.mark.parametrize("path", _paths())
def test_nginx_and_the_local_gateway_lead_to_the_same_place(path: str) -> None:
    assert _nginx_target(ROUTES_CONF.read_text(encoding="utf-8"), path) == ROUTES.target(path)


def test_the_longest_prefix_wins_when_one_lies_below_another() -> None:
    routes = parse_routes(
        "services: {intake: {port: 1, prefixes: [/api/v1/cases]}, dispatch: {port: 2, prefixes: [/api/v1/cases/clocks]}}"
    )
    conf = routes_conf(routes)
    assert _nginx_target(conf, "/api/v1/cases/clocks/7") == Target("dispatch", "/api/v1/cases/clocks/7")
    assert _nginx_target(conf, "/api/v1/cases/7") == Target("intake", "/api/v1/cases/7")


@pytest.mark.parametrize(
    ("uri", "crooked"),
    [
        ("/api/v1/cases/../accounts", True),
        ("/api/v1/./cases", True),
        ("/api/v1/cases/%2E%2e/accounts", True),
        ("/api/v1/reports/..%2f..%2fmetrics", True),
        ("/api/v1//cases", True),
        ("/api/v1/cases/..", True),
        ("/api/v1/cases/a..b", False),
        ("/api/v1/cases?next=/../x//y", False),
        ("/.well-known/jwks.json", False),
    ],
)
def test_a_path_that_climbs_is_refused_before_it_is_routed(uri: str, crooked: bool) -> None:
    expressions = re.findall(r'^\s+"~(\*?)(\S+)" 1;$', NGINX, re.MULTILINE)
    assert len(expressions) == 2
    assert any(re.search(e, uri, re.IGNORECASE if star else 0) for star, e in expressions) is crooked


def test_limits_are_those_of_the_local_gateway() -> None:
    assert f"client_max_body_size {REQUEST_BYTES_MAX // 1024 // 1024}m;" in NGINX
    assert f"proxy_read_timeout {READ_SECONDS_MAX:g}s;" in NGINX


def test_a_command_is_sent_once_and_a_caller_cannot_forge_where_it_comes_from() -> None:
    assert "proxy_next_upstream off;" in NGINX
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    assert 'proxy_set_header Forwarded "";' in NGINX


def test_the_log_names_neither_path_nor_caller() -> None:
    (log_format,) = re.findall(r"log_format plain (.*?);\n", NGINX, re.DOTALL)
    assert not re.search(r"\$(request\b|request_uri|uri|args|remote_|http_|query)", log_format)
    assert "error_log stderr crit;" in NGINX


def test_the_generated_file_is_the_one_that_containers_mount() -> None:
    root = Path(__file__).resolve().parents[3]
    assert f"./{ROUTES_CONF.relative_to(root)}:/etc/nginx/gateway/routes.conf:ro" in (root / "compose.yaml").read_text()
    assert "files: [nginx.conf, routes.conf]" in (ROUTES_CONF.parent / "kustomization.yaml").read_text()
