"""The pages every service has: health, metrics, and an API description that needs nothing from outside."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate

from chassis.docs import STATIC, describe
from tests.unit.chassis_http.conftest import Readiness

VENDORED = STATIC / "swagger-ui"


async def test_the_process_is_alive_without_asking_anything(client: httpx.AsyncClient, readiness: Readiness) -> None:
    readiness.faults = {"database": "ConnectionRefusedError"}
    assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(("fault", "status"), [(None, 200), ("timeout", 503)])
async def test_readiness_follows_the_checks_and_names_them(
    client: httpx.AsyncClient, readiness: Readiness, fault: str | None, status: int
) -> None:
    readiness.faults = {"database": None, "broker": fault}
    answer = await client.get("/readyz")
    assert answer.status_code == status
    assert answer.json() == {"ready": fault is None, "checks": {"database": "ok", "broker": fault or "ok"}}


async def test_requests_are_measured_by_route_never_by_address(client: httpx.AsyncClient) -> None:
    await client.get("/api/v1/faults/wrong_state")
    await client.get("/some/invented/address")
    text = (await client.get("/metrics")).text
    assert 'http_request_seconds_count{method="GET",route="/api/v1/faults/{kind}",status="409"}' in text
    assert 'route="unmatched",status="404"' in text
    assert "invented" not in text


async def test_the_api_page_and_its_parts_refer_to_nothing_outside(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs", follow_redirects=True)
    references = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert references
    for reference in references:
        assert not re.match(r"(?:[a-z]+:)?//", reference), reference
        if not reference.startswith("data:"):
            assert (await client.get(f"/docs/{reference}")).status_code == 200, reference
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy.replace("https://", "http")


async def test_no_script_stands_in_the_page_itself(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
    assert "script-src 'self';" in page.headers["content-security-policy"]


def test_the_vendored_files_are_the_ones_written_down() -> None:
    listed = dict(re.findall(r"`([^`]+)` \| `([0-9a-f]{64})`", (VENDORED / "VENDORED.md").read_text()))
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDORED.iterdir()}
    present.pop("VENDORED.md")
    assert present == listed


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, verb, op) for path, verbs in document["paths"].items() for verb, op in verbs.items()]


def test_the_description_is_valid_openapi_with_unique_operations(make_app: Callable[..., FastAPI]) -> None:
    document = describe(make_app())
    validate(document)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert document["openapi"].startswith("3.1")
    assert len(ids) == len(set(ids)) == 8


def test_every_operation_names_its_security_its_action_and_its_refusals(make_app: Callable[..., FastAPI]) -> None:
    document = describe(make_app())
    for path, verb, operation in operations(document):
        assert operation["security"] == [{"oauth2": []}], path
        assert operation["x-action"], path
        wanted = {"400", "401", "403", "422", "503"}
        wanted |= {"404"} if "{" in path else set()
        wanted |= {"409", "412", "413", "428"} if verb == "post" else set()
        assert wanted <= operation["responses"].keys(), path
        for status in wanted:
            assert "application/problem+json" in operation["responses"][status]["content"], path


async def test_both_addresses_serve_the_same_description(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == (await client.get("/docs/openapi.json")).json()


async def test_answers_may_not_be_kept_framed_or_guessed_at(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/numbers", "/nowhere", "/api/v1/faults/bug"):
        headers = (await client.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_a_trace_is_continued_and_a_malformed_one_replaced(client: httpx.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    good = await client.get("/nowhere", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    bad = await client.get("/nowhere", headers={"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
    assert good.json()["trace_id"] == trace
    assert bad.json()["trace_id"] not in {trace, "0" * 32}


def test_the_static_folder_holds_only_what_the_pages_use() -> None:
    assert {path.relative_to(STATIC) for path in STATIC.iterdir()} == {Path("docs.js"), Path("swagger-ui")}
