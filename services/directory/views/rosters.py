"""Rosters over time: overrides, and who is on duty when."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from contracts.rosters import spans
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import Override, Township
from services.directory.views import StaffBrief, briefs
from services.directory.watching import NOT_ANNOUNCED


class OverrideView(BaseModel):
    """Who is on duty instead of the weekly pattern; `staff` empty = explicitly nobody."""

    id: UUID
    roster: str
    starts_at: datetime
    ends_at: datetime
    staff: list[StaffBrief]
    reason: str
    available_actions: list[str]


class Overrides(BaseModel):
    """Overrides of one roster that hold now or later."""

    items: list[OverrideView]


class SpanView(BaseModel):
    """A stretch with the same people on duty, in paging order. `gap`: nobody is."""

    starts_at: datetime
    ends_at: datetime
    staff: list[StaffBrief]
    overridden: bool
    gap: bool


class CoverageView(BaseModel):
    """Every stretch between two moments, without a hole."""

    roster: str
    starts_at: datetime
    ends_at: datetime
    uncovered_minutes: int
    items: list[SpanView]


def override(township: Township, value: Override, actions: Sequence[str]) -> OverrideView:
    """One override."""
    return OverrideView(
        **value.model_dump(exclude={"staff"}), staff=briefs(township, value.staff), available_actions=list(actions)
    )


def overrides(township: Township, values: Iterable[Override], actions: Sequence[str]) -> Overrides:
    """All of a roster."""
    return Overrides(items=[override(township, value, actions) for value in values])


def coverage(township: Township, roster: str, since: datetime, days: int) -> CoverageView:
    """Who is on duty from `since` (UTC) for some days."""
    until = since + timedelta(days=days)
    found = spans(snapshot(township, 0, NOT_ANNOUNCED), roster, since, until, ZoneInfo(township.timezone))
    missing = sum((span.ends_at - span.starts_at for span in found if not span.staff), timedelta(0))
    return CoverageView(
        roster=roster,
        starts_at=since,
        ends_at=until,
        uncovered_minutes=int(missing.total_seconds()) // 60,
        items=[
            SpanView(
                starts_at=span.starts_at,
                ends_at=span.ends_at,
                staff=briefs(township, span.staff),
                overridden=span.overridden,
                gap=not span.staff,
            )
            for span in found
        ],
    )
