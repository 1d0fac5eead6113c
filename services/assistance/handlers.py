"""What assistance does when others announce something: keep each case's ledger, and open the plan when the child is safe."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from chassis.transaction import Transaction
from contracts.assistance import PlanOpened
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    FeedbackGiven,
    ReferralCompleted,
    ReferralRevoked,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.envelope import Event
from contracts.intake import ChildrenMerged, ReportReceived
from contracts.policy import load_policy
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import Level
from services.assistance.domain import rounds
from services.assistance.domain.rounds import RECEIPT, Case, Round
from services.assistance.jump_reviews import review_jumps
from services.assistance.store.providers import keep_providers
from services.assistance.store.rounds import load_cases, save_rounds
from services.assistance.tasks import hurry
from services.assistance.visiting import plan_visits


async def _fold(events: Sequence[Event], tx: Transaction, change: Callable[[Case, Any], Case]) -> dict[str, Case]:
    """Apply each event to its case and save the rounds that became different. Returns the cases by key, as they are now."""
    await tx.lock([event.key for event in events])
    cases = await load_cases(tx.db, [event.data.case_id for event in events])
    after, changed = {}, []
    for event in events:
        before = cases[event.data.case_id]
        after[event.key] = change(before, event.data)
        changed += [now for now in after[event.key].rounds if now not in before.rounds]
    await save_rounds(tx.db, changed)
    return after


async def _visit(events: Sequence[Event], cases: dict[str, Case], tx: Transaction) -> None:
    """The visits that are owed now that these events changed their cases."""
    await plan_visits(tx, [(cases[event.key].current, event) for event in events if cases[event.key].rounds])


async def on_report_received(events: Sequence[Event], tx: Transaction) -> None:
    """A report owes its reporter an answer before the case may be closed."""

    def change(case: Case, data: ReportReceived) -> Case:
        return rounds.with_report(case, data)

    await _visit(events, await _fold(events, tx, change), tx)


async def on_risk_assessed(events: Sequence[Event], tx: Transaction) -> None:
    """Level in force, highest level ever, score and rules that hold; perhaps a review of the guardian ladder. A
    higher level makes measures due sooner."""

    raised: set[UUID] = set()

    def change(case: Case, data: RiskAssessed) -> Case:
        policy, before = load_policy(data.policy_version), case.numbered(data.response_no, data.case_number)
        if before.level and policy.rank(data.report_level) > policy.rank(before.level):
            raised.add(data.case_id)
        return rounds.with_risk(case, data, policy)

    cases = await _fold(events, tx, change)
    await review_jumps(events, cases, tx)
    for event in events:
        if event.data.case_id in raised:
            await hurry(tx, cases[event.key].numbered(event.data.response_no, event.data.case_number), event)
    await _visit(events, cases, tx)


async def on_response_opened(events: Sequence[Event], tx: Transaction) -> None:
    """The departments' tasks, the case lead, and where the case is."""

    def change(case: Case, data: ResponseOpened) -> Case:
        return rounds.with_response(case, data, load_policy(data.policy_version))

    await _visit(events, await _fold(events, tx, change), tx)


async def on_response_revised(events: Sequence[Event], tx: Transaction) -> None:
    """More tasks, or stronger roles."""

    def change(case: Case, data: ResponseRevised) -> Case:
        return rounds.with_revision(case, data, load_policy(data.policy_version))

    await _visit(events, await _fold(events, tx, change), tx)


async def on_return_decided(events: Sequence[Event], tx: Transaction) -> None:
    """A task moved to another department, or stayed."""

    def change(case: Case, data: ReturnDecided) -> Case:
        return rounds.with_return(case, data)

    await _fold(events, tx, change)


async def on_referral_completed(events: Sequence[Event], tx: Transaction) -> None:
    """A task ended with its outcome."""

    def change(case: Case, data: ReferralCompleted) -> Case:
        return rounds.with_completion(case, data)

    await _fold(events, tx, change)


async def on_referral_revoked(events: Sequence[Event], tx: Transaction) -> None:
    """A task was taken back: closure waits for it no more, and its department sees the case no more."""

    def change(case: Case, data: ReferralRevoked) -> Case:
        return rounds.with_revocation(case, data)

    await _fold(events, tx, change)


async def on_arrival_reported(events: Sequence[Event], tx: Transaction) -> None:
    """Perhaps a sighting of the child."""

    def change(case: Case, data: ArrivalReported) -> Case:
        return rounds.with_arrival(case, data)

    await _fold(events, tx, change)


async def on_assessment_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """The written assessment exists (D-4.3.3)."""

    def change(case: Case, data: AssessmentRecorded) -> Case:
        return rounds.with_assessment(case, data)

    await _fold(events, tx, change)


async def on_feedback_given(events: Sequence[Event], tx: Transaction) -> None:
    """The reporter was answered."""

    def change(case: Case, data: FeedbackGiven) -> Case:
        return rounds.with_feedback(case, data)

    await _fold(events, tx, change)


async def on_safety_confirmed(events: Sequence[Event], tx: Transaction) -> None:
    """The observation period begins, and the plan shell opens, once per response. A child that another authority has
    taken over gets no plan here."""

    def change(case: Case, data: SafetyConfirmed) -> Case:
        return rounds.with_safety(case, data)

    cases = await _fold(events, tx, change)
    opened: list[Round] = []
    for event in events:
        data: SafetyConfirmed = event.data
        now = cases[event.key].numbered(data.response_no, data.case_number)
        if now.plan_id is not None or now.state != "open" or data.basis == RECEIPT:
            continue
        plan = replace(
            now, plan_id=tx.new_id("plan", cause=event), plan_level=now.level or data.level, plan_opened_at=tx.now
        )
        opened.append(plan)
        tx.publish(event.key, _opened(plan, tx), cause=event)
    await save_rounds(tx.db, opened)
    await _visit(events, cases, tx)


def _opened(plan: Round, tx: Transaction) -> PlanOpened:
    assert plan.plan_id is not None
    return PlanOpened(
        case_id=plan.case_id,
        case_number=plan.case_number,
        plan_id=plan.plan_id,
        level=cast(Level, plan.plan_level),
        opened_at=tx.now,
        response_no=plan.response_no,
    )


async def on_children_merged(events: Sequence[Event], tx: Transaction) -> None:
    """This case may be a duplicate, to be closed into the other one."""

    def change(case: Case, data: ChildrenMerged) -> Case:
        return rounds.with_merge(case, data)

    await _fold(events, tx, change)


async def on_township_published(events: Sequence[Event], tx: Transaction) -> None:
    """Who may do work for a measure's owner: the providers of each township (D-7.3)."""
    await keep_providers(tx.db, [event.data for event in events])
