"""上报: a report from the village, in plain words, and its receipt."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from services.console.web.names import Names, names_for
from services.console.web.page import Page
from services.console.web.village import words
from services.console.web.village.forms import (
    Reader,
    Refusal,
    done,
    key_of,
    refusal_of,
    refused,
    show,
    shown_form,
    text_of,
    unanswered,
    wants_receipt,
)

router = APIRouter()


@router.get("/m/report")
async def ask_report(page: Reader) -> Response:
    """上报."""
    return await _report(page, FormData(), None)


@router.post("/m/report")
async def send_report(page: Reader, request: Request) -> Response:
    """Hand the report to the desk's owner, who answers for the dispatch from then on."""
    form = await request.form()
    refusal = unanswered(page, form, "place", "danger", "phone")
    if refusal is None:
        body = _report_body(page, form, await names_for(page))
        answer = await page.send("intake", "/api/v1/reports", body, key=key_of(form))
        if answer.ok:
            return done(page, f"/m/report/{answer.body['report_id']}", answer.body["report_number"])
        refusal = refusal_of(page, answer)
    return refused(refusal) if wants_receipt(page) else await _report(page, form, refusal)


@router.get("/m/report/{report_id}")
async def show_receipt(page: Reader, report_id: str) -> Response:
    """The receipt of an own report."""
    report = (await page.get("intake", f"/api/v1/reports/{report_id}")).must()
    return await show(page, "m/receipt.html", {"report": report})


def _report_body(page: Page, form: FormData, names: Names) -> dict[str, Any]:
    concerns = [str(code) for code in form.getlist("concern")] or [words.UNCLEAR]
    age, danger = text_of(form, "age"), text_of(form, "danger")
    facts: dict[str, Any] = {"life_threatened": {"yes": True, "no": False}.get(danger, "unknown")}
    if age.isdigit():
        facts |= {"age": int(age), "age_estimated": True}
    body: dict[str, Any] = {
        "channel": "grid_app",
        "reporter": {
            "kind": "grid_member" if page.subject.grid_only else "village_worker",
            "name": names.person(page.subject.staff) or None,
            "phone": text_of(form, "phone"),
        },
        "place": _place(text_of(form, "place"), text_of(form, "landmark"), names),
        "child": {"name": text_of(form, "child_name") or None},
        "concerns": concerns,
        "facts": facts,
    }
    if text_of(form, "narrative"):
        body["narrative"] = text_of(form, "narrative")
    return body


def _place(code: str, landmark: str, names: Names) -> dict[str, Any]:
    """A group's code, a village's where the group is not known, or outside the township."""
    place: dict[str, Any] = {"landmark": landmark or None}
    if code == "outside":
        return place | {"outside": True}
    village = next((v for v, groups in names.groups.items() if code in {group for group, _label in groups}), None)
    return place | ({"village": code} if village is None else {"village": village, "group": code})


async def _report(page: Page, form: FormData, refusal: Refusal | None) -> Response:
    staff = page.subject.staff
    known = await page.get("directory", f"/api/v1/staff/{staff}") if staff and "phone" not in form else None
    own = known.body if known and known.ok and not known.body["phone_masked"] else {}
    content = {
        "concerns": words.CONCERNS,
        "chosen": {str(code) for code in form.getlist("concern")},
        "danger": words.DANGER,
        "phone": text_of(form, "phone") or own.get("phone") or "",
        "own_villages": page.subject.villages,
        "own_group": next(iter(page.subject.groups), "") if len(page.subject.groups) == 1 else "",
        **shown_form(page, form, refusal),
    }
    return await show(page, "m/report.html", content, status=refusal.status if refusal else 200)
