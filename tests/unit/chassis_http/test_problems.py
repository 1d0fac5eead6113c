"""Every refusal is a problem document: one shape, the reader's language, never what was submitted."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.chassis_http.conftest import SECRET_TEXT

SHEETS = "/api/v1/sheets"


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("DELETE", "/api/v1/numbers", None, 405, "method_not_allowed"),
        ("POST", SHEETS, b"{", 400, "malformed_json"),
        ("POST", SHEETS, b"{}", 422, "invalid"),
        ("POST", SHEETS, b'{"age": 1}' + b" " * 1000, 413, "too_large"),
        ("GET", "/api/v1/numbers?limit=201", None, 422, "invalid"),
        ("GET", "/api/v1/numbers?partiy=odd", None, 400, "unknown_parameter"),
        ("GET", "/api/v1/accounts", None, 403, "forbidden"),
        ("GET", "/api/v1/faults/wrong_state", None, 409, "wrong_state"),
        ("GET", "/api/v1/faults/locked", None, 409, "busy"),
        ("GET", "/api/v1/faults/database_away", None, 503, "unavailable"),
        ("GET", "/api/v1/faults/database_stopping", None, 503, "unavailable"),
        ("GET", "/api/v1/faults/bug", None, 500, "internal_error"),
    ],
)
async def test_every_refusal_is_a_problem_document_with_a_stable_code_and_a_trace(
    client: httpx.AsyncClient, method: str, path: str, content: bytes | None, status: int, code: str
) -> None:
    answer = await client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(body["trace_id"]) == 32
    explained = await client.get(body["type"])
    assert explained.status_code == 200
    assert code in explained.text


async def test_a_wrong_method_is_told_the_right_one(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/api/v1/numbers")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("fault", ["locked", "database_away"])
async def test_a_passing_fault_says_when_to_try_again(client: httpx.AsyncClient, fault: str) -> None:
    answer = await client.get(f"/api/v1/faults/{fault}")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_state_conflict_carries_the_current_state(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/faults/wrong_state")).json()["current_state"] == "closed"


async def test_wrong_fields_are_named_with_pointers_and_their_values_are_not_repeated(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(SHEETS, json={"age": SECRET_TEXT, "villager~/name": SECRET_TEXT})
    errors = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert errors == {"#/age": "int_parsing", "#/villager~0~1name": "extra_forbidden"}
    assert SECRET_TEXT not in answer.text


@pytest.mark.parametrize(
    ("accepted", "title", "language"),
    [
        (None, "未找到", "zh-CN"),
        ("fr", "未找到", "zh-CN"),
        ("en-GB,en;q=0.9", "Not found", "en"),
        ("en;q=0.5, zh;q=0.8", "未找到", "zh-CN"),
        ("zh;q=0.1, en", "Not found", "en"),
        ("en;q=0", "未找到", "zh-CN"),
        ("en;q=many", "未找到", "zh-CN"),
    ],
)
async def test_the_title_is_chinese_unless_the_reader_prefers_english(
    client: httpx.AsyncClient, accepted: str | None, title: str, language: str
) -> None:
    answer = await client.get("/nowhere", headers={"Accept-Language": accepted} if accepted else {})
    assert answer.json()["title"] == title
    assert answer.headers["content-language"] == language


async def test_a_fault_of_ours_tells_neither_client_nor_log_what_the_exception_said(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/api/v1/faults/bug")
    logged = "".join(str(record.msg) for record in caplog.records)
    assert "unexpected_error" in logged
    assert "ValueError" in logged
    assert SECRET_TEXT not in logged + answer.text


async def test_a_body_sent_in_pieces_is_cut_off_at_the_cap(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    answer = await client.post(SHEETS, content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_an_address_that_cannot_be_a_problem_code_explains_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/problems/<b>x")).status_code == 404
