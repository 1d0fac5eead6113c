"""Measures in motion: what a request and each later change write, the row, the event and the clock in one commit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from chassis.clock import derived_id
from chassis.transaction import Connection, Deadline, Transaction
from contracts.assistance import MeasureChanged
from contracts.envelope import Event
from contracts.policy import due_at as limit_due_at
from contracts.policy import load_calendar
from contracts.policy.assistance import Entry
from contracts.vocabulary import SYSTEM, Actor
from services.assistance.clocks import ALARM, DUE_SOON, OVERDUE, REPEAT, task_clock
from services.assistance.domain.measures import GOVERNMENT, Measure
from services.assistance.domain.plan import EMPLOYMENT_RULE, Setting, Wanted, first_due
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.eligibility import working_from
from services.assistance.store.measures import measures_of, save_measures
from services.assistance.store.plans import add_version, goals_of

ORDER_PATH = (GOVERNMENT, "responsible_leader")
"""Who must act once a pupil's return has failed for the longer limit."""


async def setting_of(db: Connection, round_: Round, now: datetime) -> Setting:
    """What measures of this round are judged against now."""
    keys = [(one.code, one.beneficiary, one.child_id) for one in await measures_running(db, round_)]
    ages = await working_from(db, round_.case_id, EMPLOYMENT_RULE)
    return Setting(round_, now, policy_of(round_), load_calendar(), keys, ages)


async def measures_running(db: Connection, round_: Round) -> list[Measure]:
    """The measures of a round that are not ended."""
    return [one for one in await measures_of(db, round_) if one.running]


async def amended(
    tx: Transaction, round_: Round, actor: Actor, kind: str = "amended", conference_id: UUID | None = None
) -> int:
    """Keep the plan as it is now as its next version. Returns its number."""
    running = {str(one.measure_id): one.code for one in await measures_running(tx.db, round_)}
    goals = {str(row["goal_id"]): row["head"] for row in await goals_of(tx.db, round_)}
    return await add_version(tx.db, round_, kind, running, goals, actor.model_dump(), tx.now, conference_id)


async def request(
    tx: Transaction, setting: Setting, wanted: Sequence[Wanted], actor: Actor, *, emergency: bool = False,
    note_id: UUID | None = None,
) -> list[Measure]:  # fmt: skip
    """Measures that were found sound, asked for now: kept, announced, their clocks armed."""
    made = [_made(tx, setting, one, actor, emergency, note_id) for one in wanted]
    await save_measures(tx.db, made)
    for one in made:
        tx.arm(*_first_clocks(one, setting))
        _announce(tx, setting.round, one, actor)
    return made


def _made(
    tx: Transaction, setting: Setting, wanted: Wanted, actor: Actor, emergency: bool, note_id: UUID | None
) -> Measure:
    entry = setting.policy.assistance.by_code[wanted.code]
    return Measure(
        measure_id=tx.new_id("measure", wanted.code, wanted.beneficiary, wanted.child_id),
        case_id=setting.round.case_id,
        response_no=setting.round.response_no,
        code=wanted.code,
        owner_department=wanted.owner_department,
        owner_reason=wanted.owner_reason,
        requested_at=tx.now,
        requested_by=actor.model_dump(),
        beneficiary=wanted.beneficiary,
        child_id=wanted.child_id,
        goal=wanted.goal,
        emergency=emergency,
        due_at=first_due(wanted, setting, emergency=emergency),
        note_id=note_id,
        parties=dict.fromkeys(party for party in entry.parties if party != setting.round.conflict_unit),
        every_days=setting.policy.assistance.medical_round_every.days if entry.schedule else None,
    )


def _first_clocks(measure: Measure, setting: Setting) -> list[Deadline]:
    entry = setting.policy.assistance.by_code[measure.code]
    clocks = [_clock(measure, setting.round, measure.requested_at)]
    if entry.unresolved_after is not None:
        due = limit_due_at(entry.unresolved_after, measure.requested_at, setting.calendar).at
        clocks.append(
            task_clock(
                _unresolved_clock(measure),
                setting.round,
                "measure",
                measure.measure_id,
                f"{measure.code}:unresolved",
                measure.owner_department,
                measure.requested_at,
                due,
                kind="measure_unresolved",
                stages=[(due, ALARM)],
                targets={ALARM: ORDER_PATH, REPEAT: ORDER_PATH},
            )
        )
    return clocks


def _unresolved_clock(measure: Measure) -> UUID:
    return derived_id(measure.measure_id, "unresolved")


def _clock_id(measure: Measure) -> UUID:
    """The clock that runs now: the papers after emergency help, the next round of a schedule, else the first step."""
    if measure.papers_due_at is not None:
        return derived_id(measure.measure_id, "papers")
    return derived_id(measure.measure_id, "due", measure.rounds_done)


def _clock(measure: Measure, round_: Round, anchor: datetime) -> Deadline:
    assert measure.due_at is not None
    code = f"{measure.code}:papers" if measure.papers_due_at is not None else measure.code
    soon = anchor + (measure.due_at - anchor) * policy_of(round_).assistance.task_clock.due_soon_percent / 100
    # The home visit is anchored before its request, so the reminder may lie behind us: then only the limit is announced.
    stages = [
        (at, stage) for at, stage in ((soon, DUE_SOON), (measure.due_at, OVERDUE)) if at > anchor or stage == OVERDUE
    ]
    return task_clock(
        _clock_id(measure), round_, "measure", measure.measure_id, code, measure.owner_department, anchor, measure.due_at,
        stages=stages,
    )  # fmt: skip


async def change(
    tx: Transaction, round_: Round, before: Measure, after: Measure, actor: Actor, action: str, *,
    at: datetime | None = None, announce: bool | None = None, reason: str | None = None,
) -> Measure:  # fmt: skip
    """Keep a changed measure: the clock that was answered ends when the act happened (`at`), the next one starts. A new
    state is announced; `announce` says so for what happens within one."""
    saved = replace(after, version=before.version + 1)
    await save_measures(tx.db, [saved])
    moved = after.due_at != before.due_at or not after.running
    if moved:
        tx.end(_clock_id(before), "cancelled" if after.state == "cancelled" else "met", at or tx.now)
    if not after.running:
        tx.end(_unresolved_clock(before), "cancelled" if after.state == "cancelled" else "met", at or tx.now)
    elif moved and after.due_at is not None:
        tx.arm(_clock(saved, round_, at or tx.now))
    if after.state != before.state if announce is None else announce:
        _announce(tx, round_, saved, actor, reason)
    tx.audit(
        str(round_.case_id),
        f"measure.{action}",
        actor.model_dump(),
        {"measure": str(saved.measure_id), "code": saved.code},
    )
    return saved


def papers_follow(measure: Measure, entry: Entry, at: datetime) -> Measure:
    """Emergency help was given; its papers are due after the policy's days."""
    if entry.papers_after is None or measure.state != "granted" or measure.papers_due_at is not None:
        return measure
    due = limit_due_at(entry.papers_after, at, load_calendar()).at
    return replace(measure, papers_due_at=due, due_at=due)


def _announce(
    tx: Transaction,
    round_: Round,
    measure: Measure,
    actor: Actor,
    reason: str | None = None,
    cause: Event | None = None,
) -> None:
    tx.publish(
        str(round_.case_id),
        MeasureChanged(
            case_id=round_.case_id,
            measure_id=measure.measure_id,
            plan_id=round_.plan_id,
            child_id=measure.child_id,
            code=measure.code,
            department=measure.owner_department,
            organisation=measure.provider,
            state=measure.state,
            emergency=measure.emergency,
            due_at=measure.due_at,
            late_seconds=measure.late_seconds,
            reason=reason or measure.reason,
            by=actor,
            at=tx.now,
        ),
        cause=cause,
    )


async def hurry(tx: Transaction, round_: Round, event: Event) -> None:
    """The level rose: a measure whose limit is shorter at the new level is due by it, counted from now. Clocks are never
    moved back."""
    setting = await setting_of(tx.db, round_, tx.now)
    for measure in await measures_running(tx.db, round_):
        if measure.due_at is None or measure.papers_due_at is not None or measure.every_days is not None:
            continue
        again = first_due(Wanted(measure.code, measure.owner_department), setting, emergency=measure.emergency)
        if tx.now < again < measure.due_at:
            saved = replace(measure, due_at=again, version=measure.version + 1)
            await save_measures(tx.db, [saved])
            tx.arm(_clock(saved, round_, tx.now))
            _announce(tx, round_, saved, SYSTEM, "level_raised", event)
