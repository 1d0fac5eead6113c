"""What a plan may hold: measures of the catalogue, each with its right owner (policy `assistance.catalogue`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from contracts.policy import Label, Limit, Policy, WorkingCalendar
from contracts.policy import due_at as limit_due_at
from services.assistance.domain.rounds import Child

EMPLOYMENT = "EMPLOYMENT"
WORKING_AGE = 16
"""Below it nobody may be placed in work (L-CL 2; policy `assistance.eligibility` E-8)."""

OwnerReason = Literal["conflict_of_interest", "joint_owner", "no_capacity", "receiving_area"]
Outcome = Literal[
    "achieved", "partly_achieved", "not_needed", "not_eligible", "refused_by_family", "moved_away", "replaced"
]
OUTCOMES: Mapping[Outcome, Literal["done", "ended"]] = {
    "achieved": "done",
    "partly_achieved": "done",
    "not_needed": "ended",
    "not_eligible": "ended",
    "refused_by_family": "ended",
    "moved_away": "ended",
    "replaced": "ended",
}
"""How a measure leaves the list of open tasks: done, or ended with its reason."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure a conference wants. `goal` is one of the four problem domains (D-1.3)."""

    code: str
    owner_department: str
    owner_reason: str | None = None
    beneficiary: str = "child"
    goal: str | None = None


@dataclass(frozen=True, slots=True)
class MeasureProblem:
    """Why one measure cannot be agreed."""

    index: int
    field: str
    code: str
    text: Label


def catalogue(policy: Policy) -> Mapping[str, Mapping[str, Any]]:
    """The catalogue by code."""
    return {entry["code"]: entry for entry in policy.assistance["catalogue"]}


def measure_problems(
    measures: Sequence[Measure],
    running: Collection[str],
    children: Sequence[Child],
    started_at: datetime,
    now: datetime,
    policy: Policy,
) -> tuple[MeasureProblem, ...]:
    """What is wrong with the measures of a conference; `running` are codes that are open already. Empty when sound."""
    problems: list[MeasureProblem] = []
    taken = set(running)
    entries, goals = catalogue(policy), {domain.code for domain in policy.problem_domains}

    def wrong(index: int, field: str, code: str, zh: str, en: str) -> None:
        problems.append(MeasureProblem(index, field, code, Label(zh=zh, en=en)))

    for index, measure in enumerate(measures):
        entry = entries.get(measure.code)
        if entry is None:
            wrong(index, "code", "unknown_measure", "目录中没有这项措施", "the catalogue has no such measure")
            continue
        if measure.code in taken:
            wrong(index, "code", "measure_running", "这项措施正在进行", "this measure is running already")
        taken.add(measure.code)
        if measure.owner_department not in policy.departments_by_code:
            wrong(index, "owner_department", "unknown_department", "没有这个部门", "no such department")
        elif measure.owner_department != entry["owner"] and measure.owner_reason is None:
            right = policy.label("department", entry["owner"])
            wrong(
                index,
                "owner_department",
                "wrong_owner",
                f"应由{right.zh}承担，否则须说明原因",
                f"belongs to the {right.en}; else give a reason",
            )
        if measure.goal is not None and measure.goal not in goals:
            wrong(index, "goal", "unknown_goal", "没有这个目标类别", "no such kind of goal")
        if measure.code == EMPLOYMENT and measure.beneficiary == "child" and not _any_of_age(children, started_at, now):
            wrong(
                index,
                "code",
                "too_young_to_work",
                "未满16周岁不得安排就业，应提供就学帮助",
                "nobody under 16 is placed in work: offer school",
            )
    return tuple(problems)


def _any_of_age(children: Sequence[Child], started_at: datetime, now: datetime) -> bool:
    """Unless every child is known to be under 16; the employment office checks the exact birth date."""
    return any(oldest_possible_age(child, started_at, now) >= WORKING_AGE for child in children)


def oldest_possible_age(child: Child, started_at: datetime, now: datetime) -> int:
    """The most years the child can be now, knowing its age on the day of receipt. Unknown age: no bound."""
    if child.age is None:
        return 1000
    birthdays = now.year - started_at.year - ((now.month, now.day) < (started_at.month, started_at.day)) + 1
    return child.age + birthdays


def due_at(code: str, level: str, now: datetime, policy: Policy, calendar: WorkingCalendar) -> datetime | None:
    """When the owner's first step is due, counted from the conference; None where the policy gives no clock."""
    entry = catalogue(policy)[code]
    raw = entry.get("limit") or (entry.get("limits") or {}).get(level) or entry.get("target")
    return None if raw is None else limit_due_at(Limit.model_validate(raw), now, calendar).at
