"""Taking down a contact that opens no case, or one more about a case: few fields, one key at the desk. Silent and broken-off
calls leave a call-back, transferred ones a hand-over; a follow-up lies with its case.
"""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from chassis.problem import FieldError, conflict, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.intake import ContactKind as Kind
from contracts.intake import ContactRecorded
from contracts.policy import Policy, policy_in_force
from contracts.policy.contacts import ContactKind
from contracts.vocabulary import CLOCK_LEEWAY
from services.intake import callbacks, calls, transfers
from services.intake.bodies import Body, Long, Reference, ReporterBody
from services.intake.domain.numbers import ZONE, report_number
from services.intake.domain.places import locate
from services.intake.drafting import Office
from services.intake.sealing import Keepsakes, seal_caller, sealed
from services.intake.store import cases, reports
from services.intake.store import contacts as store
from services.intake.store.cases import FiledChild
from services.intake.store.contacts import Contact
from services.intake.store.writing import Insert, insert_all
from services.intake.timeline import timeline_entry
from services.intake.vault import Vault

NOTE_KIND = "contact"
FOLLOW_UP, TRANSFERRED = "follow_up", "transferred"


class ContactBody(Body):
    """A contact, by the policy's `contacts.kinds`. Kind and channel suffice; `case` for kinds that may be about one,
    `receiver` for a transferred one.
    """

    kind: str
    channel: str
    received_at: AwareDatetime | None = None
    caller: ReporterBody = ReporterBody(kind="unknown")
    village: str | None = None
    case: Reference | None = None
    receiver: str | None = None
    call_id: UUID | None = None
    narrative: Long | None = None


class ContactReply(BaseModel):
    """What became of a contact. `callback_due_at`, `receipt_due_at`: the clocks it started."""

    contact_id: UUID
    contact_number: str
    kind: str
    received_at: datetime
    case_id: UUID | None
    case_number: str | None
    note_id: UUID | None
    callback_id: UUID | None
    callback_due_at: datetime | None
    transfer_id: UUID | None
    receipt_due_at: datetime | None
    links: dict[str, str]


async def record(tx: Transaction, body: ContactBody, subject: Subject, office: Office) -> ContactReply:
    """Keep a contact. Raises Problem 422 for what is wrong in it, 409 when the case's file was destroyed."""
    received_at = body.received_at or tx.now
    policy = _policy(received_at, tx.now)
    kind, case = await _checked(tx, body, policy, subject, office)
    contact_id, family_id = tx.new_id("contact"), case.family_id if case else None
    stream = str(family_id or contact_id)
    await tx.lock([stream, *([str(body.call_id)] if body.call_id else [])])
    kept, note_id, reporter_id = await _sealed(tx, body, case, office.vault)
    contact = Contact(
        contact_id=contact_id,
        contact_number=report_number(subject.township, received_at, await _serial(tx)),
        township=subject.township,
        kind=kind.code,
        channel=body.channel,
        village=body.village,
        reporter_kind=body.caller.kind,
        anonymous=body.caller.anonymous,
        reporter_id=reporter_id,
        case_id=case.case_id if case else None,
        family_id=family_id,
        call_id=body.call_id,
        note_id=note_id,
        policy_version=policy.policy_version,
        received_at=received_at,
        recorded_at=tx.now,
        recorded_by=subject.actor().model_dump(exclude_none=True),
    )
    callback = await _callback(tx, contact, kind, subject, policy, own_number=body.caller.phone is not None)
    transfer_id = transfers.id_of(contact_id) if body.receiver else None
    told = announce(tx, contact, subject, callback.callback_id if callback else None, transfer_id)
    transfer: store.Transfer | None = None
    handed: tuple[Insert | None, ...] = ()
    if body.receiver is not None:
        transfer, handed = transfers.opened(tx, body.receiver, contact_id, family_id, subject, policy)
    owed = store.add(callback) if callback else None
    await insert_all(tx.db, [store.add(contact), told, *_secrets(tx, contact, kept), owed, *handed])
    return ContactReply(
        **{name: getattr(contact, name) for name in ("contact_id", "contact_number", "kind", "received_at", "case_id")},
        case_number=case.case_number if case else None,
        note_id=note_id,
        callback_id=callback.callback_id if callback else None,
        callback_due_at=callback.due_at if callback else None,
        transfer_id=transfer_id,
        receipt_due_at=transfer.due_at if transfer else None,
        links={"self": f"/api/v1/contacts/{contact_id}"},
    )


# Check ----------------------------------------------------------------------------------------------------------------


def _policy(received_at: datetime, now: datetime) -> Policy:
    if received_at > now + CLOCK_LEEWAY:
        raise invalid(FieldError("#/received_at", "in_future", "接报时间晚于现在", "later than now"))
    try:
        return policy_in_force(received_at.astimezone(ZONE).date())
    except LookupError:
        raise invalid(FieldError("#/received_at", "too_early", "早于政策施行日", "before any policy")) from None


async def _checked(
    tx: Transaction, body: ContactBody, policy: Policy, subject: Subject, office: Office
) -> tuple[ContactKind, FiledChild | None]:
    kind, case = policy.contacts.kind(body.kind), None
    errors = [*_caller_errors(body.caller, policy), *_hand_over_errors(body, policy)]
    if kind is None:
        errors.append(FieldError("#/kind", "unknown_kind", "没有这类联系", "no such kind of contact"))
    if all(channel.code != body.channel for channel in policy.channels):
        errors.append(FieldError("#/channel", "unknown_channel", "没有这个渠道", "no such channel"))
    if body.case is not None and kind is not None and not kind.about_case:
        errors.append(FieldError("#/case", "no_case_of_this_kind", "这类联系不涉及个案", "such a contact has no case"))
    elif body.case is not None:
        case = await cases.find_case(tx.db, body.case, subject.township)
        if case is None:
            errors.append(FieldError("#/case", "unknown_case", "没有这个个案", "no such case"))
    if body.kind == FOLLOW_UP and body.case is None:
        errors.append(FieldError("#/case", "case_missing", "后续联系须指明个案", "name the case it is about"))
    if body.village is not None:
        version = await tx.db.fetchval("SELECT version FROM township WHERE code = $1", subject.township)
        areas = await office.areas_for(tx, subject.township, version)
        _, faults = locate(areas, body.village, None, outside=False)
        errors += [FieldError("#/village", f.code, f.message.zh, f.message.en) for f in faults]
    if body.call_id is not None and await store.find_call(tx.db, body.call_id, subject.township) is None:
        errors.append(FieldError("#/call_id", "unknown_call", "没有这个来电记录", "no such call"))
    if errors:
        raise invalid(*errors)
    assert kind is not None
    return kind, case


def _caller_errors(caller: ReporterBody, policy: Policy) -> list[FieldError]:
    errors = []
    kind = next((kind for kind in policy.reporter_kinds if kind.code == caller.kind), None)
    if kind is None:
        errors.append(FieldError("#/caller/kind", "unknown_kind", "没有这类来电人", "no such kind of caller"))
    elif caller.mandated not in (None, kind.mandated):
        detail = "与来电人类别不符", "contradicts the kind of caller"
        errors.append(FieldError("#/caller/mandated", "contradicts_kind", *detail))
    if caller.anonymous and caller.name is not None:
        errors.append(FieldError("#/caller/name", "anonymous_with_name", "匿名不得记录姓名", "an anonymous caller"))
    return errors


def _hand_over_errors(body: ContactBody, policy: Policy) -> list[FieldError]:
    at = "#/receiver"
    if (body.kind == TRANSFERRED) != (body.receiver is not None):
        return [FieldError(at, "receiver_with_transfer", "转接须且仅转接须填接收方", "goes with a transferred contact")]
    if body.receiver is not None and policy.contacts.receiver(body.receiver) is None:
        return [FieldError(at, "unknown_receiver", "没有这个接收方", "no such receiver")]
    if body.receiver is not None and body.receiver == body.channel:
        return [FieldError(at, "same_line", "不能移交给来话线路本身", "that is the line it came in on")]
    return []


# Keep -----------------------------------------------------------------------------------------------------------------


async def _sealed(
    tx: Transaction, body: ContactBody, case: FiledChild | None, vault: Vault
) -> tuple[Keepsakes, UUID | None, UUID]:
    """What was said about a case lies with its child, as a note; anything else under a key of the caller's own."""
    kept, note_id = Keepsakes(), None
    if case is not None and body.narrative is not None:
        wrapped = await reports.wrapped_keys(tx.db, [case.child_id])
        if case.child_id not in wrapped:
            raise conflict("identity_erased", "该档案已销毁，不能再写入", "The file was erased; nothing can be added")
        key = vault.key(case.child_id, *wrapped[case.child_id])
        grade = "P1" if case.restricted else "P2"
        note = sealed(tx, key, "vault_text", NOTE_KIND, body.narrative, grade, case.case_id)
        kept.texts.append(note)
        note_id = note.id
    words = body.narrative if case is None else None
    return kept, note_id, seal_caller(tx, body.caller, words, kept, vault)


async def _callback(
    tx: Transaction, contact: Contact, kind: ContactKind, subject: Subject, policy: Policy, *, own_number: bool
) -> store.Callback | None:
    """The call-back a contact leaves. The number to call is the one the caller gave, else the one the call came from."""
    call = None
    if contact.call_id is not None:
        call = await calls.became(tx, await calls.locked(tx, contact.call_id, subject), contact.contact_id, subject)
    if not kind.callback:
        return None
    return callbacks.opened(
        tx,
        "silent" if kind.code == "silent" else "broken_off",
        contact.contact_id,
        contact.reporter_id if own_number or call is None else call.caller_id,
        contact.family_id,
        contact.township,
        policy,
        since=contact.received_at,
    )


def _secrets(tx: Transaction, contact: Contact, kept: Keepsakes) -> tuple[Insert | None, ...]:
    account = contact.recorded_by.get("account") or ""
    return (
        reports.add_keys(kept.keys),
        reports.add_texts(contact.contact_id, kept.texts, account, tx.now),
        reports.add_reporter_fields(contact.contact_id, kept.reporter_fields, tx.now),
    )


def announce(
    tx: Transaction,
    contact: Contact,
    subject: Subject,
    callback_id: UUID | None = None,
    transfer_id: UUID | None = None,
) -> Insert | None:
    """Announce a contact; returns the entry for the story of its case."""
    kind: Kind = contact.kind  # type: ignore[assignment]  # a code of the policy, as the column holds it
    said = ContactRecorded(
        report_id=contact.contact_id,
        disposition=kind,
        channel=contact.channel,
        received_at=contact.received_at,
        recorded_by=subject.actor(),
        township=contact.township,
        case_id=contact.family_id,
        call_id=contact.call_id,
        callback_id=callback_id,
        transfer_id=transfer_id,
        note_id=contact.note_id,
    )
    tx.publish(str(contact.family_id or contact.contact_id), said)
    entry = timeline_entry(said)
    assert entry is not None
    return cases.add_timeline([(contact.family_id, entry)]) if contact.family_id else None


async def _serial(tx: Transaction) -> int:
    drawn: int = await tx.db.fetchval("SELECT nextval('report_serial')")
    return drawn
