"""A token counts only when our issuer signed it for us, now, as an access token; and no route is open by accident."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import APIRouter, FastAPI

from chassis import auth
from chassis.auth import InvalidToken, KeySet, Verifier, guards_of, key_source
from chassis.clock import wall_clock
from chassis.testing import KEY_ID, Issuer
from tests.unit.chassis_http.conftest import example_router

NUMBERS = "/api/v1/numbers"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_valid_token_opens_the_door(client: httpx.AsyncClient) -> None:
    assert (await client.get(NUMBERS)).status_code == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}])
async def test_a_request_without_a_bearer_token_is_challenged(
    make_app: Callable[..., FastAPI], header: dict[str, str]
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://example") as client:
        answer = await client.get(NUMBERS, headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="shouwang"'


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody else"},
        {"aud": "another product"},
        {"exp": wall_clock() - timedelta(minutes=5)},
        {"nbf": wall_clock() + timedelta(days=1), "exp": wall_clock() + timedelta(days=2)},
        {"iat": None},
        {"township": None, "sub": None},
    ],
    ids=["issuer", "audience", "expired", "not yet", "no issue time", "no subject"],
)
async def test_a_token_with_a_wrong_claim_is_refused(
    client: httpx.AsyncClient, issuer: Issuer, claims: dict[str, Any]
) -> None:
    answer = await client.get(NUMBERS, headers=bearer(issuer.token(**claims)))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_token_without_a_township_is_refused(client: httpx.AsyncClient, issuer: Issuer) -> None:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    del claims["township"]
    token = jwt.encode(claims, issuer.private_key, "ES256", headers={"kid": KEY_ID, "typ": "at+jwt"})
    assert (await client.get(NUMBERS, headers=bearer(token))).status_code == 401


@pytest.mark.parametrize(
    ("key", "algorithm", "header"),
    [
        ("own", "ES256", {"kid": KEY_ID, "typ": "JWT"}),
        ("own", "ES256", {"kid": "unknown", "typ": "at+jwt"}),
        ("own", "ES256", {"typ": "at+jwt"}),
        ("other", "ES256", {"kid": KEY_ID, "typ": "at+jwt"}),
        ("x" * 32, "HS256", {"kid": KEY_ID, "typ": "at+jwt"}),
        (None, "none", {"kid": KEY_ID, "typ": "at+jwt"}),
    ],
    ids=["type", "unknown key", "no key id", "foreign key", "symmetric", "unsigned"],
)
async def test_a_token_signed_another_way_is_refused(
    client: httpx.AsyncClient, issuer: Issuer, key: str | None, algorithm: str, header: dict[str, str]
) -> None:
    keys: dict[Any, Any] = {"own": issuer.private_key, "other": Issuer.new().private_key}
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    token = jwt.encode(claims, keys.get(key, key or ""), algorithm, headers=header)
    assert (await client.get(NUMBERS, headers=bearer(token))).status_code == 401


async def test_a_subject_who_may_never_do_it_is_forbidden(client: httpx.AsyncClient, issuer: Issuer) -> None:
    refused = await client.get("/api/v1/accounts")
    allowed = await client.get("/api/v1/accounts", headers=bearer(issuer.token(posts=["admin"])))
    assert (refused.status_code, refused.json()["action"]) == (403, "account.write")
    assert allowed.status_code == 200


async def test_a_token_already_checked_is_refused_once_it_has_expired(
    jwks_file: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = Verifier(key_source(str(jwks_file)), "shouwang", "shouwang-api")
    token = issuer.token()
    assert (await verifier.verify(token))["sub"] == "account-1"
    later = wall_clock() + timedelta(hours=2)
    monkeypatch.setattr(auth, "wall_clock", lambda: later)
    with pytest.raises(InvalidToken):
        await verifier.verify(token)


class Source:
    """A JWKS place whose content and reachability a test decides."""

    def __init__(self, *issuers: Issuer) -> None:
        self.issuers = list(issuers)
        self.reachable = True
        self.asked = 0

    async def __call__(self) -> bytes:
        self.asked += 1
        if not self.reachable:
            raise ConnectionError
        keys = [issuer.jwks["keys"][0] | {"kid": f"key-{n}"} for n, issuer in enumerate(self.issuers)]
        return json.dumps({"keys": keys}).encode()


async def test_a_new_key_is_found_by_asking_again_but_not_more_often_than_allowed(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(auth, "monotonic", lambda: now[0])
    source = Source(issuer)
    keys = KeySet(source)
    await keys.key("key-0")
    source.issuers.append(Issuer.new())
    for _ in range(50):
        with pytest.raises(InvalidToken):
            await keys.key("key-1")
    assert source.asked == 1
    now[0] += auth.REFRESH_AT_MOST_EVERY
    await keys.key("key-1")
    assert source.asked == 2


async def test_known_keys_keep_working_while_the_issuer_is_away(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(auth, "monotonic", lambda: now[0])
    source = Source(issuer)
    keys = KeySet(source)
    before = await keys.key("key-0")
    source.reachable = False
    now[0] += 10 * auth.REFRESH_AFTER
    with pytest.raises(InvalidToken):
        await keys.key("key-7")
    assert await keys.key("key-0") is before
    assert source.asked == 2


async def test_a_removed_key_stops_working_after_the_next_refresh(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(auth, "monotonic", lambda: now[0])
    source = Source(issuer, Issuer.new())
    keys = KeySet(source)
    await keys.key("key-1")
    source.issuers.pop()
    now[0] += auth.REFRESH_AT_MOST_EVERY
    with pytest.raises(InvalidToken):
        await keys.key("key-2")
    with pytest.raises(InvalidToken):
        await keys.key("key-1")


def test_the_guard_of_a_route_can_be_read_off_the_route() -> None:
    actions = {route.path: guards_of(route) for route in example_router().routes if hasattr(route, "path")}
    assert actions["/api/v1/accounts"] == ("account.write",)


def test_an_app_with_an_unguarded_route_does_not_start(make_app: Callable[..., FastAPI]) -> None:
    router = APIRouter(prefix="/api/v1")

    @router.get("/open")
    async def anybody() -> str:
        return "hello"

    with pytest.raises(RuntimeError, match="/api/v1/open"):
        make_app(router)
