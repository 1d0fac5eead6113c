"""For those who connect another system: where the interfaces are described, and a first conversation with curl."""

from typing import Annotated

from fastapi import APIRouter, Response

from chassis.problem import TITLES
from services.console.web.admin.frame import show
from services.console.web.admin.index import SERVICES
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)


@router.get("/developers")
async def show_developers(page: Annotated[Page, page_of("session.own")]) -> Response:
    """Links, quick start and the codes of errors."""
    titles = {code: title[page.language != "zh"] for code, title in TITLES.items()}
    content = {"services": SERVICES, "titles": titles, "address": str(page.request.base_url).rstrip("/")}
    return show(page, "developers.html", content)
