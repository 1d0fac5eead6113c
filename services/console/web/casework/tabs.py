"""What each page of a case shows, and which forms are offered on it: as its owners answer, never decided here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.console.owners import Answer
from services.console.web.casework import care_forms, closing_forms, plan_forms, response_forms
from services.console.web.casework.form import Form, Offer, options
from services.console.web.casework.lacking import lacking
from services.console.web.names import Names, names_for
from services.console.web.page import Page

TAB_FORMS: Mapping[str, Mapping[str, Form]] = {
    "overview": {form.code: form for form in response_forms.FORMS},
    "plan": {form.code: form for form in plan_forms.FORMS},
    "visits": {form.code: form for form in care_forms.VISITS},
    "ladder": {form.code: form for form in care_forms.LADDER},
    "placement": {form.code: form for form in care_forms.PLACEMENT},
    "closure": {form.code: form for form in closing_forms.FORMS},
}
"""The acts of each page by code."""
LEVELS = ("blue", "yellow", "orange", "red")
Given = Mapping[str, Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A page's own content, and its offers: on the case as a whole under "", on one thing under the thing's id."""

    content: dict[str, Any]
    offers: dict[str, list[Offer]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A case as every page of it shows it: its head, its response (None where the reader sees none), the names."""

    case: Mapping[str, Any]
    response: Mapping[str, Any] | None
    names: Names
    closure_reason: str = "GOAL_MET"

    @property
    def case_id(self) -> str:
        """The case's id."""
        return str(self.case["case_id"])

    @property
    def children(self) -> list[tuple[str, str]]:
        """The children as choices; which is which stands in the file."""
        known = {child for one in self.referrals for child in one["children"]}
        return [(child, f"{index + 1} · {child[-4:]}") for index, child in enumerate(sorted(known))]

    @property
    def referrals(self) -> list[Any]:
        """The referrals the reader may see."""
        return list(self.response["referrals"]) if self.response else []

    @property
    def units(self) -> list[tuple[str, str]]:
        """The units with a task in the case."""
        known = dict.fromkeys(one["organisation"] for one in self.referrals if one["state"] != "ended")
        return [(code, self.names.organisation(code)) for code in known]


async def opened(page: Page, case: str, closure_reason: str = "GOAL_MET") -> Opened:
    """The case for this reader. Raises OwnerRefused where the case is none of theirs."""
    head = (await page.get("intake", f"/api/v1/cases/{case}")).must()
    response, names = await asyncio.gather(
        page.get("dispatch", f"/api/v1/responses/{head['case_id']}"), names_for(page)
    )
    return Opened(head, response.body if response.ok else None, names, closure_reason)


class _Offering:
    """Collects the offers of a page."""

    def __init__(self, tab: str) -> None:
        self.found: dict[str, list[Offer]] = {}
        self._forms = TAB_FORMS[tab]

    def add(self, codes: Iterable[str], it: str = "", version: int | None = None, given: Given | None = None) -> None:
        """Offer these, as far as there is a form for them."""
        for code in codes:
            if (form := self._forms.get(code)) is not None:
                self.found.setdefault(it, []).append(Offer(form, it, version, given or {}))


async def overview(page: Page, of: Opened) -> Shown:
    """Level with its reasons, clocks, referrals, and what is open about the response as a whole."""
    risk, supervisions, extensions = await asyncio.gather(
        page.get("risk_scoring", f"/api/v1/assessments/cases/{of.case_id}"),
        page.get("dispatch", "/api/v1/supervisions", open_only=True, limit=200),
        page.get("dispatch", "/api/v1/extensions", state="asked", limit=200),
    )
    assessment_id = risk.body["assessment_id"] if risk.ok else None
    assessment = await page.get("risk_scoring", f"/api/v1/assessments/{assessment_id}") if assessment_id else None
    watched = [one for one in _items(supervisions) if one["case_id"] == of.case_id]
    asked = [one for one in _items(extensions) if one["case_id"] == of.case_id]
    offers = _Offering("overview")
    _offer_levels(page, offers, risk)
    if of.case["state"] == "open" and of.response is not None:
        _offer_response(page, offers, of, watched, asked)
    if page.may("note.create"):
        offers.add(["note"])
    told = assessment.body if assessment is not None and assessment.ok else None
    content = {"risk": risk, "assessment": told, "supervisions": watched, "extensions": asked}
    return Shown(content, offers.found)


def _items(answer: Answer) -> list[Any]:
    return list(answer.body["items"]) if answer.ok else []


def _offer_levels(page: Page, offers: _Offering, risk: Answer) -> None:
    if not risk.ok:
        return
    words = dict(options("level", page.language))
    now = LEVELS.index(risk.body["level"]["code"])
    version = risk.body["version"]
    higher = [(code, words[code]) for code in reversed(LEVELS[now + 1 :])]
    lower = [(code, words[code]) for code in reversed(LEVELS[:now])]
    waiting = risk.body["lowering"]
    for code in risk.body["available_actions"]:
        it = waiting["proposal_id"] if waiting and code in {"approve_lowering", "decline_lowering"} else ""
        offers.add([code], it, version, {"to": higher if code == "raise" else lower})


def _offer_response(page: Page, offers: _Offering, of: Opened, watched: list[Any], asked: list[Any]) -> None:
    may, units = page.may, {"organisations": of.units}
    offers.add(
        [code for code, action in (("urge", "case.urge"), ("supervise", "supervision.order")) if may(action)],
        given=units,
    )
    offers.add(["add_referral"] if may("referral.add") else [])
    pause = (of.response or {}).get("pause")
    if pause is None or pause["state"] in {"declined", "ended"}:
        offers.add(["pause"] if may("response.propose_pause") else [])
    elif pause["state"] == "proposed":
        offers.add(["approve_pause", "decline_pause"] if may("response.pause") else [])
    else:
        offers.add(["resume"] if may("response.resume") else [])
    for one in watched:
        replies = [unit for unit in one["units"] if unit["organisation"] == page.subject.organisation]
        offers.add(["reply_supervision"] if replies and not replies[0]["replied_at"] else [], one["supervision_id"])
        offers.add(["lift_supervision"] if may("supervision.order") else [], one["supervision_id"])
    for one in asked:
        offers.add(["decide_extension"] if may("extension.decide") else [], one["extension_id"])
    for clock in (of.response or {}).get("deadlines", ()):
        own = clock["organisation"] == page.subject.organisation and clock["state"] == "running"
        offers.add(["extend"] if own and may("referral.ask_extension") else [], clock["deadline_id"])
    if may("report.amend") and of.case["reports"]:
        offers.add(["amend"], of.case["reports"][-1]["report_id"])


async def plan(page: Page, of: Opened) -> Shown:
    """Goals, measures with their acts, eligibility advice, conferences and money."""
    about = {"case_id": of.case_id}
    found, template, advice, conferences, money, lines = await asyncio.gather(
        page.get("assistance", f"/api/v1/plans/{of.case_id}"),
        page.get("assistance", f"/api/v1/plans/{of.case_id}/template"),
        page.get("assistance", "/api/v1/eligibility", **about),
        page.get("assistance", "/api/v1/conferences", **about, limit=50),
        page.get("assistance", "/api/v1/disbursements", limit=200),
        page.get("assistance", "/api/v1/budget-lines"),
    )
    offers = _Offering("plan")
    paid = [one for one in _items(money) if one["case_id"] == of.case_id]
    content: dict[str, Any] = {
        "plan": found,
        "template": template.body if template.ok else None,
        "advice": _items(advice),
        "conferences": _items(conferences),
        "money": paid,
    }
    if not found.ok:
        return Shown(content, offers.found)
    view = found.body
    acts = view["available_actions"]
    children = {"child_id": of.children}
    open_ = of.case["state"] == "open" and page.may("measure.request")
    signed = {"conference.attendees": of.units, "attendees": of.units}
    offers.add([code for code in acts if code == "agree"], version=view["version"], given=signed)
    offers.add(["request"] if open_ else [], given=children)
    for goal in view["goals"]:
        offers.add(
            ["review_goal"] if "review" in acts and goal["outcome"] == "open" else [], goal["goal_id"], view["version"]
        )
    for one in view["measures"]:
        parties = [(said["party"], said["party"]) for said in one["parties"] if not said["at"]]
        offers.add(one["available_actions"], one["measure_id"], one["version"], {"party": parties})
    _offer_conferences(page, offers, content["conferences"], signed, open_=open_)
    _offer_money(page, offers, view["measures"], paid, lines)
    return Shown(content, offers.found)


def _offer_conferences(page: Page, offers: _Offering, conferences: list[Any], signed: Given, *, open_: bool) -> None:
    offers.add(["call_conference"] if open_ and page.may("conference.record") else [])
    for one in conferences:
        codes = ["cancel_conference" if code == "cancel" else code for code in one["available_actions"]]
        offers.add(codes, one["conference_id"], one["version"], signed)


def _offer_money(page: Page, offers: _Offering, measures: list[Any], paid: list[Any], lines: Answer) -> None:
    running = [
        (m["measure_id"], m["measure"][page.language]) for m in measures if m["state"] in {"accepted", "granted"}
    ]
    if running and lines.ok and lines.body and page.may("disbursement.request"):
        budget = [(line["line_id"], f"{line['year']} {line['code']}") for line in lines.body]
        offers.add(["ask_money"], given={"measure_id": running, "line_id": budget})
    for one in paid:
        codes = [f"{code}_money" if code in {"refuse", "return"} else code for code in one["available_actions"]]
        offers.add(codes, one["disbursement_id"], one["version"])


async def visits(page: Page, of: Opened) -> Shown:
    """Visits owed and visits made."""
    planned, made = await asyncio.gather(
        page.get("assistance", "/api/v1/visits/planned", case_id=of.case_id, limit=100),
        page.get("assistance", "/api/v1/visits", case_id=of.case_id, limit=100),
    )
    offers = _Offering("visits")
    if of.case["state"] == "open" and page.may("visit.record"):
        mine = [one for one in _items(planned) if one["available_actions"]]
        given = [(one["planned_visit_id"], f"{one['post'][page.language]} {one['due_at'][:10]}") for one in mine]
        offers.add(["record", "fail"], given={"planned_visit_id": given})
    return Shown({"planned": planned, "made": made}, offers.found)


async def ladder(page: Page, of: Opened) -> Shown:
    """The guardian ladder: where each guardian stands, papers, checks."""
    found = await page.get("assistance", f"/api/v1/ladders/{of.case_id}")
    offers = _Offering("ladder")
    if found.ok:
        view, acts = found.body, set(found.body["available_actions"])
        version = view["version"]
        guardians = [(one["guardian_id"], one["guardian_id"][-4:]) for one in view["guardians"] if one["guardian_id"]]
        allowed = [(paper["code"], paper[page.language]) for one in view["guardians"] for paper in one["allowed"]]
        given = {"guardian_id": guardians, "present": of.units, "document": dict(allowed).items()}
        named = {"record_step": "step", "record_interview": "interview", "decide_review": "decide_review"}
        offers.add([form for act, form in named.items() if act in acts], version=version, given=given)
        for one in view["steps"]:
            lasting = one["state"] in {"in_force", "pending"}
            codes = ["check"] if "check_compliance" in acts else []
            codes += ["end_paper"] if "end_paper" in acts and lasting else []
            codes += ["session"] if "check_compliance" in acts and one["sessions_planned"] else []
            offers.add(codes, one["ladder_step_id"], version)
    return Shown({"ladder": found}, offers.found)


async def placement(page: Page, of: Opened) -> Shown:
    """Placements with what they still lack, and what follows from them."""
    found = await page.get("assistance", "/api/v1/placements", case_id=of.case_id)
    offers = _Offering("placement")
    if found.ok:
        view = found.body
        offers.add(view["available_actions"], version=view["version"], given={"child_ids": of.children})
        for one in view["placements"]:
            offers.add(one["available_actions"], one["placement_id"], view["version"])
        for one in view["follow_ups"]:
            open_ = one["done_at"] is None and page.may("placement.propose")
            offers.add(["follow_up"] if open_ else [], one["follow_up_id"], view["version"])
    return Shown({"placement": found, "children": dict(of.children)}, offers.found)


async def closure(page: Page, of: Opened) -> Shown:
    """The checklist for closing, the proposal and who agreed."""
    found = await page.get("assistance", f"/api/v1/closures/{of.case_id}", reason=of.closure_reason)
    offers = _Offering("closure")
    if found.ok:
        offers.add(found.body["available_actions"], version=found.body["version"])
    reasons = options("closure_reason", page.language)
    content = {"closure": found, "reason": of.closure_reason, "reasons": reasons, "lacking": lacking}
    return Shown(content, offers.found)


LOADERS: Mapping[str, Callable[[Page, Opened], Awaitable[Shown]]] = {
    "overview": overview,
    "plan": plan,
    "visits": visits,
    "ladder": ladder,
    "placement": placement,
    "closure": closure,
}
"""The pages with acts."""
