"""What the own unit or grid has to do, and one referral: how to go about it, and the acts on it."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from chassis.clock import new_uuid7
from services.console.owners import Answer
from services.console.web.page import Page
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
AHEAD = timedelta(days=7)
"""Visits due within this time are shown; later ones would only bury the urgent."""
AT_ONCE = 20
STALE = 412
ON_SCENE = "on_scene_findings"
"""The signal of the policy (`risk.reassessment.triggers`) that an unsafe child on the scene gives."""


@router.get("/m")
async def show_tasks(page: Reader, cursor: Annotated[str, Query(max_length=500)] = "", sent: bool = False) -> Response:
    """What the own unit or grid owes, nearest clock first; with htmx's header only the list, for the refresh.
    `sent`: a form was just taken."""
    own = page.subject.organisation
    referrals = (await page.get("dispatch", "/api/v1/referrals", organisation=own, limit=AT_ONCE, cursor=cursor)).must()
    before = (page.now + AHEAD).isoformat()
    visits = await page.get("assistance", "/api/v1/visits/planned", due_before=before, limit=AT_ONCE)
    cards = [_referral_card(one) for one in referrals["items"]]
    if visits.ok and not cursor:
        cards += [_visit_card(one) for one in visits.body["items"] if one["available_actions"]]
    content = {
        "cards": sorted(cards, key=lambda card: (card["due"] is None, card["due"] or page.now)),
        "next_page": f"/m?cursor={quote(referrals['next_cursor'])}" if referrals["next_cursor"] else None,
        "visits_away": not visits.ok,
        "sent": sent,
        "key": str(new_uuid7()),
    }
    return await show(page, "m/tasks.html", content, block="list" if page.fragment else None)


def _referral_card(one: dict[str, Any]) -> dict[str, Any]:
    clock = one["next_deadline"]
    return {
        "referral": one,
        "id": one["referral_id"],
        "address": f"/m/tasks/{one['referral_id']}",
        "level": one["level"],
        "place": one["group"] or one["village"],
        "due": datetime.fromisoformat(clock["due_at"]) if clock else None,
        "over": bool(clock) and clock["state"] == "overdue",
    }


def _visit_card(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "referral": None,
        "id": one["planned_visit_id"],
        "address": f"/m/visits/{one['planned_visit_id']}?case_id={one['case_id']}",
        "level": one["level"]["code"],
        "place": one["group"] or one["village"],
        "due": datetime.fromisoformat(one["due_at"]),
        "over": one["overdue"],
        "sees": one["sees"],
    }


# A referral -----------------------------------------------------------------------------------------------------------


@router.get("/m/tasks/{referral_id}")
async def show_task(page: Reader, referral_id: str) -> Response:
    """One referral: how to go about it, whom to call, and what can be done now."""
    referral = await _referral(page, referral_id)
    content = {"referral": referral, "advice": words.advice(referral["concerns"]), "key": str(new_uuid7())}
    return await show(page, "m/task.html", content)


@router.post("/m/tasks/{referral_id}/acknowledge")
async def acknowledge(page: Reader, request: Request, referral_id: str) -> Response:
    """已收到."""
    form = await request.form()
    answer = await _act(page, referral_id, "acknowledge", {}, form)
    if answer.ok:
        return done(page, f"/m/tasks/{referral_id}", answer.body["case_number"])
    if wants_receipt(page):
        return refused(refusal_of(page, answer))
    answer.must()
    return page.go("/m")


@router.get("/m/tasks/{referral_id}/arrival")
async def ask_arrival(page: Reader, referral_id: str) -> Response:
    """The three questions on the scene."""
    return await _arrival(page, referral_id, FormData(), None)


@router.post("/m/tasks/{referral_id}/arrival")
async def report_arrival(page: Reader, request: Request, referral_id: str) -> Response:
    """到达现场. An unsafe child is signalled before anything else is recorded."""
    form = await request.form()
    referral = await _referral(page, referral_id)
    refusal = unanswered(page, form, "arrived_at", "child_seen", "safe")
    if refusal is None:
        answer = await _arrive(page, referral, form)
        if answer.ok:
            onward = f"/m/tasks/{referral_id}/unsafe" if form["safe"] == "no" else f"/m/tasks/{referral_id}"
            return done(page, onward, answer.body["case_number"])
        refusal = refusal_of(page, answer)
    return refused(refusal) if wants_receipt(page) else await _arrival(page, referral_id, form, refusal)


async def _arrive(page: Page, referral: dict[str, Any], form: FormData) -> Answer:
    case, at = referral["case_id"], moment_of(form, "arrived_at")
    text = f"{words.SAID.get(text_of(form, 'safe'), '')}{text_of(form, 'note')}"
    note = await lay_down(page, case, "arrival", text, form)
    if not note.ok:
        return note
    if form["safe"] == "no":
        signal = {"case_id": case, "kind": ON_SCENE, "at": at, "note_id": note.body["note_id"]}
        sent = await page.send("risk_scoring", "/api/v1/signals", signal, key=f"{key_of(form)}-signal")
        if not sent.ok:
            return sent
    body = {"arrived_at": at, "child_seen": form["child_seen"] == "yes", "note_id": note.body["note_id"]}
    return await _act(page, referral["referral_id"], "report-arrival", body, form)


@router.get("/m/tasks/{referral_id}/unsafe")
async def show_unsafe(page: Reader, referral_id: str) -> Response:
    """What to do now for a child who is not safe."""
    return await show(page, "m/unsafe.html", {"referral": await _referral(page, referral_id)})


async def _arrival(page: Page, referral_id: str, form: FormData, refusal: Refusal | None) -> Response:
    content = {
        "referral": await _referral(page, referral_id),
        "yes_no": words.YES_NO,
        "safe": words.SAFE,
        **shown_form(page, form, refusal),
    }
    return await show(page, "m/arrival.html", content, status=refusal.status if refusal else 200)


async def _referral(page: Page, referral_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await page.get("dispatch", f"/api/v1/referrals/{referral_id}")).must()
    return found


async def _act(page: Page, referral_id: str, act: str, body: dict[str, Any], form: FormData) -> Answer:
    """An act on a referral. It adds a fact and takes nothing away, so a colleague's change in between is no obstacle:
    the act is given once more against the new version."""
    path = f"/api/v1/referrals/{referral_id}/actions/{act}"
    version = text_of(form, "version")
    answer = await page.send(
        "dispatch", path, body, version=int(version) if version.isdigit() else None, key=key_of(form)
    )
    if answer.status != STALE:
        return answer
    newer = (await _referral(page, referral_id))["version"]
    return await page.send("dispatch", path, body, version=newer, key=key_of(form))
