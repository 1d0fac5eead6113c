"""Who looked into which files: break-glass readings to judge, and the access log of a case with its proof."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from services.console.owners import Answer
from services.console.web.admin.frame import Done, _, everything, show, typed_in
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Auditor = Annotated[Page, page_of("audit.read")]
State = Literal["open", "justified", "unjustified"]
STATES = {"open": _("待审查"), "justified": _("理由成立"), "unjustified": _("理由不成立")}
GRANT_STATES = {"requested": _("待决定"), "granted": _("已授权"), "refused": _("未同意")}


@router.get("/admin/audit")
async def show_audit(
    page: Auditor, case: Annotated[str, Query(max_length=40)] = "", state: State = "open", done: Done = ""
) -> Response:
    """The reviews of a state; with `case` also that case's log and grants."""
    return await _audit(page, case.strip(), state, done=done)


@router.post("/admin/audit/{case}/reviews/{review_id}")
async def judge_reading(page: Auditor, case: str, review_id: str, request: Request) -> Response:
    """Judge a break-glass reading."""
    form = await typed_in(request)
    path = f"/api/v1/cases/{case}/access-reviews/{review_id}/actions/decide"
    answer = await page.send("intake", path, {"outcome": form.get("outcome", "")}, key=form.get("key"))
    return page.go("/admin/audit?done=decided") if answer.ok else await _audit(page, "", "open", answer)


@router.post("/admin/audit/{case}/grants/{grant_id}")
async def answer_request(page: Auditor, case: str, grant_id: str, request: Request) -> Response:
    """Grant or refuse somebody's request for secret fields."""
    form = await typed_in(request)
    path = f"/api/v1/cases/{case}/grants/{grant_id}/actions/decide"
    body = {
        "granted": form.get("granted") == "yes",
        "hours": int(form["hours"]) if form.get("hours", "").isdigit() else 72,
    }
    answer = await page.send("intake", path, body, key=form.get("key"))
    if answer.ok:
        return page.go(f"/admin/audit?case={case}&done=decided")
    return await _audit(page, case, "open", answer)


async def _audit(page: Page, case: str, state: State, refusal: Answer | None = None, done: str = "") -> Response:
    reviews = await everything(page, "intake", "/api/v1/cases/access-reviews", state=state)
    log = grants = None
    if case:
        path = f"/api/v1/cases/{quote(case, safe='')}"
        log, grants = (
            await page.get("intake", f"{path}/access-log"),
            await page.get("intake", f"{path}/grants", limit=200),
        )
    content = {
        "case": case,
        "state": state,
        "states": STATES,
        "grant_states": GRANT_STATES,
        "reviews": reviews,
        "log": log.body if log and log.ok else None,
        "grants": grants.body["items"] if grants and grants.ok else None,
        "judges": "civil_affairs_supervisor" in page.subject.posts,
        "names": await names_for(page),
    }
    refused = refusal or next((one for one in (log, grants) if one is not None and not one.ok), None)
    return show(page, "audit.html", content, refusal=refused, done=done)
