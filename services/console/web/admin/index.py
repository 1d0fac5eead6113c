"""How every service does, at one glance."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Response

from chassis.http import Reading
from chassis.operating import health_of
from services.console.owners import OWNERS
from services.console.web.admin.frame import show
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
CONSOLE = "console"
SERVICES = (*OWNERS, CONSOLE)
LATE_SENDING_SECONDS = 60
"""An event that waits longer than this to be sent says that the broker or the relay is in trouble (K20)."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A service and what it says of itself; None: it did not answer."""

    service: str
    health: Any

    @property
    def well(self) -> bool:
        """Nothing to do here."""
        return bool(self.health) and not (
            self.health["parked"]
            or self.health["deadlines_overdue"]
            or self.health["oldest_unsent_seconds"] > LATE_SENDING_SECONDS
        )


@router.get("/admin")
async def show_index(page: Annotated[Page, page_of("admin.open")], db: Reading) -> Response:
    """The health of every service, asked now."""
    paths = (page.get(owner, f"/api/v1/operations/{owner}/health") for owner in OWNERS)
    answers = dict(zip(OWNERS, await asyncio.gather(*paths), strict=True))
    pulses = [Pulse(owner, answer.body if answer.ok else None) for owner, answer in answers.items()]
    pulses.append(Pulse(CONSOLE, (await health_of(db)).model_dump()))
    gaps = await page.get("directory", "/api/v1/alerts/gaps")
    content = {"pulses": pulses, "gaps": gaps.body["items"] if gaps.ok else None, "names": await names_for(page)}
    return show(page, "index.html", content)
