"""What notification shows: a person's inbox, and for a case who was told what, by which channel and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import Subject
from contracts.policy import Label
from services.notification.domain.texts import title

State = Literal["pending", "sent", "failed", "seen"]


class InboxMessage(BaseModel):
    """One message to this person or their organisation. `case_id` and `level` are null where the recipient must not learn
    which case it is.
    """

    id: UUID
    kind: str
    title: Label
    level: str | None
    case_id: UUID | None
    params: dict[str, str]
    to: Literal["staff", "organisation"]
    created_at: datetime
    seen_at: datetime | None
    seen_by: str | None


class NoticeView(BaseModel):
    """One message by one channel, as the ledger has it."""

    id: UUID
    notice_id: UUID
    case_id: UUID | None
    cause_event_id: UUID
    kind: str
    title: Label
    rule: str
    recipient_kind: Literal["staff", "organisation", "external"]
    recipient: str
    channel: str
    level: str
    state: State
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    seen_at: datetime | None
    seen_by: str | None
    digest_id: UUID | None
    error_code: str | None


class LedgerEntry(BaseModel):
    """One delivery as the township's ledger has it. `case_number` is null where the reader must not learn which case."""

    id: UUID
    case_number: str | None
    kind: str
    title: Label
    recipient_kind: Literal["staff", "organisation", "external"]
    recipient: str
    channel: str
    level: str
    state: State
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    seen_at: datetime | None
    error_code: str | None


InboxKey = tuple[int, datetime, UUID]
"""Seen (0 or 1), then newest first."""


def mailboxes(subject: Subject) -> list[tuple[str, str]]:
    """Whose messages a subject reads: the own ones, and the organisation's. A grid member has no part in the latter."""
    own = [("staff", subject.staff)] if subject.staff else []
    shared = [("organisation", subject.organisation)] if subject.organisation and not subject.grid_only else []
    return [*own, *shared]


async def inbox(
    db: Connection, subject: Subject, *, unseen_only: bool, after: InboxKey | None, limit: int
) -> list[InboxMessage]:
    """The subject's messages, unseen first, newest first."""
    boxes = mailboxes(subject)
    seen, created_at, last = after or (None, None, None)
    rows = await db.fetch(
        """
        SELECT m.* FROM unnest($1::text[], $2::text[]) AS box(kind, name) CROSS JOIN LATERAL (
            SELECT * FROM delivery d
            WHERE d.channel = 'app' AND d.recipient_kind = box.kind AND d.recipient = box.name
              AND (NOT $3::bool OR d.state <> 'seen')
              AND ($4::bool IS NULL OR (d.state = 'seen') > $4
                   OR ((d.state = 'seen') = $4 AND (d.created_at, d.id) < ($5::timestamptz, $6::uuid)))
            ORDER BY (d.state = 'seen'), d.created_at DESC, d.id DESC LIMIT $7
        ) AS m
        ORDER BY (m.state = 'seen'), m.created_at DESC, m.id DESC LIMIT $7
        """,
        [kind for kind, _ in boxes],
        [name for _, name in boxes],
        unseen_only,
        None if seen is None else bool(seen),
        created_at,
        last,
        limit,
    )
    return [inbox_message(dict(row)) for row in rows]


def inbox_key(message: InboxMessage) -> tuple[int, datetime, str]:
    """The place of a message in the inbox, for the cursor."""
    return (int(message.seen_at is not None), message.created_at, str(message.id))


def inbox_message(row: Mapping[str, Any]) -> InboxMessage:
    """A ledger row as its recipient sees it."""
    return InboxMessage(
        id=row["id"],
        kind=row["kind"],
        title=title(row["kind"]),
        level=None if row["masked"] else row["level"],
        case_id=None if row["masked"] else row["case_id"],
        params=row["params"],
        to=row["recipient_kind"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        seen_by=row["seen_by"],
    )


async def delivery(db: Connection, delivery_id: UUID) -> Mapping[str, Any] | None:
    """One ledger row, or None."""
    row = await db.fetchrow("SELECT * FROM delivery WHERE id = $1", delivery_id)
    return None if row is None else dict(row)


async def notices(
    db: Connection, case_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[NoticeView]:
    """The ledger of a case, newest first."""
    created_at, last = after or (None, None)
    rows = await db.fetch(
        """
        SELECT * FROM delivery
        WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $4
        """,
        case_id,
        created_at,
        last,
        limit,
    )
    return [notice(dict(row)) for row in rows]


def notice(row: Mapping[str, Any]) -> NoticeView:
    """A ledger row as those who answer for the case see it."""
    return NoticeView(
        title=title(row["kind"]), **{name: row[name] for name in NoticeView.model_fields if name != "title"}
    )


async def ledger(
    db: Connection,
    subject: Subject,
    case_number: str | None,
    state: State | None,
    channel: str | None,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[LedgerEntry]:
    """Deliveries of the subject's township, newest first; those of cases that concern the subject's own unit are left out."""
    created_at, last = after or (None, None)
    rows = await db.fetch(
        """
        SELECT d.*, CASE WHEN $2::text IS NOT NULL OR NOT t.restricted THEN t.case_number END AS case_number
        FROM delivery d LEFT JOIN told_case t USING (case_id)
        WHERE d.township = $1 AND ($2::text IS NULL OR t.conflict_unit IS DISTINCT FROM $2)
          AND ($3::text IS NULL OR (t.case_number = $3 AND ($2::text IS NOT NULL OR NOT t.restricted)))
          AND ($4::text IS NULL OR d.state = $4) AND ($5::text IS NULL OR d.channel = $5)
          AND ($6::timestamptz IS NULL OR (d.created_at, d.id) < ($6, $7::uuid))
        ORDER BY d.created_at DESC, d.id DESC LIMIT $8
        """,
        subject.township,
        subject.department,
        case_number,
        state,
        channel,
        created_at,
        last,
        limit,
    )
    return [
        LedgerEntry(
            title=title(row["kind"]), **{name: row[name] for name in LedgerEntry.model_fields if name != "title"}
        )
        for row in rows
    ]
