"""What assistance announces that calls for a reassessment (policy `risk.reassessment.triggers`)."""

from collections.abc import Sequence

from chassis.transaction import Transaction
from contracts.assistance import (
    ClosureRequested,
    ComplianceChecked,
    LadderStepRecorded,
    MeasureChanged,
    OrderEnded,
    PlacementChanged,
    VisitFailed,
    VisitRecorded,
)
from contracts.envelope import Event
from contracts.policy import load_policy
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain import learning, triggers
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.handlers.loading import each


async def on_visit_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """A visit ends S10, and is a sighting when the child was there. An unsatisfactory one calls for an assessment."""
    changes = Changes(tx)
    for event, before in await each(events, tx):
        data: VisitRecorded = event.data
        file = learning.done(before, steps=("S10",))
        file = learning.seen(file, data.visited_at) if data.child_seen and data.in_person else file
        if file is not before:
            changes.put(file, event, before)
        if not data.satisfactory:
            changes.open(file, "on_scene_findings", event.time, event)
    await changes.keep()


async def on_visit_failed(events: Sequence[Event], tx: Transaction) -> None:
    """Nobody was seen twice in a row, entry was refused, or the family moved away."""
    changes = Changes(tx)
    for event, file in await each(events, tx):
        data: VisitFailed = event.data
        for trigger in triggers.of_failed_visit(data):
            changes.open(file, trigger, event.time, event)
    await changes.keep()


async def on_placement_changed(events: Sequence[Event], tx: Transaction) -> None:
    """A placement started, moved or ended."""
    changes = Changes(tx)
    for event, before in await each(events, tx):
        data: PlacementChanged = event.data
        file, trigger = learning.placed(before, data)
        if file is not before:
            changes.put(file, event)
        if trigger is not None:
            changes.open(file, trigger, data.at, event)
    await changes.keep()


async def on_ladder_step(events: Sequence[Event], tx: Transaction) -> None:
    """A warning letter or an order was issued: its being in force is a fact of the case (R11)."""
    await _of_orders(events, tx)


async def on_compliance_checked(events: Sequence[Event], tx: Transaction) -> None:
    """An order was found breached."""
    await _of_orders(events, tx)


async def on_order_ended(events: Sequence[Event], tx: Transaction) -> None:
    """A warning letter or an order is no longer in force: what protected the child has gone."""
    await _of_orders(events, tx)


async def on_measure_changed(events: Sequence[Event], tx: Transaction) -> None:
    """A benefit was granted or stopped."""
    changes = Changes(tx)
    for event, file in await each(events, tx):
        data: MeasureChanged = event.data
        trigger = triggers.of_measure(data, load_policy(file.policy_version))
        if trigger is not None:
            changes.open(file, trigger, data.at, event)
    await changes.keep()


async def on_closure_requested(events: Sequence[Event], tx: Transaction) -> None:
    """Somebody asks to close: the score must be fresh when that is decided."""
    changes = Changes(tx)
    for event, file in await each(events, tx):
        data: ClosureRequested = event.data
        if data.response_no in (None, file.response_no):
            changes.open(file, "closure_request", data.at, event)
    await changes.keep()


async def _of_orders(events: Sequence[Event], tx: Transaction) -> None:
    changes = Changes(tx)
    for event, before in await each(events, tx):
        policy = load_policy(before.policy_version)
        order = triggers.of_order(event.data, policy)
        if order is None or before.state != "open":
            continue
        file = learned_and_scored(changes, before, order.trigger, event, order.facts)
        changes.open(file, order.trigger, event.data.at, event)
    await changes.keep()


def learned_and_scored(
    changes: Changes, before: CaseFile, trigger: str, event: Event, facts: dict[str, bool]
) -> CaseFile:
    """The case with what the event says of it, scored again where that is new."""
    policy = load_policy(before.policy_version)
    file = learning.learned(before, triggers.says(trigger, policy, facts), None, policy)
    if file is before:
        return before
    data: LadderStepRecorded | ComplianceChecked | OrderEnded = event.data
    by = triggers.actor_of(data)
    return changes.score(file, policy, "trigger", event, effective_at=data.at, by=by, level_before=before.level)
