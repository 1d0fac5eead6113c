"""One transaction's changes of case files: every handler and command loads, changes, scores and keeps through it.

What follows from a change by itself happens here, once for all causes: waiting proposals to lower are superseded, tasks
open, move and end, and a RED child lifts the other cases under its roof (O7).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Cause, Deadline, Transaction
from contracts.envelope import Event
from contracts.policy import Policy, load_calendar, load_policy
from contracts.policy.reassessment import FACT_FINDING
from contracts.risk_scoring import ReassessmentDone, ReassessmentOpened, RiskAssessed
from contracts.vocabulary import SYSTEM, Actor
from services.risk_scoring.domain import learning, reassessing, scoring
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.domain.reassessing import Assessed, Ended, Opening, Task
from services.risk_scoring.store.assessments import Recorded, add_assessments
from services.risk_scoring.store.cases import load_cases, save_cases, under_one_roof
from services.risk_scoring.store.lowerings import supersede_lowerings
from services.risk_scoring.store.reassessments import open_tasks, save_tasks

REASSESSMENT = "reassessment"
"""The kind of the clock of a task."""


BY_PEOPLE = ("manual_raise", "manual_lowering")
"""Causes that set a level and score nothing."""


@dataclass(frozen=True, slots=True)
class Because:
    """A cause that is neither an event nor a fired deadline: one case's turn in a batch."""

    cause: Cause


Reason = Event | Fired | Because | None
"""Why a case changes; None in a command, whose transaction has its own cause."""


@dataclass(slots=True)
class Change:
    """What happens to one case in this transaction."""

    file: CaseFile
    because: Reason
    level_before: str | None = None
    openings: list[Opening] = field(default_factory=list)
    assessed: Assessed | None = None
    scored: bool = False
    tasks_touched: bool = False
    roof_touched: bool = False

    @property
    def fresh(self) -> bool:
        """Whether this is the case's very first assessment: no task of it can exist yet."""
        return self.scored and self.file.version == 1


class Changes:
    """The files changed in one transaction, and what is announced of them at its end."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._calendar = load_calendar()
        self._changes: dict[UUID, Change] = {}
        self._records: list[Recorded] = []
        self._numbers: dict[UUID, int] = {}
        self.opened: list[Task] = []
        self.running: dict[UUID, list[Task]] = {}

    def put(self, file: CaseFile, because: Reason = None, before: CaseFile | None = None) -> Change:
        """The file as it is now; kept at the end. `before` shows whether somebody has seen the child since."""
        change = self._changes.get(file.case_id)
        if change is None:
            change = self._changes[file.case_id] = Change(file, because)
        seen_before = change.file.child_seen_at if before is None else before.child_seen_at
        change.tasks_touched |= file.state != "open" or (file.provisional and file.child_seen_at != seen_before)
        change.file = file
        return change

    def open(
        self, file: CaseFile, trigger: str, known_at: datetime, because: Reason, due_at: datetime | None = None
    ) -> None:
        """Something called for a reassessment of an open case."""
        if file.state != "open":
            return
        change = self.put(file, because)
        task_id = self._tx.new_id(REASSESSMENT, file.case_id, trigger, cause=because)
        change.openings.append(Opening(task_id, trigger, known_at, due_at))
        change.tasks_touched = True

    def meet(self, case_id: UUID) -> None:
        """This case's household was told anew: look at who is RED under the roof."""
        if case_id in self._changes:
            self._changes[case_id].roof_touched = True

    def score(
        self,
        file: CaseFile,
        policy: Policy,
        cause: scoring.Cause,
        because: Reason,
        *,
        effective_at: datetime,
        by: Actor = SYSTEM,
        level_before: str | None,
        report: Any = None,
        by_a_person: bool = False,
        **given: Any,
    ) -> CaseFile:
        """Score the case and announce the result. `by_a_person`: they assessed it, which answers what was asked."""
        file, assessed = scoring.scored(file, policy)
        return self.announce(
            file, assessed, policy, cause, because,
            effective_at=effective_at, by=by, level_before=level_before, report=report, by_a_person=by_a_person, **given,
        )  # fmt: skip

    def announce(
        self,
        file: CaseFile,
        assessed: Any,
        policy: Policy,
        cause: scoring.Cause,
        because: Reason,
        *,
        effective_at: datetime,
        by: Actor,
        level_before: str | None,
        report: Any = None,
        by_a_person: bool = False,
        **given: Any,
    ) -> CaseFile:
        """Announce a result as it is."""
        file, event = scoring.announced(
            file,
            assessed,
            policy,
            assessment_id=self._assessment_id(file.case_id, because),
            cause=cause,
            effective_at=effective_at,
            assessed_at=self._tx.now,
            assessed_by=by,
            report=report,
        )
        if by_a_person:
            file = replace(file, reviewed_at=self._tx.now)
        self._tx.publish(str(file.case_id), event, cause=because)
        change = self.put(file, because)
        self._note(change, event, level_before, policy)
        if by_a_person:
            change.assessed = Assessed(effective_at, by, event.assessment_id)
        self._records.append(Recorded(event, level_before, file, **given))
        return file

    def _assessment_id(self, case_id: UUID, because: Reason) -> UUID:
        nth = self._numbers.get(case_id, 0)
        self._numbers[case_id] = nth + 1
        return self._tx.new_id("assessment", case_id, nth, cause=because)

    def _note(self, change: Change, event: RiskAssessed, before: str | None, policy: Policy) -> None:
        top = policy.highest(policy.ranks)
        change.scored |= event.cause not in BY_PEOPLE
        change.level_before = before
        change.roof_touched |= event.report_level == top and before != top
        change.tasks_touched |= change.file.provisional or not change.fresh

    async def keep(self) -> None:
        """Write everything, with what follows from it."""
        await self._lift_households()
        changes = list(self._changes.values())
        await save_cases(self._tx.db, [change.file for change in changes])
        await add_assessments(self._tx.db, self._records)
        moved = [c.file.case_id for c in changes if c.level_before and c.level_before != c.file.level]
        closed = [c.file.case_id for c in changes if c.file.state != "open"]
        await supersede_lowerings(self._tx.db, [*moved, *closed], self._tx.now)
        await self._settle_tasks([change for change in changes if change.tasks_touched])

    # One roof (O7) -----------------------------------------------------------------------------------------------

    async def _lift_households(self) -> None:
        """A case that became RED lifts the others under its roof; one that comes under a RED one's roof is lifted."""
        while touched := [change for change in self._changes.values() if change.roof_touched]:
            for change in touched:
                change.roof_touched = False
            named = {case_id for change in touched for case_id in change.file.household}
            named |= await under_one_roof(self._tx.db, [change.file.case_id for change in touched])
            others = await self.others(named)
            for change in touched:
                for other_id in others:
                    self._lift(change.because, change.file.case_id, self._file(other_id, others))

    async def others(self, case_ids: Iterable[UUID]) -> dict[UUID, CaseFile]:
        """Further cases, locked, as they are now."""
        wanted = set(case_ids)
        missing = wanted - self._changes.keys()
        if missing:
            await self._tx.lock(str(case_id) for case_id in missing)
        found = await load_cases(self._tx.db, missing) if missing else {}
        return {**found, **{case_id: self._changes[case_id].file for case_id in wanted & self._changes.keys()}}

    def _file(self, case_id: UUID, loaded: Mapping[UUID, CaseFile]) -> CaseFile:
        change = self._changes.get(case_id)
        return loaded[case_id] if change is None else change.file

    def _lift(self, because: Reason, case_id: UUID, other: CaseFile) -> None:
        file = self._changes[case_id].file
        together = file.case_id in other.household or other.case_id in file.household
        if file.case_id == other.case_id or not together:
            return
        for red, lifted in ((file, other), (other, file)):
            policy = load_policy(lifted.policy_version)
            top = policy.highest(policy.ranks)
            if red.state == "open" and red.level == top != lifted.level and (beside := learning.beside_red(lifted)):
                self.score(
                    beside, policy, "trigger", because, effective_at=self._tx.now, level_before=lifted.level or None
                )

    # Tasks -------------------------------------------------------------------------------------------------------

    async def _settle_tasks(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        asked = [change.file.case_id for change in changes if not change.fresh]
        self.running = await open_tasks(self._tx.db, asked) if asked else {}
        saved: list[Task] = []
        over: list[Ended] = []
        for change in changes:
            file, policy = change.file, load_policy(change.file.policy_version)
            settled = reassessing.settle(
                file,
                self.running.get(file.case_id, ()),
                change.openings,
                self._tx.now,
                policy,
                self._calendar,
                assessed=change.assessed,
                scored=change.scored,
                fact_finding_id=self._tx.new_id(REASSESSMENT, file.case_id, FACT_FINDING, cause=change.because),
            )
            self._announce_tasks(change, settled, policy)
            saved += [*settled.opened, *settled.moved]
            over += settled.ended
            self.opened += settled.opened
            ended = {one.task.task_id for one in settled.ended}
            now_running = {
                task.task_id: task for task in self.running.get(file.case_id, ()) if task.task_id not in ended
            }
            now_running |= {task.task_id: task for task in (*settled.opened, *settled.moved)}
            self.running[file.case_id] = list(now_running.values())
        await save_tasks(self._tx.db, saved, over)

    def _announce_tasks(self, change: Change, settled: reassessing.Settlement, policy: Policy) -> None:
        file, key = change.file, str(change.file.case_id)
        for task in (*settled.opened, *settled.moved):
            opened = ReassessmentOpened.model_validate(
                {
                    "case_id": file.case_id,
                    "case_number": file.case_number,
                    "township": file.township,
                    "task_id": task.task_id,
                    "trigger": task.trigger,
                    "level": task.level,
                    "due_at": task.due_at,
                    "opened_at": task.opened_at,
                    "policy_version": task.policy_version,
                }
            )
            self._tx.publish(key, opened, cause=change.because)
            if task.alarmed:
                self._tx.arm(clock(task, policy))
        for one in settled.ended:
            done = ReassessmentDone(
                case_id=file.case_id,
                task_id=one.task.task_id,
                trigger=one.task.trigger,
                outcome=one.outcome,
                assessment_id=one.assessment_id,
                late_seconds=one.late_seconds,
                by=one.by,
                at=one.at,
            )
            self._tx.publish(key, done, cause=change.because)
            self._tx.end(one.task.task_id, "met" if one.outcome == "assessed" else "cancelled", one.at)


def clock(task: Task, policy: Policy) -> Deadline:
    """The clock of a task: called to mind, due, and called again until it is done."""
    plan = ((reassessing.warning_at(task, policy), "due_soon"), (task.due_at, "overdue"))
    return Deadline(
        id=task.task_id,
        key=str(task.case_id),
        kind=REASSESSMENT,
        anchor_at=task.known_at,
        due_at=task.due_at,
        plan=plan,
        repeat_seconds=int(reassessing.repeat_every(task, policy).total_seconds()),
        policy_version=task.policy_version,
        detail={"trigger": task.trigger},
        subject=task.task_id,
    )
