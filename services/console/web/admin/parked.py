"""Events that could not be applied, of all services: try again, or leave out for a reason that is kept."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from chassis import operating
from chassis.problem import Problem
from services.console.owners import OWNERS, Answer
from services.console.web.admin.frame import Done, show, typed_in
from services.console.web.admin.index import CONSOLE, SERVICES
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Operator = Annotated[Page, page_of("ops.parked")]


@router.get("/admin/parked")
async def show_parked(page: Operator, done: Done = "") -> Response:
    """Everything that waits, service by service."""
    return await _list(page, done=done)


@router.post("/admin/parked/{service}/{verb}")
async def settle_parked(page: Operator, service: str, verb: Literal["retry", "skip"], request: Request) -> Response:
    """Retry a stream, or skip the event that blocks it."""
    form = await typed_in(request)
    if service not in SERVICES:
        return page.go("/admin/parked")
    body = {"topic": form.get("topic", ""), "key": form.get("stream", "")}
    if verb == "skip":
        body["reason"] = form.get("reason", "")
    act = _own(page, verb, body) if service == CONSOLE else _asked(page, service, verb, body, form.get("key"))
    answer = await act
    if answer.ok:
        return page.go(f"/admin/parked?done={verb}")
    return await _list(page, refusal=answer, typed=form | {"service": service})


async def _asked(page: Page, service: str, verb: str, body: dict[str, str], key: str | None) -> Answer:
    return await page.send(service, f"/api/v1/operations/{service}/parked/{verb}", body, key=key)


async def _own(page: Page, verb: str, body: dict[str, str]) -> Answer:
    """The console's own streams, by the same acts as everybody's."""
    inbox = page.request.app.state.runtime.inbox
    try:
        if verb == "skip":
            await operating.skip(inbox, operating.SkipBody(**body), page.subject.account)
        else:
            await operating.retry(inbox, operating.StreamBody(**body), page.subject.account)
    except Problem as problem:
        return Answer(problem.status, {"code": problem.code, "title": problem.title[page.language != "zh"]})
    except ValidationError:
        return Answer(422, {"code": "invalid"})
    return Answer(200, None)


async def _list(
    page: Page, *, refusal: Answer | None = None, typed: dict[str, str] | None = None, done: str = ""
) -> Response:
    paths = (page.get(owner, f"/api/v1/operations/{owner}/parked") for owner in OWNERS)
    answers = dict(zip(OWNERS, await asyncio.gather(*paths), strict=True))
    found: dict[str, list[Any] | None] = {
        owner: answer.body["items"] if answer.ok else None for owner, answer in answers.items()
    }
    async with page.request.app.state.runtime.database.reading() as db:
        found[CONSOLE] = (await operating.parked_in(db)).model_dump(mode="json")["items"]
    streams = {service: None if items is None else _streams(items) for service, items in found.items()}
    return show(page, "parked.html", {"streams": streams, "typed": typed or {}}, refusal=refusal, done=done)


def _streams(items: list[Any]) -> list[list[Any]]:
    """The parked events by stream, each in its order: the first blocks the others."""
    grouped: dict[tuple[str, str | None], list[Any]] = {}
    for item in items:
        grouped.setdefault((item["topic"], item["key"]), []).append(item)
    return [sorted(stream, key=lambda item: item["sequence"] or 0) for stream in grouped.values()]
