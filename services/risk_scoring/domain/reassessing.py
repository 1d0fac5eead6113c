"""Which reassessments a case owes: opened by triggers, brought forward by a higher level, ended by an assessment. Pure.

A case has at most one open task per trigger. The fact-finding task of a provisional score is one of them, with a clock of
its own: it counts from the first contact, and until somebody has seen the child from the last moment for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.policy import Limit, Policy, WorkingCalendar, elapsed
from contracts.policy.reassessment import FACT_FINDING
from contracts.vocabulary import SYSTEM, Actor
from services.risk_scoring.domain.case_file import CaseFile

FIRST_CONTACT_STEP = "S5c"
"""The last of the three clocks by which somebody must have seen the child."""
Outcome = Literal["assessed", "superseded", "case_closed"]


@dataclass(frozen=True, slots=True)
class Task:
    """An open reassessment. `due_at` counts from `known_at`, when the trigger was known here.

    `alarmed` = its own clock warns and repeats; False where the clock of a response step does (S11). `provisional`: the due
    time counts days of a year without a calendar.
    """

    task_id: UUID
    case_id: UUID
    response_no: int
    trigger: str
    known_at: datetime
    opened_at: datetime
    due_at: datetime
    provisional: bool
    level: str
    alarmed: bool
    policy_version: str


@dataclass(frozen=True, slots=True)
class Opening:
    """Something happened that calls for a reassessment. `due_at`: the clock that already runs for it elsewhere."""

    task_id: UUID
    trigger: str
    known_at: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assessed:
    """A person assessed the case; what was known by then is answered."""

    at: datetime
    by: Actor
    assessment_id: UUID


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that is over. `late_seconds` counts whatever the outcome."""

    task: Task
    outcome: Outcome
    at: datetime
    by: Actor
    assessment_id: UUID | None = None

    @property
    def late_seconds(self) -> int:
        """How long after its due time it ended; 0 in time."""
        return max(0, int((self.at - self.task.due_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a case's tasks: new ones, ones with another due time or level, ones that are over."""

    opened: tuple[Task, ...] = ()
    moved: tuple[Task, ...] = ()
    ended: tuple[Ended, ...] = ()


def settle(
    file: CaseFile,
    running: Sequence[Task],
    openings: Sequence[Opening],
    now: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
    *,
    assessed: Assessed | None = None,
    scored: bool = False,
    fact_finding_id: UUID | None = None,
) -> Settlement:
    """The tasks of a case after a change. `scored`: the change brought a new score, which may owe fact-finding.

    A task never moves to a later time, also where the level was lowered.
    """
    if file.state != "open":
        return Settlement(ended=tuple(Ended(task, "case_closed", now, SYSTEM) for task in running))
    kept: list[Task] = []
    ended: list[Ended] = []
    for task in running:
        over = _over(task, file, assessed, now)
        if over is None:
            kept.append(_brought_forward(task, file, now, policy, calendar))
        else:
            ended.append(over)
    opened: list[Task] = []
    for opening in openings:
        if all(task.trigger != opening.trigger for task in (*kept, *opened)):
            opened.append(_opened(opening, file, now, policy, calendar))
    found_out = assessed is not None and file.child_seen
    if scored and file.provisional and not found_out and all(task.trigger != FACT_FINDING for task in kept):
        assert fact_finding_id is not None, "a score may owe a task, which needs an id"
        opened.append(_fact_finding(fact_finding_id, file, now, policy, calendar))
    moved = tuple(task for task in kept if task not in running)
    return Settlement(tuple(opened), moved, tuple(ended))


def _over(task: Task, file: CaseFile, assessed: Assessed | None, now: datetime) -> Ended | None:
    if task.response_no != file.response_no:
        return Ended(task, "superseded", now, SYSTEM)
    answers = assessed is not None and (file.child_seen if task.trigger == FACT_FINDING else True)
    if assessed is not None and answers and task.known_at <= assessed.at:
        return Ended(task, "assessed", assessed.at, assessed.by, assessed.assessment_id)
    if task.trigger == FACT_FINDING and not file.provisional:
        return Ended(task, "superseded", now, SYSTEM)
    return None


def _opened(opening: Opening, file: CaseFile, now: datetime, policy: Policy, calendar: WorkingCalendar) -> Task:
    due = calendar.due_at(policy.risk.reassessment.due[file.level], opening.known_at)
    return Task(
        task_id=opening.task_id,
        case_id=file.case_id,
        response_no=file.response_no,
        trigger=opening.trigger,
        known_at=opening.known_at,
        opened_at=now,
        due_at=opening.due_at or due.at,
        provisional=due.provisional and opening.due_at is None,
        level=file.level,
        alarmed=opening.due_at is None,
        policy_version=policy.policy_version,
    )


def _fact_finding(task_id: UUID, file: CaseFile, now: datetime, policy: Policy, calendar: WorkingCalendar) -> Task:
    limit = policy.risk.missing_information.rescore_after_first_contact[file.level]
    due = calendar.due_at(limit, now if file.child_seen else _contact_by(file, now, policy, calendar))
    return Task(
        task_id=task_id,
        case_id=file.case_id,
        response_no=file.response_no,
        trigger=FACT_FINDING,
        known_at=now,
        opened_at=now,
        due_at=due.at,
        provisional=due.provisional,
        level=file.level,
        alarmed=True,
        policy_version=policy.policy_version,
    )


def _brought_forward(task: Task, file: CaseFile, now: datetime, policy: Policy, calendar: WorkingCalendar) -> Task:
    """A higher level shortens the rest from now on; the first contact starts the clock of the fact-finding."""
    rising = policy.rank(file.level) > policy.rank(task.level)
    task = replace(task, level=file.level) if task.level != file.level else task
    limits, start = policy.risk.reassessment.due, now if rising else None
    if task.trigger == FACT_FINDING:
        limits = policy.risk.missing_information.rescore_after_first_contact
        if not file.child_seen:
            start = _contact_by(file, now, policy, calendar)
        elif file.child_seen_at is not None and file.child_seen_at >= task.known_at:
            start = file.child_seen_at
    due = None if start is None else calendar.due_at(limits[file.level], start)
    return task if due is None or due.at >= task.due_at else replace(task, due_at=due.at, provisional=due.provisional)


def _contact_by(file: CaseFile, now: datetime, policy: Policy, calendar: WorkingCalendar) -> datetime:
    """By when somebody must have seen the child; now, where that moment has passed."""
    limit = policy.step_limit(FIRST_CONTACT_STEP, file.level)
    assert isinstance(limit, Limit), "the first contact has one limit per level"
    return max(now, calendar.due_at(limit, file.received_at).at)


def warning_at(task: Task, policy: Policy) -> datetime:
    """When the task is called to mind: after the policy's share of its time, not later than it is due."""
    share = (task.due_at - task.known_at) * policy.risk.reassessment.remind.warn_percent / 100
    return min(task.known_at + share, task.due_at)


def repeat_every(task: Task, policy: Policy) -> timedelta:
    """How often a late task is called again."""
    return elapsed(policy.risk.reassessment.remind.repeat[task.level])
