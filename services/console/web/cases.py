"""Cases: the list, one case page by page, its story, its family, and every act on it."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from chassis.clock import new_uuid7
from contracts.policy import load_calendar
from services.console.owners import Answer
from services.console.web.casework.form import Field, Form, Offer, Typed, body_of, options
from services.console.web.casework.tabs import LEVELS, LOADERS, TAB_FORMS, Opened, Shown, opened
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Page, page_of("case.read")]
Tab = Literal["overview", "plan", "visits", "ladder", "placement", "closure"]
Code = Annotated[str, Query(max_length=40)]
Cursor = Annotated[str, Query(max_length=500)]
CONFLICTS = frozenset({409, 412})
TABS: tuple[tuple[str, str], ...] = (
    ("overview", "case.read"),
    ("file", "file.read"),
    ("timeline", "case.timeline"),
    ("plan", "plan.read"),
    ("visits", "visit.read"),
    ("ladder", "ladder.read"),
    ("placement", "placement.read"),
    ("closure", "closure.read"),
    ("family", "person.read"),
    ("log", "audit.read"),
)
"""The pages of a case in their order, and the action that offers each."""
STORY_LENGTH = 200


@router.get("/cases")
async def show_cases(
    page: Annotated[Page, page_of("case.list")],
    state: Literal["", "open", "closed"] = "",
    level: Code = "",
    village: Code = "",
    since: Literal["", "today"] = "",
    cursor: Cursor = "",
) -> Response:
    """The cases one may know of, the latest change first. With `cursor` only the further rows."""
    asked = {"state": state, "level": level if level in LEVELS else "", "village": village, "since": since}
    zone = load_calendar().zone
    midnight = page.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = {name: asked[name] for name in ("state", "level", "village")}
    answer = await page.get(
        "intake",
        "/api/v1/cases",
        **wanted,
        updated_since=midnight.isoformat() if since else None,
        cursor=cursor,
        limit=50,
    )
    body = answer.must()
    kept = {name: value for name, value in asked.items() if value}
    content = {
        "asked": asked,
        "filtered": bool(kept),
        "rows": body["items"],
        "cursor": body["next_cursor"],
        "address": f"/cases?{urlencode(kept)}" if kept else "/cases",
        "levels": tuple(reversed(LEVELS)),
        "names": await names_for(page),
    }
    block = "more_rows" if cursor else "list" if page.fragment else None
    return page.show("cases.html", content, block=block)


@router.get("/cases/{case}")
async def show_case(page: Reader, case: str, act: Code = "") -> Response:
    """The overview of a case, by id or number."""
    return await show_work(page, case, "overview", chosen=act)


@router.get("/cases/{case}/story")
async def show_story(page: Reader, case: str) -> Response:
    """Only the story, newest first, for pages that carry it."""
    timeline = await page.get("intake", f"/api/v1/cases/{case}/timeline", limit=100)
    items = list(reversed(timeline.body["items"])) if timeline.ok else None
    return page.show("referral.html", {"timeline": items, "names": await names_for(page)}, block="story")


@router.get("/cases/{case}/timeline")
async def show_timeline(page: Reader, case: str, cursor: Cursor = "") -> Response:
    """What happened to the family's case, oldest first; what was written is read one by one, and logged."""
    of = await opened(page, case)
    found = await page.get("intake", f"/api/v1/cases/{of.case_id}/timeline", limit=STORY_LENGTH, cursor=cursor)
    return page.show("case/timeline.html", frame(page, of, "timeline") | {"found": found})


@router.get("/cases/{case}/family")
async def show_family(page: Reader, case: str) -> Response:
    """The household as far as this reader may know it. The reading is logged with its purpose."""
    of = await opened(page, case)
    found = await page.get("intake", f"/api/v1/families/{of.case['family_id']}", purpose="task")
    return page.show("case/family.html", frame(page, of, "family") | {"found": found})


@router.get("/cases/{case}/pages/{tab}")
async def show_tab(page: Reader, case: str, tab: Tab, act: Code = "", reason: Code = "GOAL_MET") -> Response:
    """One of the working pages: plan, visits, ladder, placement, closure."""
    return await show_work(page, case, tab, chosen=act, closure_reason=reason)


@router.post("/cases/{case}/pages/{tab}/{code}")
async def act_on_case(page: Reader, case: str, tab: Tab, code: str, request: Request) -> Response:
    """Carry out an act. What stands in its way is shown above the form, and the form keeps what was typed."""
    form = TAB_FORMS[tab].get(code)
    sent = await request.form()
    typed: Typed = {name: tuple(str(value) for value in sent.getlist(name)) for name in sent}
    if form is None:
        return page.go(address_of(case, tab))
    answer = await carry_out(page, case, form, typed)
    if answer.ok:
        return page.go(address_of(case, tab))
    it = first(typed, "it")
    return await show_work(page, case, tab, chosen=f"{code}-{it}" if it else code, typed=typed, refusal=answer)


def address_of(case: str, tab: str) -> str:
    """Where a page of a case is found."""
    own = {"overview": f"/cases/{case}"}
    return own.get(tab) or (f"/cases/{case}/pages/{tab}" if tab in TAB_FORMS else f"/cases/{case}/{tab}")


def first(typed: Typed, name: str) -> str:
    """The (only) value of a name of the form."""
    values = typed.get(name, ())
    return values[0] if values else ""


async def carry_out(page: Page, case: str, form: Form, typed: Typed) -> Answer:
    """Lay down the texts, then do it. The answer of the first owner that refuses, else of the act."""
    key = first(typed, "key") or str(new_uuid7())
    case_id = first(typed, "case_id") or case
    notes: dict[str, str] = {}
    for text in form.texts:
        written = first(typed, f"text.{text.name}").strip()
        if not written:
            continue
        body = {"kind": text.kind, "text": written}
        laid_down = await page.send("intake", f"/api/v1/cases/{case_id}/notes", body, key=f"{key}-{text.name}")
        if not laid_down.ok:
            return laid_down
        notes[text.name] = laid_down.body["note_id"]
    path = form.path.format(case=case_id, it=first(typed, "it"))
    version = first(typed, "version")
    body = body_of(form, typed, case_id, notes)
    return await page.send(form.owner, path, body, version=int(version) if version.isdigit() else None, key=key)


async def show_work(
    page: Page,
    case: str,
    tab: str,
    *,
    chosen: str = "",
    typed: Typed | None = None,
    refusal: Answer | None = None,
    closure_reason: str = "GOAL_MET",
) -> Response:
    """A working page of the case as it stands now, with the form that was refused if one was."""
    of = await opened(page, case, closure_reason)
    shown: Shown = await LOADERS[tab](page, of)
    content = frame(page, of, tab) | shown.content
    content |= {
        "offers": shown.offers,
        "chosen": chosen,
        "typed": typed or {},
        "refusal": refusal,
        "moved_on": refusal is not None and refusal.status in CONFLICTS,
    }
    # A refused act is answered with 200 to htmx, which would else not know that this is still the form's own page.
    status = 200 if refusal is None or page.fragment else refusal.status
    return page.show(f"case/{tab}.html", content, block="body" if page.fragment else None, status=status)


def frame(page: Page, of: Opened, tab: str) -> dict[str, Any]:
    """What every page of a case shows around its own content."""
    local = page.now.astimezone(load_calendar().zone)

    def choices(offer: Offer, one: Field) -> list[tuple[str, str]]:
        if one.name in offer.given:
            return list(offer.given[one.name])
        return options(one.source, page.language) if one.source else []

    return {
        "case": of.case,
        "response": of.response,
        "names": of.names,
        "tab": tab,
        "tabs": [(code, address_of(of.case_id, code)) for code, action in TABS if page.may(action)],
        "address": address_of(of.case_id, tab),
        "action": f"/cases/{of.case_id}/pages/{tab}",
        "choices": choices,
        "key": str(new_uuid7()),
        "local_now": local.strftime("%Y-%m-%dT%H:%M:%S"),
    }
