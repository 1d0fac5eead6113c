"""The department's inbox: its queue by what is to be done, and one referral with everything that can be done to it."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from chassis.clock import new_uuid7
from contracts.policy import load_calendar
from services.console.owners import Answer
from services.console.web.acts import ACTS, Act, body_of
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import newest_policy

router = APIRouter(include_in_schema=False)
Tab = Literal["todo", "issued", "acknowledged", "overdue", "returning", "completed"]
TABS: dict[str, dict[str, Any]] = {
    "todo": {},
    "issued": {"state": "issued"},
    "acknowledged": {"state": "acknowledged"},
    "overdue": {"overdue": True},
    "returning": {"state": "returning"},
    "completed": {"state": "completed"},
}
"""What each tab asks dispatch for."""
Reader = Annotated[Page, page_of("referral.list")]
CONFLICTS = frozenset({409, 412})
Code = Annotated[str, Query(max_length=40)]


@router.get("/inbox")
async def show_inbox(
    page: Reader,
    tab: Tab = "todo",
    level: Code = "",
    village: Code = "",
    role: Code = "",
    unit: Literal["", "all"] = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The queue. With `cursor` only the further rows, with htmx only the list. `unit=all`: every unit one may see."""
    asked = {"level": level, "village": village, "role": role, "unit": unit}
    wanted = {**TABS[tab], "level": level, "village": village, "role": role}
    own = None if unit == "all" else page.subject.organisation
    answer = await page.get("dispatch", "/api/v1/referrals", **wanted, organisation=own, cursor=cursor, limit=50)
    body = answer.must()
    kept = {name: value for name, value in {"tab": tab, **asked}.items() if value}
    content = {
        "tab": tab,
        "tabs": tuple(TABS),
        "asked": asked,
        "rows": body["items"],
        "cursor": body["next_cursor"],
        "address": f"/inbox?{urlencode(kept)}",
        "names": await names_for(page),
        "key": str(new_uuid7()),
        "filtered": any(asked.values()),
    }
    block = "more_rows" if cursor else "list" if page.fragment else None
    return page.show("inbox.html", content, block=block)


@router.get("/inbox/{referral_id}")
async def show_referral(page: Reader, referral_id: str, act: Code = "") -> Response:
    """One referral: what it is, what to do by when, what happened, and the acts that are open."""
    return await _referral(page, referral_id, chosen=act)


@router.get("/inbox/explain/{deadline_id}")
async def explain(page: Annotated[Page, page_of("deadline.list")], deadline_id: str) -> Response:
    """Why a clock is due when it is: rule, start, days counted, everything that moved it, and who hears of it when."""
    explained = (await page.get("dispatch", f"/api/v1/deadlines/{deadline_id}/explanation")).must()
    content = {"explained": explained, "names": await names_for(page)}
    return page.show("explanation.html", content, block="main" if page.fragment else None)


@router.post("/inbox/{referral_id}/acts/{code}")
async def do(page: Reader, referral_id: str, code: str, request: Request) -> Response:
    """Carry out an act. What stands in its way is shown above the form, and the form keeps what was typed."""
    act = ACTS.get(code)
    if act is None:
        return page.go(f"/inbox/{referral_id}")
    form = {name: str(value) for name, value in (await request.form()).items()}
    answer = await _carry_out(page, referral_id, act, form)
    if answer.ok:
        return page.go(f"/inbox/{referral_id}" if form.get("back") != "list" else "/inbox")
    return await _referral(page, referral_id, chosen=code, typed=form, refusal=answer)


async def _carry_out(page: Page, referral_id: str, act: Act, form: dict[str, str]) -> Answer:
    local = load_calendar().zone
    body = body_of(act, form, page.now.astimezone(local).strftime("%z")[:3] + ":00")
    key = form.get("key") or str(new_uuid7())
    text = form.get("note_text", "").strip()
    if act.note and text:
        note = {"kind": act.note, "text": text}
        case = form.get("case_id", "")
        laid_down = await page.send("intake", f"/api/v1/cases/{case}/notes", note, key=f"{key}-note")
        if not laid_down.ok:
            return laid_down
        body["note_id"] = laid_down.body["note_id"]
    version = int(form["version"]) if form.get("version", "").isdigit() else None
    path = f"/api/v1/referrals/{referral_id}/actions/{act.code}"
    return await page.send("dispatch", path, body, version=version, key=key)


async def _referral(
    page: Page,
    referral_id: str,
    *,
    chosen: str = "",
    typed: dict[str, str] | None = None,
    refusal: Answer | None = None,
) -> Response:
    referral = (await page.get("dispatch", f"/api/v1/referrals/{referral_id}")).must()
    case = await page.get("intake", f"/api/v1/cases/{referral['case_id']}")
    timeline = await page.get("intake", f"/api/v1/cases/{referral['case_id']}/timeline", limit=100)
    clocks = await page.get("dispatch", f"/api/v1/responses/{referral['case_id']}")
    own = [
        clock
        for clock in (clocks.body["deadlines"] if clocks.ok else ())
        if clock.get("referral_id") == referral_id or clock.get("organisation") == referral["organisation"]
    ]
    local = page.now.astimezone(load_calendar().zone)
    content = {
        "referral": referral,
        "case": case.body if case.ok else None,
        "timeline": list(reversed(timeline.body["items"])) if timeline.ok else None,
        "clocks": own,
        "acts": [ACTS[code] for code in referral["available_actions"] if code in ACTS],
        "chosen": chosen,
        "typed": typed or {},
        "refusal": refusal,
        "moved_on": refusal is not None and refusal.status in CONFLICTS,
        "names": await names_for(page),
        "departments": [one.code for one in newest_policy().departments],
        "key": str(new_uuid7()),
        "local_now": local.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    # A refused act is answered with 200 to htmx, which would else not know that this is still the form's own page.
    status = 200 if refusal is None or page.fragment else refusal.status
    return page.show("referral.html", content, block="body" if page.fragment else None, status=status)
