"""Do the rosters and posts of a township answer every call the policy can make? Checked before either goes live. Pure.

Every department that can lead or assist keeps a roster around the clock, holidays included (policy `sla.rules.roster`);
every post of the escalation chains has a holder. Where nobody is there, the check says who would be told instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from contracts.directory import Organisation, TownshipPublished
from contracts.policy import Policy, WorkingCalendar
from contracts.rosters import DUTY_LEADER, DUTY_ROOM, HOTLINE_KIND, spans
from services.dispatch.domain.clocks import HOTLINE, VILLAGE
from services.dispatch.domain.duty import Duty
from services.dispatch.domain.escalation import roster_fallback
from services.dispatch.domain.routing import ASSIST, LEAD

VILLAGE_POSTS = ("village_director", "child_director", "village_responsible", "grid_head")
GROUP_POSTS = ("grid_member", "group_head")
GapKind = Literal["empty_shift", "vacant_post", "calendar_year_missing"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time: who is paged. Nobody on duty: `instead` are the targets that are told, `people` the staff."""

    starts_at: datetime
    ends_at: datetime
    people: tuple[str, ...]
    overridden: bool = False
    gap: bool = False
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RosterCoverage:
    """One roster over the window, without a hole."""

    roster: str
    target: str
    area: str | None
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class PostCoverage:
    """A post of the chains at one place, and who is told. `vacant`: it has no holder of its own."""

    post: str
    place: str
    people: tuple[str, ...]
    vacant: bool
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Something to be mended. `covered`: others of the same unit stand in, so that calls still arrive there."""

    kind: GapKind
    target: str
    place: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    instead: tuple[str, ...] = ()
    reached: bool = True
    covered: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole check."""

    rosters: tuple[RosterCoverage, ...]
    posts: tuple[PostCoverage, ...]
    gaps: tuple[Gap, ...]

    @property
    def open_gaps(self) -> tuple[Gap, ...]:
        """Gaps where calls leave the unit they are meant for."""
        return tuple(gap for gap in self.gaps if not gap.covered)


def coverage(
    township: TownshipPublished, policy: Policy, calendar: WorkingCalendar, starts_at: datetime, ends_at: datetime
) -> Coverage:
    """Rosters and posts of a township between two moments, under one policy version."""
    rosters = tuple(_rosters(township, policy, starts_at, ends_at))
    posts = tuple(_posts(township, policy, starts_at))
    return Coverage(rosters, posts, tuple(_gaps(rosters, posts, calendar, starts_at, ends_at)))


def departments_with_tasks(policy: Policy) -> tuple[str, ...]:
    """Departments that the routing can give a lead or assist role."""
    named = {
        department
        for row in policy.routing.matrix.values()
        for department, cells in row.items()
        if any(cell.role in (LEAD, ASSIST) for cell in cells)
    }
    for rule in policy.routing.raise_:
        named |= {department for department, role in rule.at_least.items() if role in (LEAD, ASSIST)}
    return tuple(code for code in policy.departments_by_code if code in named)


def chain_targets(policy: Policy) -> tuple[str, ...]:
    """Every department and post that warnings, breaches and pages can name."""
    sla = policy.sla
    chain = (target for targets in sla.breach_chain.values() for target in targets)
    named = [target if isinstance(target, str) else target["then"] for target in chain]
    named += [*sla.second_breach["to"], sla.red_at_dispatch["page"], *roster_fallback(policy), sla.pause.who]
    named += [post for rule in policy.routing.raise_ for post in rule.notice_post.values()]
    named += ["grid_member", "child_director"]
    return tuple(dict.fromkeys(named))


# Rosters -----------------------------------------------------------------------------------------------------------


def _rosters(
    township: TownshipPublished, policy: Policy, starts_at: datetime, ends_at: datetime
) -> Iterator[RosterCoverage]:
    targets = set(departments_with_tasks(policy)) | set(chain_targets(policy))
    for unit in township.organisations:
        target = unit.department or (HOTLINE if unit.kind == HOTLINE_KIND else None)
        if target is not None and (target in targets or target == HOTLINE):
            duty = Duty(township, policy, _village_of(unit, township), units=((target, unit.code),))
            yield _roster(unit.code, target, unit.area, duty, starts_at, ends_at)
    for roster in (DUTY_LEADER, DUTY_ROOM):
        if roster in targets:
            yield _roster(roster, roster, None, Duty(township, policy), starts_at, ends_at)


def _village_of(unit: Organisation, township: TownshipPublished) -> str | None:
    if unit.department != VILLAGE:
        return None
    return next((village.code for village in township.villages if village.organisation == unit.code), None)


def _roster(
    roster: str, target: str, area: str | None, duty: Duty, starts_at: datetime, ends_at: datetime
) -> RosterCoverage:
    stretches: list[Stretch] = []
    for span in spans(duty.township, roster, starts_at, ends_at, duty.zone):
        if span.staff:
            stretches.append(Stretch(span.starts_at, span.ends_at, span.staff, span.overridden))
        else:
            stretches += _instead(target, duty, span.starts_at, span.ends_at, span.overridden)
    return RosterCoverage(roster, target, area, tuple(stretches))


def _instead(target: str, duty: Duty, starts_at: datetime, ends_at: datetime, overridden: bool) -> Iterator[Stretch]:
    """Who is told while nobody is on duty; that may change when the stand-ins change shifts."""
    edges = {starts_at, ends_at}
    for code in roster_fallback(duty.policy):
        rosters = (code,) if code in (DUTY_LEADER, DUTY_ROOM) else duty.rosters_of(code)
        for roster in rosters:
            for span in spans(duty.township, roster, starts_at, ends_at, duty.zone):
                edges |= {span.starts_at, span.ends_at}
    ordered = sorted(edges)
    pending: Stretch | None = None
    for start, end in pairwise(ordered):
        instead, people = duty.instead_of(target, start)
        if pending is not None and (pending.instead, pending.people) == (instead, people):
            pending = Stretch(pending.starts_at, end, people, overridden, True, instead)
            continue
        if pending is not None:
            yield pending
        pending = Stretch(start, end, people, overridden, True, instead)
    if pending is not None:
        yield pending


# Posts -------------------------------------------------------------------------------------------------------------


def _posts(township: TownshipPublished, policy: Policy, at: datetime) -> Iterator[PostCoverage]:
    for post in chain_targets(policy):
        if post in VILLAGE_POSTS or post in GROUP_POSTS or post in policy.departments_by_code:
            continue
        if post not in (DUTY_LEADER, DUTY_ROOM):
            yield _post(post, township.township, bool(township.posts.get(post)), Duty(township, policy), at)
    for village in township.villages:
        duty = Duty(township, policy, village.code)
        held = (village.director, village.child_director, village.responsible, village.grid_heads)
        for post, holder in zip(VILLAGE_POSTS, held, strict=True):
            yield _post(post, village.code, bool(holder), duty, at)
    for group in township.groups:
        duty = Duty(township, policy, group.village, group.code)
        for post, holder in zip(GROUP_POSTS, (group.member, group.deputy), strict=True):
            yield _post(post, group.code, bool(holder), duty, at)


def _post(post: str, place: str, held: bool, duty: Duty, at: datetime) -> PostCoverage:
    reached = duty.reach(post, at)
    return PostCoverage(post, place, reached.people, not held, reached.instead)


# Gaps --------------------------------------------------------------------------------------------------------------


def _gaps(
    rosters: tuple[RosterCoverage, ...],
    posts: tuple[PostCoverage, ...],
    calendar: WorkingCalendar,
    starts_at: datetime,
    ends_at: datetime,
) -> Iterator[Gap]:
    for roster in rosters:
        for one in roster.stretches:
            if one.gap:
                yield Gap(
                    "empty_shift", roster.target, roster.roster, one.starts_at, one.ends_at, one.instead,
                    reached=bool(one.people),
                )  # fmt: skip
    for post in posts:
        if post.vacant:
            covered = bool(post.people) and not post.instead
            yield Gap(
                "vacant_post", post.post, post.place, instead=post.instead, reached=bool(post.people), covered=covered
            )
    first, last = starts_at.astimezone(calendar.zone).year, ends_at.astimezone(calendar.zone).year
    for year in range(first, last + 1):
        if not calendar.has_data(year):
            yield Gap("calendar_year_missing", "calendar", str(year), covered=True)
