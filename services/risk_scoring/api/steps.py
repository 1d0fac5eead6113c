"""The first moves of every route: find the case, check the reader or actor against it, check the version."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.command import Command
from chassis.problem import conflict, not_found, refused
from chassis.transaction import Connection, Transaction
from contracts.access import Denied, Subject, decide
from contracts.policy import Policy, load_policy
from services.risk_scoring.domain.case_file import CaseFile, resource
from services.risk_scoring.store.cases import load_cases


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


async def readable(
    db: Connection, case_id: UUID, subject: Subject, action: str = "assessment.read"
) -> tuple[CaseFile, datetime]:
    """A case whose assessments the subject may read, and the time. Raises 404 or 403."""
    file = (await load_cases(db, [case_id])).get(case_id)
    if file is None:
        raise not_found()
    now: datetime = await db.fetchval("SELECT app_now()")
    check(file, subject, action, now)
    return file, now


async def changeable(
    tx: Transaction, case_id: UUID, subject: Subject, action: str, command: Command
) -> tuple[CaseFile, Policy]:
    """An open case, locked for a change by this subject, at the version the command was decided on, with its policy.

    Raises 404, 403, 412, 428, or 409 when the case is closed.
    """
    file = await known(tx, case_id)
    check(file, subject, action, tx.now)
    command.match(file.version)
    must_be_open(file)
    return file, load_policy(file.policy_version)


async def known(tx: Transaction, case_id: UUID) -> CaseFile:
    """A case, locked for a change. Raises 404."""
    await tx.lock([str(case_id)])
    file = (await load_cases(tx.db, [case_id])).get(case_id)
    if file is None:
        raise not_found()
    return file


def must_be_open(file: CaseFile) -> None:
    """Raises 409 when the case is closed."""
    if file.state != "open":
        raise conflict("case_closed", "个案已销号", "The case is closed", current_state=file.state)


def check(file: CaseFile, subject: Subject, action: str, now: datetime) -> None:
    """Raises 403, or 404 where the subject may not even know of the case."""
    decision = decide(subject, action, resource(file, subject, now))
    if isinstance(decision, Denied):
        raise refused(decision)


def actions_of(file: CaseFile, waiting: Any, subject: Subject, now: datetime) -> list[str]:
    """What this subject may do about the level now."""
    seen_as = resource(file, subject, now)

    def may(action: str) -> bool:
        return file.state == "open" and not isinstance(decide(subject, action, seen_as), Denied)

    found = ["review"] if may("assessment.review") else []
    found += ["raise"] if file.level != "red" and may("level.raise") else []
    if waiting is None:
        found += ["propose_lowering"] if file.level != "blue" and may("level.propose_lowering") else []
    elif may("level.approve_lowering"):
        found += ["approve_lowering", "decline_lowering"]
    return found
