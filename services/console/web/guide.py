"""Help at one fixed place: the keys, the colours, and where to find what."""

from typing import Annotated

from fastapi import APIRouter, Response

from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)


@router.get("/help")
async def help_page(page: Annotated[Page, page_of("inbox.read")]) -> Response:
    """The help page."""
    return page.show("help.html")
