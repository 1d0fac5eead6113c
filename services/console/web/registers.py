"""The registers: whose they are and how many are on them, one register with filters, groups and history, a child's card, files."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import StreamingResponse

from chassis.clock import new_uuid7
from services.console.web.casefile import FIELDS, HIDDEN, PURPOSES
from services.console.web.casework.tabs import LEVELS
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.rendering import newest_policy

router = APIRouter(include_in_schema=False)
Reader = Annotated[Page, page_of("register.read")]
Code = Annotated[str, Query(max_length=40)]
Cursor = Annotated[str, Query(max_length=500)]
Register = Annotated[str, Query(max_length=10)]
SHOWN = ("name", "sex", "birth_date", "address", "school", "guardian_name", "guardian_phone")
"""What a list offers to show of identity; the rest is on the child's own card."""
SECTIONS = ("family", "school", "community")
GROUPED = frozenset({"REG-02"})
"""Registers that policy has counted by type and level (D-4.3.4)."""


@router.get("/registers")
async def show_registers(page: Reader) -> Response:
    """Every register with its owner, its rules and how many are on it."""
    listed = (await page.get("intake", "/api/v1/registers")).must()
    surveys = await page.get("intake", "/api/v1/surveys", limit=20) if page.may("survey.read") else None
    content = {
        "registers": listed["items"],
        "surveys": surveys.body["items"] if surveys is not None and surveys.ok else None,
        "names": await names_for(page),
    }
    return page.show("registers.html", content)


@router.get("/registers/{register}")
async def show_register(
    page: Reader,
    register: str,
    tag: Code = "",
    level: Code = "",
    village: Code = "",
    state: Code = "",
    cursor: Cursor = "",
) -> Response:
    """One register without identity: numbers, levels, tags. With `cursor` only the further rows."""
    asked = {"tag": tag, "level": level if level in LEVELS else "", "village": village, "state": state}
    return await _register(page, register, asked, cursor=cursor)


@router.post("/registers/{register}")
async def reveal_register(
    page: Reader,
    register: str,
    purpose: Annotated[str, Form(max_length=40)],
    fields: Annotated[list[str] | None, Form()] = None,
    tag: Annotated[str, Form(max_length=40)] = "",
    level: Annotated[str, Form(max_length=40)] = "",
    village: Annotated[str, Form(max_length=40)] = "",
    state: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The same with the fields chosen, for a purpose that is logged; what is shown depends on the reader."""
    asked = {"tag": tag, "level": level, "village": village, "state": state}
    names = tuple(name for name in fields or () if name in SHOWN)
    return await _register(page, register, asked, names=names, purpose=purpose if purpose in PURPOSES else "")


async def _register(
    page: Page,
    register: str,
    asked: dict[str, str],
    *,
    cursor: str = "",
    names: tuple[str, ...] = (),
    purpose: str = "",
) -> Response:
    path = f"/api/v1/registers/{register}"
    listed, answer = await asyncio.gather(
        page.get("intake", "/api/v1/registers"),
        page.get(
            "intake", path, **asked, fields=",".join(names), purpose=purpose if names else "", cursor=cursor, limit=50
        ),
    )
    rows = answer.must()
    [known] = [one for one in listed.must()["items"] if one["id"] == register]
    groups = await page.get("intake", f"{path}/groups", **asked) if register in GROUPED and not cursor else None
    kept = {name: value for name, value in asked.items() if value}
    content: dict[str, Any] = {
        "register": known,
        "rows": rows["items"],
        "cursor": rows["next_cursor"],
        "asked": asked,
        "address": f"/registers/{register}?{urlencode(kept)}" if kept else f"/registers/{register}",
        "filtered": bool(kept),
        "groups": groups.body if groups is not None and groups.ok else None,
        "levels": tuple(reversed(LEVELS)),
        "tags": [(entry.code, entry.label) for entry in newest_policy().tags],
        "columns": names,
        "offered": SHOWN,
        "labels": FIELDS,
        "hidden_words": HIDDEN,
        "purposes": PURPOSES,
        "purpose": purpose,
        "names": await names_for(page),
    }
    return page.show("registers/one.html", content, block="more_rows" if cursor else None)


@router.get("/registers/{register}/history")
async def show_history(page: Reader, register: str, cursor: Cursor = "") -> Response:
    """Who came on and who left, the latest first."""
    listed = (await page.get("intake", "/api/v1/registers")).must()["items"]
    changes = (await page.get("intake", f"/api/v1/registers/{register}/history", cursor=cursor, limit=100)).must()
    content = {
        "register": next(one for one in listed if one["id"] == register),
        "changes": changes["items"],
        "cursor": changes["next_cursor"],
        "names": await names_for(page),
    }
    return page.show("registers/history.html", content)


@router.post("/registers/{register}/export")
async def export(
    page: Annotated[Page, page_of("register.export")],
    register: str,
    purpose: Annotated[str, Form(max_length=40)],
    form: Annotated[Literal["xlsx", "csv"], Form(alias="format")] = "xlsx",
    fields: Annotated[list[str] | None, Form()] = None,
    tag: Annotated[str, Form(max_length=40)] = "",
    level: Annotated[str, Form(max_length=40)] = "",
    village: Annotated[str, Form(max_length=40)] = "",
    state: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The register as a file, passed on from its owner as it comes, who masks it and logs the purpose."""
    parameters = {"purpose": purpose, "format": form, "fields": ",".join(fields or ())}
    parameters |= {"tag": tag, "level": level, "village": village, "state": state}
    reply = await page.owners.download(
        "intake",
        f"/api/v1/registers/{register}/export",
        token=page.session.token,
        language=page.language,
        parameters=parameters,
    )
    return passed_on(reply)


def passed_on(reply: httpx.Response) -> Response:
    """An owner's file for the browser: its content piece by piece, its kind and its name."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for piece in reply.aiter_bytes():
                yield piece
        finally:
            await reply.aclose()

    kept = ("content-type", "content-disposition")
    headers = {name: reply.headers[name] for name in kept if name in reply.headers}
    return StreamingResponse(pieces(), headers=headers)


@router.get("/registers/children/{child}")
async def show_child(page: Reader, child: str) -> Response:
    """A child's card: which registers it is on and what is known in codes."""
    return await _child(page, child)


@router.post("/registers/children/{child}")
async def reveal_child(
    page: Reader,
    child: str,
    purpose: Annotated[str, Form(max_length=40)],
    fields: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """The card with the fields chosen, for a purpose that is logged."""
    names = tuple(name for name in fields or () if name in FIELDS)
    return await _child(page, child, names=names, purpose=purpose)


async def _child(page: Page, child: str, *, names: tuple[str, ...] = (), purpose: str = "") -> Response:
    asked = {"fields": ",".join(names), "purpose": purpose} if names else {}
    card = (await page.get("intake", f"/api/v1/registers/children/{child}", **asked)).must()
    content = {
        "card": card,
        "asked": names,
        "offered": (*SHOWN, "id_number", "phone", "health", "disability", *(f"{one}_situation" for one in SECTIONS)),
        "sections": SECTIONS,
        "labels": FIELDS,
        "hidden_words": HIDDEN,
        "purposes": PURPOSES,
        "purpose": purpose,
        "key": str(new_uuid7()),
        "names": await names_for(page),
    }
    return page.show("registers/child.html", content)


@router.post("/registers/children/{child}/sections")
async def write_section(
    page: Annotated[Page, page_of("tag.write")],
    child: str,
    section: Annotated[Literal["family", "school", "community"], Form()],
    text: Annotated[str, Form(max_length=4000)],
    key: Annotated[str, Form(max_length=100)],
) -> Response:
    """A new version of the child's situation; earlier versions stay."""
    body = {"section": section, "text": text}
    (await page.send("intake", f"/api/v1/registers/children/{child}/sections", body, key=key)).must()
    return page.go(f"/registers/children/{child}")
