"""The token endpoint (RFC 6749) and the metadata clients find it by (RFC 8414, RFC 7517). Public by nature."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson
from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from chassis.clock import new_uuid7
from chassis.http import RuntimeOf
from chassis.log import current_traceparent, logger
from chassis.transaction import Cause
from services.directory import accounts
from services.directory.domain.identity import SCOPES, Account, claims, try_again_at
from services.directory.metrics import TOKENS_TOTAL

router = APIRouter(tags=["oauth"])
log = logger(__name__)

FORM = "application/x-www-form-urlencoded"
_LONGEST_NAME = 64
_GRANTS = ("client_credentials", "password")
_REQUEST_BODY = {
    "required": True,
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": {"type": "string", "enum": list(_GRANTS)},
                    "client_id": {"type": "string"},
                    "client_secret": {"type": "string", "format": "password"},
                    "username": {"type": "string"},
                    "password": {"type": "string", "format": "password"},
                    "scope": {"type": "string", "description": "Space separated; default: everything allowed"},
                },
            },
            "examples": {
                "department": {
                    "value": {"grant_type": "client_credentials", "client_id": "client-yx-ca", "client_secret": "…"}
                },
                "person": {"value": {"grant_type": "password", "username": "st088", "password": "…"}},
            },
        }
    },
}


class Refused(Exception):
    """A token request that fails, as RFC 6749 section 5.2 words it."""

    def __init__(self, error: str, description: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.headers = headers or {}
        self.body = {"error": error, "error_description": description}


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody claims to be `name` and proves it with `secret`."""

    grant: str
    kind: str
    name: str
    secret: str
    scopes: frozenset[str] | None


@router.post("/oauth/token", openapi_extra={"requestBody": _REQUEST_BODY}, summary="Get an access token")
async def issue_token(request: Request, runtime: RuntimeOf) -> Response:
    """`client_credentials` for a department's system (10 minutes), `password` for a person (8 hours)."""
    grant = "other"
    try:
        attempt = read_attempt(await _form(request), request.headers.get("authorization", ""))
        grant = attempt.grant
        account = await _authenticate(runtime, attempt)
        answer = await _token(runtime, account, attempt.scopes)
    except Refused as refusal:
        TOKENS_TOTAL.labels(grant, refusal.body["error"]).inc()
        return Response(orjson.dumps(refusal.body), refusal.status, refusal.headers, "application/json")
    TOKENS_TOTAL.labels(grant, "issued").inc()
    return Response(orjson.dumps(answer), media_type="application/json", headers={"Pragma": "no-cache"})


async def _form(request: Request) -> FormData:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused("invalid_request", f"the body must be {FORM}")
    form = await request.form(max_fields=16, max_files=0)
    if any(len(form.getlist(name)) > 1 for name in form):
        raise Refused("invalid_request", "a parameter is repeated")
    return form


def read_attempt(form: FormData, authorization: str) -> Attempt:
    """What a token request asks for. Raises Refused when it is incomplete or mixes two ways of proving a client."""
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    grant = values.get("grant_type", "")
    if not grant:
        raise Refused("invalid_request", "grant_type is missing")
    if grant not in _GRANTS:
        raise Refused("unsupported_grant_type", f"use one of: {', '.join(_GRANTS)}")
    scopes = _scopes(values.get("scope"))
    if grant == "password":
        name, secret = values.get("username", ""), values.get("password", "")
        if not name or not secret:
            raise Refused("invalid_request", "username or password is missing")
        return Attempt(grant, "person", _name(name), secret, scopes)
    basic = _basic(authorization)
    if basic and "client_secret" in values:
        raise Refused("invalid_request", "use either Basic or client_secret, not both")
    name, secret = basic or (values.get("client_id", ""), values.get("client_secret", ""))
    if not name or not secret:
        raise _unknown_client()
    return Attempt(grant, "client", _name(name), secret, scopes)


def _name(text: str) -> str:
    return text.strip().lower()[:_LONGEST_NAME]


def _scopes(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    wanted = frozenset(text.split())
    if not wanted <= SCOPES:
        raise Refused("invalid_scope", f"use some of: {' '.join(sorted(SCOPES))}")
    return wanted


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _unknown_client() from None
    return (unquote_plus(name), unquote_plus(secret)) if colon else None


def _unknown_client() -> Refused:
    challenge = {"WWW-Authenticate": 'Basic realm="shouwang", charset="UTF-8"'}
    return Refused("invalid_client", "the client is unknown or its secret is wrong", 401, challenge)


async def _authenticate(runtime: Any, attempt: Attempt) -> Account:
    """The account of a good attempt. The same answer and the same work for an unknown name, a wrong secret, a closed account."""
    async with runtime.database.reading() as db:
        failures, last, now = await accounts.login_failures(db, attempt.name)
        account = await accounts.find_account(db, attempt.name)
    wait = (try_again_at(failures, last) - now).total_seconds()
    if wait > 0:
        # Attempts during the wait are not counted: an attacker cannot stretch it for the account's holder.
        seconds = {"Retry-After": str(int(wait) + 1)}
        raise Refused("slow_down", "too many failed attempts; wait a moment", 429, seconds)
    usable = account is not None and account.kind == attempt.kind and account.disabled_at is None
    stored = account.secret_hash if account is not None and usable else None
    fits = await runtime.resources["passwords"].check(stored, attempt.secret)
    if failures or not fits:
        async with runtime.database.transaction(_cause()) as tx:
            await accounts.record_login(tx, attempt.name, succeeded=fits)
    if account is None or not fits:
        log.info("login_refused", grant=attempt.grant, known=account is not None)
        if attempt.grant == "client_credentials":
            raise _unknown_client()
        raise Refused("invalid_grant", "the name or the password is wrong")
    log.info("login", grant=attempt.grant, account=account.name)
    return account


async def _token(runtime: Any, account: Account, scopes: frozenset[str] | None) -> dict[str, Any]:
    async with runtime.database.reading() as db:
        found = await runtime.resources["townships"].get(db, account.township)
    if found is None:
        raise Refused("invalid_grant", "the account's township is not loaded")
    if scopes is not None and not scopes <= set(account.scopes):
        raise Refused("invalid_scope", "the account may not have all of these scopes")
    content = claims(account, found[1], scopes)
    lifetime = runtime.resources["lifetimes"][account.kind]
    return {
        "access_token": runtime.resources["issuer"].issue(content, lifetime),
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": " ".join(content["scopes"]),
    }


def _cause() -> Cause:
    id_ = new_uuid7()
    return Cause(id_, str(id_), current_traceparent())


@router.get("/.well-known/jwks.json", summary="Keys to check tokens with")
async def jwks(runtime: RuntimeOf) -> Response:
    """The issuer's public keys. Keep them for five minutes; ask again when a token names an unknown key."""
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(runtime.resources["issuer"].jwks(), headers=headers, media_type="application/jwk-set+json")


@router.get("/.well-known/oauth-authorization-server", summary="Where and how to get tokens")
async def authorization_server(request: Request, runtime: RuntimeOf) -> Response:
    """RFC 8414 metadata."""
    base = runtime.settings.public_url or str(request.base_url).rstrip("/")
    document = {
        "issuer": runtime.resources["issuer"].name,
        "token_endpoint": f"{base}/oauth/token",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": list(_GRANTS),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": [],
    }
    return Response(orjson.dumps(document), media_type="application/json")
