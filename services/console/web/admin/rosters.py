"""Duty rosters: who is on duty in the week ahead with every gap, and the weekly pattern to edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from contracts.policy import load_calendar
from services.console.owners import Answer
from services.console.web.admin.frame import Done, _, everything, show, typed_in, version_of
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Writer = Annotated[Page, page_of("roster.write")]
DUTIES = ("duty_leader", "duty_room")
DAYS = 7
DAY_MINUTES = 24 * 60
SHIFTS_MAX, PLACES_MAX = 60, 8
SPARE_ROWS, PLACES = 2, 3
"""Empty shifts offered for adding, and how many people a shift has room for at least."""

REASONS = {
    "holiday": _("节假日"),
    "leave": _("请假"),
    "sick": _("病假"),
    "swap": _("换班"),
    "training": _("培训"),
    "emergency": _("应急"),
    "vacancy": _("岗位空缺"),
    "other": _("其他"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one day: minutes since its midnight, who is on duty (nobody = a gap), by an override or the pattern."""

    start: int
    end: int
    staff: tuple[str, ...]
    overridden: bool

    @property
    def hours(self) -> str:
        """`08:30–17:30`."""
        return f"{self.start // 60:02}:{self.start % 60:02}–{self.end // 60:02}:{self.end % 60:02}"


@router.get("/admin/rosters")
async def show_rosters(page: Writer) -> Response:
    """Every roster with its gaps, and whether each call the policy can make is answered."""
    gaps = (await page.get("directory", "/api/v1/alerts/gaps")).must()
    units = (await page.get("directory", "/api/v1/organisations")).must()["items"]
    coverage = await page.get("dispatch", "/api/v1/coverage", days=gaps["look_ahead_days"])
    missing: dict[str, list[Any]] = {}
    for gap in gaps["items"]:
        if gap["kind"] == "empty_shift":
            missing.setdefault(gap["roster"], []).append(gap)
    content = {
        "rosters": [*DUTIES, *(unit["code"] for unit in units if unit["kind"] not in {"township", "outside_body"})],
        "missing": missing,
        "vacant": [gap for gap in gaps["items"] if gap["kind"] == "vacant_post"],
        "look_ahead_days": gaps["look_ahead_days"],
        "coverage": coverage.body if coverage.ok else None,
        "names": await names_for(page),
    }
    return show(page, "rosters.html", content)


@router.get("/admin/rosters/{roster}")
async def show_roster(
    page: Writer, roster: str, week: Annotated[int, Query(ge=0, le=8)] = 0, done: Done = ""
) -> Response:
    """One roster: the week, its pattern as a form, and what stands in its place for a while."""
    return await roster_page(page, roster, week=week, done=done)


@router.post("/admin/rosters/{roster}")
async def write_roster(page: Writer, roster: str, request: Request) -> Response:
    """Replace the weekly pattern. When somebody else was first, what was entered is kept beside the new state."""
    form = await typed_in(request)
    shifts = shifts_of(form)
    answer = await page.send(
        "directory",
        f"/api/v1/rosters/{roster}",
        {"shifts": shifts},
        method="PUT",
        version=version_of(form),
        key=form.get("key"),
    )
    if answer.ok:
        return page.go(f"/admin/rosters/{roster}?done=saved")
    return await roster_page(page, roster, entered=shifts, refusal=answer)


def shifts_of(form: Mapping[str, str]) -> list[dict[str, Any]]:
    """The shifts of a form; a row without a weekday is left out, so a shift is taken away by clearing it."""
    rows = ({name: form.get(f"s{i}.{name}", "") for name in ("weekday", "starts", "ends")} for i in range(SHIFTS_MAX))
    return [
        {**row, "weekday": int(row["weekday"]), "staff": people_of(form, f"s{i}")}
        for i, row in enumerate(rows)
        if row["weekday"].isdigit()
    ]


def people_of(form: Mapping[str, str], prefix: str) -> list[str]:
    """Whom a row names, in the order of being called; nobody twice."""
    named = (form.get(f"{prefix}.p{place}", "") for place in range(PLACES_MAX))
    return list(dict.fromkeys(who for who in named if who))


async def roster_page(
    page: Page,
    roster: str,
    *,
    week: int = 0,
    entered: list[dict[str, Any]] | None = None,
    refusal: Answer | None = None,
    typed: Mapping[str, str] | None = None,
    done: str = "",
) -> Response:
    """The page of one roster."""
    zone = load_calendar().zone
    monday = page.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    monday += timedelta(days=7 * week - monday.weekday())
    path = f"/api/v1/rosters/{roster}"
    answer = await page.get("directory", path)
    body = answer.must()
    asked = {"from": monday.isoformat(), "days": DAYS}
    spans = (await page.get("directory", f"{path}/coverage", **asked)).must()
    overrides = (await page.get("directory", f"{path}/overrides")).must()["items"]
    shifts = body["shifts"] if entered is None else entered
    content = {
        "roster": body,
        "version": answer.version,
        "week": week,
        "days": days_of(spans["items"], monday),
        "uncovered_minutes": spans["uncovered_minutes"],
        "shifts": shifts,
        "rows": [*shifts, *[{"weekday": None, "starts": "", "ends": "", "staff": []}] * SPARE_ROWS],
        "places": min(PLACES_MAX, max([PLACES, *(len(shift["staff"]) for shift in shifts)])),
        "people": _candidates(await everything(page, "directory", "/api/v1/staff"), roster, shifts),
        "overrides": overrides,
        "reasons": REASONS,
        "entered": entered is not None,
        "typed": typed or {},
        "names": await names_for(page),
        "local_now": page.now.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
    }
    return show(page, "roster.html", content, refusal=refusal, done=done)


def days_of(spans: list[dict[str, Any]], monday: datetime) -> list[tuple[datetime, list[Piece]]]:
    """The spans of a week, cut at local midnight: each day is covered from 0 to 1440 without a hole."""
    days = [(monday + timedelta(days=n), list[Piece]()) for n in range(DAYS)]
    for span in spans:
        start, end = (datetime.fromisoformat(span[name]).astimezone(monday.tzinfo) for name in ("starts_at", "ends_at"))
        staff = tuple(one["id"] for one in span["staff"])
        for day, pieces in days:
            after, until = (int((moment - day).total_seconds()) // 60 for moment in (start, end))
            if until > 0 and after < DAY_MINUTES:
                pieces.append(Piece(max(after, 0), min(until, DAY_MINUTES), staff, span["overridden"]))
    return days


def _candidates(staff: list[Any], roster: str, shifts: list[dict[str, Any]]) -> list[Any]:
    """Who can be named: the unit's people, and those of the units that are in the pattern already."""
    named = {who for shift in shifts for who in shift["staff"]}
    units = {roster} | {one["organisation"] for one in staff if one["id"] in named}
    found = [one for one in staff if one["organisation"] in units]
    return found or staff
