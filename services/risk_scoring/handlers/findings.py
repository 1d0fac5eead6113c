"""What was found out on the way, and clocks that ran: scored again, or a reason for a person to look."""

from collections.abc import Sequence
from typing import Any

from chassis.transaction import Transaction
from contracts.dispatch import ArrivalReported, AssessmentRecorded, DeadlineFired, SafetyConfirmed
from contracts.envelope import Event
from contracts.policy import load_policy
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain import learning
from services.risk_scoring.domain.case_file import SIGHTING_STEPS, CaseFile
from services.risk_scoring.handlers.loading import each, fold

REVIEW_STEP, REVIEW_STAGE = "S11", "warn_80"
"""The scheduled review shows up in the list of reassessments when most of its time is over, due when S11 is."""


async def on_assessment_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """Score again with what the written assessment found; the level may rise, never fall (policy `automation`)."""
    changes = Changes(tx)
    for event, before in await each(events, tx):
        data: AssessmentRecorded = event.data
        policy = load_policy(before.policy_version)
        changes.score(
            learning.with_findings(learning.done(before, data.met), data, policy),
            policy,
            "assessment",
            event,
            effective_at=data.at,
            by=data.by,
            level_before=before.level,
            by_a_person=data.by.kind != "system",
        )
    await changes.keep()


async def on_deadline_fired(events: Sequence[Event], tx: Transaction) -> None:
    """Remember breached care steps; test O8 when the first S5 deadline of the case passes unseen."""
    wanted = [
        e for e in events if e.data.stage == "breach" or (e.data.step, e.data.stage) == (REVIEW_STEP, REVIEW_STAGE)
    ]
    changes = Changes(tx)
    for event, before in await each(wanted, tx):
        data: DeadlineFired = event.data
        if before.state != "open":
            continue
        if data.stage != "breach":
            changes.open(before, "scheduled_review", data.fired_at, event, data.due_at)
            continue
        file = changes.put(learning.overdue(before, data.deadline_id, data.step), event).file
        missing = learning.not_located(file) if data.step in SIGHTING_STEPS else None
        if missing is not None:
            policy = load_policy(file.policy_version)
            changes.score(missing, policy, "assessment", event, effective_at=data.fired_at, level_before=before.level)
    await changes.keep()


async def on_arrival(events: Sequence[Event], tx: Transaction) -> None:
    """A tier arrived. Who was first to see the child, or wrote down what they found, gives reason to assess anew."""
    changes = Changes(tx)
    for event, before in await each(events, tx):
        data: ArrivalReported = event.data
        file = learning.done(before, data.met)
        file = learning.seen(file, data.arrived_at) if data.child_seen else file
        if file is not before:
            changes.put(file, event, before)
        if data.child_seen and (data.first_contact or data.note_id is not None):
            changes.open(file, "on_scene_findings", data.at, event)
    await changes.keep()


async def on_safety_confirmed(events: Sequence[Event], tx: Transaction) -> None:
    """S6 means the child was seen, except where another authority's receipt stands for it."""

    def change(file: CaseFile, data: Any) -> CaseFile:
        confirmed: SafetyConfirmed = data
        file = learning.done(file, confirmed.met)
        by_receipt = confirmed.basis == "receiving_authority_receipt"
        return file if by_receipt else learning.seen(file, confirmed.confirmed_at)

    await fold(events, tx, change)
