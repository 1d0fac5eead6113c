"""What a plan may hold: goals under the four heads of need (D-1.3) and measures of the catalogue, each with its right owner
and clock (policy `assistance`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from contracts.policy import Label, Limit, Policy, WorkingCalendar
from contracts.policy import due_at as limit_due_at
from contracts.policy.assistance import Assistance, Entry
from services.assistance.domain.measures import Refusal
from services.assistance.domain.rounds import Child, Round

EMPLOYMENT = "EMPLOYMENT"
EMPLOYMENT_RULE = "E-8"

OwnerReason = Literal["conflict_of_interest", "joint_owner", "no_capacity", "receiving_area"]
GoalOutcome = Literal["met", "partly_met", "not_met", "dropped"]
Key = tuple[str, str, UUID | None]
"""What may run once: a measure for the family, or for one child (None: for all of them)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A measure somebody asks for. `goal` is one of the four problem domains; `due_at` a date the plan sets."""

    code: str
    owner_department: str
    owner_reason: str | None = None
    beneficiary: str = "child"
    goal: str | None = None
    child_id: UUID | None = None
    due_at: datetime | None = None

    @property
    def key(self) -> Key:
        return (self.code, self.beneficiary, self.child_id)


@dataclass(frozen=True, slots=True)
class MeasureProblem:
    """Why one measure cannot be agreed."""

    index: int
    field: str
    code: str
    text: Label


@dataclass(frozen=True, slots=True)
class Setting:
    """What measures are judged against: the round's children and level, what runs already, and proven ages.

    `working_from` is the day each child may work, where an exact birth date was shown (E-8).
    """

    round: Round
    now: datetime
    policy: Policy
    calendar: WorkingCalendar
    running: Collection[Key] = ()
    working_from: Mapping[UUID, date] = field(default_factory=dict)

    @property
    def started_at(self) -> datetime:
        return self.round.started_at or self.now


def measure_problems(measures: Sequence[Wanted], setting: Setting) -> tuple[MeasureProblem, ...]:
    """What is wrong with the measures asked for. Empty when sound."""
    problems: list[MeasureProblem] = []
    taken = set(setting.running)
    for index, wanted in enumerate(measures):
        entry = setting.policy.assistance.by_code.get(wanted.code)
        if entry is None:
            found = [("code", "unknown_measure", "目录中没有这项措施", "the catalogue has no such measure")]
        else:
            found = [*_running(wanted, taken), *_owner(wanted, entry, setting), *_for_whom(wanted, setting)]
            found += [*_date(wanted, entry, setting), *_age(wanted, setting)]
        taken.add(wanted.key)
        problems += [MeasureProblem(index, name, code, Label(zh=zh, en=en)) for name, code, zh, en in found]
    return tuple(problems)


_Found = Sequence[tuple[str, str, str, str]]


def _running(wanted: Wanted, taken: Collection[Key]) -> _Found:
    if wanted.key not in taken:
        return ()
    return [("code", "measure_running", "这项措施正在进行", "this measure is running already")]


def _owner(wanted: Wanted, entry: Entry, setting: Setting) -> _Found:
    policy = setting.policy
    if wanted.owner_department not in policy.departments_by_code:
        return [("owner_department", "unknown_department", "没有这个部门", "no such department")]
    if wanted.owner_department == setting.round.conflict_unit:
        return [("owner_department", "conflict_of_interest", "该部门与本案有利益冲突", "has a conflict of interest")]
    if wanted.owner_department == entry.owner or wanted.owner_reason is not None:
        return ()
    right = policy.label("department", entry.owner)
    zh, en = f"应由{right.zh}承担，否则须说明原因", f"belongs to the {right.en}; else give a reason"
    return [("owner_department", "wrong_owner", zh, en)]


def _for_whom(wanted: Wanted, setting: Setting) -> _Found:
    found = []
    if wanted.goal is not None and wanted.goal not in {domain.code for domain in setting.policy.problem_domains}:
        found.append(("goal", "unknown_goal", "没有这个目标类别", "no such kind of goal"))
    if wanted.child_id is not None and wanted.child_id not in {child.child_id for child in setting.round.children}:
        found.append(("child_id", "unknown_child", "本案没有这名未成年人", "no such child in this case"))
    if wanted.child_id is not None and wanted.beneficiary == "family":
        found.append(
            ("child_id", "family_measure", "家庭措施不指定未成年人", "a measure for the family names no child")
        )
    return found


def _date(wanted: Wanted, entry: Entry, setting: Setting) -> _Found:
    if wanted.due_at is None:
        return ()
    if wanted.due_at <= setting.now:
        return [("due_at", "in_the_past", "须晚于现在", "must lie ahead")]
    limit = entry.limit_at(setting.round.level)
    if limit is not None and wanted.due_at > limit_due_at(limit, setting.now, setting.calendar).at:
        return [("due_at", "after_the_limit", "不得晚于政策时限", "no later than the limit of the policy")]
    return ()


def _age(wanted: Wanted, setting: Setting) -> _Found:
    """Nobody under 16 is placed in work (L-CL 2). Without an exact birth date a child is let through only where it may have
    turned 16; the grant then asks for the proof."""
    if wanted.code != EMPLOYMENT or wanted.beneficiary != "child":
        return ()
    children = [child for child in setting.round.children if wanted.child_id in {None, child.child_id}]
    if any(may_work(child, setting) for child in children):
        return ()
    zh, en = "未满16周岁不得安排就业，应提供就学帮助", "nobody under 16 is placed in work: offer school"
    dates = sorted(setting.working_from[c.child_id] for c in children if c.child_id in setting.working_from)
    if dates:
        zh, en = f"{zh}；{dates[0]}起可以", f"{en}; from {dates[0]} on"
    return [("code", "too_young_to_work", zh, en)]


def working_age(assistance: Assistance) -> int:
    """The age below which no child is placed in work (policy `assistance.eligibility` E-8)."""
    return next(row.age_below for row in assistance.rules[EMPLOYMENT_RULE].rows if row.age_below and row.hard_block)


def may_work(child: Child, setting: Setting) -> bool:
    """Whether a child is, or may be, old enough for work today."""
    day = setting.now.astimezone(setting.calendar.zone).date()
    if child.child_id in setting.working_from:
        return day >= setting.working_from[child.child_id]
    return oldest_possible_age(child, setting.started_at, setting.now) >= working_age(setting.policy.assistance)


def working_proved(child_id: UUID | None, setting: Setting) -> bool:
    """Whether an exact birth date has shown that the child (None: some child of the case) may work today."""
    day = setting.now.astimezone(setting.calendar.zone).date()
    shown = [since for child, since in setting.working_from.items() if child_id in {None, child}]
    return any(day >= since for since in shown)


def oldest_possible_age(child: Child, started_at: datetime, now: datetime) -> int:
    """The most years the child can be now, knowing its age on the day of receipt. Unknown age: no bound."""
    if child.age is None:
        return 1000
    birthdays = now.year - started_at.year - ((now.month, now.day) < (started_at.month, started_at.day)) + 1
    return child.age + birthdays


# Clocks --------------------------------------------------------------------------------------------------------------


def due_at(code: str, level: str, anchor: datetime, policy: Policy, calendar: WorkingCalendar) -> datetime | None:
    """When the owner's first step is due by the policy; None where it gives no clock."""
    limit = policy.assistance.by_code[code].limit_at(level)
    return None if limit is None else limit_due_at(limit, anchor, calendar).at


def first_due(wanted: Wanted, setting: Setting, *, emergency: bool = False) -> datetime:
    """When a measure is due: the plan's date, the policy's limit, else a date that is always set: of an emergency service
    the emergency limit, of any other the review of the plan. The shorter of two emergency limits holds."""
    assistance, level = setting.policy.assistance, setting.round.level
    entry = assistance.by_code[wanted.code]
    if entry.schedule:
        return wanted.due_at or limit_due_at(assistance.medical_round_every, setting.now, setting.calendar).at
    by_policy = due_at(wanted.code, level, anchor_of(entry, setting), setting.policy, setting.calendar)
    found = wanted.due_at or by_policy
    if emergency:
        soon = limit_due_at(assistance.emergency_limit, setting.now, setting.calendar).at
        return soon if found is None else min(found, soon)
    return found or limit_due_at(review_limit(level, setting.policy), setting.now, setting.calendar).at


def anchor_of(entry: Entry, setting: Setting) -> datetime:
    """The request, or the moment the concern was referred for a measure that is anchored there (the school home visit)."""
    referred = setting.round.concerns_at.get(entry.anchor_concern or "")
    return referred or setting.now


def review_limit(level: str, policy: Policy) -> Limit:
    """When the goals of a plan are looked at again (policy `assistance.plan_template`)."""
    levels = policy.assistance.plan_template.levels
    return (levels.get(level) or levels[policy.levels[0].code]).review


# Template ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a plan of this level and these concerns starts from (D-4.5.1). The conference decides."""

    goals: tuple[str, ...]
    measures: tuple[str, ...]


def template(level: str, concerns: Collection[str], policy: Policy) -> Suggestion:
    """Heads of need and measures to weigh: by level, then by what was reported."""
    found = policy.assistance.plan_template
    named = [code for concern, codes in found.by_concern.items() if concern in concerns for code in codes]
    by_level = found.levels[level]
    return Suggestion(by_level.goals, tuple(dict.fromkeys([*by_level.measures, *named])))


# Emergency services --------------------------------------------------------------------------------------------------


def emergency_refusal(code: str, round_: Round, policy: Policy) -> Refusal | None:
    """Whether an emergency service may be asked for now: of the five kinds (D-4.2.3), while the case is RED or ORANGE.
    It needs no plan."""
    rules = policy.assistance
    kinds, levels = "、".join(rules.emergency_service_kinds), "、".join(rules.emergency_levels)
    if rules.by_code[code].service not in rules.emergency_service_kinds:
        return Refusal(
            "emergency_service", Label(zh=f"紧急服务限于：{kinds}", en=f"an emergency service is one of: {kinds}")
        )
    if round_.level not in rules.emergency_levels:
        return Refusal(
            "emergency_level", Label(zh=f"紧急服务限于等级：{levels}", en=f"only while the level is: {levels}")
        )
    return None
