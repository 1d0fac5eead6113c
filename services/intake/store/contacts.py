"""Contacts, calls, call-backs, hand-overs and amendments: rows as values, and the statements that keep them. The caller
holds the lock of the stream the row belongs to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.intake.store.writing import Insert


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact beside the reports, in the order of the table's columns."""

    contact_id: UUID
    contact_number: str
    township: str
    kind: str
    channel: str
    village: str | None
    reporter_kind: str
    anonymous: bool
    reporter_id: UUID
    case_id: UUID | None
    family_id: UUID | None
    call_id: UUID | None
    note_id: UUID | None
    policy_version: str
    received_at: datetime
    recorded_at: datetime
    recorded_by: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A call, text or letter offered to a line."""

    call_id: UUID
    township: str
    channel: str
    medium: str | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    abandoned: bool
    contact_id: UUID | None
    caller_id: UUID
    policy_version: str
    recorded_by: Any
    version: int


@dataclass(frozen=True, slots=True)
class Callback:
    """A call-back owed, and how it went. `attempts` hold at, by and reached."""

    callback_id: UUID
    township: str
    contact_id: UUID
    caller_id: UUID
    family_id: UUID | None
    reason: str
    state: str
    outcome: str | None
    report_id: UUID | None
    opened_at: datetime
    due_at: datetime
    attempts: Sequence[dict[str, Any]]
    late_seconds: int
    settled_at: datetime | None
    settled_by: Any
    policy_version: str
    version: int

    @property
    def key(self) -> str:
        """The stream of its events: the family's, or the contact's own."""
        return str(self.family_id or self.contact_id)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A hand-over to another line or area, and what became of it."""

    transfer_id: UUID
    township: str
    contact_id: UUID
    family_id: UUID | None
    direction: str
    receiver: str
    state: str
    reason: str | None
    receipt: str | None
    report_id: UUID | None
    sent_at: datetime
    sent_by: Any
    due_at: datetime
    decided_at: datetime | None
    decided_by: Any
    late_seconds: int
    policy_version: str
    version: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """What was added to a report, in codes."""

    amendment_id: UUID
    report_id: UUID
    family_id: UUID
    response_no: int
    aspects: Sequence[str]
    children: Any
    place: Any
    safe_until: datetime | None
    note_id: UUID | None
    recorded_at: datetime
    recorded_by: Any


Row = Contact | Call | Callback | Transfer | Amendment
_TABLE: dict[type[Row], str] = {
    Contact: "contact",
    Call: "call_log",
    Callback: "callback",
    Transfer: "transfer",
    Amendment: "report_amendment",
}


def add(row: Row) -> Insert:
    """Keep a new row. Raises UniqueViolationError when the same command was carried out before."""
    names = [field.name for field in fields(row)]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    sql = f"INSERT INTO {_TABLE[type(row)]} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  names of our own
    return Insert(sql, tuple(getattr(row, name) for name in names))


async def save(db: Connection, row: Call | Callback | Transfer) -> None:
    """Write a row back; its first column is its key."""
    key, *names = (field.name for field in fields(row))
    changes = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, start=2))
    await db.execute(
        f"UPDATE {_TABLE[type(row)]} SET {changes} WHERE {key} = $1",  # noqa: S608  names of our own
        *(getattr(row, name) for name in (key, *names)),
    )


async def find_call(db: Connection, call_id: UUID, township: str) -> Call | None:
    """A call of the township."""
    row = await db.fetchrow("SELECT * FROM call_log WHERE call_id = $1 AND township = $2", call_id, township)
    return None if row is None else Call(**row)


async def find_callback(db: Connection, callback_id: UUID, township: str) -> Callback | None:
    """A call-back of the township."""
    row = await db.fetchrow("SELECT * FROM callback WHERE callback_id = $1 AND township = $2", callback_id, township)
    return None if row is None else Callback(**row)


async def callbacks_of(db: Connection, contact_ids: Sequence[UUID]) -> list[Callback]:
    """The open call-backs of these contacts or calls."""
    rows = await db.fetch(
        "SELECT * FROM callback WHERE contact_id = ANY($1::uuid[]) AND state = 'open'", list(contact_ids)
    )
    return [Callback(**row) for row in rows]


async def find_transfer(db: Connection, transfer_id: UUID, township: str) -> Transfer | None:
    """A hand-over of the township."""
    row = await db.fetchrow("SELECT * FROM transfer WHERE transfer_id = $1 AND township = $2", transfer_id, township)
    return None if row is None else Transfer(**row)


async def transfers(db: Connection, transfer_ids: Sequence[UUID]) -> dict[UUID, Transfer]:
    """Hand-overs by id."""
    rows = await db.fetch("SELECT * FROM transfer WHERE transfer_id = ANY($1::uuid[])", list(transfer_ids))
    return {row["transfer_id"]: Transfer(**row) for row in rows}


async def callbacks(db: Connection, callback_ids: Sequence[UUID]) -> dict[UUID, Callback]:
    """Call-backs by id."""
    rows = await db.fetch("SELECT * FROM callback WHERE callback_id = ANY($1::uuid[])", list(callback_ids))
    return {row["callback_id"]: Callback(**row) for row in rows}


async def knows_number(db: Connection, owner: UUID) -> bool:
    """Whether a number to call lies in the vault for this caller."""
    found = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM vault_reporter WHERE owner_id = $1 AND field = 'reporter_phone')", owner
    )
    return bool(found)


async def amendments_of(db: Connection, report_id: UUID) -> list[Amendment]:
    """What was added to a report, first added first."""
    rows = await db.fetch(
        "SELECT * FROM report_amendment WHERE report_id = $1 ORDER BY recorded_at, amendment_id", report_id
    )
    return [Amendment(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Amendable:
    """A report as an amendment finds it."""

    family_id: UUID | None
    children: Any
    policy_version: str
    received_at: datetime
    reporter_id: UUID
    reporter_kind: str
    mandated: bool
    anonymous: bool


async def find_report(db: Connection, report_id: UUID, township: str) -> Amendable | None:
    """A report of the township."""
    columns = ", ".join(field.name for field in fields(Amendable))
    row = await db.fetchrow(
        f"SELECT {columns} FROM report WHERE report_id = $1 AND township = $2",  # noqa: S608  names of our own
        report_id,
        township,
    )
    return None if row is None else Amendable(**row)


async def amend_family(
    db: Connection, family_id: UUID, at: datetime, conflict_unit: str | None, *, restricted: bool
) -> None:
    """An amendment joined a family: whoever it keeps out is kept out at once."""
    await db.execute(
        """
        UPDATE case_file SET restricted = restricted OR $3, conflict_unit = coalesce(conflict_unit, $4),
            version = version + 1, updated_at = $2
        WHERE family_id = $1
        """,
        family_id,
        at,
        restricted,
        conflict_unit,
    )


async def move_family(
    db: Connection, family_id: UUID, village: str | None, group: str | None, *, outside: bool
) -> None:
    """The family is elsewhere than thought: who may see its files follows."""
    await db.execute(
        "UPDATE case_file SET village = $2, group_code = $3, outside = $4 WHERE family_id = $1",
        family_id,
        village,
        group,
        outside,
    )
