"""The file of a case: who the child is, masked until somebody says what the reading is for; who read it; permissions.

A shown value is part of the answer to a post, never of an address, and the page hides it again after a minute.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Response

from chassis.clock import new_uuid7
from services.console.owners import Answer
from services.console.web.cases import Reader, address_of, frame
from services.console.web.casework.tabs import opened
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Purpose = Literal["task", "emergency", "supervision", "feedback", "legal_request", "data_subject_request", "correction"]
Key = Annotated[str, Form(max_length=100)]


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


PURPOSES: Mapping[str, str] = {
    "task": _("办理任务"),
    "emergency": _("紧急处置"),
    "supervision": _("督导检查"),
    "feedback": _("反馈报告人"),
    "legal_request": _("依法调取"),
    "data_subject_request": _("本人或监护人查询"),
    "correction": _("更正信息"),
}
"""What a reading may be for."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    _("未成年人"): ("name", "sex", "birth_date", "id_number", "phone", "address", "school"),
    _("监护人"): ("guardian_name", "guardian_phone", "guardian_id_number"),
    _("地点"): ("location", "landmark", "outside_place"),
    _("健康"): ("health", "disability"),
    _("情况"): ("family_situation", "school_situation", "community_situation", "narrative"),
    _("其他"): ("offences", "drug_test", "bank", "payee"),
    _("报告人"): ("reporter_name", "reporter_phone", "reporter_contact"),
}
"""The fields as they are shown and asked for, group by group."""
FIELDS: Mapping[str, str] = {
    "name": _("姓名"),
    "sex": _("性别"),
    "birth_date": _("出生日期"),
    "id_number": _("身份证号"),
    "phone": _("电话"),
    "address": _("住址"),
    "school": _("学校班级"),
    "guardian_name": _("监护人姓名"),
    "guardian_phone": _("监护人电话"),
    "guardian_id_number": _("监护人身份证号"),
    "location": _("所在位置"),
    "landmark": _("附近标志"),
    "outside_place": _("辖区外地点"),
    "health": _("健康状况"),
    "disability": _("残疾情况"),
    "family_situation": _("家庭情况"),
    "school_situation": _("学校情况"),
    "community_situation": _("社区情况"),
    "narrative": _("报告内容"),
    "offences": _("违法情况"),
    "drug_test": _("毒品检测"),
    "bank": _("银行账号"),
    "payee": _("收款人"),
    "reporter_name": _("报告人姓名"),
    "reporter_phone": _("报告人电话"),
    "reporter_contact": _("报告人其他联系方式"),
}
HIDDEN: Mapping[str, str] = {
    "needs_grant": _("须经民政办负责人授权"),
    "reporter_confidential": _("报告人身份保密"),
    "restricted_case": _("限制知情范围"),
    "conflict_of_interest": _("本单位有利益冲突"),
    "operator_sight_over": _("接线员查看期限已过"),
    "not_needed_for_task": _("本任务不需要"),
    "informed_only": _("知会单位不可见"),
    "no_role_in_case": _("本单位在个案中没有任务"),
    "masked_only": _("只能看遮蔽信息"),
    "other_grid": _("不是您的网格"),
    "not_on_duty": _("当前不在值班"),
}
"""Why a field stays hidden, for the reader."""
GRANT_REASONS: tuple[tuple[str, str], ...] = (
    ("task", _("办理任务")),
    ("legal_request", _("依法调取")),
    ("supervision", _("督导检查")),
)
BREAK_GLASS: tuple[tuple[str, str], ...] = (
    ("child_in_danger", _("未成年人正处于危险中")),
    ("searching_for_child", _("正在寻找未成年人")),
    ("medical_emergency", _("急救需要")),
)
SECRETS: tuple[tuple[str, str], ...] = (
    ("reporter_identity", _("报告人身份")),
    ("narrative", _("报告内容（限制个案）")),
)


@router.get("/cases/{case}/file")
async def show_file(page: Annotated[Page, page_of("file.read")], case: str) -> Response:
    """The file with the child's name masked; everything else only when asked for."""
    return await _file(page, case)


@router.post("/cases/{case}/file")
async def reveal_file(
    page: Annotated[Page, page_of("file.read")],
    case: str,
    purpose: Annotated[Purpose, Form()],
    fields: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Show fields for a purpose. `reason` opens a RED file as break-glass, which a supervisor reviews afterwards."""
    names = [name for name in fields or () if name in FIELDS]
    answer = await page.get(
        "intake",
        f"/api/v1/cases/{case}/file",
        fields=",".join(names) or "name",
        purpose=purpose,
        reason=reason or None,
    )
    return await _file(page, case, asked=tuple(names), purpose=purpose, answer=answer)


async def _file(
    page: Page, case: str, *, asked: tuple[str, ...] = (), purpose: str = "", answer: Answer | None = None
) -> Response:
    of = await opened(page, case)
    looked, grants = await asyncio.gather(
        page.get("intake", f"/api/v1/cases/{of.case_id}/file", fields="name", purpose="task"),
        page.get("intake", f"/api/v1/cases/{of.case_id}/grants", limit=50),
    )
    shown: dict[str, list[Any]] = {}
    for one in answer.body["fields"] if answer is not None and answer.ok else ():
        shown.setdefault(one["field"], []).append(one)
    names = [one["value"] for one in looked.body["fields"] if one.get("value")] if looked.ok else []
    content = frame(page, of, "file") | {
        "masked_name": names[0] if names else None,
        "groups": GROUPS,
        "labels": FIELDS,
        "purposes": PURPOSES,
        "hidden_words": HIDDEN,
        "asked": asked,
        "purpose": purpose,
        "shown": shown,
        "refusal": answer if answer is not None and not answer.ok else None,
        "review_due_at": answer.body["review_due_at"] if answer is not None and answer.ok else None,
        "grants": grants.body["items"] if grants.ok else [],
        "grant_reasons": GRANT_REASONS,
        "secrets": SECRETS,
        "break_glass": BREAK_GLASS,
        "may_break_glass": of.case["level"] == "red",
    }
    status = 200 if answer is None or answer.ok or page.fragment else answer.status
    return page.show("case/file.html", content, block="body" if page.fragment else None, status=status)


@router.post("/cases/{case}/grants")
async def ask_grant(
    page: Annotated[Page, page_of("file.read")],
    case: str,
    key: Key,
    fields: Annotated[list[str], Form()],
    reason: Annotated[str, Form(max_length=40)],
) -> Response:
    """Ask for secret fields for oneself; a supervisor decides."""
    body = {"fields": fields, "reason": reason}
    (await page.send("intake", f"/api/v1/cases/{case}/grants", body, key=key)).must()
    return page.go(address_of(case, "file"))


@router.post("/cases/{case}/grants/{grant_id}")
async def decide_grant(
    page: Annotated[Page, page_of("audit.read")],
    case: str,
    grant_id: str,
    key: Key,
    granted: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    """Give or refuse the permission somebody asked for."""
    path = f"/api/v1/cases/{case}/grants/{grant_id}/actions/decide"
    (await page.send("intake", path, {"granted": granted == "yes"}, key=key)).must()
    return page.go(address_of(case, "file"))


@router.post("/cases/{case}/notes/{note_id}")
async def show_note(page: Reader, case: str, note_id: str, purpose: Annotated[Purpose, Form()] = "task") -> Response:
    """One text of the vault, in place of the button that asked for it; it hides itself again after a minute."""
    found = await page.get("intake", f"/api/v1/cases/{case}/notes/{note_id}", purpose=purpose)
    if page.fragment:
        return page.show("case/note.html", {"note": found}, block="text")
    of = await opened(page, case)
    return page.show("case/note.html", frame(page, of, "timeline") | {"note": found})


@router.get("/cases/{case}/log")
async def show_log(page: Annotated[Page, page_of("audit.read")], case: str) -> Response:
    """Who read what of this file, and whether the log is whole; break-glass readings that wait for a review."""
    of = await opened(page, case)
    log, reviews = await asyncio.gather(
        page.get("intake", f"/api/v1/cases/{of.case_id}/access-log"),
        page.get("intake", "/api/v1/cases/access-reviews", state="open", limit=200),
    )
    waiting = [one for one in reviews.body["items"] if one["case_id"] == of.case_id] if reviews.ok else []
    content = {"log": log, "reviews": waiting, "labels": FIELDS, "purposes": PURPOSES, "key": str(new_uuid7())}
    return page.show("case/log.html", frame(page, of, "log") | content)


@router.post("/cases/{case}/reviews/{review_id}")
async def decide_review(
    page: Annotated[Page, page_of("audit.read")],
    case: str,
    review_id: str,
    key: Key,
    outcome: Annotated[Literal["justified", "unjustified"], Form()],
) -> Response:
    """Say whether a break-glass reading was justified."""
    path = f"/api/v1/cases/{case}/access-reviews/{review_id}/actions/decide"
    (await page.send("intake", path, {"outcome": outcome}, key=key)).must()
    return page.go(address_of(case, "log"))
