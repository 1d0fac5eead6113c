"""The half-yearly rescreen (D-4.3.2, policy `risk.reassessment.batch`): every open case is scored again under the policy in force.

A batch is one commit of at most BATCH cases, each marked with the month, so that a run may stop anywhere, be started by
several processes and be started again. It raises levels; what scores lower, or on thin information, is given to a person.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.clock import derived_id
from chassis.database import Database
from chassis.log import logger
from chassis.service import Runtime
from chassis.transaction import Cause, Connection, Transaction
from contracts.policy import Policy, load_calendar, load_policy, policy_in_force
from contracts.vocabulary import SYSTEM, Actor
from services.risk_scoring.changing import Because, Changes
from services.risk_scoring.domain import is_rescreen_month, scoring
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.store import rescreens
from services.risk_scoring.store.cases import count_open, load_cases, open_cases, townships
from services.risk_scoring.store.tables import RescreenRow

BATCH = 200
BATCHES_AT_ONCE = 10
"""How many batches one turn of the periodic work does: other loops of the process must come to their turn."""
REVIEW = "scheduled_review"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rescreen makes of one case."""

    before: CaseFile
    after: CaseFile

    @property
    def raised(self) -> bool:
        """Whether its level rises."""
        return self.after.level != self.before.level

    @property
    def lower(self) -> bool:
        """Whether it scores below the level in force: two persons may lower it."""
        return self.after.computed_level != self.after.level

    @property
    def differs(self) -> bool:
        """Whether a person must look at it. Thin information is a reason too, with a task of its own (fact-finding)."""
        return self.raised or self.lower


def period_of(at: datetime) -> str:
    """The month of a moment in the township's time, as 2026-03."""
    return f"{at.astimezone(load_calendar().zone):%Y-%m}"


def policy_on(at: datetime) -> Policy:
    """The policy in force at a moment."""
    return policy_in_force(at.astimezone(load_calendar().zone).date())


async def start(tx: Transaction, township: str, by: Actor) -> RescreenRow:
    """This month's rescreen of a township, started now unless it was before."""
    period, policy = period_of(tx.now), policy_on(tx.now)
    started = await rescreens.of_month(tx.db, township, period)
    if started is not None:
        return started
    row = RescreenRow(
        rescreen_id=rescreen_id(township, period),
        township=township,
        period=period,
        policy_version=policy.policy_version,
        total=await count_open(tx.db, township, tx.now),
        done=0,
        raised=0,
        lower=0,
        tasks=0,
        started_by=by.model_dump(),
        started_at=tx.now,
        finished_at=None,
    )
    return await rescreens.add_rescreen(tx.db, row)


def rescreen_id(township: str, period: str) -> UUID:
    """The one rescreen of a township in a month."""
    return derived_id(UUID(int=0), "rescreen", township, period)


async def advance(database: Database, run: RescreenRow) -> bool:
    """Score the next batch and commit it. False when nothing was left and the run is finished."""
    async with database.transaction() as tx:
        ids = await open_cases(tx.db, run.township, run.period, run.started_at, None, BATCH)
        await tx.lock([str(case_id) for case_id in ids])
        changes = Changes(tx)
        # Another process may have taken the same batch and finished it while this one waited for the locks.
        waiting = [
            file
            for file in (await load_cases(tx.db, ids)).values()
            if file.state == "open" and file.rescreened != run.period
        ]
        outcomes = [_rescreened(file, run, tx, changes) for file in waiting]
        await changes.keep()
        counts = (len(outcomes), sum(one.raised for one in outcomes), sum(one.lower for one in outcomes))
        await rescreens.advance(tx.db, run.rescreen_id, *counts, len({task.case_id for task in changes.opened}))
        if not ids:
            await rescreens.finish(tx.db, run.rescreen_id, tx.now)
    return bool(ids)


def _rescreened(before: CaseFile, run: RescreenRow, tx: Transaction, changes: Changes) -> Outcome:
    policy = load_policy(run.policy_version)
    because = Because(Cause(derived_id(run.rescreen_id, before.case_id), str(before.case_id)))
    marked = replace(before, policy_version=policy.policy_version, rescreened=run.period)
    after = changes.score(marked, policy, "rescreen", because, effective_at=tx.now, level_before=before.level)
    outcome = Outcome(before, after)
    if outcome.differs and not _assessed_in(before, run.period):
        changes.open(after, REVIEW, tx.now, because)
    return outcome


def _assessed_in(file: CaseFile, period: str) -> bool:
    return file.reviewed_at is not None and period_of(file.reviewed_at) == period


async def foreseen(db: Connection, township: str, now: datetime, policy: Policy) -> list[Outcome]:
    """What a rescreen would make of every open case; nothing is written."""
    found: list[Outcome] = []
    after: UUID | None = None
    while ids := await open_cases(db, township, None, now, after, BATCH):
        files = (await load_cases(db, ids)).values()
        found += [Outcome(file, scoring.scored(file, policy)[0]) for file in files]
        after = ids[-1]
    return found


async def rescreen_due(runtime: Runtime) -> None:
    """In the policy's months start every township's rescreen once; go on with what is unfinished."""
    now = await runtime.database.now()
    if is_rescreen_month(now.astimezone(load_calendar().zone).date(), policy_on(now)):
        async with runtime.database.transaction() as tx:
            for township in await townships(tx.db):
                await start(tx, township, SYSTEM)
    async with runtime.database.reading() as db:
        runs = await rescreens.unfinished(db)
    for run in runs:
        for _ in range(BATCHES_AT_ONCE):
            if not await advance(runtime.database, run):
                log.info("rescreen.finished", township=run.township, period=run.period)
                break
