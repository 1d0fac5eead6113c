"""What the desk shows beside the form while somebody types: level and recipients with their reasons, likenesses, advice.

Each owner is asked; what one of them cannot say is left out and said to be missing. Nothing of it is stored.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from contracts.policy import Policy, load_calendar
from services.console.owners import Answer
from services.console.web.desk.typed import UNKNOWN, Typed
from services.console.web.page import Page


@dataclass(frozen=True, slots=True)
class Assessed:
    """What would happen to the report as typed so far. `faults` is what the owner would refuse it for."""

    level: str | None = None
    provisional: bool = False
    restricted: bool = False
    screened: str | None = None
    reasons: tuple[Mapping[str, Any], ...] = ()
    recipients: tuple[Mapping[str, Any], ...] | None = None
    case_lead: str | None = None
    faults: tuple[str, ...] = ()


def age_on(birth_date: str, now: datetime) -> int | None:
    """Full years on the day of the call; None when no such date was typed."""
    try:
        birth = date.fromisoformat(birth_date)
    except ValueError:
        return None
    today = now.astimezone(load_calendar().zone).date()
    return max(today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day)), 0)


def _faults(answer: Answer) -> tuple[str, ...]:
    body = answer.body if isinstance(answer.body, dict) else {}
    return tuple(str(one["detail"]) for one in body.get("errors", ()))


async def assessed(page: Page, typed: Typed, policy: Policy) -> Assessed:
    """Level by the instrument, recipients by the routing rules, for what is typed. Empty while nothing says what it is."""
    codes = typed.codes(policy)
    if not any(codes.values()):
        return Assessed()
    outside = "outside" in typed.place()
    if "age" not in codes["facts"] and (age := age_on(typed.one("child.birth_date"), page.now)) is not None:
        codes["facts"]["age"] = age
    prepared = await page.send("intake", "/api/v1/reports/preview", codes | {"outside": outside})
    if not prepared.ok:
        return Assessed(faults=_faults(prepared))
    seen = {name: prepared.body[name] for name in ("concerns", "facts", "answers")}
    reporter = {"kind": typed.one("reporter_kind") or UNKNOWN}
    scored = await page.send("risk_scoring", "/api/v1/assessments/preview", {"children": [seen], "reporter": reporter})
    if not scored.ok:
        return Assessed(screened=prepared.body["screened"], faults=_faults(scored))
    (child,) = scored.body["children"]
    level = scored.body["report_level"]["code"]
    place = {"village": typed.village, "group": typed.group}
    asked = {"level": level, "concerns": seen["concerns"], "facts": seen["facts"], **place}
    routed = await page.send("dispatch", "/api/v1/rehearsals/routing", asked)
    rules = [one for one in child["reasons"] if one["kind"] != "factor"]
    points = sorted((one for one in child["reasons"] if one["points"]), key=lambda one: -one["points"])
    return Assessed(
        level=level,
        provisional=scored.body["provisional"],
        restricted=scored.body["restricted"],
        screened=prepared.body["screened"],
        reasons=(*rules, *points[:3]),
        recipients=tuple(routed.body["recipients"]) if routed.ok else None,
        case_lead=routed.body["case_lead"] if routed.ok else None,
    )


@dataclass(frozen=True, slots=True)
class Similar:
    """Persons who may be the child. `searched` is false while too little is known; `calls` share the caller's number."""

    searched: bool = False
    persons: tuple[Mapping[str, Any], ...] = ()
    calls: int = 0


MOST = 5


async def similar(page: Page, typed: Typed) -> Similar:
    """Possible duplicates, the likeliest first. A search is logged by its owner, so it is asked for on leaving a field."""
    sought = typed.sought()
    if not sought:
        return Similar()
    found = await page.send("intake", "/api/v1/persons/search", sought)
    if not found.ok:
        return Similar(searched=True)
    items = found.body["items"]
    same_number = [one for one in items if "phone" in one["same"]]
    return Similar(searched=True, persons=tuple(items[:MOST]), calls=len(same_number))


async def both(page: Page, typed: Typed, policy: Policy) -> tuple[Assessed, Similar]:
    """Everything, for a page that is opened."""
    first, second = await asyncio.gather(assessed(page, typed, policy), similar(page, typed))
    return first, second
