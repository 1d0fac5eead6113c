"""Formal sheets as PDF: 转办单 (referral), 强制报告单 (mandated report), 办结单 (closing). Codes and times, no names.

The sheet goes into the paper file of a department; who must know the child's name writes it by hand.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typst
from fastapi import APIRouter, Response

from services.console.web.names import Names, names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import Wording, moment, translations

router = APIRouter(include_in_schema=False)
TEMPLATE = Path(__file__).parents[1] / "sheets" / "sheet.typ"


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is written."""
    return text


def _typeset(inputs: dict[str, str]) -> bytes:
    return bytes(typst.compile(str(TEMPLATE), format="pdf", sys_inputs=inputs))


class Sheet:
    """A sheet being made, in the reader's language."""

    def __init__(self, page: Page, title: str, number: str) -> None:
        self.say = translations(page.language).gettext
        self.word = Wording(page.language)
        mark = f"{page.subject.account} {moment(page.now)}"
        self.data: dict[str, Any] = {
            "title": self.say(title),
            "number": number,
            "language": page.language,
            "mark": mark,
            "facts": [],
            "sections": [],
            "signatures": [],
        }

    def facts(self, *pairs: tuple[str, Any]) -> None:
        """Lines of the head: a word and a value."""
        told = [[self.say(name), str(value or "—")] for name, value in pairs]
        if len(told) % 2:
            told.append(["", ""])
        self.data["facts"] += told

    def section(self, title: str, rows: Sequence[Sequence[Any]], head: Sequence[str] = ()) -> None:
        """A table, or without a head a list."""
        told = [[str(cell) for cell in row] for row in rows]
        words = [self.say(h) for h in head]
        self.data["sections"].append(
            {"title": self.say(title), "head": words, "rows": told, "empty": self.say(_("无"))}
        )

    def signatures(self, *who: str) -> None:
        """Who signs."""
        self.data["signatures"] = [self.say(one) for one in who]

    async def answer(self, name: str) -> Response:
        """The PDF. Made in a thread: setting type takes a third of a second."""
        inputs = {"data": orjson.dumps(self.data).decode()}
        content = await asyncio.to_thread(_typeset, inputs)
        headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)


def _concerns(sheet: Sheet, codes: Sequence[str] | None) -> str:
    return "、".join(sheet.word("concern", code) for code in codes) if codes else "—"


def _clocks(sheet: Sheet, clocks: Sequence[Any], names: Names) -> list[list[str]]:
    return [
        [
            sheet.word("step", clock["step"]),
            names.organisation(clock.get("organisation")) or sheet.word("tier", clock.get("tier")),
            moment(clock["due_at"]),
            moment(clock.get("ended_at")) or sheet.say(_("未完成")),
        ]
        for clock in clocks
    ]


CLOCK_HEAD = (_("环节"), _("单位"), _("应于"), _("完成"))


@router.get("/inbox/{referral_id}/sheet.pdf")
async def referral_sheet(page: Annotated[Page, page_of("referral.read")], referral_id: str) -> Response:
    """转办单: what a department is asked to do, by when."""
    referral = (await page.get("dispatch", f"/api/v1/referrals/{referral_id}")).must()
    response = await page.get("dispatch", f"/api/v1/responses/{referral['case_id']}")
    names = await names_for(page)
    sheet = Sheet(page, _("未成年人保护工单转办单"), referral["case_number"])
    sheet.facts(
        (_("承办单位"), names.organisation(referral["organisation"])),
        (_("角色"), sheet.word("role", referral["role"])),
        (_("等级"), sheet.word("level", referral["level"])),
        (_("地点"), names.area(referral["group"] or referral["village"])),
        (_("派发"), moment(referral["issued_at"])),
        (_("签收"), moment(referral["acknowledged_at"])),
        (_("事由"), _concerns(sheet, referral["concerns"])),
    )
    sheet.section(_("要做什么"), [[task[page.language]] for task in referral["tasks"]])
    own = [c for c in (response.body["deadlines"] if response.ok else ()) if c.get("referral_id") == referral_id]
    sheet.section(_("时限"), _clocks(sheet, own, names), CLOCK_HEAD)
    sheet.signatures(_("经办人"), _("负责人"), _("日期"))
    return await sheet.answer(f"{referral['case_number']}-referral")


@router.get("/cases/{case_id}/mandated-report.pdf")
async def mandated_report(page: Annotated[Page, page_of("case.read")], case_id: str) -> Response:
    """强制报告单: that somebody with a duty reported, when, and to whom it went (L-WBF 11)."""
    case = (await page.get("intake", f"/api/v1/cases/{case_id}")).must()
    response = (await page.get("dispatch", f"/api/v1/responses/{case_id}")).must()
    names = await names_for(page)
    sheet = Sheet(page, _("侵害未成年人案件强制报告单"), case["case_number"])
    sheet.facts(
        (_("等级"), sheet.word("level", response["level"])),
        (_("地点"), names.area(response["group"] or response["village"])),
        (_("接报"), moment(response["received_at"])),
        (_("派发"), moment(response["dispatched_at"])),
        (_("事由"), _concerns(sheet, response["concerns"])),
    )
    reports = [
        [
            moment(r["received_at"]),
            sheet.word("channel", r["channel"]),
            sheet.say(_("是")) if r.get("mandated") else sheet.say(_("否")),
        ]
        for r in case["reports"]
    ]
    sheet.section(_("报告"), reports, (_("时间"), _("渠道"), _("有报告义务")))
    sent = [
        [
            names.organisation(r["organisation"]),
            sheet.word("role", r["role"]),
            moment(r["issued_at"]),
            moment(r["acknowledged_at"]),
        ]
        for r in response["referrals"]
    ]
    sheet.section(_("转介"), sent, (_("单位"), _("角色"), _("派发"), _("签收")))
    sheet.signatures(_("报告单位"), _("接收单位"), _("日期"))
    return await sheet.answer(f"{case['case_number']}-mandated-report")


@router.get("/cases/{case_id}/closing-sheet.pdf")
async def closing_sheet(page: Annotated[Page, page_of("closure.read")], case_id: str) -> Response:
    """办结单: how the case ran and on which grounds it was closed."""
    case = (await page.get("intake", f"/api/v1/cases/{case_id}")).must()
    response = (await page.get("dispatch", f"/api/v1/responses/{case_id}")).must()
    closure = (await page.get("assistance", f"/api/v1/closures/{case_id}")).must()
    names = await names_for(page)
    sheet = Sheet(page, _("未成年人保护个案办结单"), case["case_number"])
    sheet.facts(
        (_("等级"), sheet.word("level", response["level"])),
        (_("地点"), names.area(response["group"] or response["village"])),
        (_("接报"), moment(response["received_at"])),
        (_("首次见到"), moment(response["first_contact_at"])),
        (_("安全确认"), moment(response["safety_confirmed_at"])),
        (_("销号"), moment(response["closed_at"])),
        (_("事由"), _concerns(sheet, response["concerns"])),
        (_("销号原因"), sheet.word("closure_reason", closure["reason"]["code"])),
    )
    parts = [
        [names.organisation(r["organisation"]), sheet.word("role", r["role"]), moment(r["completed_at"]) or "—"]
        for r in response["referrals"]
    ]
    sheet.section(_("转介"), parts, (_("单位"), _("角色"), _("办结")))
    sheet.section(_("时限"), _clocks(sheet, response["deadlines"], names), CLOCK_HEAD)
    sheet.signatures(_("提出人"), _("审批人"), _("日期"))
    return await sheet.answer(f"{case['case_number']}-closing")
