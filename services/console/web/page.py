"""One page being made: who asked, what the owners say, and the answer as HTML."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from chassis.clock import new_uuid7
from contracts.access import Subject, may
from services.console.owners import Answer, Owners
from services.console.web.rendering import render
from services.console.web.session import Session, SignedIn, page_guard

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """What a route needs to answer with a page."""

    request: Request
    session: Session
    subject: Subject
    owners: Owners
    now: datetime

    @property
    def language(self) -> str:
        """`zh` or `en`."""
        return self.session.language

    @property
    def fragment(self) -> bool:
        """Did htmx ask for a part of the page rather than the browser for all of it?"""
        return self.request.headers.get("hx-request") == "true"

    async def get(self, owner: str, path: str, **parameters: Any) -> Answer:
        """Read from an owner with the person's own rights."""
        return await self.owners.ask(
            owner, "GET", path, token=self.session.token, language=self.language, parameters=parameters
        )

    async def send(
        self,
        owner: str,
        path: str,
        body: Any = None,
        *,
        method: str = "POST",
        version: int | None = None,
        key: str | None = None,
    ) -> Answer:
        """Give an owner a command. `key` makes a repeat harmless: forms carry one from the moment they are shown."""
        return await self.owners.ask(
            owner,
            method,
            path,
            token=self.session.token,
            language=self.language,
            body=body,
            version=version,
            key=key or str(new_uuid7()),
        )

    def may(self, action: str) -> bool:
        """Could this person ever do that? Decides what is offered; the owner decides what is done."""
        return may(self.subject, action)

    def show(
        self, template: str, content: Mapping[str, Any] | None = None, *, block: str | None = None, status: int = 200
    ) -> Response:
        """The page, or with `block` only that block of it."""
        html = render(template, self, dict(content or {}), block)
        headers = {"Content-Security-Policy": CONTENT_SECURITY, "X-Server-Now": self.now.isoformat()}
        return HTMLResponse(html, status, headers)

    def go(self, address: str) -> Response:
        """On to another page after a post, whether htmx or the browser sent it."""
        if self.fragment:
            return Response(status_code=204, headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)


def page_of(action: str) -> Any:
    """The marker for a route's page: `page: Annotated[Page, page_of("referral.list")]`; `action` guards it."""

    async def made(
        request: Request, subject: Annotated[Subject, page_guard(action)], session: Annotated[Session, SignedIn]
    ) -> Page:
        runtime = request.app.state.runtime
        return Page(request, session, subject, runtime.resources["owners"], await runtime.database.now())

    return Depends(made)
