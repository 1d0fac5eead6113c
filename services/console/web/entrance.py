"""Signing in and out, and staying signed in. The directory checks the password; the console keeps only a session."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from chassis.auth import InvalidToken
from chassis.clock import new_uuid7
from chassis.http import RuntimeOf
from chassis.log import current_traceparent
from chassis.transaction import Cause
from contracts.access import Subject
from services.console.store import sessions
from services.console.store.sessions import SessionRow
from services.console.web.navigation import home
from services.console.web.page import CONTENT_SECURITY, Page, page_of
from services.console.web.rendering import environment
from services.console.web.session import (
    COOKIE,
    LANGUAGES,
    foreign,
    give_cookie,
    language_of,
    remember_language,
    sealed,
    session_of,
)

router = APIRouter(include_in_schema=False)
REFUSALS = {
    400: "用户名或密码不对",
    429: "尝试次数过多，请稍等片刻再试",
    503: "登录服务暂时不可用，请稍后再试",
}


def _entrance(request: Request, status: int, refusal: str | None, onward: str) -> Response:
    language = language_of(request)
    template = environment(language).get_template("entrance.html")
    fragment = request.headers.get("hx-request") == "true"
    html = template.render(refusal=refusal, onward=onward, language=language, fragment=fragment)
    return HTMLResponse(html, status, {"Content-Security-Policy": CONTENT_SECURITY})


def _onward(address: str) -> str:
    """Only an address of ours is followed after signing in."""
    parts = urlsplit(address)
    inside = (
        not parts.scheme and not parts.netloc and parts.path.startswith("/") and not address.startswith(("//", "/\\"))
    )
    return address if inside else ""


@router.get("/login")
async def entrance(request: Request, onward: str = "", again: bool = False) -> Response:
    """The form; whoever is signed in already goes on, but for who signs in `again` before the session ends."""
    if not again and await session_of(request) is not None:
        return RedirectResponse(_onward(onward) or "/", 303)
    return _entrance(request, 200, None, _onward(onward))


@router.post("/login")
async def sign_in(
    request: Request,
    runtime: RuntimeOf,
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
    onward: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Check the password at the directory and begin a session."""
    if foreign(request):
        return _entrance(request, 403, REFUSALS[400], "")
    form = {"grant_type": "password", "username": username, "password": password}
    answer = await runtime.resources["owners"].ask("directory", "POST", "/oauth/token", form=form)
    if not answer.ok:
        return _entrance(request, answer.status, REFUSALS.get(answer.status, REFUSALS[503]), _onward(onward))
    claims = await request.app.state.verifier.verify(answer.body["access_token"])
    subject = Subject.from_claims(claims)
    cookie, finder, box = sealed(answer.body["access_token"])
    seconds = int(answer.body["expires_in"])
    before = await session_of(request)
    id_ = new_uuid7()
    async with runtime.database.transaction(Cause(id_, str(id_), current_traceparent())) as tx:
        row = SessionRow(
            finder=finder,
            sealed_token=box,
            account=subject.account,
            language=before.language if before else language_of(request),
            created_at=tx.now,
            expires_at=tx.now + timedelta(seconds=seconds),
        )
        await sessions.add(tx.db, row)
        await sessions.forget_expired(tx.db)
        if before:  # the cookie that opened it is gone
            await sessions.end(tx.db, before.finder)
    response: Response = RedirectResponse(_onward(onward) or home(subject), 303)
    if request.headers.get("hx-request") == "true":
        response = Response(status_code=204, headers={"HX-Trigger": "signed-in"})
    give_cookie(response, cookie, seconds=seconds, secure=runtime.settings.secure_cookies)
    return response


@router.post("/logout")
async def sign_out(page: Annotated[Page, page_of("inbox.read")], runtime: RuntimeOf) -> Response:
    """End the session here and in the table."""
    id_ = new_uuid7()
    async with runtime.database.transaction(Cause(id_, str(id_), current_traceparent())) as tx:
        await sessions.end(tx.db, page.session.finder)
    response = page.go("/login")
    response.delete_cookie(COOKIE, path="/")
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@router.post("/ui/language")
async def speak(
    page: Annotated[Page, page_of("inbox.read")],
    runtime: RuntimeOf,
    language: Annotated[str, Form()],
    back: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Change the language of the pages, for this session."""
    if language in LANGUAGES:
        id_ = new_uuid7()
        async with runtime.database.transaction(Cause(id_, str(id_), current_traceparent())) as tx:
            await sessions.speak(tx.db, page.session.finder, language)
    response = page.go(_onward(back) or "/")
    if language in LANGUAGES:
        remember_language(response, language, secure=runtime.settings.secure_cookies)
    return response


@router.get("/ui/session")
async def remaining(page: Annotated[Page, page_of("inbox.read")]) -> dict[str, object]:
    """How long the session still lasts, and what time it is here: pages warn before it ends and correct their clocks.

    A page that stayed open while its person signed in again takes the new secret of its forms from here.
    """
    return {
        "expires_at": page.session.expires_at,
        "server_now": page.now,
        "account": page.subject.account,
        "csrf": page.session.csrf,
    }


@router.get("/")
async def front(request: Request) -> Response:
    """To the place where this person's day begins."""
    session = await session_of(request)
    if session is None:
        return RedirectResponse("/login", 303)
    try:
        claims = await request.app.state.verifier.verify(session.token)
    except InvalidToken:  # it ran out between two looks at the clock, or its keys were withdrawn
        return RedirectResponse("/login", 303)
    return RedirectResponse(home(Subject.from_claims(claims)), 303)
