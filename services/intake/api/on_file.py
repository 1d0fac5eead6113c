"""Finding a child on file for a subject, with or without a case, or the refusal the access policy gives."""

from datetime import datetime
from uuid import UUID

from chassis.problem import not_found, refused
from chassis.transaction import Connection, Transaction
from contracts.access import Denied, Resource, Subject, decide
from contracts.policy import Policy, policy_in_force
from contracts.policy.registers import Register
from services.intake.domain.numbers import ZONE
from services.intake.domain.registers import Circle
from services.intake.showing import Reader
from services.intake.store import tags as store
from services.intake.views import registers as views
from services.intake.views.registers import Entry, Query, Wanted

PERSONAL = "REG-01"
"""The child's own file: what a child is read as where no register is named."""


def policy_at(now: datetime) -> Policy:
    """The policy in force."""
    return policy_in_force(now.astimezone(ZONE).date())


def register_named(policy: Policy, register_id: str) -> Register:
    """A register by id. Raises Problem 404."""
    register = policy.registers.get(register_id)
    if register is None:
        raise not_found()
    return register


async def find_child(db: Connection, child_id: UUID, township: str, now: datetime, policy: Policy) -> Entry | None:
    """A child on file in the township."""
    query = Query(register_named(policy, PERSONAL), Circle(township), Wanted(now), members=False)
    found = await views.entries(db, query, [child_id])
    return found[0] if found else None


def kept_by(subject: Subject, tags: frozenset[str], policy: Policy) -> Register | None:
    """A register this department keeps that a child with these tags is on by them."""
    mine = (r for r in policy.registers.list_ if subject.department in r.owners and r.tags & tags)
    return next(mine, None)


async def readable_child(
    db: Connection, child_id: UUID, subject: Subject, action: str, now: datetime, policy: Policy
) -> tuple[Entry, Reader]:
    """The child, when the subject may perform `action` on it. Raises Problem 404 or 403."""
    entry = await find_child(db, child_id, subject.township, now, policy)
    if entry is None:
        raise not_found()
    reader = Reader(subject, kept_by(subject, frozenset(entry.tags), policy), policy, now)
    facts = reader.facts(entry)
    decision = decide(
        subject,
        action,
        Resource(
            township=facts.township,
            village=facts.village,
            group=facts.group,
            level=facts.level,
            restricted=facts.restricted,
            conflict_unit=facts.conflict_unit,
            departments=facts.departments,
            now=now,
        ),
    )
    if isinstance(decision, Denied):
        raise refused(decision)
    return entry, reader


async def lock_child(tx: Transaction, child_id: UUID) -> str:
    """Lock what is said of a child: its families, before any case the child itself. Returns the key of its log."""
    families = (await store.families_of(tx.db, [child_id])).get(child_id, {child_id})
    await tx.lock(str(family) for family in families)
    return str(min(families))
