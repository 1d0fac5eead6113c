"""Reports, what is learned of them later, and surveys: scored at once (D-4.3.1, D-4.3.2)."""

from collections.abc import Sequence
from uuid import UUID

from chassis.transaction import Transaction
from contracts.envelope import Event
from contracts.intake import ChildMilestoneReached, ChildSurveyed, ReportAmended, ReportReceived
from contracts.policy import load_policy
from contracts.risk_scoring import ChildScreened
from services.risk_scoring.changing import Changes
from services.risk_scoring.domain import learning, screening
from services.risk_scoring.handlers.loading import each, load


async def on_report_received(events: Sequence[Event], tx: Transaction) -> None:
    """Score all children of each report together and announce the level (D-4.3.1)."""
    files, changes = await load(events, tx), Changes(tx)
    for event in events:
        data: ReportReceived = event.data
        before = files.get(data.case_id)
        joins = before is not None and before.response_no >= data.response_no
        policy = load_policy(before.policy_version if before is not None and joins else data.policy_version)
        file = changes.score(
            learning.with_report(before, data, policy),
            policy,
            "report",
            event,
            effective_at=data.report.received_at,
            by=data.recorded_by,
            level_before=before.level if before and before.response_no == data.response_no else None,
            report=data.report,
        )
        if joins:
            changes.open(file, "new_report", data.report.received_at, event)
    await _tell_the_household(events, changes)
    await changes.keep()


async def _tell_the_household(events: Sequence[Event], changes: Changes) -> None:
    """A report on one child is a reason to look at the others under the roof, and a RED one lifts them (O7)."""
    for event in events:
        named = event.data.household_cases
        if not named:
            continue
        changes.meet(event.data.case_id)
        if isinstance(event.data, ReportReceived):
            for other in (await changes.others(named)).values():
                changes.open(other, "new_report", event.data.report.received_at, event)


async def on_report_amended(events: Sequence[Event], tx: Transaction) -> None:
    """Merge what was learned after dispatch and score again; the level may rise, never fall."""
    changes = Changes(tx)
    for event, before in await each(events, tx):
        data: ReportAmended = event.data
        if before.state != "open" or data.response_no < before.response_no:
            continue
        policy = load_policy(before.policy_version)
        file = learning.with_amendment(before, data, policy)
        changes.put(file, event)
        if data.children:
            changes.score(file, policy, "amendment", event, effective_at=data.at, by=data.by, level_before=before.level)
        if data.household_cases:
            changes.meet(data.case_id)
    await changes.keep()


async def on_milestone_reached(events: Sequence[Event], tx: Transaction) -> None:
    """A child reached an age that opens something: the employment menu, the exit plan."""
    changes = Changes(tx)
    for event, file in await each(events, tx):
        data: ChildMilestoneReached = event.data
        changes.open(file, data.milestone, data.at, event)
    await changes.keep()


async def on_child_surveyed(events: Sequence[Event], tx: Transaction) -> None:
    """Screen surveyed children: pure, and no statement per row. A child whose case it shows in a worse light than its
    level is to be assessed anew."""
    changes = Changes(tx)
    files = await changes.others({UUID(event.key) for event in events if event.data.case_id is not None})
    for event in events:
        data: ChildSurveyed = event.data
        policy = load_policy(data.policy_version)
        screened = screening.screen(data, policy)
        said = ChildScreened(
            child_id=data.child_id,
            survey_id=data.survey_id,
            level=screened.level,
            score=screened.score,
            score_upper=screened.score_upper,
            completeness=screened.completeness,
            fired=screened.fired,
            suggests=screened.suggests,
            instrument=policy.instrument,
            policy_version=policy.policy_version,
            at=tx.now,
        )
        tx.publish(event.key, said, cause=event)
        file = files.get(UUID(event.key)) if data.case_id else None
        if file is not None and policy.rank(screened.level) > policy.rank(file.level):
            changes.open(file, "on_scene_findings", data.at, event)
    await changes.keep()
