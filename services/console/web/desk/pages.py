"""The desk: one call at a time in three columns, drafts as tabs, sending after four facts, amendments after that."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from chassis.clock import new_uuid7
from contracts.policy import Policy
from services.console.owners import Answer
from services.console.web.desk import drafts, hints, questions
from services.console.web.desk.drafts import Draft
from services.console.web.desk.places import places_of
from services.console.web.desk.typed import UNKNOWN, Typed
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import newest_policy, policy_now

router = APIRouter(include_in_schema=False)
Operator = Annotated[Page, page_of("contact.list")]
Number = Annotated[str, Query(max_length=40)]
LEVELS = ("red", "orange", "yellow", "blue")
DERIVED = frozenset({"B1"})
"""Factors that follow from a fact asked elsewhere on the form."""


@router.get("/desk")
async def show_desk(page: Operator, draft: UUID | None = None, done: Number = "") -> Response:
    """The call of that draft; without one the latest, or an empty form."""
    known = await drafts.drafts_of(page)
    chosen = next((one for one in known if one.id == draft), None)
    if chosen is None:
        chosen = known[-1] if known and draft is None else Draft(draft or new_uuid7())
    return await _desk(page, chosen, known, done=done)


@router.post("/desk/new")
async def begin_call(page: Operator) -> Response:
    """A new call: its time runs from now."""
    return page.go(f"/desk?draft={(await drafts.keep(page, Draft(new_uuid7()))).id}")


@router.post("/desk/{draft_id}/draft")
async def save_draft(page: Operator, draft_id: UUID, request: Request) -> Response:
    """Keep what is typed; says when it was kept."""
    draft, form = await drafts.draft_of(page, draft_id), await request.form()
    # What a page still shows of a report that was sent meanwhile is no draft of an amendment to it.
    if (form.get("mode") == "amendment") == (draft.sent is not None):
        draft.typed = Typed.of(form.multi_items())
        await drafts.keep(page, draft)
    return page.show("desk_parts.html", {"saved_at": draft.saved_at}, block="saved")


@router.post("/desk/{draft_id}/assess")
async def assess(page: Operator, draft_id: UUID, request: Request) -> Response:
    """Level and recipients for what is typed so far, with reasons, before anything is sent."""
    typed = await _typed(request)
    content = {
        "assessed": await hints.assessed(page, typed, policy_now(page)),
        "names": await names_for(page),
        "card": questions.card_for(typed.many("concerns")),
        "wish": typed.one("wish"),
        "draft_id": draft_id,
    }
    return page.show("desk_parts.html", content, block="assessed_part")


@router.post("/desk/{draft_id}/similar")
async def look_for(page: Operator, draft_id: UUID, request: Request) -> Response:
    """Who this child may be."""
    typed = await _typed(request)
    content = {"similar": await hints.similar(page, typed), "typed": typed, "names": await names_for(page)}
    return page.show("desk_parts.html", content | {"draft_id": draft_id}, block="similar_part")


@router.post("/desk/{draft_id}/dispatch")
async def dispatch(page: Operator, draft_id: UUID, request: Request) -> Response:
    """Send the report. The draft's id is the key: sent twice, it is one report. Refused, the form stays as it is."""
    draft = await drafts.draft_of(page, draft_id)
    if draft.sent is not None:
        return page.go(f"/desk?draft={draft_id}")
    draft.typed = await _typed(request)
    if not draft.typed.enough:
        return await _refused(page, draft, None)
    await drafts.keep(page, draft)
    policy, received = policy_now(page), draft.started_at or page.now
    answer = await page.send("intake", "/api/v1/reports", draft.typed.report(policy, received), key=str(draft_id))
    if not answer.ok:
        return await _refused(page, draft, answer)
    draft.sent = _receipt(answer.body) | {"wish": draft.typed.one("wish"), "anonymous": draft.typed.one("anonymous")}
    draft.typed = draft.typed.without_words()
    draft.sent["said"] = draft.typed.values
    await drafts.keep(page, draft)
    return page.go(f"/desk?draft={draft_id}")


@router.post("/desk/{draft_id}/amend")
async def amend(page: Operator, draft_id: UUID, request: Request) -> Response:
    """Send what became known since; every department with a part in the case hears of it."""
    draft = await drafts.draft_of(page, draft_id)
    if draft.sent is None:
        return page.go(f"/desk?draft={draft_id}")
    draft.typed = await _typed(request)
    body = draft.typed.amendment(Typed(draft.sent["said"]), policy_now(page))
    if not body:
        return page.go(f"/desk?draft={draft_id}")
    await drafts.keep(page, draft)
    path = f"/api/v1/reports/{draft.sent['report_id']}/amendments"
    answer = await page.send("intake", path, body, key=draft.sent["next_key"])
    if not answer.ok:
        return await _refused(page, draft, answer)
    draft.typed = draft.typed.without_words()
    draft.sent |= {"said": draft.typed.values, "next_key": str(new_uuid7()), "amended_at": page.now.isoformat()}
    await drafts.keep(page, draft)
    return page.go(f"/desk?draft={draft_id}")


@router.post("/desk/{draft_id}/raise")
async def raise_level(page: Operator, draft_id: UUID, request: Request) -> Response:
    """Raise the level of the case that was just opened, with its ground (policy `manual_change`)."""
    draft, form = await drafts.draft_of(page, draft_id), await _typed(request)
    if draft.sent is None or not draft.sent["case_id"]:
        return page.go(f"/desk?draft={draft_id}")
    case = draft.sent["case_id"]
    note = {"kind": "other", "text": form.one("reason")}
    laid_down = await page.send("intake", f"/api/v1/cases/{case}/notes", note, key=f"{draft_id}-raise-note")
    if not laid_down.ok:
        return await _refused(page, draft, laid_down)
    standing = await page.get("risk_scoring", f"/api/v1/assessments/cases/{case}")
    body = {"to": form.one("to"), "evidence": form.one("evidence"), "reason_note_id": laid_down.body["note_id"]}
    answer = await page.send("risk_scoring", f"/api/v1/assessments/cases/{case}/raise", body, version=standing.version)
    if not answer.ok:
        return await _refused(page, draft, answer)
    draft.sent |= {"wish": "", "raised": form.one("to")}
    await drafts.keep(page, draft)
    return page.go(f"/desk?draft={draft_id}")


@router.post("/desk/{draft_id}/discard")
async def discard(page: Operator, draft_id: UUID) -> Response:
    """The call is over, or was begun by mistake."""
    await drafts.discard(page, draft_id)
    return page.go("/desk")


@router.get("/desk/{draft_id}/progress")
async def show_progress(page: Operator, draft_id: UUID) -> Response:
    """What became of the report: who has it, who has signed, what runs."""
    draft = await drafts.draft_of(page, draft_id)
    case = (draft.sent or {}).get("case_id")
    answer = await page.get("dispatch", f"/api/v1/responses/{case}") if case else Answer(404, None)
    # Until dispatch has heard of the report, the part asks again by itself; without a case there is nothing to wait for.
    again = draft_id if case else None
    content = {"response": answer.body if answer.ok else None, "names": await names_for(page), "draft_id": again}
    return page.show("desk_parts.html", content, block="progress")


# Making the page -----------------------------------------------------------------------------------------------------


async def _typed(request: Request) -> Typed:
    return Typed.of((await request.form()).multi_items())


def _receipt(reply: dict[str, Any]) -> dict[str, Any]:
    """What the desk keeps of a receipt."""
    kept = ("report_id", "report_number", "receipt_code", "disposition", "case_id", "case_number", "response_no")
    return {name: reply.get(name) for name in kept} | {
        "children": reply["children"],
        "duplicates": reply["possible_duplicates"],
        "recognised": reply["recognised"],
        "next_key": str(new_uuid7()),
        "amended_at": None,
        "raised": "",
    }


async def _refused(page: Page, draft: Draft, answer: Answer | None) -> Response:
    """The refusal above the form; the form keeps what was typed, in the browser and in the draft."""
    if page.fragment:
        return page.show("desk_parts.html", {"refusal": answer, "typed": draft.typed}, block="refused")
    status = 422 if answer is None else answer.status
    return await _desk(page, draft, await drafts.drafts_of(page), refused=True, refusal=answer, status=status)


async def _desk(
    page: Page,
    draft: Draft,
    known: list[Draft],
    *,
    refused: bool = False,
    refusal: Answer | None = None,
    done: str = "",
    status: int = 200,
) -> Response:
    policy, names = policy_now(page), await names_for(page)
    assessed, similar = await hints.both(page, draft.typed, policy)
    typed = draft.typed if draft.typed.values else replace(draft.typed, values=_beginning())
    content = {
        "draft": draft,
        "draft_id": draft.id,
        "tabs": known if any(one.id == draft.id for one in known) else [*known, draft],
        "typed": typed,
        "sent": draft.sent,
        "assessed": assessed,
        "similar": similar,
        "card": questions.card_for(typed.many("concerns")),
        "wish": typed.one("wish"),
        "saved_at": draft.saved_at,
        "done": done,
        "refused": refused,
        "refusal": refusal,
        "names": names,
        "places": places_of(names),
        **_script(policy),
        "levels": LEVELS,
        "evidence": [(rule.id, rule.to) for rule in (*policy.risk.overrides, *policy.risk.floors)],
        "key": str(new_uuid7()),
    }
    return page.show("desk.html", content, status=status)


def _beginning() -> dict[str, list[str]]:
    return {"channel": ["hotline_a"], "reporter_kind": [UNKNOWN]}


def _script(policy: Policy) -> dict[str, Any]:
    worded = newest_policy()
    return {
        "questions": questions.QUESTIONS,
        "greeting": questions.GREETING,
        "calming": questions.CALMING,
        "do_not_ask": questions.DO_NOT_ASK,
        "more_facts": questions.MORE_FACTS,
        "concerns": questions.numbered(policy),
        "overrides": [rule.id for rule in policy.risk.overrides],
        "factors": [
            (factor.code, [option.code for option in factor.options])
            for factor in policy.risk.factors
            if factor.code not in DERIVED
        ],
        "channels": [one.code for one in worded.channels],
        "reporter_kinds": [one.code for one in worded.reporter_kinds],
    }
