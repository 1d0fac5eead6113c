"""The working-day calendar of a year, as deadlines count by it."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response

from contracts.policy import load_calendar
from services.console.web.admin.frame import show
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
YEARS_BACK, YEARS_AHEAD = 4, 2


@dataclass(frozen=True, slots=True)
class Month:
    """A month: what sort of day each is (`working_day`, `makeup_workday`, `weekend`, `holiday`)."""

    number: int
    days: tuple[str, ...]

    @property
    def working(self) -> int:
        """Its working days."""
        return sum(kind in {"working_day", "makeup_workday"} for kind in self.days)


@router.get("/admin/calendar")
async def show_calendar(
    page: Annotated[Page, page_of("admin.open")], year: Annotated[int | None, Query(ge=2000, le=2100)] = None
) -> Response:
    """A year: this one without `year`."""
    calendar = load_calendar()
    this_year = page.now.astimezone(calendar.zone).year
    chosen = year or this_year
    months = [
        Month(
            month,
            tuple(calendar.kind_of(date(chosen, month, day)) for day in range(1, monthrange(chosen, month)[1] + 1)),
        )
        for month in range(1, 13)
    ]
    years = [(one, calendar.has_data(one)) for one in range(this_year - YEARS_BACK, this_year + YEARS_AHEAD + 1)]
    content = {"year": chosen, "years": years, "months": months, "known": calendar.has_data(chosen)}
    return show(page, "calendar.html", content)
