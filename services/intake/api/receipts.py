"""A reporter's own look at what became of the report: by the query code alone, without any personal data."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from chassis.auth import Guard
from chassis.http import RuntimeOf
from chassis.problem import known, not_found
from services.intake.domain.numbers import receipt_hash
from services.intake.views import receipts as views
from services.intake.views.receipts import ReceiptView

router = APIRouter(prefix="/api/v1", tags=["receipts"])

LOOKS_AT_ONCE = 32


class Gate:
    """Makes every look cost the same pause, found or not, and bounds how many run at once: guessing gains nothing."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._places = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def pass_through(self) -> None:
        """Wait one's turn. Raises Problem 429 when too many are waiting already."""
        if self._places.locked():
            raise known(429, "too_many_requests", headers={"Retry-After": "2"})
        async with self._places:
            await asyncio.sleep(self._pause_seconds)


class CodeIsTheKey(Guard):
    """The guard of a public address: the unguessable code in it lets its holder read this one report's progress, and the
    gate is the price of trying."""

    async def __call__(self, request: Request) -> Any:  # type: ignore[override]  # a public address reads no token
        gate: Gate = request.app.state.runtime.resources["receipt_gate"]
        await gate.pass_through()


@router.get("/receipts/{code}", dependencies=[Depends(CodeIsTheKey("report.read"))])
async def read_receipt(code: Annotated[str, Path(max_length=40)], runtime: RuntimeOf) -> ReceiptView:
    """How far a report has come. 404 for any code that was not issued."""
    async with runtime.database.reading() as db:
        view = await views.receipt(db, receipt_hash(code))
    if view is None:
        raise not_found()
    return view
