"""What risk scoring does when others announce something: load the case files, change them, score, save, announce."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from contracts.assistance import CaseClosed, PlanAgreed, VisitRecorded
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    DeadlineFired,
    ReferralAct,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.envelope import Event
from contracts.intake import ReportReceived
from contracts.policy import load_policy
from contracts.vocabulary import SYSTEM
from services.risk_scoring import case_file
from services.risk_scoring.case_file import SIGHTING_STEPS, CaseFile
from services.risk_scoring.store import Recorded, add_assessments, load_cases, save_cases, supersede_lowerings


async def _load(events: Sequence[Event], tx: Transaction) -> dict[UUID, CaseFile]:
    await tx.lock([event.key for event in events])
    return await load_cases(tx.db, [event.data.case_id for event in events])


async def on_report_received(events: Sequence[Event], tx: Transaction) -> None:
    """Score all children of each report together and announce the level (D-4.3.1)."""
    files = await _load(events, tx)
    saved, records = [], []
    for event in events:
        data: ReportReceived = event.data
        before = files.get(data.case_id)
        policy = load_policy(data.policy_version)
        if before is not None and before.response_no >= data.response_no:
            policy = load_policy(before.policy_version)
        file, assessed = case_file.scored(case_file.with_report(before, data, policy), policy)
        file, announcement = case_file.announced(
            file,
            assessed,
            policy,
            assessment_id=tx.new_id("assessment", cause=event),
            cause="report",
            effective_at=data.report.received_at,
            assessed_at=tx.now,
            assessed_by=data.recorded_by,
            report=data.report,
        )
        tx.publish(event.key, announcement, cause=event)
        saved.append(file)
        level_before = before.level if before and before.response_no == data.response_no else None
        records.append(Recorded(announcement, level_before))
    await _keep(saved, records, tx)


async def on_assessment_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """Score again with what the written assessment found; the level may rise, never fall (policy `automation`)."""
    files = await _load(events, tx)
    saved, records = [], []
    for event in events:
        data: AssessmentRecorded = event.data
        before = files.get(data.case_id)
        if before is None:
            continue
        found = case_file.with_findings(case_file.done(before, data.met), data, load_policy(before.policy_version))
        file, record = _rescored(found, event, tx)
        saved.append(file)
        records.append(record)
    await _keep(saved, records, tx)


async def on_deadline_fired(events: Sequence[Event], tx: Transaction) -> None:
    """Remember breached care steps; test O8 when the first S5 deadline of the case passes unseen."""
    breaches = [event for event in events if event.data.stage == "breach"]
    files = await _load(breaches, tx)
    saved, records = [], []
    for event in breaches:
        data: DeadlineFired = event.data
        before = files.get(data.case_id)
        if before is None or before.state != "open":
            continue
        file = case_file.overdue(before, data.deadline_id, data.step)
        missing = case_file.not_located(file) if data.step in SIGHTING_STEPS else None
        if missing is not None:
            file, record = _rescored(missing, event, tx)
            records.append(record)
        saved.append(file)
    await _keep(saved, records, tx)


def _rescored(file: CaseFile, event: Event, tx: Transaction) -> tuple[CaseFile, Recorded]:
    """Score, announce, and say since when the result counts: since the act or the deadline that caused it."""
    policy = load_policy(file.policy_version)
    level_before = file.level
    file, assessed = case_file.scored(file, policy)
    is_act = isinstance(event.data, ReferralAct)
    file, announcement = case_file.announced(
        file,
        assessed,
        policy,
        assessment_id=tx.new_id("assessment", cause=event),
        cause="assessment",
        effective_at=event.data.at if is_act else event.data.fired_at,
        assessed_at=tx.now,
        assessed_by=event.data.by if is_act else SYSTEM,
    )
    tx.publish(event.key, announcement, cause=event)
    return file, Recorded(announcement, level_before)


async def _keep(files: Sequence[CaseFile], records: Sequence[Recorded], tx: Transaction) -> None:
    await save_cases(tx.db, files)
    await add_assessments(tx.db, records)
    moved = [r.event.case_id for r in records if r.level_before and r.level_before != r.event.report_level]
    await supersede_lowerings(tx.db, moved, tx.now)


# Events that change the file but no level -----------------------------------------------------------------------


async def _fold(
    events: Sequence[Event], tx: Transaction, change: Callable[[CaseFile, Any], CaseFile]
) -> list[CaseFile]:
    """Apply a change to each event's case; the files that became different, saved."""
    if not events:
        return []
    files = await _load(events, tx)
    changed = []
    for event in events:
        before = files.get(event.data.case_id)
        if before is not None and (after := change(before, event.data)) is not before:
            changed.append(after)
    await save_cases(tx.db, changed)
    return changed


async def on_response(events: Sequence[Event], tx: Transaction) -> None:
    """A response was opened or revised: its departments and place decide who may read the assessments."""

    def change(file: CaseFile, data: ResponseOpened | ResponseRevised) -> CaseFile:
        return case_file.with_response(file, data)

    await _fold(events, tx, change)


async def on_return_decided(events: Sequence[Event], tx: Transaction) -> None:
    """A task moved to another department, or stayed."""

    def change(file: CaseFile, data: ReturnDecided) -> CaseFile:
        return case_file.with_return(case_file.done(file, data.met), data)

    await _fold(events, tx, change)


async def on_arrival(events: Sequence[Event], tx: Transaction) -> None:
    """A tier arrived; perhaps it saw the child, which a lowering needs."""

    def change(file: CaseFile, data: ArrivalReported) -> CaseFile:
        file = case_file.done(file, data.met)
        return case_file.seen(file, data.arrived_at) if data.child_seen else file

    await _fold(events, tx, change)


async def on_safety_confirmed(events: Sequence[Event], tx: Transaction) -> None:
    """S6 means the child was seen, except where another authority's receipt stands for it."""

    def change(file: CaseFile, data: SafetyConfirmed) -> CaseFile:
        file = case_file.done(file, data.met)
        return file if data.basis == "receiving_authority_receipt" else case_file.seen(file, data.confirmed_at)

    await _fold(events, tx, change)


async def on_visit_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """A visit ends S10, and is a sighting when the child was there."""

    def change(file: CaseFile, data: VisitRecorded) -> CaseFile:
        file = case_file.done(file, steps=("S10",))
        return case_file.seen(file, data.visited_at) if data.child_seen and data.in_person else file

    await _fold(events, tx, change)


async def on_act(events: Sequence[Event], tx: Transaction) -> None:
    """Any other act on a referral: only what it finished late matters here, so most acts cost nothing."""

    def change(file: CaseFile, data: ReferralAct) -> CaseFile:
        return case_file.done(file, data.met)

    await _fold([event for event in events if any(step.late_seconds for step in event.data.met)], tx, change)


async def on_plan_agreed(events: Sequence[Event], tx: Transaction) -> None:
    """The conference agreed the plan: S9 is done."""

    def change(file: CaseFile, _: PlanAgreed) -> CaseFile:
        return case_file.done(file, steps=("S9",))

    await _fold(events, tx, change)


async def on_case_closed(events: Sequence[Event], tx: Transaction) -> None:
    """The case is closed on the ledger: its level stands, and nothing waits for a decision any more."""

    def change(file: CaseFile, data: CaseClosed) -> CaseFile:
        return case_file.closed(file, data)

    closed = await _fold(events, tx, change)
    await supersede_lowerings(tx.db, [file.case_id for file in closed], tx.now)
