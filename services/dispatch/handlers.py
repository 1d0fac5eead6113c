"""What dispatch does when others announce something: load, decide, save, announce."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from contracts.assistance import (
    CaseClosed,
    ClosureRefused,
    ClosureRequested,
    LadderStepRecorded,
    PlacementChanged,
    PlanAgreed,
    VisitRecorded,
)
from contracts.dispatch import ResponseOpened, ResponseRevised
from contracts.envelope import Event
from contracts.intake import ReportAmended
from contracts.notification import NoticesRecorded
from contracts.policy import Policy, load_calendar, load_policy
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import SYSTEM
from services.dispatch import store
from services.dispatch.domain import announce, pause
from services.dispatch.domain.adding import add_by_fact, add_welfare_check
from services.dispatch.domain.amending import amend_response
from services.dispatch.domain.clocks import POLICE, WELFARE_CHECK
from services.dispatch.domain.external import PLACEMENT, Owed, owing, owing_for_ladder_step
from services.dispatch.domain.met_elsewhere import steps_met
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.revising import Revised, news_of, revise_response
from services.dispatch.domain.units import Township

GRID_POSTS = frozenset({"grid_member", "group_head"})
NOTICE_CAUSES = frozenset({ResponseOpened.TYPE, ResponseRevised.TYPE})


async def on_township_published(events: Sequence[Event], tx: Transaction) -> None:
    """Keep the newest structure: who acts where (D-4.1.1)."""
    await store.keep_townships(tx.db, [event.data for event in events])


# Opening and revising -----------------------------------------------------------------------------------------------


async def on_risk_assessed(events: Sequence[Event], tx: Transaction) -> None:
    """A scored report opens a response or joins the one that runs; a level change or new facts revise it."""
    await tx.lock([event.key for event in events])
    files = await store.open_responses(tx, [event.data.case_id for event in events], finished=True)
    opening = [event for event in events if _opens(event.data, files.get(event.data.case_id))]
    reported = {event.data.report.township for event in events if event.data.report is not None}
    townships = await store.townships(tx.db, reported) if reported else {}
    waiting = await store.take_waiting(tx.db, [event.data.case_id for event in opening]) if opening else {}
    changes: list[store.Change] = []
    for event in events:
        before = files.get(event.data.case_id)
        if event in opening:
            changes += _open(event, before, townships, waiting.get(event.data.case_id, ()), tx)
        elif before is not None and event.data.response_no == before.response_no:
            changes.append(_revise(event, before, townships, tx))
    await store.save(tx, changes)


def _opens(data: RiskAssessed, running: ResponseFile | None) -> bool:
    """Whether this starts a round. A report attached to a case that was closed meanwhile does: it must reach somebody."""
    return data.report is not None and (running is None or data.response_no > running.response_no)


def _open(
    event: Event,
    before: ResponseFile | None,
    townships: dict[str, Township],
    waiting: Sequence[ReportAmended],
    tx: Transaction,
) -> list[store.Change]:
    data: RiskAssessed = event.data
    assert data.report is not None, "only a report opens a response"
    policy = load_policy(data.policy_version)
    township = townships[data.report.township]
    file = open_response(data, tx.new_id("response", cause=event), tx.now, township, policy, load_calendar())
    tx.publish(event.key, announce.opened(file), cause=event)
    for amendment in waiting:
        since = amendment.amendment_id
        change = amend_response(file, amendment, township, tx.now, since, policy, load_calendar())
        if change.is_news:
            tx.publish(event.key, announce.revised(file, change, "amendment", amendment.at), cause=event)
        file = change.file
    # A reopening may overtake the closure of the round before: that round then ends here.
    if before is None:
        return [(None, file)]
    closed = before.closed(tx.now)
    if (announcement := steps_met(before, closed, event.type, tx.now)) is not None:
        tx.publish(event.key, announcement, cause=event)
    return [(before, closed), (None, file)]


def _revise(event: Event, before: ResponseFile, townships: dict[str, Township], tx: Transaction) -> store.Change:
    policy = load_policy(before.policy_version)
    running = pause.ended_by_level(before, event.data.report_level, event.data.effective_at, policy, load_calendar())
    if running is not before:
        tx.publish(event.key, pause.resumed_event(running, SYSTEM), cause=event)
    data: RiskAssessed = event.data
    township = townships[data.report.township] if data.report else None
    change = revise_response(running, data, tx.now, event.id, policy, load_calendar(), township)
    if change.is_news or change.file.level != before.level:
        report_id = data.report.report_id if data.report else None
        told = announce.revised(running, change, data.cause, data.effective_at, report_id)
        tx.publish(event.key, told, cause=event)
    return before, change.file


# New facts about a running case --------------------------------------------------------------------------------------

Decide = Callable[[ResponseFile, Event, Policy], Revised]


async def _change(events: Sequence[Event], tx: Transaction, cause: announce.RevisionCause, decide: Decide) -> None:
    """Let new facts change each event's open response, and announce what came of it."""
    if not events:
        return
    await tx.lock([event.key for event in events])
    files = await store.open_responses(tx, [event.data.case_id for event in events], finished=True)
    changes: list[store.Change] = []
    for event in events:
        before = files.get(event.data.case_id)
        if before is None:
            continue
        change = decide(before, event, load_policy(before.policy_version))
        if change.is_news:
            tx.publish(event.key, announce.revised(before, change, cause, event.time), cause=event)
        if change.file is not before:
            changes.append((before, change.file))
    await store.save(tx, changes)


async def on_report_amended(events: Sequence[Event], tx: Transaction) -> None:
    """An amendment shows on every open referral; another place or hand-over time changes referrals and clocks (D-4.2.2)."""
    await tx.lock([event.key for event in events])
    early = await store.without_response(tx.db, [event.data.case_id for event in events])
    await store.keep_waiting(tx.db, [event.data for event in events if event.data.case_id in early])
    known = [event for event in events if event.data.case_id not in early]
    townships = await store.townships(tx.db, {event.data.township for event in known}) if known else {}

    def decide(file: ResponseFile, event: Event, policy: Policy) -> Revised:
        township = townships[event.data.township]
        return amend_response(file, event.data, township, tx.now, event.id, policy, load_calendar())

    await _change(known, tx, "amendment", decide)


async def on_compliance_checked(events: Sequence[Event], tx: Transaction) -> None:
    """A guardian who did not heed the village's admonition (G1) goes to the police by itself (D-4.4.5)."""

    def decide(file: ResponseFile, event: Event, policy: Policy) -> Revised:
        rule = policy.routing.added.guardian_non_compliance
        name, calendar = "GUARDIAN-NON-COMPLIANCE", load_calendar()
        return add_by_fact(file, rule, name, event.data.at, tx.now, event.id, policy, calendar)

    unheeded = [event for event in events if event.data.step == "G1" and not event.data.complied]
    await _change(unheeded, tx, "guardian_non_compliance", decide)


async def on_visit_failed(events: Sequence[Event], tx: Transaction) -> None:
    """Failed visits at RED: the police see the child the same day."""

    def decide(file: ResponseFile, event: Event, policy: Policy) -> Revised:
        return add_welfare_check(file, event.data.attempted_at, tx.now, event.id, policy, load_calendar())

    await _change([event for event in events if event.data.welfare_check], tx, "welfare_check", decide)


async def on_ladder_step_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """Copies of a warning letter or an order are owed (N-8), and notices to bodies outside whose process it starts."""

    def decide(file: ResponseFile, event: Event, policy: Policy) -> Revised:
        data: LadderStepRecorded = event.data
        step = (data.step, data.ladder_step_id, data.copies_to)
        return news_of(file, owing_for_ladder_step(file, *step, data.at, event.id, policy, load_calendar()))

    await _change(events, tx, "notice_owed", decide)


async def on_placement_changed(events: Sequence[Event], tx: Transaction) -> None:
    """A placement owes notices to the county (N-11), once it was decided."""

    def decide(file: ResponseFile, event: Event, policy: Policy) -> Revised:
        data: PlacementChanged = event.data
        owed = [Owed(body, PLACEMENT, data.placement_id) for body in data.external_notices]
        return news_of(file, owing(file, owed, data.at, event.id, policy, load_calendar()))

    decided = [event for event in events if event.data.state in ("approved", "started")]
    await _change(decided, tx, "notice_owed", decide)


# Steps met elsewhere ------------------------------------------------------------------------------------------------


async def _fold(
    events: Sequence[Event], tx: Transaction, change: Callable[[ResponseFile, Any, UUID], ResponseFile]
) -> None:
    """Apply a change to each event's open response and save those that became different."""
    if not events:
        return
    await tx.lock([event.key for event in events])
    files = await store.open_responses(tx, [event.data.case_id for event in events])
    changes: list[store.Change] = []
    for event in events:
        before = files.get(event.data.case_id)
        if before is not None and (after := change(before, event.data, event.id)) is not before:
            changes.append((before, after))
            if (announcement := steps_met(before, after, event.type, tx.now)) is not None:
                tx.publish(event.key, announcement, cause=event)
    await store.save(tx, changes)


async def on_notices_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """The notices of a response are in the delivery ledger: the duty notices went out (S7)."""

    def change(file: ResponseFile, data: NoticesRecorded, _: UUID) -> ResponseFile:
        return file.finish(file.running("S7"), data.recorded_at)

    await _fold([e for e in events if e.data.case_id and e.data.cause_type in NOTICE_CAUSES], tx, change)


async def on_plan_agreed(events: Sequence[Event], tx: Transaction) -> None:
    """The conference agreed the plan (S9)."""

    def change(file: ResponseFile, data: PlanAgreed, _: UUID) -> ResponseFile:
        return file.finish(file.running("S9"), data.at)

    await _fold(events, tx, change)


async def on_visit_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """The first visit after safety that saw the child in person is S10, if its owner's tier made it."""

    def change(file: ResponseFile, data: VisitRecorded, _: UUID) -> ResponseFile:
        if data.child_seen and data.in_person and data.by.department == POLICE:
            file = file.finish(file.running(WELFARE_CHECK), data.visited_at)
        since = file.safety_confirmed_at
        if since is None or data.visited_at < since or not (data.child_seen and data.in_person):
            return file
        due = [
            clock
            for clock in file.running("S10")
            if (
                data.post in GRID_POSTS
                if clock.deadline.tier == "group"
                else data.by.department == clock.deadline.department
            )
        ]
        return file.finish(due, data.visited_at)

    await _fold(events, tx, change)


async def on_closure_requested(events: Sequence[Event], tx: Transaction) -> None:
    """Somebody proposes to close: the decision is due (S12)."""

    def change(file: ResponseFile, data: ClosureRequested, cause: UUID) -> ResponseFile:
        if file.running("S12"):
            return file
        return file.start("S12", data.at, cause, load_policy(file.policy_version), load_calendar())

    await _fold(events, tx, change)


async def on_closure_refused(events: Sequence[Event], tx: Transaction) -> None:
    """The decision was no: it was made (S12), and the case goes on."""

    def change(file: ResponseFile, data: ClosureRefused, _: UUID) -> ResponseFile:
        return file.finish(file.running("S12"), data.at)

    await _fold(events, tx, change)


async def on_case_closed(events: Sequence[Event], tx: Transaction) -> None:
    """销号: every clock and open referral of that round ends. A closure of an earlier round closes nothing else."""

    def change(file: ResponseFile, data: CaseClosed, _: UUID) -> ResponseFile:
        return file.closed(data.at) if data.response_no in (None, file.response_no) else file

    await _fold(events, tx, change)
