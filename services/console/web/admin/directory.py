"""The township's structure as the directory has it: villages, units, people with their posts, and what is missing."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.console.web.admin.frame import everything, show
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)


@router.get("/admin/directory")
async def show_directory(
    page: Annotated[Page, page_of("admin.open")], unit: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Villages, units and staff; with `unit` the staff of one unit."""
    areas = (await page.get("directory", "/api/v1/areas")).must()
    units = (await page.get("directory", "/api/v1/organisations")).must()["items"]
    alerts = (await page.get("directory", "/api/v1/alerts")).must()["items"]
    people = await everything(page, "directory", "/api/v1/staff", organisation=unit or None)
    content = {"areas": areas, "units": units, "alerts": alerts, "people": people, "unit": unit}
    return show(page, "directory.html", {**content, "names": await names_for(page)})
