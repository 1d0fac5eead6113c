"""Policy versions side by side, what another one would have made of the past, and a dry run of the escalation."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from services.console.owners import Answer
from services.console.web.admin.frame import _, show
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import newest_policy

router = APIRouter(include_in_schema=False)
Reader = Annotated[Page, page_of("policy.what_if")]
Code = Annotated[str, Query(max_length=40)]
LEVELS = ("red", "orange", "yellow", "blue")
DIFFERENCES_SHOWN = 500
STAGES = {
    "dispatched": _("派单通知"),
    "warn_50": _("过半提醒"),
    "warn_80": _("临近到期提醒"),
    "breach": _("超时升级"),
    "second_breach": _("再次超时升级"),
    "page_next": _("呼叫下一位"),
}


@router.get("/admin/policies")
async def show_policies(
    page: Reader,
    old: Code = "",
    new: Code = "",
    version: Code = "",
    days: Annotated[int, Query(ge=1, le=730)] = 90,
) -> Response:
    """The versions; with `old` and `new` where they differ, with `version` who would change level under it."""
    versions = (await page.get("risk_scoring", "/api/v1/policies")).must()
    difference: Answer | None = None
    replay: Answer | None = None
    if old and new:
        difference = await page.get(
            "risk_scoring", f"/api/v1/policies/{quote(old, safe='')}/diff/{quote(new, safe='')}"
        )
    if version:
        body = {"policy_version": version, "since": (page.now - timedelta(days=days)).isoformat()}
        replay = await page.send("risk_scoring", "/api/v1/policies/what-if", body)
    content = {
        "versions": versions,
        "asked": {"old": old, "new": new, "version": version, "days": days},
        "difference": difference.body if difference and difference.ok else None,
        "differences_shown": DIFFERENCES_SHOWN,
        "replay": replay.body if replay and replay.ok else None,
    }
    refused = next((answer for answer in (difference, replay) if answer and not answer.ok), None)
    return show(page, "policies.html", content, refusal=refused)


@router.get("/admin/rehearsal")
async def show_rehearsal(
    page: Annotated[Page, page_of("escalation.rehearse")],
    case: Code = "",
    level: Code = "",
    concern: Annotated[list[Code] | None, Query(max_length=40)] = None,
    village: Code = "",
) -> Response:
    """Who would be told, when and of what, if nobody acted: of a running case, or of a report that nobody made."""
    told: Answer | None = None
    if case:
        found = await page.get("intake", f"/api/v1/cases/{quote(case, safe='')}")
        told = found if not found.ok else await _rehearse(page, {"case_id": found.body["case_id"]})
    elif level:
        told = await _rehearse(page, {"level": level, "concerns": concern or [], "village": village or None})
    content = {
        "asked": {"case": case, "level": level, "concerns": concern or [], "village": village},
        "levels": LEVELS,
        "stages": STAGES,
        "concerns": [one.code for one in newest_policy().concerns],
        "told": told.body if told and told.ok else None,
        "names": await names_for(page),
    }
    return show(page, "rehearsal.html", content, refusal=told if told and not told.ok else None)


async def _rehearse(page: Page, body: dict[str, Any]) -> Answer:
    return await page.send("dispatch", "/api/v1/rehearsals", body)
