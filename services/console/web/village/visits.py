"""A planned visit: advice first, then what was found, or that nobody was seen."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from chassis.problem import not_found
from contracts.policy import load_calendar
from services.console.owners import Answer
from services.console.web.page import Page
from services.console.web.rendering import newest_policy
from services.console.web.village import words
from services.console.web.village.forms import (
    Reader,
    Refusal,
    done,
    key_of,
    lay_down,
    moment_of,
    refusal_of,
    refused,
    show,
    shown_form,
    text_of,
    unanswered,
    wants_receipt,
)

router = APIRouter()
CaseId = Annotated[str, Query(max_length=40)]


@router.get("/m/visits/{planned_visit_id}")
async def ask_visit(page: Reader, planned_visit_id: str, case_id: CaseId) -> Response:
    """A planned visit: advice first, then the visit or the failed attempt."""
    return await _visit(page, planned_visit_id, case_id, FormData(), None)


@router.post("/m/visits/{planned_visit_id}")
async def record_visit(page: Reader, request: Request, planned_visit_id: str) -> Response:
    """The child was seen."""
    form = await request.form()
    return await _record(page, planned_visit_id, form, "", ("visited_at", "heard", "satisfactory"))


@router.post("/m/visits/{planned_visit_id}/failed")
async def record_failure(page: Reader, request: Request, planned_visit_id: str) -> Response:
    """The child was not seen."""
    form = await request.form()
    return await _record(page, planned_visit_id, form, "/failures", ("attempted_at", "failure"))


async def _record(page: Page, planned: str, form: FormData, path: str, asked: tuple[str, ...]) -> Response:
    refusal = unanswered(page, form, *asked)
    if refusal is None:
        answer = await _lay_down_visit(page, planned, form, path)
        if answer.ok:
            return done(page, "/m?sent=1", page.now.astimezone(load_calendar().zone).strftime("%m-%d %H:%M"))
        refusal = refusal_of(page, answer)
    if wants_receipt(page):
        return refused(refusal)
    return await _visit(page, planned, text_of(form, "case_id"), form, refusal)


async def _lay_down_visit(page: Page, planned: str, form: FormData, path: str) -> Answer:
    case = text_of(form, "case_id")
    body: dict[str, Any] = {"case_id": case, "planned_visit_id": planned}
    if text_of(form, "note"):
        note = await lay_down(page, case, "visit", text_of(form, "note"), form)
        if not note.ok:
            return note
        body["note_id"] = note.body["note_id"]
    if path:
        body |= {"attempted_at": moment_of(form, "attempted_at"), "failure": text_of(form, "failure")}
    else:
        heard = text_of(form, "heard")
        body |= {
            "visited_at": moment_of(form, "visited_at"),
            "child_seen": True,
            "in_person": text_of(form, "remote") != "yes",
            "heard_alone": {words.HEARD_ALONE: True, words.UNDER_AGE: None}.get(heard, False),
            "satisfactory": text_of(form, "satisfactory") == "yes",
        }
        if body["heard_alone"] is False:
            body["not_heard_reason"] = heard
    return await page.send("assistance", f"/api/v1/visits{path}", body, key=key_of(form))


async def _visit(page: Page, planned: str, case_id: str, form: FormData, refusal: Refusal | None) -> Response:
    listed = (await page.get("assistance", "/api/v1/visits/planned", case_id=case_id, limit=200)).must()["items"]
    visit = next((one for one in listed if one["planned_visit_id"] == planned), None)
    if visit is None:
        raise not_found()
    reasons = newest_policy().visits.rules.not_heard_reasons
    said = [(reason.code, reason.label.zh if page.language == "zh" else reason.label.en) for reason in reasons]
    content = {
        "visit": visit,
        "advice": (*words.ALWAYS, *words.VISITING),
        "heard": words.HEARD,
        "reasons": said,
        "yes_no": words.YES_NO,
        "failures": words.FAILURES,
        "failed": "attempted_at" in form,
        **shown_form(page, form, refusal),
    }
    return await show(page, "m/visit.html", content, status=refusal.status if refusal else 200)
