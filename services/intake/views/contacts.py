"""Contacts, calls, call-backs and hand-overs as the desk reads them: ids, codes and times. Of a case the reader may not know of,
a task shows everything but the case: somebody has to do it all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import Subject
from contracts.policy import load_policy
from services.intake.domain.contacts import Offered, answering, possible
from services.intake.store.contacts import Call


class ContactView(BaseModel):
    """A contact beside the reports. `callback`, `transfer`: state of the task it left."""

    contact_id: UUID
    contact_number: str
    kind: str
    channel: str
    village: str | None
    reporter_kind: str
    anonymous: bool
    case_id: UUID | None
    case_number: str | None
    call_id: UUID | None
    note_id: UUID | None
    received_at: datetime
    recorded_at: datetime
    callback_id: UUID | None
    callback: str | None
    transfer_id: UUID | None
    transfer: str | None


class CallView(BaseModel):
    """A call with what S1 says of it. `in_time` null while it still may be."""

    call_id: UUID
    channel: str
    medium: str | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    waited_seconds: int | None
    in_time: bool | None
    abandoned: bool
    contact_id: UUID | None
    version: int


class CallbackView(BaseModel):
    """A call-back owed or settled. The number to call is read apart, and logged."""

    callback_id: UUID
    contact_id: UUID
    case_id: UUID | None
    reason: str
    state: str
    outcome: str | None
    report_id: UUID | None
    opened_at: datetime
    due_at: datetime
    overdue: bool
    attempts: list[dict[str, Any]]
    late_seconds: int
    settled_at: datetime | None
    version: int
    available_actions: list[str]


class TransferView(BaseModel):
    """A hand-over to another line or area. Open until acknowledged or withdrawn."""

    transfer_id: UUID
    contact_id: UUID
    case_id: UUID | None
    direction: str
    receiver: str
    state: str
    reason: str | None
    receipt: str | None
    report_id: UUID | None
    sent_at: datetime
    due_at: datetime
    overdue: bool
    decided_at: datetime | None
    late_seconds: int
    version: int
    available_actions: list[str]


@dataclass(slots=True)
class Asked:
    """A list being asked for: bound values, and what must hold. `$1` is the township, `$2` and `$3` decide whether the
    reader may know of a case."""

    values: list[Any]
    where: list[str] = field(default_factory=list)

    @classmethod
    def by(cls, subject: Subject) -> "Asked":
        """What every list of this reader asks."""
        return cls([subject.township, subject.account if subject.hotline else None, subject.department])

    def bound(self, value: Any) -> str:
        """A value as a parameter."""
        self.values.append(value)
        return f"${len(self.values)}"

    def equal(self, **columns: Any) -> "Asked":
        """Narrow by those that are given."""
        for column, value in columns.items():
            if value is not None:
                self.where.append(f"x.{column} = {self.bound(value)}")
        return self

    def condition(self) -> str:
        """All that must hold."""
        return " AND ".join(("x.township = $1", *self.where))


_KNOWN = """
    (c.case_id IS NOT NULL AND (NOT c.restricted OR $2::text IS NULL OR c.entered_by = $2)
     AND ($3::text IS NULL OR c.conflict_unit IS DISTINCT FROM $3))
"""

_CONTACTS = f"""
    SELECT x.contact_id, x.contact_number, x.kind, x.channel, x.village, x.reporter_kind, x.anonymous, x.call_id,
           x.received_at, x.recorded_at, CASE WHEN {_KNOWN} THEN x.case_id END AS case_id,
           CASE WHEN {_KNOWN} THEN c.case_number END AS case_number, CASE WHEN {_KNOWN} THEN x.note_id END AS note_id,
           b.callback_id, b.state AS callback, t.transfer_id, t.state AS transfer
    FROM contact x LEFT JOIN case_file c ON c.case_id = x.case_id
    LEFT JOIN callback b ON b.contact_id = x.contact_id LEFT JOIN transfer t ON t.contact_id = x.contact_id
"""  # noqa: S608  text of our own


async def contacts(
    db: Connection,
    subject: Subject,
    *,
    kind: str | None,
    channel: str | None,
    family_id: UUID | None,
    since: datetime | None,
    unsettled: bool,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[ContactView]:
    """Contacts, the latest first. `unsettled`: only those with a call-back or hand-over that is not finished."""
    asked = Asked.by(subject).equal(kind=kind, channel=channel, family_id=family_id)
    if since is not None:
        asked.where.append(f"x.received_at >= {asked.bound(since)}")
    if unsettled:
        asked.where.append("(b.state = 'open' OR t.state IN ('sent', 'refused'))")
    if after is not None:
        asked.where.append(f"(x.received_at, x.contact_id) < ({asked.bound(after[0])}, {asked.bound(after[1])})")
    rows = await db.fetch(
        f"{_CONTACTS} WHERE {asked.condition()} "
        f"ORDER BY x.received_at DESC, x.contact_id DESC LIMIT {asked.bound(limit)}",
        *asked.values,
    )
    return [ContactView(**row) for row in rows]


async def contact(db: Connection, subject: Subject, contact_id: UUID) -> ContactView | None:
    """One contact."""
    asked = Asked.by(subject).equal(contact_id=contact_id)
    row = await db.fetchrow(f"{_CONTACTS} WHERE {asked.condition()}", *asked.values)
    return None if row is None else ContactView(**row)


# Calls ----------------------------------------------------------------------------------------------------------------


async def calls(
    db: Connection, subject: Subject, channel: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[CallView]:
    """Calls, the latest first."""
    rows = await db.fetch(
        """
        SELECT * FROM call_log
        WHERE township = $1 AND ($2::text IS NULL OR channel = $2)
          AND ($3::timestamptz IS NULL OR (offered_at, call_id) < ($3, $4::uuid))
        ORDER BY offered_at DESC, call_id DESC LIMIT $5
        """,
        subject.township,
        channel,
        *(after or (None, None)),
        limit,
    )
    now = await db.fetchval("SELECT app_now()")
    return [call_view(Call(**row), now) for row in rows]


def call_view(call: Call, now: datetime) -> CallView:
    """A call for a reader."""
    offered = Offered(call.channel, call.offered_at, call.answered_at, call.ended_at)
    found = answering(offered, now, load_policy(call.policy_version))
    waited = call.answered_at or call.ended_at
    return CallView(
        **{name: getattr(call, name) for name in CallView.model_fields if name in Call.__dataclass_fields__},
        waited_seconds=int((waited - call.offered_at).total_seconds()) if waited else None,
        in_time=found.in_time,
    )


# Call-backs and hand-overs --------------------------------------------------------------------------------------------

_CALLBACKS = f"""
    SELECT x.*, CASE WHEN {_KNOWN} THEN x.family_id END AS case_id, x.state = 'open' AND x.due_at < app_now() AS overdue
    FROM callback x LEFT JOIN case_file c ON c.case_id = x.family_id
"""  # noqa: S608  text of our own
_TRANSFERS = f"""
    SELECT x.*, CASE WHEN {_KNOWN} THEN x.family_id END AS case_id,
           x.state IN ('sent', 'refused') AND x.due_at < app_now() AS overdue
    FROM transfer x LEFT JOIN case_file c ON c.case_id = x.family_id
"""  # noqa: S608  text of our own


async def callbacks(
    db: Connection, subject: Subject, state: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[CallbackView]:
    """Call-backs, the one due first first."""
    asked = Asked.by(subject).equal(state=state)
    if after is not None:
        asked.where.append(f"(x.due_at, x.callback_id) > ({asked.bound(after[0])}, {asked.bound(after[1])})")
    rows = await db.fetch(
        f"{_CALLBACKS} WHERE {asked.condition()} ORDER BY x.due_at, x.callback_id LIMIT {asked.bound(limit)}",
        *asked.values,
    )
    return [_callback(dict(row)) for row in rows]


async def callback(db: Connection, subject: Subject, callback_id: UUID) -> CallbackView | None:
    """One call-back."""
    asked = Asked.by(subject).equal(callback_id=callback_id)
    row = await db.fetchrow(f"{_CALLBACKS} WHERE {asked.condition()}", *asked.values)
    return None if row is None else _callback(dict(row))


async def transfers(
    db: Connection,
    subject: Subject,
    *,
    state: str | None,
    receiver: str | None,
    unfinished: bool,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[TransferView]:
    """Hand-overs, the latest first. `unfinished`: only those nobody has acknowledged yet."""
    asked = Asked.by(subject).equal(state=state, receiver=receiver)
    if unfinished:
        asked.where.append("x.state IN ('sent', 'refused')")
    if after is not None:
        asked.where.append(f"(x.sent_at, x.transfer_id) < ({asked.bound(after[0])}, {asked.bound(after[1])})")
    rows = await db.fetch(
        f"{_TRANSFERS} WHERE {asked.condition()} ORDER BY x.sent_at DESC, x.transfer_id DESC LIMIT {asked.bound(limit)}",
        *asked.values,
    )
    return [_transfer(dict(row)) for row in rows]


async def transfer(db: Connection, subject: Subject, transfer_id: UUID) -> TransferView | None:
    """One hand-over."""
    asked = Asked.by(subject).equal(transfer_id=transfer_id)
    row = await db.fetchrow(f"{_TRANSFERS} WHERE {asked.condition()}", *asked.values)
    return None if row is None else _transfer(dict(row))


def _callback(row: dict[str, Any]) -> CallbackView:
    values = {name: row[name] for name in CallbackView.model_fields if name in row}
    return CallbackView(**values, available_actions=["attempt", "settle"] if row["state"] == "open" else [])


def _transfer(row: dict[str, Any]) -> TransferView:
    values = {name: row[name] for name in TransferView.model_fields if name in row}
    acts = possible(row["state"], has_case=row["family_id"] is not None)
    return TransferView(**values, available_actions=[*acts])


# Words and numbers in the vault ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SealedWords:
    """A sealed value of a caller, where it lies, and who wrote it down when."""

    table: str
    id: UUID
    owner_id: UUID
    kind: str
    sealed: bytes
    recorded_at: datetime
    recorded_by: str | None


async def words_of(db: Connection, contact_id: UUID, township: str) -> SealedWords | None:
    """What was said in a contact that belongs to no case."""
    row = await db.fetchrow(
        """
        SELECT v.id, v.owner_id, v.kind, v.sealed, v.recorded_at, v.recorded_by
        FROM contact x JOIN vault_text v ON v.owner_id = x.reporter_id AND v.case_id IS NULL
        WHERE x.contact_id = $1 AND x.township = $2
        """,
        contact_id,
        township,
    )
    return None if row is None else SealedWords("vault_text", **row)


async def number_of(db: Connection, caller_id: UUID) -> SealedWords | None:
    """The newest number of a caller."""
    row = await db.fetchrow(
        """
        SELECT id, owner_id, field AS kind, sealed, recorded_at, NULL AS recorded_by FROM vault_reporter
        WHERE owner_id = $1 AND field = 'reporter_phone' ORDER BY recorded_at DESC, id LIMIT 1
        """,
        caller_id,
    )
    return None if row is None else SealedWords("vault_reporter", **row)
