"""Finding a case by number, telephone, identity number, name or pinyin. What is sought travels in the body, never in an address."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Response

from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
CASE_NUMBER = re.compile(r"[A-Za-z]{2,6}-\d{4}-\d{1,8}")
PHONE_DIGITS = range(7, 15)


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


REASONS: Mapping[str, str] = {
    "name": _("姓名相同"),
    "name_sound": _("姓名读音相同"),
    "name_similar": _("姓名相近"),
    "initials": _("拼音首字母相同"),
    "birth_date": _("出生日期相同"),
    "birth_date_similar": _("出生日期相近"),
    "village": _("同村"),
    "phone": _("电话相同"),
    "id_number": _("身份证号相同"),
    "guardian_id_number": _("监护人身份证号相同"),
}
"""Why somebody is among those found."""


@router.get("/cases/search")
async def show_search(page: Annotated[Page, page_of("person.search")]) -> Response:
    """The empty search, for an address that was kept or reloaded."""
    return page.show(
        "cases-found.html", {"items": None, "asked": {}, "names": await names_for(page), "reasons": REASONS}
    )


@router.post("/cases/search")
async def search(
    page: Annotated[Page, page_of("person.search")],
    sought: Annotated[str, Form(max_length=80)] = "",
    village: Annotated[str, Form(max_length=40)] = "",
    birth_date: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """A case number leads to its case; anything else to the persons it may mean, masked, with the reasons."""
    written = sought.strip()
    if CASE_NUMBER.fullmatch(written):
        found = await page.get("intake", f"/api/v1/cases/{written.upper()}")
        if found.ok:
            return page.go(f"/cases/{found.body['case_id']}")
    asked = {"sought": written, "village": village, "birth_date": birth_date}
    body = particulars(written) | {name: value for name, value in asked.items() if value and name != "sought"}
    answer = await page.send("intake", "/api/v1/persons/search", body) if len(body) > bool(village) else None
    content = {
        "items": answer.body["items"] if answer is not None and answer.ok else None,
        "refusal": answer if answer is not None and not answer.ok else None,
        "asked": asked,
        "names": await names_for(page),
        "reasons": REASONS,
    }
    return page.show("cases-found.html", content, block="found" if page.fragment else None)


def particulars(written: str) -> dict[str, str]:
    """What one box may mean: an identity number, a telephone number, else a name as written, as it sounds, or its initials."""
    plain = re.sub(r"[\s-]", "", written)
    if re.fullmatch(r"\d{17}[\dXx]", plain):
        return {"id_number": plain.upper()}
    if plain.isdigit() and len(plain) in PHONE_DIGITS:
        return {"phone": plain}
    return {"name": written} if written else {}
