"""Beside the reports: calls that open no case, further contact about one, call-backs that are due, hand-overs."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.clock import new_uuid7
from services.console.owners import Answer
from services.console.web.desk import drafts
from services.console.web.desk.typed import Typed
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import newest_policy

router = APIRouter(include_in_schema=False)
Operator = Annotated[Page, page_of("contact.list")]
Panel = Literal["contact", "follow_up", "callbacks", "transfers"]
KINDS = (
    "wrong_number", "nuisance", "consultation", "suggestion", "silent", "broken_off", "not_a_minor", "transferred",
)  # fmt: skip
"""Calls that open no case, by the digit that chooses them."""
ABOUT_CASE = frozenset({"silent", "broken_off", "transferred", "follow_up"})


@router.get("/desk/panels/{panel}")
async def show_panel(page: Operator, panel: Panel, draft: UUID | None = None) -> Response:
    """A panel over the desk."""
    return await _panel(page, panel, draft=draft)


@router.get("/desk/queue")
async def show_queue(page: Operator) -> Response:
    """How many call-backs and hand-overs wait."""
    callbacks = await page.get("intake", "/api/v1/callbacks", limit=50)
    transfers = await page.get("intake", "/api/v1/transfers", unfinished=True, limit=50)
    counts = {
        "callbacks": _counted(callbacks, lambda one: bool(one["overdue"])),
        "transfers": _counted(transfers, lambda one: bool(one["overdue"])),
    }
    return page.show("desk_parts.html", {"counts": counts}, block="queue")


@router.post("/desk/contacts")
async def record_contact(page: Operator, request: Request) -> Response:
    """A call that opens no case, or one more about a case. Kind and channel suffice; the draft it began as is over."""
    form = Typed.of((raw := await request.form()).multi_items())
    kind = form.one("kind")
    caller = {"kind": "unknown"} | ({"phone": form.one("phone")} if form.one("phone") else {})
    body = {"kind": kind, "channel": form.one("channel") or "hotline_a", "caller": caller}
    if kind in ABOUT_CASE and form.one("case"):
        body["case"] = form.one("case")
    if kind == "transferred" and form.one("receiver"):
        body["receiver"] = form.one("receiver")
    if form.one("narrative"):
        body["narrative"] = form.one("narrative")
    answer = await page.send("intake", "/api/v1/contacts", body, key=str(raw.get("key", "")) or None)
    if not answer.ok:
        panel: Panel = "follow_up" if kind == "follow_up" else "contact"
        return await _panel(page, panel, typed=form, refusal=answer)
    done, draft = f"/desk?done={answer.body['contact_number']}", form.one("draft")
    if kind == "follow_up" or not draft:
        return page.go(f"{done}&draft={draft}" if draft else done)
    await drafts.discard(page, UUID(draft))
    return page.go(done)


@router.post("/desk/callbacks/{callback_id}/{act}")
async def act_on_callback(
    page: Operator, callback_id: UUID, act: Literal["attempt", "settle", "number"], request: Request
) -> Response:
    """An attempt, the end of a call-back, or its number; reading the number is logged by its owner."""
    raw = await request.form()
    form, path = Typed.of(raw.multi_items()), f"/api/v1/callbacks/{callback_id}"
    if act == "number":
        answer = await page.get("intake", f"{path}/number")
        number = answer.body["number"] if answer.ok else None
        return await _panel(page, "callbacks", shown={str(callback_id): number}, refusal=None if answer.ok else answer)
    body: dict[str, Any] = {"reached": form.one("reached") == "yes"}
    if act == "settle":
        body = {"outcome": form.one("outcome")} | ({"report_id": form.one("report")} if form.one("report") else {})
    answer = await page.send(
        "intake", f"{path}/actions/{act}", body, version=_version(form), key=str(raw.get("key", "")) or None
    )
    return await _panel(page, "callbacks", typed=form, refusal=None if answer.ok else answer)


@router.post("/desk/transfers/{transfer_id}/{act}")
async def act_on_transfer(
    page: Operator, transfer_id: UUID, act: Literal["acknowledge", "refuse", "resend", "withdraw"], request: Request
) -> Response:
    """The receiver's answer to a hand-over, or the sender's next step."""
    raw = await request.form()
    form = Typed.of(raw.multi_items())
    asked = {"acknowledge": "receipt", "refuse": "reason", "resend": "receiver"}.get(act)
    body = {asked: form.one(asked)} if asked and form.one(asked) else {}
    path = f"/api/v1/transfers/{transfer_id}/actions/{act}"
    answer = await page.send("intake", path, body, version=_version(form), key=str(raw.get("key", "")) or None)
    return await _panel(page, "transfers", typed=form, refusal=None if answer.ok else answer)


def _version(form: Typed) -> int | None:
    return int(form.one("version")) if form.one("version").isdigit() else None


def _counted(answer: Answer, late: Callable[[dict[str, Any]], bool]) -> tuple[int, int] | None:
    """How many, and how many of them are late; None when the owner does not say."""
    if not answer.ok:
        return None
    items: Sequence[dict[str, Any]] = answer.body["items"]
    return len(items), sum(1 for one in items if late(one))


async def _panel(
    page: Page,
    panel: Panel,
    *,
    draft: UUID | None = None,
    typed: Typed | None = None,
    refusal: Answer | None = None,
    shown: dict[str, str | None] | None = None,
) -> Response:
    """A panel, with what was typed when something stood in its way."""
    policy, items = newest_policy(), None
    if panel == "callbacks":
        items = (await page.get("intake", "/api/v1/callbacks", limit=50)).must()["items"]
    elif panel == "transfers":
        items = (await page.get("intake", "/api/v1/transfers", unfinished=True, limit=50)).must()["items"]
    content = {
        "panel": panel,
        "draft_id": draft or (typed.one("draft") if typed else ""),
        "typed": typed or Typed(),
        "refusal": refusal,
        "kinds": KINDS,
        "receivers": [one.code for one in policy.contacts.transfer.receivers],
        "outcomes": [one.code for one in policy.contacts.callback.outcomes if not one.by_itself],
        "refusals": [(one.code, one.label) for one in policy.contacts.transfer.refusal_reasons],
        "items": items,
        "shown": shown or {},
        "names": await names_for(page),
        "key": str(new_uuid7()),
    }
    return page.show("desk_panels.html", content, block=None)
