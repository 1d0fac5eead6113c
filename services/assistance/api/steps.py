"""The first moves of every route: find the case, check the reader or actor against it, check the version."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.command import Command
from chassis.problem import conflict, not_found, refused
from chassis.transaction import Connection, Transaction
from contracts.access import Denied, Resource, Subject, decide
from contracts.vocabulary import Actor
from services.assistance.domain.rounds import Case, Round
from services.assistance.domain.rounds import policy_of as policy_of
from services.assistance.store.measures import measure_owners
from services.assistance.store.rounds import load_cases, save_rounds
from services.assistance.store.visits import visiting_departments


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


PAYMENTS_ONLY = "finance"
"""Sees payee, amount and case number (policy `data_protection.roles`): a payment gives it no part in the case."""


def resource(round_: Round, owners: Iterable[str]) -> Resource:
    """The case as the access policy sees it. Who owns a measure or owes visits has a task in it like
    a department with a referral."""
    having = {owner for owner in owners if owner != PAYMENTS_ONLY}
    return Resource(
        township=round_.township,
        village=round_.village,
        group=round_.group_code,
        level=round_.level,
        restricted=round_.restricted,
        conflict_unit=round_.conflict_unit,
        case_lead=round_.case_lead,
        departments={**round_.departments, **dict.fromkeys(having, "assist")},
    )


def check(subject: Subject, action: str, seen_as: Resource) -> None:
    """Raises 403, or 404 where the subject may not even know of the case."""
    decision = decide(subject, action, seen_as)
    if isinstance(decision, Denied):
        raise refused(decision)


def permitted(subject: Subject, action: str, seen_as: Resource) -> bool:
    """Would `check` let the subject through?"""
    return not isinstance(decide(subject, action, seen_as), Denied)


async def _having_work(db: Connection, round_: Round) -> frozenset[str]:
    """The departments that own measures or owe visits, referral or not."""
    return await measure_owners(db, round_) | await visiting_departments(db, round_)


async def readable(db: Connection, case_id: UUID, subject: Subject, action: str) -> tuple[Case, Resource, datetime]:
    """A case the subject may read, and the time. Raises 404 or 403."""
    case = (await load_cases(db, [case_id]))[case_id]
    if not case.rounds:
        raise not_found()
    seen_as = resource(case.current, await _having_work(db, case.current))
    check(subject, action, seen_as)
    now: datetime = await db.fetchval("SELECT app_now()")
    return case, seen_as, now


async def changeable(
    tx: Transaction, case_id: UUID, subject: Subject, action: str, command: Command | None, *others: UUID
) -> tuple[Case, Resource]:
    """An open case, locked for a change by this subject (with `others`), at the version the command was decided on.

    Raises 404, 403, 412, 428, or 409 when the case is closed.
    """
    await tx.lock([str(case_id), *map(str, others)])
    case = (await load_cases(tx.db, [case_id]))[case_id]
    if not case.rounds:
        raise not_found()
    seen_as = resource(case.current, await _having_work(tx.db, case.current))
    check(subject, action, seen_as)
    if command is not None:
        command.match(case.current.version)
    if case.current.state != "open":
        raise conflict("case_closed", "个案已销号", "The case is closed", current_state=case.current.state)
    return case, seen_as


async def keep(tx: Transaction, round_: Round, action: str, actor: Actor, **detail: Any) -> Round:
    """Save the round as its next version, with an audit entry. Returns it."""
    saved = replace(round_, version=round_.version + 1)
    await save_rounds(tx.db, [saved])
    said = {name: str(value) for name, value in detail.items() if value is not None}
    tx.audit(str(round_.case_id), action, actor.model_dump(), said)
    return saved


def same_person(one: Actor, other: Actor) -> bool:
    """Two accounts of one member of staff are one person."""
    return (one.staff or one.account) == (other.staff or other.account)
