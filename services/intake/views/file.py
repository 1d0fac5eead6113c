"""The vault's contents for a reader: sealed rows found, and opened only as far as `sight.see` allows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.audit import AuditEntry, first_broken
from chassis.transaction import Connection
from services.intake.sight import NARRATIVE, REPORTER_FIELDS, Field, Full, Grant, Hidden, Masked, Sight, mask
from services.intake.vault import Vault


class FieldView(BaseModel):
    """One field of a file. `value` is null when hidden, or when nothing is recorded (then `recorded_at` is null too)."""

    field: str
    grade: Literal["P1", "P2"]
    sight: Literal["full", "masked", "hidden"]
    value: str | None = None
    recorded_at: datetime | None = None
    report_id: UUID | None = None
    reason: str | None = None


class FileView(BaseModel):
    """The fields of a file a reader asked for. `review_due_at`: it was opened by break-glass and will be reviewed."""

    case_id: UUID
    case_number: str
    fields: list[FieldView]
    review_due_at: datetime | None = None


class NoteView(BaseModel):
    """A note and its text."""

    note_id: UUID
    case_id: UUID
    kind: str
    grade: Literal["P1", "P2"]
    text: str
    recorded_at: datetime


class AccessLogEntry(BaseModel):
    """Who read what, for which purpose, from where, with which result."""

    sequence: int
    at: datetime
    action: str
    actor: dict[str, Any]
    detail: dict[str, Any]
    hash: str


class AccessLog(BaseModel):
    """The access log of a family's files. `first_broken`: the first entry that does not follow from those before it."""

    items: list[AccessLogEntry]
    intact: bool
    first_broken: int | None


class GrantView(BaseModel):
    """A named person's permission for secret fields, requested, granted or refused."""

    grant_id: UUID
    case_id: UUID
    account: str
    fields: list[str]
    reason: str
    state: str
    requested_at: datetime
    expires_at: datetime | None


class ReviewView(BaseModel):
    """A break-glass reading to be reviewed, or reviewed."""

    review_id: UUID
    case_id: UUID
    opened_by: dict[str, Any]
    opened_at: datetime
    fields: list[str]
    reason: str
    due_at: datetime
    state: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A sealed value with where it lies and who owns it."""

    table: str
    id: UUID
    owner_id: UUID
    field: str
    sealed: bytes
    grade: Literal["P1", "P2"]
    recorded_at: datetime
    report_id: UUID | None

    def opened(self, vault: Vault, keys: dict[UUID, tuple[int, bytes]]) -> str | None:
        """The value; None when its owner's key was destroyed."""
        found = keys.get(self.owner_id)
        return vault.key(self.owner_id, *found).open(self.table, self.id, self.field, self.sealed) if found else None


async def sealed_fields(
    db: Connection, case_id: UUID, family_id: UUID, child_id: UUID, fields: Collection[str]
) -> list[SealedRow]:
    """The newest of each field of the child, every narrative of the case, every reporter of the family."""
    rows: list[SealedRow] = []
    names = [name for name in fields if name != NARRATIVE and name not in REPORTER_FIELDS]
    if names:
        found = await db.fetch(
            """
            SELECT DISTINCT ON (field) id, owner_id, field, sealed, grade, recorded_at, report_id FROM vault_child
            WHERE owner_id = $1 AND field = ANY($2::text[]) ORDER BY field, recorded_at DESC, id
            """,
            child_id,
            names,
        )
        rows += [SealedRow("vault_child", **row) for row in found]
    if NARRATIVE in fields:
        found = await db.fetch(
            """
            SELECT id, owner_id, kind AS field, sealed, grade, recorded_at, report_id FROM vault_text
            WHERE case_id = $1 AND kind = $2 ORDER BY recorded_at
            """,
            case_id,
            NARRATIVE,
        )
        rows += [SealedRow("vault_text", **row) for row in found]
    if reporters := [name for name in fields if name in REPORTER_FIELDS]:
        found = await db.fetch(
            """
            SELECT v.id, v.owner_id, v.field, v.sealed, 'P1' AS grade, v.recorded_at, v.report_id
            FROM report r JOIN vault_reporter v ON v.owner_id = r.reporter_id
            WHERE r.family_id = $1 AND v.field = ANY($2::text[]) ORDER BY v.recorded_at, v.field
            """,
            family_id,
            reporters,
        )
        rows += [SealedRow("vault_reporter", **row) for row in found]
    return rows


async def sealed_note(db: Connection, family_id: UUID, note_id: UUID) -> tuple[SealedRow, str] | None:
    """A note of a family's case with the account that wrote it."""
    row = await db.fetchrow(
        """
        SELECT id, owner_id, kind AS field, sealed, grade, recorded_at, report_id, recorded_by FROM vault_text
        WHERE id = $1 AND case_id IN (SELECT case_id FROM case_file WHERE family_id = $2) AND kind <> $3
        """,
        note_id,
        family_id,
        NARRATIVE,
    )
    if row is None:
        return None
    values = dict(row)
    author: str = values.pop("recorded_by")
    return SealedRow("vault_text", **values), author


def shown(
    field: Field,
    sight: Sight,
    row: SealedRow | None,
    vault: Vault,
    keys: dict[UUID, tuple[int, bytes]],
    area: str | None,
) -> FieldView:
    """A field as one reader gets it. A hidden value is never decrypted."""
    match sight:
        case Hidden(reason):
            return FieldView(field=field.name, grade=field.grade, sight="hidden", reason=reason)
        case Masked(initials):
            value = row.opened(vault, keys) if row else None
            value = mask(field.name, value, area, initials=initials) if value else None
            return FieldView(field=field.name, grade=field.grade, sight="masked", value=value, **_whence(row))
        case Full(by):
            value = row.opened(vault, keys) if row else None
            why = None if by == "role" else by
            return FieldView(field=field.name, grade=field.grade, sight="full", value=value, reason=why, **_whence(row))


def _whence(row: SealedRow | None) -> dict[str, Any]:
    return {"recorded_at": row.recorded_at, "report_id": row.report_id} if row else {}


async def grants_for(db: Connection, case_id: UUID, account: str, now: datetime) -> list[Grant]:
    """The permissions this account holds now."""
    rows = await db.fetch(
        """
        SELECT account, fields, expires_at, grant_id FROM access_grant
        WHERE case_id = $1 AND account = $2 AND state = 'granted' AND expires_at > $3
        """,
        case_id,
        account,
        now,
    )
    return [Grant(row["account"], frozenset(row["fields"]), row["expires_at"], row["grant_id"]) for row in rows]


async def grants(db: Connection, case_id: UUID, after: tuple[Any, ...] | None, limit: int) -> Sequence[GrantView]:
    """Every permission of a case, the latest first."""
    rows = await db.fetch(
        """
        SELECT * FROM access_grant
        WHERE case_id = $1 AND ($2::timestamptz IS NULL OR (requested_at, grant_id) < ($2, $3::uuid))
        ORDER BY requested_at DESC, grant_id DESC LIMIT $4
        """,
        case_id,
        *(after or (None, None)),
        limit,
    )
    return [GrantView(**row) for row in rows]


async def reviews(
    db: Connection, township: str, against: str | None, state: str, after: tuple[Any, ...] | None, limit: int
) -> Sequence[ReviewView]:
    """Reviews in this state, due first, without those of cases in conflict with the reader's department."""
    rows = await db.fetch(
        """
        SELECT r.* FROM access_review r JOIN case_file c USING (case_id)
        WHERE r.township = $1 AND r.state = $2 AND ($3::text IS NULL OR c.conflict_unit IS DISTINCT FROM $3)
          AND ($4::timestamptz IS NULL OR (r.due_at, r.review_id) > ($4, $5::uuid))
        ORDER BY r.due_at, r.review_id LIMIT $6
        """,
        township,
        state,
        against,
        *(after or (None, None)),
        limit,
    )
    return [ReviewView(**row) for row in rows]


async def access_log(db: Connection, key: str) -> AccessLog:
    """The whole chain of a family, checked."""
    rows = await db.fetch("SELECT * FROM audit_entry WHERE key = $1 ORDER BY sequence", key)
    entries = [AuditEntry(**row) for row in rows]
    broken = first_broken(entries)
    items = [
        AccessLogEntry(
            sequence=e.sequence, at=e.at, action=e.action, actor=dict(e.actor), detail=dict(e.detail), hash=e.hash.hex()
        )
        for e in entries
    ]
    return AccessLog(items=items, intact=broken is None, first_broken=broken)
