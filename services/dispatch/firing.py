"""What dispatch does when a clock runs out: warnings, breaches, escalations, pages down the roster, and the end of a pause."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Transaction
from contracts.directory import TownshipPublished
from contracts.dispatch import DeadlineFired
from contracts.policy import Policy, load_calendar, load_policy
from contracts.vocabulary import SYSTEM, Place
from services.dispatch import metrics, store
from services.dispatch.domain import announce, pause
from services.dispatch.domain.duty import Duty, page
from services.dispatch.domain.response import Clock
from services.dispatch.store.clocks import PAGE_KIND, PAUSE_KIND, clock_of
from services.dispatch.store.rosters import published

_RESPONSES = """
SELECT response_id, case_id, case_number, township, village, group_code, zone, outside, level, conflict_units
FROM response WHERE response_id = ANY($1::uuid[])
"""


async def on_deadlines_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    """Announce warnings, breaches, escalations and pages, at the case's present level and around blocked units."""
    over = [one for one in fired if one.deadline.kind == PAUSE_KIND]
    if over:
        await _end_pauses(over, tx)
    clocks = [one for one in fired if one.deadline.kind != PAUSE_KIND]
    rows = await tx.db.fetch(_RESPONSES, list({UUID(one.deadline.detail["response_id"]) for one in clocks}))
    known = {row["response_id"]: row for row in rows}
    calling = {one.deadline.detail["township"] for one in clocks if one.deadline.kind == PAGE_KIND}
    townships = await published(tx.db, calling) if calling else {}
    for one in clocks:
        payload = _announcement(one, known[UUID(one.deadline.detail["response_id"])], townships)
        if payload is not None:
            tx.publish(one.deadline.key, payload, cause=one)
            if payload.stage == "breach":
                metrics.BREACHES_TOTAL.labels(payload.step, payload.level, payload.department or "hotline").inc()


async def _end_pauses(over: Sequence[Fired], tx: Transaction) -> None:
    """The bound of a pause is reached: the clocks stand already where they are due, and the pause is over."""
    files = await store.open_responses(tx, [UUID(one.deadline.key) for one in over])
    changes: list[store.Change] = []
    for one in over:
        tx.end(one.deadline.id, "met", one.planned_at)
        file = files.get(UUID(one.deadline.key))
        if file is None or file.pause is None or file.pause.pause_id != one.deadline.subject:
            continue
        policy = load_policy(file.policy_version)
        after = pause.end(file, "bound_reached", one.planned_at, policy, load_calendar())
        if after is not file:
            tx.publish(file.key, pause.resumed_event(after, SYSTEM), cause=one)
            changes.append((file, after))
    await store.save(tx, changes)


def _announcement(one: Fired, row: Any, townships: Mapping[str, TownshipPublished]) -> DeadlineFired | None:
    clock, detail = clock_of(one.deadline), one.deadline.detail
    calling = one.deadline.kind == PAGE_KIND
    blocked = frozenset(row["conflict_units"].split(",")) - {""}
    policy = load_policy(one.deadline.policy_version)
    told = announce.fired(
        clock.deadline,
        announce.PAGE_NEXT if calling else one.stage,
        one.repeat_no,
        one.planned_at,
        row["level"],
        blocked,
        policy,
        load_calendar(),
    )
    if told is None:
        return None
    if calling and row["township"] in townships:
        told |= _called(one, clock, row, townships[row["township"]], policy, blocked)
    return DeadlineFired(
        **told,
        case_id=row["case_id"],
        case_number=row["case_number"],
        township=row["township"],
        deadline_id=UUID(detail["of"]) if calling else clock.id,
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


def _called(
    one: Fired, clock: Clock, row: Any, township: TownshipPublished, policy: Policy, blocked: frozenset[str]
) -> dict[str, Any]:
    """Whom this page calls: the next person on the roster that holds now, overrides included."""
    department = clock.deadline.department
    if department is None:
        return {}
    units = () if clock.organisation is None else ((department, clock.organisation),)
    duty = Duty(township, policy, row["village"], row["group_code"], units, blocked)
    call = page(department, one.repeat_no, one.fired_at, duty)
    return {"targets": call.targets, "people": call.people}
