"""Who sits at the browser: the session behind the cookie, the guard of every page, and the check against forged posts.

The cookie is 64 random bytes. The hash of its first half finds the session's row, its second half opens the access token
sealed in it: a copy of the table signs nobody in. The token itself never reaches the browser.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from chassis.auth import Guard
from chassis.problem import Problem, language
from contracts.access import Subject
from services.console.store import sessions

COOKIE = "sw_session"
LANGUAGE_COOKIE = "sw_language"
LANGUAGE_KEPT_SECONDS = 365 * 86400
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LANGUAGES = ("zh", "en")
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person: the token that speaks for them at the owning services, its end, and the forms' secret."""

    finder: bytes
    token: str
    csrf: str
    expires_at: datetime
    language: str


def _halves(cookie: str) -> tuple[bytes, bytes] | None:
    try:
        raw = bytes.fromhex(cookie)
    except ValueError:
        return None
    return (hashlib.sha256(raw[:32]).digest(), raw[32:]) if len(raw) == 64 else None


def sealed(token: str) -> tuple[str, bytes, bytes]:
    """A new session's cookie, finder and sealed token."""
    raw = secrets.token_bytes(64)
    nonce = secrets.token_bytes(_NONCE)
    box = nonce + AESGCM(raw[32:]).encrypt(nonce, token.encode(), None)
    return raw.hex(), hashlib.sha256(raw[:32]).digest(), box


def _csrf(key: bytes) -> str:
    return hmac.new(key, b"forms", hashlib.sha256).hexdigest()


async def session_of(request: HTTPConnection) -> Session | None:
    """The session of this request's cookie; None when there is none or it has ended. Asked once per request."""
    if hasattr(request.state, "session"):
        found: Session | None = request.state.session
        return found
    request.state.session = await _read(request)
    return await session_of(request)


async def _read(request: HTTPConnection) -> Session | None:
    halves = _halves(request.cookies.get(COOKIE, ""))
    if halves is None:
        return None
    finder, key = halves
    async with request.app.state.runtime.database.reading() as db:
        row = await sessions.find(db, finder)
    if row is None:
        return None
    box, expires_at, language = row
    try:
        token = AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], None).decode()
    except InvalidTag:
        return None
    return Session(finder, token, _csrf(key), expires_at, language)


class PageGuard(Guard):
    """The guard of a page: the token comes out of the session."""

    async def token(self, request: HTTPConnection) -> str | None:
        """The access token of the session, or None."""
        session = await session_of(request)
        return session.token if session else None


async def _refuse_forged(request: Request, session: Session) -> None:
    """Refuse a post that another site made the browser send: origin first, then the secret of the session's forms."""
    given = [request.headers.get(CSRF_HEADER, "")]
    if given[0] != session.csrf:  # a page that outlived its session may have renewed only one of the two places
        given.append(str((await request.form()).get(CSRF_FIELD, "")))
    if foreign(request) or not any(hmac.compare_digest(one.encode(), session.csrf.encode()) for one in given):
        title = "页面已过期，请刷新后再提交", "This page is out of date; reload it and send again"
        raise Problem(403, "form_expired", *title)


def foreign(request: Request) -> bool:
    """Did another site send this? Browsers say so themselves (Sec-Fetch-Site), older ones by Origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    host = request.headers.get("x-forwarded-host") or request.headers.get("host", "")
    return origin is not None and origin.partition("//")[2] != host


def language_of(request: HTTPConnection) -> str:
    """The language before anybody has signed in: the one chosen at this browser last, else what it asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else LANGUAGES[language(request)]


def page_guard(action: str) -> Any:
    """The marker for a page's subject: `subject: Annotated[Subject, page_guard("referral.list")]`."""
    return Depends(PageGuard(action))


async def _signed_in(request: Request) -> Session:
    """The session, once the guard has passed; a post must come from one of our own forms."""
    session = await session_of(request)
    if session is None:  # the guard of the same route has let nobody through without one
        raise RuntimeError("a page without a guard")
    if request.method not in SAFE_METHODS:
        await _refuse_forged(request, session)
    return session


SignedIn = Depends(_signed_in)


def give_cookie(response: Response, cookie: str, *, seconds: int, secure: bool) -> None:
    """Hand the browser its session."""
    response.set_cookie(COOKIE, cookie, max_age=seconds, httponly=True, secure=secure, samesite="lax", path="/")


def remember_language(response: Response, chosen: str, *, secure: bool) -> None:
    """Let the browser keep the language for the next time somebody signs in."""
    response.set_cookie(
        LANGUAGE_COOKIE,
        chosen,
        max_age=LANGUAGE_KEPT_SECONDS,
        httponly=True,
        secure=secure,
        samesite="lax",
        path="/",
    )


__all__ = [
    "COOKIE",
    "CSRF_FIELD",
    "CSRF_HEADER",
    "LANGUAGES",
    "Session",
    "SignedIn",
    "Subject",
    "foreign",
    "give_cookie",
    "language_of",
    "page_guard",
    "remember_language",
]
