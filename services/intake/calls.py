"""The call log: every call, text and letter offered to a line, how soon it was answered (S1), and who must be called back."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime

from chassis.problem import FieldError, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.intake import CallLogged
from contracts.policy import load_policy, policy_in_force
from contracts.vocabulary import CLOCK_LEEWAY
from services.intake import callbacks
from services.intake.bodies import Body, ReporterBody, Short
from services.intake.domain.contacts import Offered, answering, call_problems, owes_callback
from services.intake.domain.numbers import ZONE
from services.intake.drafting import Office
from services.intake.sealing import Keepsakes, seal_caller
from services.intake.store import contacts as store
from services.intake.store import reports
from services.intake.store.contacts import Call
from services.intake.store.writing import Insert, insert_all


class CallBody(Body):
    """A call as the telephone system or an operator reports it. `caller_number` goes to the vault."""

    channel: str
    offered_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    caller_number: Short | None = None


class Moment(Body):
    """When it happened; left out, now."""

    at: AwareDatetime | None = None


async def log(tx: Transaction, body: CallBody, subject: Subject, office: Office) -> Call:
    """Keep a call. Raises Problem 422."""
    offered_at = body.offered_at or tx.now
    policy = policy_in_force(min(offered_at, tx.now).astimezone(ZONE).date())
    if all(channel.code != body.channel for channel in policy.channels):
        raise invalid(FieldError("#/channel", "unknown_channel", "没有这个渠道", "no such channel"))
    call_id = tx.new_id("call")
    await tx.lock([str(call_id)])
    kept = Keepsakes()
    caller = ReporterBody(kind="unknown", phone=body.caller_number)
    call = Call(
        call_id=call_id,
        township=subject.township,
        channel=body.channel,
        medium=None,
        offered_at=offered_at,
        answered_at=body.answered_at,
        ended_at=body.ended_at,
        due_at=None,
        abandoned=False,
        contact_id=None,
        caller_id=seal_caller(tx, caller, None, kept, office.vault),
        policy_version=policy.policy_version,
        recorded_by=subject.actor().model_dump(exclude_none=True),
        version=1,
    )
    call = _judged(tx, call)
    sealed = (reports.add_keys(kept.keys), reports.add_reporter_fields(call_id, kept.reporter_fields, tx.now))
    await insert_all(tx.db, [store.add(call), *sealed, _owed(tx, call)])
    _announce(tx, call, subject)
    return call


async def locked(tx: Transaction, call_id: UUID, subject: Subject) -> Call:
    """The call under its lock. Raises Problem 404."""
    await tx.lock([str(call_id)])
    call = await store.find_call(tx.db, call_id, subject.township)
    if call is None:
        raise not_found()
    return call


async def answered(tx: Transaction, call: Call, at: datetime, subject: Subject) -> Call:
    """Somebody picked up. Saying it again changes nothing."""
    return call if call.answered_at else await _moved(tx, replace(call, answered_at=at), subject)


async def ended(tx: Transaction, call: Call, at: datetime, subject: Subject) -> Call:
    """The line is free again."""
    return call if call.ended_at else await _moved(tx, replace(call, ended_at=at), subject)


async def became(tx: Transaction, call: Call, contact_id: UUID, subject: Subject) -> Call:
    """Somebody took the call down as this contact or report, so it was answered at the latest now."""
    answered_at = call.answered_at or (None if call.ended_at else tx.now)
    return await _moved(tx, replace(call, contact_id=contact_id, answered_at=answered_at), subject)


async def _moved(tx: Transaction, call: Call, subject: Subject) -> Call:
    call = _judged(tx, replace(call, version=call.version + 1))
    waiting = await store.callbacks_of(tx.db, [call.call_id])
    if call.answered_at is not None or call.contact_id is not None:
        for callback in waiting:
            await callbacks.settle_by_itself(tx, callback, None, subject.actor())
    await store.save(tx.db, call)
    if not waiting:
        await insert_all(tx.db, [_owed(tx, call)])
    _announce(tx, call, subject)
    return call


def _judged(tx: Transaction, call: Call) -> Call:
    """The call with what S1 says of it. Raises Problem 422 for times that cannot be."""
    problems = call_problems(offered_of(call), tx.now, CLOCK_LEEWAY)
    if problems:
        raise invalid(*(FieldError(f"#{p.pointer}", p.code, p.message.zh, p.message.en) for p in problems))
    found = answering(offered_of(call), tx.now, load_policy(call.policy_version))
    return replace(call, medium=found.medium, due_at=found.due_at, abandoned=found.abandoned)


def _owed(tx: Transaction, call: Call) -> Insert | None:
    """The call-back that the call leaves, if it does."""
    policy = load_policy(call.policy_version)
    reason = owes_callback(offered_of(call), answering(offered_of(call), tx.now, policy))
    if reason is None or call.contact_id is not None:
        return None
    owed = callbacks.opened(
        tx,
        reason,
        call.call_id,
        call.caller_id,
        None,
        call.township,
        policy,
        since=call.ended_at or call.offered_at,
        due_at=call.due_at if reason == "unanswered" else None,
    )
    return store.add(owed)


def offered_of(call: Call) -> Offered:
    """The call as the rules see it."""
    return Offered(call.channel, call.offered_at, call.answered_at, call.ended_at)


def _announce(tx: Transaction, call: Call, subject: Subject) -> None:
    said = CallLogged(
        call_id=call.call_id,
        township=call.township,
        channel=call.channel,
        offered_at=call.offered_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        report_id=call.contact_id,
        recorded_by=subject.actor(),
        medium=call.medium,  # type: ignore[arg-type]  # a code of the policy, as the column holds it
        due_at=call.due_at,
        abandoned=call.abandoned,
        policy_version=call.policy_version,
    )
    tx.publish(str(call.call_id), said)
