"""Which visits are owed next: by level and post, after a placement, after a return home, after a warning letter (policy
`visits`; D-4.4.2, D-5.1.2).

Every line of the schedule has a slot with at most one planned visit, the next one; when that is made, the next follows.
When the case changes (its level, who may know of it, where a child lives), what is no longer owed is cancelled and what
now is owed is planned. A visit that is late already stays owed until somebody makes it: no change of level forgives it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE
from contracts.policy import Policy, WorkingCalendar
from contracts.policy.limits import Limit
from contracts.policy.visits import HolidayRoll, VisitEntry
from services.assistance.domain.ladder import village_barred
from services.assistance.domain.placement import HOME, Placement, holds
from services.assistance.domain.rounds import Round

GRID_HEAD, LEAD, POLICE = "grid_head", "lead_department", "police"
PARTIES = ("victim", "harmer")
"""The parties of a warning letter, who are seen separately (L-DV 17)."""
SPECIAL = frozenset({"placement", "after_return_home", *(f"after_warning_letter:{party}" for party in PARTIES)})
"""Rules that a visit answers only when it says so."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A visit that is owed next. `anchor_at`: it counts from then; a visit before it answers an earlier one.

    `about`: the placement or ladder step it follows. `remote_allowed`: a call will do. `party`: one of a warning letter's
    parties is to be seen, not the child.
    """

    slot: str
    rule: str
    post: str
    department: str
    anchor_at: datetime
    due_at: datetime
    remote_allowed: bool = False
    about: UUID | None = None

    @property
    def owner(self) -> str:
        """Who is reminded: the post, or the department that stands in for one or visits as a whole."""
        whole = self.post in {POLICE, LEAD, VILLAGE, COORDINATOR}
        stands_in = self.post == GRID_HEAD and self.department != GOVERNMENT
        return self.department if whole or stands_in else self.post

    @property
    def sees_child(self) -> bool:
        """The child must be seen; for a warning letter it is the guardian or the victim, whoever that is."""
        return not self.rule.startswith("after_warning_letter")


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned visit as it is kept. `made_at`, `made_in_person`: of one that was made."""

    planned_visit_id: UUID
    owed: Owed
    state: Literal["planned", "done", "cancelled", "missed"] = "planned"
    made_at: datetime | None = None
    made_in_person: bool = True

    def late(self, now: datetime) -> bool:
        """Not made though it was due."""
        return self.owed.due_at <= now


@dataclass(frozen=True, slots=True)
class Letter:
    """A warning letter in force, and the days on which its parties are to be seen."""

    ladder_step_id: UUID
    issued_on: datetime
    dates: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """All that the schedule depends on. `known`: this round's open planned visits, and the last made ones of each slot."""

    round: Round
    known: tuple[Planned, ...]
    placements: tuple[Placement, ...]
    letters: tuple[Letter, ...]
    now: datetime
    policy: Policy
    calendar: WorkingCalendar

    def made(self, slot: str) -> list[Planned]:
        """The visits of a slot that were made, oldest first."""
        found = [one for one in self.known if one.owed.slot == slot and one.made_at is not None]
        return sorted(found, key=lambda one: one.made_at or self.now)

    def waiting(self, slot: str) -> Planned | None:
        """The planned visit of a slot that nobody has made yet."""
        return next((one for one in self.known if one.owed.slot == slot and one.state == "planned"), None)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write: planned visits that are owed no longer, and those that now are."""

    retired: tuple[Planned, ...]
    added: tuple[Owed, ...]


def changes(setting: Setting) -> Changes:
    """How the planned visits must change for the case as it is now."""
    wanted = {owed.slot: owed for owed in schedule(setting)}
    retired, kept = [], set()
    for one in setting.known:
        if one.state != "planned":
            continue
        if _stays(one, wanted.get(one.owed.slot), setting):
            kept.add(one.owed.slot)
        else:
            retired.append(one)
    return Changes(tuple(retired), tuple(owed for slot, owed in wanted.items() if slot not in kept))


def _stays(one: Planned, wanted: Owed | None, setting: Setting) -> bool:
    round_ = setting.round
    if round_.state != "open" or one.owed.department not in _allowed(one.owed.post, round_):
        return False
    if one.late(setting.now):
        return wanted is not None or one.owed.rule not in SPECIAL
    if wanted is None:
        return False
    same = (one.owed.rule, one.owed.department) == (wanted.rule, wanted.department)
    return same and one.owed.due_at <= wanted.due_at


def schedule(setting: Setting) -> tuple[Owed, ...]:
    """Every line of the schedule with its next visit. Nothing before the case is handed out, after it is closed, or for a
    child outside the township, whom nobody here can visit."""
    round_ = setting.round
    if round_.state != "open" or not round_.level or round_.response_id is None or round_.transfer_out:
        return ()
    returned = tuple(_after_return(setting))
    busy = {owed.post for owed in returned}  # "then level schedule": until then its own days hold for this post
    by_level = (owed for owed in _by_level(setting) if owed.post not in busy)
    return (*by_level, *returned, *_placed(setting), *_after_letters(setting))


# Who ---------------------------------------------------------------------------------------------------------------


def coordinator(round_: Round) -> str:
    """Civil affairs, or the township government where civil affairs has a conflict of interest."""
    return GOVERNMENT if round_.conflict_unit == COORDINATOR else COORDINATOR


def _lower_tiers_skipped(round_: Round) -> bool:
    """Group and village neither visit nor learn of a restricted or conflict case (policy `lower_tiers_skipped`)."""
    return village_barred(round_) or round_.conflict_unit is not None


def _allowed(post: str, round_: Round) -> tuple[str, ...]:
    """The department that visits for a post now; empty where the post may not visit."""
    if post in {"grid_member", "child_director", VILLAGE}:
        found = None if _lower_tiers_skipped(round_) else VILLAGE
    elif post == GRID_HEAD:
        found = coordinator(round_) if round_.conflict_unit == GOVERNMENT else GOVERNMENT
    elif post == LEAD:
        found = round_.case_lead or coordinator(round_)
    else:
        found = post
    return () if found is None or found == round_.conflict_unit else (found,)


# By level ----------------------------------------------------------------------------------------------------------


def _by_level(setting: Setting) -> Iterable[Owed]:
    round_, policy = setting.round, setting.policy
    table = dict(policy.visits.table[round_.level])
    rules = policy.visits.rules
    if _lower_tiers_skipped(round_):
        table[rules.skipped.taken_by] = table[rules.skipped.rhythm_of]
    found = [owed for post, entries in table.items() if (owed := _next_of_post(post, entries, setting)) is not None]
    if round_.case_lead == POLICE and {POLICE, LEAD} <= {owed.post for owed in found}:
        drop = POLICE if _lower_tiers_skipped(round_) else LEAD  # one department owes one visit, at the closer rhythm
        found = [owed for owed in found if owed.post != drop]
    return found


def _next_of_post(post: str, entries: Sequence[VisitEntry], setting: Setting) -> Owed | None:
    round_, slot = setting.round, f"level:{post}"
    # The monthly return visit is owed from the first day; the others begin when the child is safe (S5, S6 until then).
    start = round_.started_at or setting.now if post == GRID_HEAD else round_.safety_confirmed_at
    if start is None or not (departments := _allowed(post, round_)):
        return None
    made, rule = setting.made(slot), f"{round_.level}.{post}"
    base = max([start, *(one.made_at for one in made[-1:] if one.made_at is not None)])
    entry = _entry(entries, base, setting)
    if entry is None or entry.rhythm is None:
        return None
    span, parts = entry.rhythm
    zone = setting.calendar.zone
    due = span.after(base, zone, parts=parts)
    if due <= setting.now and not (made and made[-1].owed.rule == rule):
        # The rhythm is new to this post: its first visit is due one span from now, never later than what it owed before.
        waiting = setting.waiting(slot)
        due = span.after(setting.now, zone, parts=parts)
        if waiting is not None and setting.now < waiting.owed.due_at:
            due = min(due, waiting.owed.due_at)
    remote = entry.kind == "contact" or _may_be_remote(entry, made)
    return Owed(slot, rule, post, departments[0], base, _rolled(due, post, setting), remote)


def _entry(entries: Sequence[VisitEntry], base: datetime, setting: Setting) -> VisitEntry | None:
    """The part of a post's schedule that holds: the first whose condition holds for a child and whose period runs. The
    family is visited by the needs of the child at the highest level, so one child is enough."""
    confirmed = setting.round.safety_confirmed_at
    for entry in entries:
        if entry.on_request:
            continue
        if entry.when is not None and not any(
            holds(entry.when, child, setting.policy) for child in setting.round.children
        ):
            continue
        if entry.during is not None and (confirmed is None or base >= confirmed + entry.during.span):
            continue
        return entry
    return None


def _may_be_remote(entry: VisitEntry, made: Sequence[Planned]) -> bool:
    share = entry.remote_allowed
    if share is None:
        return False
    lately = made[-(share.of - 1) :]
    return sum(not one.made_in_person for one in lately) < share.visits


def _rolled(due: datetime, post: str, setting: Setting) -> datetime:
    """A due time on a day off moves to the next working day where the policy says so for this level and tier."""
    roll = setting.policy.visits.rules.holiday_roll.get(setting.round.level)
    if not isinstance(roll, HolidayRoll):
        return due
    tier = next((tier.code for tier in setting.policy.tiers if post in tier.posts), "township")
    local = due.astimezone(setting.calendar.zone)
    while tier in roll.tiers and not setting.calendar.is_working_day(local.date()):
        local += timedelta(days=1)
    return local.astimezone(due.tzinfo)


# Special schedules -------------------------------------------------------------------------------------------------


def _began(moment: datetime, setting: Setting) -> datetime:
    """A placement or letter of an earlier round counts from the start of this one."""
    return max(moment, setting.round.started_at or moment)


def _covered(made: Sequence[Planned]) -> list[datetime]:
    """Up to when the last visit made covers its slot: its own date if it was made before that."""
    return [max(one.made_at, one.owed.due_at) for one in made[-1:] if one.made_at is not None]


def _placed(setting: Setting) -> Iterable[Owed]:
    rule, who = setting.policy.visits.special.placement, coordinator(setting.round)
    for stay in setting.placements:
        if not stay.current or stay.kind == HOME or stay.started_at is None:
            continue
        slot, begun = f"placement:{stay.placement_id}", _began(stay.started_at, setting)
        made = setting.made(slot)
        base = max([begun, *(one.made_at for one in made[-1:] if one.made_at is not None)])
        first: Limit = rule.first
        due = rule.then_every.after(base, setting.calendar.zone) if made else setting.calendar.due_at(first, begun).at
        yield Owed(slot, "placement", who, who, base, due, about=stay.placement_id)


def _after_return(setting: Setting) -> Iterable[Owed]:
    round_, rule = setting.round, setting.policy.visits.special.after_return_home
    away = {stay.child_id for stay in setting.placements if stay.current and stay.kind != HOME}
    for stay in setting.placements:
        if stay.state != "returned_home" or stay.ended_at is None or stay.child_id in away:
            continue
        if round_.started_at is not None and stay.ended_at < round_.started_at:
            continue
        slot = f"return_home:{stay.placement_id}"
        base = max([stay.ended_at, *_covered(setting.made(slot))])
        days = (stay.ended_at + timedelta(days=day) for day in rule.on_days)
        due = next((day for day in days if day > base), None)
        post = rule.by if _allowed(rule.by, round_) else coordinator(round_)
        if due is not None:
            yield Owed(slot, "after_return_home", post, _allowed(post, round_)[0], base, due, about=stay.placement_id)


def letter_dates(issued_on: datetime, policy: Policy, calendar: WorkingCalendar) -> tuple[datetime, ...]:
    """When both parties of a warning letter are to be seen: within the first days, then every month while it is followed."""
    rule = policy.visits.special.after_warning_letter
    dates, until = [issued_on + rule.first_within.span], issued_on + rule.until.span
    following = rule.then_every.after(issued_on, calendar.zone)
    while following <= until:
        dates.append(following)
        following = rule.then_every.after(following, calendar.zone)
    return tuple(date for date in dates if date <= until)


def _after_letters(setting: Setting) -> Iterable[Owed]:
    rule = setting.policy.visits.special.after_warning_letter
    for letter in setting.letters:
        begun = _began(letter.issued_on, setting)
        for post in rule.by:
            for department in _allowed(post, setting.round):
                for party in PARTIES:
                    slot = f"letter:{letter.ladder_step_id}:{post}:{party}"
                    base = max([begun, *_covered(setting.made(slot))])
                    due = next((date for date in letter.dates if date > base), None)
                    if due is not None:
                        name = f"after_warning_letter:{party}"
                        yield Owed(slot, name, post, department, base, due, about=letter.ladder_step_id)


# Visits that were made, and those that failed ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What a visitor reports."""

    visited_at: datetime
    child_seen: bool
    in_person: bool


def cannot_answer(one: Planned, found: Found) -> str | None:
    """Why this visit does not count as the planned one; None when it does."""
    if one.state != "planned":
        return "already_settled"
    if found.visited_at < one.owed.anchor_at:
        return "before_its_time"
    if not found.in_person and not one.owed.remote_allowed:
        return "remote_not_allowed"
    if one.owed.sees_child and not found.child_seen:
        return "child_not_seen"
    return None


def answered_by(post: str, found: Found, known: Iterable[Planned]) -> Planned | None:
    """The visit by level that this one of the same post answers, though the visitor did not name it."""
    waiting = (one for one in known if one.owed.post == post and one.owed.rule not in SPECIAL)
    fitting = [one for one in waiting if cannot_answer(one, found) is None]
    return min(fitting, key=lambda one: one.owed.due_at, default=None)


def settled(one: Planned, found: Found) -> Planned:
    """The planned visit as made."""
    return replace(one, state="done", made_at=found.visited_at, made_in_person=found.in_person)


def lateness(one: Planned, found: Found) -> int:
    """Whole seconds after it was due."""
    return max(0, int((found.visited_at - one.owed.due_at).total_seconds()))


def must_be_heard(round_: Round, policy: Policy) -> bool:
    """A child of the case is old enough to be heard alone. An unknown age does not ask for it."""
    age = policy.visits.rules.heard_alone_from_age
    return any(child.age is not None and child.age >= age for child in round_.children)


def failures_in_row(attempted_at: datetime, seen_at: Iterable[datetime], failed_at: Iterable[datetime]) -> int:
    """How many attempts have failed in a row with this one, since the child was last seen before it."""
    seen = max((at for at in seen_at if at <= attempted_at), default=None)
    return 1 + sum(at <= attempted_at and (seen is None or at > seen) for at in failed_at)
