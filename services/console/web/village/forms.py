"""What the village's forms share: the page around them, the key that makes a repeat harmless, and the two kinds of answer.

A browser is sent on to another page; the outbox, which asks for JSON, is given a receipt or the refusal.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData

from chassis.clock import monotonic, new_uuid7
from contracts.policy import load_calendar
from services.console.owners import Answer
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import translations
from services.console.web.village import words

Reader = Annotated[Page, page_of("referral.list")]
LARGE = "sw_size"
"""The cookie of the large letters: of this browser, like its window's size."""
DESK, DESK_SECONDS = "desk_phones", 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was not taken, in the reader's language."""

    status: int
    title: str
    details: tuple[str, ...] = ()


async def show(
    page: Page, template: str, content: dict[str, Any], *, block: str | None = None, status: int = 200
) -> Response:
    """A page with what every village page shows."""
    known = {
        "names": await names_for(page),
        "large": page.request.cookies.get(LARGE) == "large",
        "desk_phone": await _desk_phone(page),
    }
    return page.show(template, known | content, block=block, status=status)


async def _desk_phone(page: Page) -> str | None:
    """The telephone of the duty desk: the hotline's own. Kept a minute."""
    kept = page.request.app.state.runtime.resources.setdefault(DESK, {})
    township = page.subject.township
    if township not in kept or monotonic() - kept[township][0] > DESK_SECONDS:
        answer = await page.get("directory", "/api/v1/organisations")
        if not answer.ok:
            return kept[township][1] if township in kept else None
        found = next((unit["desk_phone"] for unit in answer.body["items"] if unit["kind"] == "hotline"), None)
        kept[township] = monotonic(), found
    phone: str | None = kept[township][1]
    return phone


def wants_receipt(page: Page) -> bool:
    """Is it the outbox that sends, which must hear whether it may forget the form?"""
    return "application/json" in page.request.headers.get("accept", "")


def done(page: Page, address: str, receipt: str) -> Response:
    """The owner has it: on to `address`, or the receipt for the outbox."""
    if wants_receipt(page):
        return JSONResponse({"receipt": receipt, "address": address})
    return page.go(address)


def refused(refusal: Refusal) -> Response:
    """A refusal for the outbox, which keeps the form."""
    return JSONResponse({"title": refusal.title, "details": refusal.details}, refusal.status)


def refusal_of(page: Page, answer: Answer) -> Refusal:
    """An owner's refusal in its own words; they are in the reader's language already."""
    body = answer.body if isinstance(answer.body, dict) else {}
    title = body.get("title") or _said(page, words.UNDELIVERED)
    return Refusal(answer.status, str(title), tuple(str(error["detail"]) for error in body.get("errors", ())))


def unanswered(page: Page, form: FormData, *names: str) -> Refusal | None:
    """The refusal of a form in which one of these questions was left out."""
    if all(text_of(form, name) for name in names):
        return None
    return Refusal(422, _said(page, words.UNANSWERED))


def _said(page: Page, text: str) -> str:
    return translations(page.language).gettext(text)


def shown_form(page: Page, form: FormData, refusal: Refusal | None) -> dict[str, Any]:
    """What every form starts with: what was typed, or now; and the key it keeps through every attempt."""
    return {
        "typed": {name: str(value) for name, value in form.items()},
        "refusal": refusal,
        "key": text_of(form, "key") or str(new_uuid7()),
        "local_now": page.now.astimezone(load_calendar().zone).strftime("%Y-%m-%dT%H:%M:%S"),
    }


async def lay_down(page: Page, case: str, kind: str, text: str, form: FormData) -> Answer:
    """Text is laid down in the vault first; the act carries its id."""
    body = {"kind": kind, "text": text}
    return await page.send("intake", f"/api/v1/cases/{case}/notes", body, key=f"{key_of(form)}-note")


def text_of(form: FormData, name: str) -> str:
    """One answer, without the blanks around it."""
    return str(form.get(name, "")).strip()


def key_of(form: FormData) -> str:
    """The key the form was shown with."""
    return text_of(form, "key") or str(new_uuid7())


def moment_of(form: FormData, name: str) -> str:
    """A local time of a form with its zone. Raises nothing: what is no time goes on as it is and the owner says so."""
    try:
        return datetime.fromisoformat(text_of(form, name)).replace(tzinfo=load_calendar().zone).isoformat()
    except ValueError:
        return text_of(form, name)
