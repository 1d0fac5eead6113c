"""The pages: session, owners, rendering, the live line, and one module per page."""

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from services.console.web import (
    admin,
    board,
    board_export,
    casefile,
    cases,
    desk,
    entrance,
    errors,
    finding,
    guide,
    inbox,
    live,
    registers,
    sheets,
    surveys,
    village,
)
from services.console.web.page import CONTENT_SECURITY
from services.console.web.rendering import STATIC

ROUTERS: tuple[APIRouter, ...] = (
    entrance.router,
    live.router,
    guide.router,
    board.router,
    board_export.router,
    desk.router,
    inbox.router,
    sheets.router,
    village.router,
    finding.router,
    casefile.router,
    cases.router,
    surveys.router,
    registers.router,
    *admin.ROUTERS,
)

BODY_CAPS = {surveys.UPLOAD: surveys.UPLOAD_BYTES}
"""Addresses that take more than a form."""

PUBLIC = frozenset({"/", "/login", "/ui/static"})
"""Asked by somebody who has not signed in yet."""


class Kept(StaticFiles):
    """Static files. Where the address names the content's version browsers keep them for ever; modules that modules
    import have no version in their address, so those are asked for again and answered with 304 while they are the same."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        """The file, to be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        # A shared worker keeps to the policy of its own file, not of the page that started it.
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY
        return response


def furnish(app: FastAPI) -> None:
    """Static files and problem pages."""
    app.mount("/ui/static", Kept(directory=STATIC), name="static")
    errors.install(app)
