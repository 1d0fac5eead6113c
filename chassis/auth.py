"""Who is asking, and may they: ES256 bearer tokens checked offline, one guard on every route.

Keys come from one pinned place only, whatever a token's header says. A key set that cannot be refreshed keeps serving
what it knows (the issuer may be down while the emergency goes on); a token that cannot be checked is refused.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.security import OAuth2
from starlette.requests import HTTPConnection

from chassis.clock import monotonic, wall_clock
from chassis.log import logger
from chassis.parameters import refuse_unknown_parameters
from chassis.problem import Problem, known

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 media type
LEEWAY = timedelta(seconds=30)
REFRESH_AT_MOST_EVERY = 10.0
REFRESH_AFTER = 300.0
_FETCH_TIMEOUT = 3.0
_REMEMBERED_TOKENS = 4096

PUBLIC = frozenset(
    {
        "/healthz",
        "/readyz",
        "/metrics",
        "/docs",
        "/docs/",
        "/docs/openapi.json",
        "/docs/static",
        "/openapi.json",
        "/problems/{code}",
        "/oauth/token",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    }
)
"""Every address that may be asked without a token. Anything else without a guard stops the service from starting."""

log = logger(__name__)


class InvalidToken(Exception):
    """The token cannot be trusted. The message is for the log, never for the caller."""


KeySource = Callable[[], Awaitable[bytes]]
"""Reads the issuer's JWKS document. Raises OSError or httpx.HTTPError when it cannot."""


def key_source(place: str) -> KeySource:
    """The JWKS at an http(s) address or in a file, and nowhere else."""

    async def from_file() -> bytes:
        return await asyncio.to_thread(Path(place.removeprefix("file://")).read_bytes)

    async def from_address() -> bytes:
        async with httpx.AsyncClient(timeout=_FETCH_TIMEOUT, follow_redirects=False, trust_env=False) as client:
            answer = await client.get(place)
            return answer.raise_for_status().content

    return from_address if place.startswith(("http://", "https://")) else from_file


class KeySet:
    """The issuer's public keys by key id; old keys stay until a newer set was read."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> jwt.PyJWK:
        """The key of that id. An unknown id asks the source again, at most every REFRESH_AT_MOST_EVERY seconds, so that
        invented ids cannot drive traffic. Raises InvalidToken when it stays unknown."""
        age = monotonic() - self._asked
        if kid not in self._keys and (age >= REFRESH_AT_MOST_EVERY or self._refreshing is not None):
            await asyncio.shield(self._refresh())
        elif age >= REFRESH_AFTER:
            self._refresh()
        try:
            return self._keys[kid]
        except KeyError:
            raise InvalidToken("unknown key id") from None

    def _refresh(self) -> "asyncio.Task[None]":
        if self._refreshing is None:
            self._asked = monotonic()
            self._refreshing = asyncio.create_task(self._read(), name="jwks")
        return self._refreshing

    async def _read(self) -> None:
        try:
            found = {key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in orjson.loads(await self._source())["keys"]}
            if found:
                self._keys = found
        except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            log.warning("jwks_unavailable", error=type(error).__qualname__, known_keys=len(self._keys))
        finally:
            self._refreshing = None


class Verifier:
    """Checks bearer tokens: fixed algorithm, type, key, issuer, audience and times (ASVS 9.1, 9.2)."""

    def __init__(self, source: KeySource, issuer: str, audience: str) -> None:
        self._key_set = KeySet(source)
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def verify(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises InvalidToken. A token's signature is checked once, its expiry every time."""
        claims = self._verified.get(token)
        if claims is None:
            claims = await self._check(token)
            self._verified[token] = claims
            if len(self._verified) > _REMEMBERED_TOKENS:
                self._verified.popitem(last=False)
        elif claims["exp"] <= (wall_clock() - LEEWAY).timestamp():
            del self._verified[token]
            raise InvalidToken("expired")
        return claims

    async def _check(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if (
                header.get("typ") != TOKEN_TYPE
                or header.get("alg") != ALGORITHM
                or not isinstance(header.get("kid"), str)
            ):
                raise InvalidToken("header")
            key = await self._key_set.key(header["kid"])
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "nbf", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(type(error).__qualname__) from None
        return claims


_FLOWS = {
    "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}},
    "password": {"tokenUrl": "/oauth/token", "scopes": {}},
}


class Guard(OAuth2):
    """Lets a request through when its subject may ever perform `action`; the route decides on the single resource.

    It also refuses query parameters the route does not know, since every route has a guard.
    """

    def __init__(self, action: str) -> None:
        super().__init__(
            flows=_FLOWS,
            scheme_name="oauth2",
            description="Departments' systems: client credentials. People: the password form.",
        )
        self.action = action

    async def token(self, request: HTTPConnection) -> str | None:
        """The bearer token of the request, or None."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token else None

    async def __call__(self, request: HTTPConnection) -> Any:
        """The subject. Raises Problem 401, 403 or 400."""
        token = await self.token(request)
        if token is None:
            raise unauthenticated()
        state = request.app.state
        try:
            claims = await state.verifier.verify(token)
            subject = state.subject_of(claims)
        except (InvalidToken, KeyError) as error:
            log.info("token_refused", reason=str(error) if isinstance(error, InvalidToken) else "claims")
            raise unauthenticated("invalid_token") from None
        if not state.may(subject, self.action):
            raise known(403, "forbidden", action=self.action)
        refuse_unknown_parameters(request)
        request.state.subject, request.state.claims = subject, claims
        return subject


def guard(action: str) -> Any:
    """The marker for a route's subject: `subject: Annotated[Subject, guard("referral.list")]`."""
    return Depends(Guard(action))


def unauthenticated(code: str = "unauthenticated") -> Problem:
    """401 with the challenge of RFC 6750."""
    challenge = 'Bearer realm="shouwang"' + (', error="invalid_token"' if code == "invalid_token" else "")
    return known(401, code, headers={"WWW-Authenticate": challenge})


def guards_of(route: Any) -> tuple[str, ...]:
    """The actions that guard a route: empty for an unguarded one."""
    dependant = getattr(route, "dependant", None)
    return tuple(_guards(dependant)) if isinstance(dependant, Dependant) else ()


def _guards(dependant: Dependant) -> Iterator[str]:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Guard):
            yield dependency.call.action
        yield from _guards(dependency)


def unguarded(app: FastAPI, public: frozenset[str] = frozenset()) -> list[str]:
    """Addresses that anybody could ask although neither the chassis nor the service declared them public. Must be empty."""
    found = {route.path or "/" for route in iter_route_contexts(app.routes) if not guards_of(route)}
    return sorted(found - PUBLIC - public)
