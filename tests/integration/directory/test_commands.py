"""Commands over HTTP: once per key, only against the version that was seen, answered from the commit."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.testing import Running
from tests.integration.directory.conftest import Headers, LogIn

ACCOUNTS = "/api/v1/accounts"
SECRET = "a password to begin with"
BODY = {"name": "second-admin", "kind": "person", "posts": ["admin"], "secret": SECRET}


@pytest.fixture
async def admin(log_in: LogIn) -> Headers:
    return await log_in("admin")


async def create(app: Running, admin: Headers, key: str | None, **body: Any) -> httpx.Response:
    headers = admin if key is None else {**admin, "Idempotency-Key": key}
    return await app.client.post(ACCOUNTS, json=BODY | body, headers=headers)


async def test_a_created_account_answers_with_its_place_and_version(app: Running, admin: Headers) -> None:
    answer = await create(app, admin, "key-1")
    assert (answer.status_code, answer.headers["etag"]) == (201, '"v1"')
    read = await app.client.get(answer.headers["location"], headers=admin)
    assert read.json() == answer.json()
    assert SECRET not in answer.text
    unchanged = await app.client.get(answer.headers["location"], headers={**admin, "If-None-Match": '"v1"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_the_same_key_and_body_replay_the_first_answer(app: Running, admin: Headers) -> None:
    first = await create(app, admin, "key-1")
    second = await create(app, admin, "key-1")
    assert (second.status_code, second.json()) == (201, first.json())
    assert (second.headers["etag"], second.headers["location"]) == (first.headers["etag"], first.headers["location"])
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


async def test_the_same_key_with_another_body_or_address_is_refused(app: Running, admin: Headers) -> None:
    await create(app, admin, "key-1")
    other_body = await create(app, admin, "key-1", name="third-admin")
    headers = {**admin, "Idempotency-Key": "key-1", "If-Match": '"v1"'}
    other_address = await app.client.delete(f"{ACCOUNTS}/second-admin", headers=headers)
    for answer in (other_body, other_address):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    still_there = await app.client.get(f"{ACCOUNTS}/second-admin", headers=admin)
    assert still_there.json()["disabled_at"] is None


async def test_the_same_key_of_another_caller_is_another_command(app: Running, admin: Headers, log_in: LogIn) -> None:
    await create(app, admin, "key-1")
    form = {"grant_type": "password", "username": "second-admin", "password": SECRET}
    token = (await app.client.post("/oauth/token", data=form)).json()["access_token"]
    answer = await create(app, {"Authorization": f"Bearer {token}"}, "key-1", name="third-admin")
    assert answer.status_code == 201


async def test_a_refused_command_leaves_its_key_free(app: Running, admin: Headers) -> None:
    refused = await create(app, admin, "key-1", name="st001")
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")
    assert (await create(app, admin, "key-1")).status_code == 201


async def test_identical_commands_at_once_are_carried_out_once(app: Running, admin: Headers) -> None:
    answers = await asyncio.gather(*(create(app, admin, "key-1") for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    async with app.database.reading() as db:
        audited = await db.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'account.create'")
    assert audited == 1


async def test_what_was_done_is_replayed_even_when_it_could_not_be_done_again(app: Running, admin: Headers) -> None:
    headers = {**admin, "Idempotency-Key": "key-2", "If-Match": '"v1"'}
    first = await app.client.delete(f"{ACCOUNTS}/st001", headers=headers)
    second = await app.client.delete(f"{ACCOUNTS}/st001", headers=headers)
    assert (first.status_code, second.status_code) == (204, 204)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["etag"] == first.headers["etag"] == '"v2"'


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [(None, 400, "idempotency_key_required"), ("k" * 201, 400, "idempotency_key_invalid")],
)
async def test_a_creating_command_needs_a_usable_key(
    app: Running, admin: Headers, key: str | None, status: int, code: str
) -> None:
    answer = await create(app, admin, key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 428, "version_required"),
        ('"v7"', 412, "stale_version"),
        ("*", 400, "bad_if_match"),
        ('W/"v1"', 400, "bad_if_match"),
    ],
)
async def test_a_change_needs_the_version_it_was_decided_on(
    app: Running, admin: Headers, if_match: str | None, status: int, code: str
) -> None:
    headers = admin if if_match is None else {**admin, "If-Match": if_match}
    answer = await app.client.delete(f"{ACCOUNTS}/st001", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 412:
        assert (answer.json()["current_version"], answer.headers["etag"]) == (1, '"v1"')


async def test_the_passwords_of_new_accounts_are_nowhere_in_clear(app: Running, admin: Headers) -> None:
    await create(app, admin, "key-1")
    async with app.database.reading() as db:
        for table in ("account", "idempotency", "audit_entry", "outbox"):
            rows = await db.fetch(f"SELECT t::text AS text FROM {table} t")
            assert not any(SECRET in row["text"] for row in rows), table


@pytest.mark.parametrize(
    "body",
    [
        {"posts": ["township_head"]},
        {"posts": []},
        {"staff": "ST999", "posts": []},
        {"kind": "client", "posts": [], "organisation": "YX-PS"},
        {"kind": "client", "posts": [], "organisation": "YX-HL", "scopes": ["stats:read"], "secret": "s" * 40},
        {"secret": "short"},
        {"name": "Not A Name"},
        {"nickname": "x"},
    ],
)
async def test_an_account_that_could_not_stand_for_anybody_is_refused(
    app: Running, admin: Headers, body: dict[str, Any]
) -> None:
    answer = await create(app, admin, "key-1", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_the_administrator_cannot_close_the_own_account(app: Running, admin: Headers) -> None:
    answer = await app.client.delete(f"{ACCOUNTS}/admin", headers={**admin, "If-Match": '"v1"'})
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


async def test_accounts_are_listed_page_by_page_for_the_administrator_only(
    app: Running, admin: Headers, log_in: LogIn
) -> None:
    seen: list[str] = []
    path: str | None = f"{ACCOUNTS}?limit=50"
    while path:
        answer = await app.client.get(path, headers=admin)
        seen += [item["name"] for item in answer.json()["items"]]
        path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else None
    assert len(seen) == 155
    assert seen == sorted(set(seen))
    assert (await app.client.get(ACCOUNTS, headers=await log_in("st088"))).status_code == 403


async def test_a_tampered_cursor_is_refused(app: Running, admin: Headers) -> None:
    cursor = (await app.client.get(f"{ACCOUNTS}?limit=50", headers=admin)).json()["next_cursor"]
    tampered = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    answer = await app.client.get(ACCOUNTS, params={"cursor": tampered}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
