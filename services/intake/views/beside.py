"""What came in beside the reports of a case: further contacts, hand-overs, and what was added to its reports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection


class ContactOfCase(BaseModel):
    """A further contact about the family. Its words are the note of `note_id`."""

    contact_id: UUID
    contact_number: str
    kind: str
    channel: str
    received_at: datetime
    note_id: UUID | None


class TransferOfCase(BaseModel):
    """A hand-over of the case to another line or area."""

    transfer_id: UUID
    direction: str
    receiver: str
    state: str
    sent_at: datetime
    due_at: datetime
    decided_at: datetime | None
    late_seconds: int


class AmendmentOfCase(BaseModel):
    """What was added to a report after its dispatch; its words are the note of `note_id`."""

    amendment_id: UUID
    report_id: UUID
    aspects: list[str]
    safe_until: datetime | None
    note_id: UUID | None
    recorded_at: datetime
    recorded_by: dict[str, Any]


class Beside(BaseModel):
    """All of it, first come first."""

    contacts: list[ContactOfCase]
    transfers: list[TransferOfCase]
    amendments: list[AmendmentOfCase]


async def beside(db: Connection, family_id: UUID) -> Beside:
    """What came in beside the reports of a family."""
    contacts = await db.fetch(
        """
        SELECT contact_id, contact_number, kind, channel, received_at, note_id FROM contact
        WHERE family_id = $1 ORDER BY received_at, contact_id
        """,
        family_id,
    )
    transfers = await db.fetch(
        """
        SELECT transfer_id, direction, receiver, state, sent_at, due_at, decided_at, late_seconds FROM transfer
        WHERE family_id = $1 ORDER BY sent_at, transfer_id
        """,
        family_id,
    )
    return Beside(
        contacts=[ContactOfCase(**row) for row in contacts],
        transfers=[TransferOfCase(**row) for row in transfers],
        amendments=await amendments(db, family_id=family_id),
    )


async def amendments(
    db: Connection, *, family_id: UUID | None = None, report_id: UUID | None = None
) -> list[AmendmentOfCase]:
    """What was added to the reports of a family, or to one report."""
    rows = await db.fetch(
        """
        SELECT amendment_id, report_id, aspects, safe_until, note_id, recorded_at, recorded_by FROM report_amendment
        WHERE ($1::uuid IS NOT NULL AND family_id = $1) OR ($2::uuid IS NOT NULL AND report_id = $2)
        ORDER BY recorded_at, amendment_id
        """,
        family_id,
        report_id,
    )
    return [AmendmentOfCase(**row) for row in rows]
