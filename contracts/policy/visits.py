"""Visits: the schedule by level and post, and what placements, returns home and warning letters add (policy `visits`)."""

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from contracts.policy.conditions import RawCondition
from contracts.policy.limits import Basis, Label, Limit, Section


class Rhythm(Section):
    """A span between two visits: hours, days, weeks, or calendar months of the township's time zone."""

    hours: int = 0
    days: int = 0
    weeks: int = 0
    months: int = 0

    @model_validator(mode="after")
    def _one_amount(self) -> "Rhythm":
        if sum(bool(amount) for amount in (self.hours, self.days, self.weeks, self.months)) != 1:
            raise ValueError("a rhythm has exactly one amount")
        return self

    @property
    def span(self) -> timedelta:
        """The span in elapsed time; a month counts as thirty days."""
        return timedelta(hours=self.hours, days=self.days + 30 * self.months, weeks=self.weeks)

    def after(self, moment: datetime, zone: ZoneInfo, *, parts: int = 1) -> datetime:
        """The moment one span later; with `parts` the span is shared by so many visits. Months keep day and time of day."""
        if not self.months:
            return moment + self.span / parts
        local = moment.astimezone(zone)
        index = local.month - 1 + self.months
        year, month = local.year + index // 12, index % 12 + 1
        later = local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1]))
        return later.astimezone(moment.tzinfo)


class RemoteShare(Section):
    """So many `visits` of every `of` in a row may be made remotely."""

    visits: int
    of: int


class VisitEntry(Section):
    """One part of a post's schedule. `when`: only while it holds; `during`: only so long after `from`; `at_least`: so many
    visits `per` span; `kind` contact: no visit is needed."""

    every: Rhythm | None = None
    during: Rhythm | None = None
    from_: Literal["safety_confirmed"] | None = Field(default=None, alias="from")
    then: bool = False
    at_least: int = 1
    per: Rhythm | None = None
    when: RawCondition | None = None
    never_less_than_every: Rhythm | None = None
    kind: Literal["visit", "contact"] = "visit"
    remote_allowed: RemoteShare | None = None
    on_request: bool = False

    @property
    def rhythm(self) -> tuple[Rhythm, int] | None:
        """The span and how many visits share it; None for visits on request only."""
        span = self.every or self.per
        return None if span is None else (span, self.at_least)


class HolidayRoll(Section):
    """A visit of these tiers that falls on a day off moves to the next working day."""

    tiers: tuple[str, ...]
    to: str


class VisitCode(Section):
    code: str
    label: Label


class WhenSkipped(Section):
    """Where village and group may not know of a case, this post takes over the rhythm of that one."""

    taken_by: str
    rhythm_of: str
    default: bool = False


class VisitRules(Section):
    """What counts as a visit and what follows when none comes about."""

    in_person: str
    child_seen: bool
    heard_alone_from_age: int
    not_heard_reasons: tuple[VisitCode, ...]
    not_heard_reasons_default: bool = False
    two_failed_attempts: str
    failed_visit_red: str
    clock: str
    holiday_roll: dict[str, Literal["never"] | HolidayRoll]
    skipped: WhenSkipped


class AfterWarningLetter(Section):
    """Both parties are seen, separately, by each of `by`."""

    first_within: Rhythm
    first_status: str
    then_every: Rhythm
    until: Rhythm
    both_parties_separately: bool
    by: tuple[str, ...]
    basis: Basis = ()


class OrderReminder(Section):
    remind_before_expiry: Rhythm


class AfterPlacement(Section):
    first: Limit
    anchor: str
    then_every: Rhythm
    by: str
    by_default: bool = False
    basis: Basis = ()


class AfterReturnHome(Section):
    on_days: tuple[int, ...]
    then: str
    by: str
    by_default: bool = False


class GuardianshipRhythm(Section):
    review_after: Rhythm
    then_every: Rhythm
    alarms_at: tuple[Rhythm, ...]
    hard_flag_at: Rhythm


class NeighbourWatchers(Section):
    label: Label
    get: str
    not_: str = Field(alias="not")
    basis: Basis = ()


class SpecialVisits(Section):
    """Schedules beside the levels."""

    after_warning_letter: AfterWarningLetter
    protection_order: OrderReminder
    placement: AfterPlacement
    after_return_home: AfterReturnHome
    temporary_guardianship: GuardianshipRhythm
    neighbour_watchers: NeighbourWatchers


class MonitoringRing(Section):
    """One of the three rings that watch over a child (D-5.1.2)."""

    code: str
    label: Label
    who: str | None = None


class Visits(Section):
    """The whole section. `table`: level, post, the parts of its schedule."""

    table: dict[str, dict[str, tuple[VisitEntry, ...]]]
    basis: Basis = ()
    rules: VisitRules
    special: SpecialVisits
    monitoring_rings: tuple[MonitoringRing, ...]

    @property
    def posts(self) -> tuple[str, ...]:
        """Every post that visits."""
        return tuple(dict.fromkeys(post for row in self.table.values() for post in row))

    def conditions(self) -> tuple[RawCondition, ...]:
        """Every condition of the section, to be compiled when the file is loaded."""
        entries = (entry for row in self.table.values() for parts in row.values() for entry in parts)
        return tuple(entry.when for entry in entries if entry.when is not None)
