"""What stands in a roster's place for a while: holidays, leave, swaps."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response

from contracts.policy import load_calendar
from services.console.web.admin.frame import typed_in
from services.console.web.admin.rosters import people_of, roster_page
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Writer = Annotated[Page, page_of("roster.write")]


def moment_of(text: str) -> str:
    """A local moment of a form with its time zone; what is no moment is left for the owner to refuse."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=load_calendar().zone).isoformat()
    except ValueError:
        return text


@router.post("/admin/rosters/{roster}/overrides")
async def add_override(page: Writer, roster: str, request: Request) -> Response:
    """Put somebody else, or nobody, on duty for a while."""
    form = await typed_in(request)
    body = {
        "starts_at": moment_of(form.get("starts_at", "")),
        "ends_at": moment_of(form.get("ends_at", "")),
        "staff": people_of(form, "o"),
        "reason": form.get("reason", ""),
    }
    answer = await page.send("directory", f"/api/v1/rosters/{roster}/overrides", body, key=form.get("key"))
    if answer.ok:
        return page.go(f"/admin/rosters/{roster}?done=added")
    return await roster_page(page, roster, refusal=answer, typed=form)


@router.post("/admin/rosters/{roster}/overrides/{override_id}/remove")
async def remove_override(page: Writer, roster: str, override_id: str, request: Request) -> Response:
    """Take an override back."""
    form = await typed_in(request)
    path = f"/api/v1/rosters/{roster}/overrides/{override_id}"
    answer = await page.send("directory", path, method="DELETE", key=form.get("key"))
    if answer.ok:
        return page.go(f"/admin/rosters/{roster}?done=removed")
    return await roster_page(page, roster, refusal=answer)
