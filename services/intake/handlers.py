"""What intake does when others announce something: the story grows, and the case file follows what it must know to decide
who may see it. Each call holds the locks of all its families and writes each table once.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from chassis.transaction import Transaction
from contracts.dispatch import ReferralIssued
from contracts.envelope import Event
from contracts.policy import load_policy
from services.intake.store import cases, reports
from services.intake.store.cases import Roles
from services.intake.store.writing import insert_all
from services.intake.timeline import timeline_entry
from services.intake.watchdog import watchdog_id


async def on_noted(events: Sequence[Event], tx: Transaction) -> None:
    """What only the story needs to know: acts of departments, plans, visits, closure proposals, deadlines."""
    await tx.lock([event.key for event in events])
    found = [(UUID(event.key), timeline_entry(event.data)) for event in events]
    told = cases.add_timeline((family_id, entry) for family_id, entry in found if entry is not None)
    await insert_all(tx.db, [told])


async def on_notices_recorded(events: Sequence[Event], tx: Transaction) -> None:
    """Notices about a case belong to its story; others are none of intake's business."""
    await on_noted([event for event in events if event.data.case_id is not None], tx)


async def on_risk_assessed(events: Sequence[Event], tx: Transaction) -> None:
    """The level in force, restriction and concerns, as scoring has them."""
    await on_noted(events, tx)
    said = [event.data for event in events]
    ranks = sorted((policy := load_policy(said[0].policy_version)).ranks, key=policy.rank)
    await cases.save_levels(tx.db, said, ranks, tx.now)


async def on_response_opened(events: Sequence[Event], tx: Transaction) -> None:
    """The response is out: the watchdog ends, and each child's case knows its departments."""
    await on_noted(events, tx)
    families = await cases.load_roles(tx.db, [event.data.case_id for event in events])
    for event in events:
        opened = event.data
        tx.end(watchdog_id(opened.report_id), "met", opened.dispatched_at)
        for roles in families.get(opened.case_id, []):
            roles.departments, roles.masked, roles.referrals = {}, set(), {}
            roles.conflict_unit = opened.conflict_unit or roles.conflict_unit
            roles.transfer_out = opened.transfer_out
            roles.dispatched_at = opened.dispatched_at
            _take_over(roles, opened.referrals, opened.case_lead, opened.coordinator, restricted=opened.restricted)
    await cases.save_roles(tx.db, [roles for family in families.values() for roles in family], tx.now)
    await reports.mark_dispatched(tx.db, [(event.data.report_id, event.data.dispatched_at) for event in events])


async def on_response_revised(events: Sequence[Event], tx: Transaction) -> None:
    """Referrals were added or raised; a report that caused it is dispatched."""
    await on_noted(events, tx)
    families = await cases.load_roles(tx.db, [event.data.case_id for event in events])
    dispatched = []
    for event in events:
        revised = event.data
        if revised.report_id is not None:
            tx.end(watchdog_id(revised.report_id), "met", revised.revised_at)
            dispatched.append((revised.report_id, revised.revised_at))
        for roles in families.get(revised.case_id, []):
            _take_over(roles, revised.referrals, revised.case_lead, revised.coordinator, restricted=revised.restricted)
            for referral_id in revised.withdrawn:
                _withdraw(roles, referral_id, None)
    await cases.save_roles(tx.db, [roles for family in families.values() for roles in family], tx.now)
    if dispatched:
        await reports.mark_dispatched(tx.db, dispatched)


async def on_return_decided(events: Sequence[Event], tx: Transaction) -> None:
    """An upheld return moves the task: the department that gave it back loses its sight of the case."""
    await on_noted(events, tx)
    families = await cases.load_roles(tx.db, [event.data.case_id for event in events if event.data.upheld])
    for event in events:
        decided = event.data
        for roles in families.get(decided.case_id, []):
            if decided.issued is None or _concerns(decided.issued, roles):
                _withdraw(roles, decided.referral_id, decided.department)
            _issue(roles, [decided.issued] if decided.issued else [])
    await cases.save_roles(tx.db, [roles for family in families.values() for roles in family], tx.now)


async def on_referral_revoked(events: Sequence[Event], tx: Transaction) -> None:
    """A referral was taken back: its department loses its sight of the case."""
    await on_noted(events, tx)
    families = await cases.load_roles(tx.db, [event.data.case_id for event in events])
    for event in events:
        for roles in families.get(event.data.case_id, []):
            _withdraw(roles, event.data.referral_id, event.data.department)
    await cases.save_roles(tx.db, [roles for family in families.values() for roles in family], tx.now)


async def on_arrival_reported(events: Sequence[Event], tx: Transaction) -> None:
    """Somebody is on scene; when the child was seen, those who reported may learn that it was."""
    await on_noted(events, tx)
    seen = [(e.data.case_id, e.data.arrived_at) for e in events if e.data.child_seen]
    await reports.mark_child_seen(tx.db, seen)


async def on_safety_confirmed(events: Sequence[Event], tx: Transaction) -> None:
    """The child is safe, and those who reported may learn it."""
    await on_noted(events, tx)
    await reports.mark_safe(tx.db, [(e.data.case_id, e.data.confirmed_at) for e in events])


async def on_feedback_given(events: Sequence[Event], tx: Transaction) -> None:
    """The reporter was told the result, or cannot be."""
    await on_noted(events, tx)
    await reports.mark_feedback(tx.db, [(e.data.report_id, e.data.at, e.data.possible) for e in events])


async def on_case_closed(events: Sequence[Event], tx: Transaction) -> None:
    """销号: all cases of the family close together."""
    await on_noted(events, tx)
    await cases.close_families(tx.db, [event.data for event in events], tx.now)


async def on_township_published(events: Sequence[Event], tx: Transaction) -> None:
    """Keep the newest structure of each township."""
    await tx.lock([event.key for event in events])
    for event in events:
        await cases.keep_township(tx.db, event.data)


def _take_over(
    roles: Roles, referrals: Iterable[ReferralIssued], lead: str | None, coordinator: str | None, *, restricted: bool
) -> None:
    roles.case_lead, roles.coordinator, roles.restricted = lead, coordinator, restricted
    _issue(roles, referrals)


def _issue(roles: Roles, referrals: Iterable[ReferralIssued]) -> None:
    for referral in referrals:
        if not _concerns(referral, roles):
            continue
        if referral.safety_only:
            # Whoever only carries out a safety task must not be able to open the file of a restricted case.
            _withdraw(roles, referral.referral_id, None)
            continue
        roles.departments[referral.department] = referral.role
        roles.referrals[str(referral.referral_id)] = referral.department
        if referral.masked:
            roles.masked.add(referral.department)
        else:
            roles.masked.discard(referral.department)


def _withdraw(roles: Roles, referral_id: UUID, department: str | None) -> None:
    """A referral ended without being done, and with its last referral a department's sight of the case.

    `department` None: the referral is looked up, and nothing happens if it is not one of this child.
    """
    known = roles.referrals.pop(str(referral_id), None)
    ended = known or department
    if ended is None or (known and ended in roles.referrals.values()):
        return
    roles.departments.pop(ended, None)
    roles.masked.discard(ended)


def _concerns(referral: ReferralIssued, roles: Roles) -> bool:
    """A referral names the children it is about (policy `several_children`); none named means all."""
    return not referral.children or roles.child_id in referral.children
