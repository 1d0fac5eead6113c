"""Contacts beside cases: taking one down, the list, and the words of those that belong to no case."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import forbidden, not_found
from chassis.transaction import Transaction
from contracts.access import OPERATOR_SIGHT, Subject
from services.intake import contacts
from services.intake.api.access import readable, reading_cause, source_of, who
from services.intake.bodies import Reference
from services.intake.contacts import ContactBody, ContactReply
from services.intake.drafting import Office
from services.intake.store import reports
from services.intake.views import contacts as views
from services.intake.views.contacts import ContactView, SealedWords

router = APIRouter(prefix="/api/v1", tags=["contacts"])

ContactKindOf = Annotated[str | None, Query(max_length=40)]


class WordsView(BaseModel):
    """What was said in a contact that belongs to no case."""

    contact_id: UUID
    text: str
    recorded_at: datetime


@router.post("/contacts", status_code=201, response_model=ContactReply)
async def create_contact(
    body: ContactBody, subject: Annotated[Subject, guard("contact.create")], command: CommandOf, runtime: RuntimeOf
) -> Response:
    """Record a contact that opens no case, or one more about a case. Kind and channel suffice."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        reply = await contacts.record(tx, body, subject, office)
        return Reply(201, reply, location=reply.links["self"])

    return await command.run(act, body)


@router.get("/contacts")
async def list_contacts(
    subject: Annotated[Subject, guard("contact.list")],
    paging: PageOf,
    db: Reading,
    kind: ContactKindOf = None,
    channel: ContactKindOf = None,
    case: Reference | None = None,
    since: AwareDatetime | None = None,
    *,
    unsettled: bool = False,
) -> Page[ContactView]:
    """Contacts beside the reports, the latest first. `unsettled`: with a call-back or hand-over that is not finished."""
    family_id = (await readable(db, case, subject, "case.read")).family_id if case else None
    found = await views.contacts(
        db,
        subject,
        kind=kind,
        channel=channel,
        family_id=family_id,
        since=since,
        unsettled=unsettled,
        after=paging.after(datetime, UUID),
        limit=paging.fetch,
    )
    return paging.page(found, lambda contact: (contact.received_at, contact.contact_id))


@router.get("/contacts/{contact_id}")
async def read_contact(
    contact_id: UUID, subject: Annotated[Subject, guard("contact.list")], db: Reading
) -> ContactView:
    """One contact in codes."""
    view = await views.contact(db, subject, contact_id)
    if view is None:
        raise not_found()
    return view


@router.get("/contacts/{contact_id}/words")
async def read_contact_words(
    contact_id: UUID, request: Request, subject: Annotated[Subject, guard("contact.list")], runtime: RuntimeOf
) -> WordsView:
    """What was said. For civil affairs, and a day long for the operator who wrote it down; every reading is logged."""
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        await tx.lock([str(contact_id)])
        words = await views.words_of(tx.db, contact_id, subject.township)
        seen = words is not None and _may_read(words, subject, tx.now)
        detail = {"source_ip": source_of(request), "result": "given" if seen else "denied"}
        tx.audit(str(contact_id), "contact.words", who(subject), detail)
        text = await opened(tx, words, office) if words is not None and seen else None
    if words is None or (seen and text is None):
        raise not_found()
    if text is None:
        raise forbidden("operator_sight_over")
    return WordsView(contact_id=contact_id, text=text, recorded_at=words.recorded_at)


def _may_read(words: SealedWords, subject: Subject, now: datetime) -> bool:
    own = words.recorded_by == subject.account and now - words.recorded_at <= OPERATOR_SIGHT
    return own or not subject.hotline


async def opened(tx: Transaction, words: SealedWords, office: Office) -> str | None:
    """A caller's sealed value; None when the key was destroyed."""
    key = (await reports.wrapped_keys(tx.db, [words.owner_id])).get(words.owner_id)
    if key is None:
        return None
    return office.vault.key(words.owner_id, *key).open(words.table, words.id, words.kind, words.sealed)
