"""Hand-overs between line A and line B (D-5.1.1), to other lines and to other areas: one case stays one case, and nothing is
finished before the receiver acknowledged.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from chassis.clock import derived_id
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.timers import Fired
from chassis.transaction import Deadline, Transaction
from contracts.access import Subject
from contracts.intake import TransferRecorded
from contracts.policy import Policy, elapsed, load_policy
from contracts.vocabulary import Actor
from services.intake.domain.contacts import TransferAct, direction, late, possible, receipt_problem
from services.intake.store import cases
from services.intake.store import contacts as store
from services.intake.store.contacts import Transfer
from services.intake.store.writing import Insert, insert_all
from services.intake.timeline import timeline_entry

RECEIPT = "transfer_receipt"
RECEIVING_AREA = "receiving_area"
LINE_B, POLICE = "hotline_b", "police"
"""Behind the 110-linked line stand the police (D-5.1.1): their people and their system sign for it."""

Announced = Literal["sent", "acknowledged", "refused", "overdue", "withdrawn"]


def id_of(contact_id: UUID) -> UUID:
    """The hand-over of a contact or report; it has one, sent again when it is refused."""
    return derived_id(contact_id, RECEIPT)


def stream_of(transfer: Transfer) -> str:
    """The stream of a hand-over's events: the family's, or the contact's own while there is no case."""
    return str(transfer.family_id or transfer.contact_id)


def opened(
    tx: Transaction, receiver: str, contact_id: UUID, family_id: UUID | None, subject: Subject, policy: Policy
) -> tuple[Transfer, tuple[Insert | None, ...]]:
    """Hand a contact or case over: announced, its clock armed. The receiver is one of the policy's. Returns what to keep."""
    transfer = Transfer(
        transfer_id=id_of(contact_id),
        township=subject.township,
        contact_id=contact_id,
        family_id=family_id,
        direction=direction(receiver),
        receiver=receiver,
        state="sent",
        reason=None,
        receipt=None,
        report_id=None,
        sent_at=tx.now,
        sent_by=subject.actor().model_dump(exclude_none=True),
        due_at=tx.now + _limit(receiver, policy),
        decided_at=None,
        decided_by=None,
        late_seconds=0,
        policy_version=policy.policy_version,
        version=1,
    )
    tx.arm(_clock(transfer, policy))
    told = announce(tx, transfer, "sent", subject.actor(), tx.now)
    return transfer, (store.add(transfer), told)


async def locked(tx: Transaction, transfer_id: UUID, subject: Subject, *further: str) -> Transfer:
    """The hand-over under the lock of its stream (and of `further` ones). Raises Problem 404."""
    found = await store.find_transfer(tx.db, transfer_id, subject.township)
    if found is None:
        raise not_found()
    await tx.lock([stream_of(found), *further])
    now = await store.find_transfer(tx.db, transfer_id, subject.township)
    assert now is not None
    return now


async def acknowledge(
    tx: Transaction, transfer: Transfer, family_id: UUID | None, receipt: str | None, subject: Subject
) -> Transfer:
    """The receiver has it. What comes in must lead to a case (`family_id`) here; what goes out needs the receiver's word."""
    _require(transfer, "acknowledge")
    incoming = transfer.direction == "in"
    own = transfer.sent_by.get("account") == subject.account
    theirs = transfer.receiver == LINE_B and subject.department == POLICE
    problem = receipt_problem(incoming=incoming, own=own, receiver_side=theirs and not own, receipt=receipt)
    if problem is not None and problem.pointer == "/":
        raise forbidden(problem.code)
    if problem is not None:
        raise invalid(FieldError(f"#{problem.pointer}", problem.code, problem.message.zh, problem.message.en))
    if incoming and transfer.family_id is None and family_id is None:
        detail = "请指明个案，或以报告接办", "name the case it belongs to, or take it up with a report"
        raise invalid(FieldError("#/case", "case_or_report", *detail))
    return await _finish(tx, transfer, "acknowledged", subject, family_id=family_id, receipt=receipt)


async def take_up(
    tx: Transaction, transfer_id: UUID, report_id: UUID, family_id: UUID | None, subject: Subject
) -> None:
    """A report takes a hand-over up, which signs for it: the one that came in, or the one that nobody else would have."""
    transfer = await locked(tx, transfer_id, subject)
    if transfer.state not in ("sent", "refused"):
        raise _wrong_moment(transfer)
    await _finish(tx, transfer, "acknowledged", subject, family_id=family_id, report_id=report_id)


async def refuse(tx: Transaction, transfer: Transfer, reason: str, subject: Subject) -> Transfer:
    """The receiver will not have it: the sender still holds it, and its clock runs on."""
    _require(transfer, "refuse")
    policy = load_policy(transfer.policy_version)
    if all(known.code != reason for known in policy.contacts.transfer.refusal_reasons):
        raise invalid(FieldError("#/reason", "unknown_reason", "没有这种理由", "no such reason"))
    refused = replace(transfer, state="refused", reason=reason, version=transfer.version + 1)
    await _keep(tx, refused, refused, "refused", subject.actor())
    return refused


async def resend(tx: Transaction, transfer: Transfer, receiver: str, subject: Subject) -> Transfer:
    """Hand over to somebody else, with a new clock. That the first was refused stays in the story."""
    _require(transfer, "resend")
    policy = load_policy(transfer.policy_version)
    if policy.contacts.receiver(receiver) is None:
        raise invalid(FieldError("#/receiver", "unknown_receiver", "没有这个接收方", "no such receiver"))
    again = replace(
        transfer,
        receiver=receiver,
        direction=direction(receiver),
        state="sent",
        reason=None,
        sent_at=tx.now,
        sent_by=subject.actor().model_dump(exclude_none=True),
        due_at=tx.now + _limit(receiver, policy),
        version=transfer.version + 1,
    )
    tx.end(_clock_id(transfer), "cancelled", tx.now)
    tx.arm(_clock(again, policy))
    await _keep(tx, again, again, "sent", subject.actor())
    return again


async def withdraw(tx: Transaction, transfer: Transfer, subject: Subject) -> Transfer:
    """The sender keeps the case after all: only with a case, which carries on here."""
    _require(transfer, "withdraw")
    return await _finish(tx, transfer, "withdrawn", subject)


def announce(
    tx: Transaction,
    transfer: Transfer,
    state: Announced,
    by: Actor,
    at: datetime,
    *,
    stream: str | None = None,
    firing: Fired | None = None,
) -> Insert | None:
    """Say how the hand-over stands; returns the entry for the story of its case. `stream`: where it was announced before."""
    said = TransferRecorded(
        transfer_id=transfer.transfer_id,
        township=transfer.township,
        report_id=transfer.contact_id,
        case_id=transfer.family_id,
        direction="in" if transfer.direction == "in" else "out",
        receiver=transfer.receiver,
        state=state,
        by=by,
        at=at,
        due_at=transfer.due_at,
        late_seconds=transfer.late_seconds,
        repeat_no=firing.repeat_no if firing else 0,
        reason=transfer.reason,
        policy_version=transfer.policy_version,
    )
    tx.publish(stream or stream_of(transfer), said, cause=firing)
    entry = timeline_entry(said)
    assert entry is not None
    return cases.add_timeline([(transfer.family_id, entry)]) if transfer.family_id else None


async def _finish(
    tx: Transaction,
    transfer: Transfer,
    state: Literal["acknowledged", "withdrawn"],
    subject: Subject,
    *,
    family_id: UUID | None = None,
    receipt: str | None = None,
    report_id: UUID | None = None,
) -> Transfer:
    done = replace(
        transfer,
        state=state,
        family_id=transfer.family_id or family_id,
        receipt=receipt,
        report_id=report_id,
        decided_at=tx.now,
        decided_by=subject.actor().model_dump(exclude_none=True),
        late_seconds=late(transfer.due_at, tx.now),
        version=transfer.version + 1,
    )
    tx.end(_clock_id(transfer), "met" if state == "acknowledged" else "cancelled", tx.now)
    await _keep(tx, transfer, done, state, subject.actor())
    return done


async def _keep(tx: Transaction, before: Transfer, after: Transfer, state: Announced, by: Actor) -> None:
    await store.save(tx.db, after)
    await insert_all(tx.db, [announce(tx, after, state, by, tx.now, stream=stream_of(before))])


def _require(transfer: Transfer, act: TransferAct) -> None:
    if act not in possible(transfer.state, has_case=transfer.family_id is not None):
        raise _wrong_moment(transfer)


def _wrong_moment(transfer: Transfer) -> Exception:
    acts = list(possible(transfer.state, has_case=transfer.family_id is not None))
    title = "移交当前状态不允许此操作", "The hand-over is not in a state that allows this"
    return conflict("wrong_state", *title, current_state=transfer.state, available_actions=acts)


def _clock(transfer: Transfer, policy: Policy) -> Deadline:
    return Deadline(
        id=_clock_id(transfer),
        key=stream_of(transfer),
        kind=RECEIPT,
        anchor_at=transfer.sent_at,
        due_at=transfer.due_at,
        plan=((transfer.due_at, "breach"),),
        repeat_seconds=int(elapsed(policy.contacts.transfer.repeat_every).total_seconds()),
        policy_version=policy.policy_version,
        detail={},
        subject=transfer.transfer_id,
    )


def _clock_id(transfer: Transfer) -> UUID:
    """A clock for each sending."""
    return derived_id(transfer.transfer_id, RECEIPT, transfer.sent_at.isoformat())


def _limit(receiver: str, policy: Policy) -> timedelta:
    rule = policy.contacts.receiver(receiver)
    assert rule is not None, "checked at the door"
    return elapsed(rule.acknowledged_within)
