"""Which service answers which path."""

from __future__ import annotations

import pytest

from deploy.local.routes import Target, load_routes, parse_routes

ROUTES = load_routes()


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/reports", "intake"),
        ("/api/v1/cases/0190/timeline", "intake"),
        ("/api/v1/assessments/1", "risk_scoring"),
        ("/api/v1/referrals", "dispatch"),
        ("/api/v1/deadlines", "dispatch"),
        ("/api/v1/visits/1", "assistance"),
        ("/api/v1/inbox", "notification"),
        ("/oauth/token", "directory"),
        ("/.well-known/jwks.json", "directory"),
        ("/api/v1/sessions", "directory"),
    ],
)
def test_a_path_goes_to_the_service_that_owns_its_prefix_unchanged(path: str, service: str) -> None:
    assert ROUTES.target(path) == Target(service, path)


@pytest.mark.parametrize(
    "path",
    [
        "", "api/v1/reports", "/metrics", "/readyz", "/api/v1", "/api/v1/unknown", "/api/v1/reportsx", "/docs",
        "/docs/intake", "/docs/unknown/", "/api/v1/reports/../../metrics", "/api/v1/./reports", "//api/v1/reports",
        "/docs/intake/../metrics", "/api/v1/reports/..%2f..%2fmetrics", "/api/v1/reports/%2e%2e/metrics",
    ],
)  # fmt: skip
def test_a_path_nobody_owns_or_that_climbs_has_no_target(path: str) -> None:
    assert ROUTES.target(path) is None


@pytest.mark.parametrize("spelling", ["risk_scoring", "risk-scoring"])
def test_docs_lead_to_the_services_own_docs(spelling: str) -> None:
    assert ROUTES.target(f"/docs/{spelling}/") == Target("risk_scoring", "/docs/")
    assert ROUTES.target(f"/docs/{spelling}/openapi.json") == Target("risk_scoring", "/docs/openapi.json")


def test_the_longest_prefix_wins_whatever_the_order_of_the_file() -> None:
    routes = parse_routes(
        "services: {a: {port: 1, prefixes: [/api]}, b: {port: 2, prefixes: [/api/v1/b]}, c: {port: 3, prefixes: [/api/v1]}}"
    )
    found = [routes.target(path) for path in ("/api/v1/b/1", "/api/v1/x", "/api/x")]
    assert [target.service for target in found if target] == ["b", "c", "a"]


def test_a_prefix_claimed_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="/x belongs to a and to b"):
        parse_routes("services: {a: {port: 1, prefixes: [/x]}, b: {port: 2, prefixes: [/x]}}")
