"""K20 as far as the services' own engines know it: events that wait to be sent, and events nobody could apply."""

import asyncio

from contracts.policy import Policy
from services.console.indicators.counting import Figure, judged
from services.console.owners import OWNERS, Answer, Owners

WAITS_TOO_LONG = 60.0
"""Seconds (policy K20: events unprocessed for more than 1 min)."""


async def engine_figures(owners: Owners, token: str, policy: Policy) -> list[Figure]:
    """The two measures, summed over all services. A service that does not answer makes both unknown, never zero."""
    answers = await asyncio.gather(*(_health(owners, owner, token) for owner in OWNERS))
    known = all(answer.ok for answer in answers)
    waiting = sum(a.body["oldest_unsent_seconds"] > WAITS_TOO_LONG for a in answers) if known else None
    parked = sum(answer.body["parked"] for answer in answers) if known else None
    (kpi,) = [one for one in policy.kpis.list if one.id == "K20"]
    return [
        judged(Figure("K20", name, None, "count", None if n is None else float(n), n, n), kpi, None)
        for name, n in (("unprocessed", waiting), ("dead letters", parked))
    ]


async def _health(owners: Owners, owner: str, token: str) -> Answer:
    return await owners.ask(owner, "GET", f"/api/v1/operations/{owner}/health", token=token)
