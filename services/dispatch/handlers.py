"""What dispatch does when others announce something or a clock runs out: load, decide, save, announce."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested, PlanAgreed, VisitRecorded
from contracts.dispatch import DeadlineFired, ResponseOpened, ResponseRevised
from contracts.envelope import Event
from contracts.notification import NoticesRecorded
from contracts.policy import load_calendar, load_policy
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import Place
from services.dispatch import metrics, store
from services.dispatch.domain import announce
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.revising import revise_response
from services.dispatch.domain.units import Township
from services.dispatch.store.clocks import PAGE_KIND, clock_of

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
    townships = await store.townships(tx.db, {event.data.report.township for event in opening}) if opening else {}
    changes: list[store.Change] = []
    for event in events:
        before = files.get(event.data.case_id)
        if event in opening:
            changes += _open(event, before, townships, tx)
        elif before is not None and event.data.response_no == before.response_no:
            changes.append(_revise(event, before, tx))
    await store.save(tx, changes)


def _opens(data: RiskAssessed, running: ResponseFile | None) -> bool:
    """Whether this starts a round. A report attached to a case that was closed meanwhile does: it must reach somebody."""
    return data.report is not None and (running is None or data.response_no > running.response_no)


def _open(
    event: Event, before: ResponseFile | None, townships: dict[str, Township], tx: Transaction
) -> list[store.Change]:
    data: RiskAssessed = event.data
    assert data.report is not None, "only a report opens a response"
    policy = load_policy(data.policy_version)
    township = townships[data.report.township]
    file = open_response(data, tx.new_id("response", cause=event), tx.now, township, policy, load_calendar())
    tx.publish(event.key, announce.opened(file), cause=event)
    # A reopening may overtake the closure of the round before: that round then ends here.
    earlier: list[store.Change] = [] if before is None else [(before, before.closed(tx.now))]
    return [*earlier, (None, file)]


def _revise(event: Event, before: ResponseFile, tx: Transaction) -> store.Change:
    policy = load_policy(before.policy_version)
    change = revise_response(before, event.data, tx.now, event.id, policy, load_calendar())
    if change.is_news or change.file.level != before.level:
        tx.publish(event.key, announce.revised(before, change, event.data), cause=event)
    return before, change.file


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


# Clocks that ran out ------------------------------------------------------------------------------------------------


async def on_deadlines_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    """Announce warnings, breaches, escalations and pages, at the case's present level and around blocked units."""
    wanted = {UUID(one.deadline.detail["response_id"]) for one in fired}
    rows = await tx.db.fetch(
        """
        SELECT response_id, case_id, case_number, township, village, group_code, zone, outside, level, conflict_units
        FROM response WHERE response_id = ANY($1::uuid[])
        """,
        list(wanted),
    )
    known = {row["response_id"]: row for row in rows}
    for one in fired:
        row = known[UUID(one.deadline.detail["response_id"])]
        payload = _announcement(one, row)
        if payload is not None:
            tx.publish(one.deadline.key, payload, cause=one)
            if payload.stage == "breach":
                metrics.BREACHES_TOTAL.labels(payload.step, payload.level, payload.department or "hotline").inc()


def _announcement(one: Fired, row: Any) -> DeadlineFired | None:
    clock, detail = clock_of(one.deadline), one.deadline.detail
    paging = one.deadline.kind == PAGE_KIND
    blocked = frozenset(row["conflict_units"].split(",")) - {""}
    told = announce.fired(
        clock.deadline,
        announce.PAGE_NEXT if paging else one.stage,
        one.repeat_no,
        one.planned_at,
        row["level"],
        blocked,
        load_policy(one.deadline.policy_version),
        load_calendar(),
    )
    if told is None:
        return None
    return DeadlineFired(
        **told,
        case_id=row["case_id"],
        case_number=row["case_number"],
        township=row["township"],
        deadline_id=UUID(detail["of"]) if paging else clock.id,
        step=clock.deadline.step,
        tier=clock.deadline.tier,
        department=clock.deadline.department,
        organisation=clock.organisation,
        referral_id=clock.referral_id,
        place=Place(village=row["village"], group=row["group_code"], zone=row["zone"], outside=row["outside"]),
        level=row["level"],
        due_at=clock.deadline.due,
        planned_at=one.planned_at,
        fired_at=one.fired_at,
        lateness_seconds=max(0.0, one.lateness_seconds),
        policy_version=one.deadline.policy_version,
    )
