"""Tables and statements: township snapshots, what is remembered of cases, and the delivery ledger."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypedDict
from uuid import UUID

from asyncpg import Record
from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from chassis.transaction import Connection
from contracts.directory import TownshipPublished
from services.notification.domain.case import CaseFacts
from services.notification.domain.delivery import Sent, Waiting
from services.notification.domain.message import APP


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


class SnapshotRow(Table, table=True):
    """The newest structure of a township."""

    __tablename__ = "township_snapshot"

    township: str = Field(primary_key=True)
    version: int
    body: dict[str, Any] = Field(sa_type=JSONB)


class ToldCase(Table, table=True):
    """A case as far as its recipients depend on it."""

    __tablename__ = "told_case"

    case_id: UUID = Field(primary_key=True)
    case_number: str
    township: str
    policy_version: str
    level: str
    highest_level: str
    restricted: bool
    conflict_unit: str | None
    village: str | None
    group_code: str | None
    case_lead: str | None
    coordinator: str | None
    roles: dict[str, str] = Field(sa_type=JSONB)
    organisations: dict[str, list[str]] = Field(sa_type=JSONB)
    referrals: dict[str, str] = Field(sa_type=JSONB)
    withdrawn: list[str] = Field(sa_type=JSONB)
    safety_only: list[str] = Field(sa_type=JSONB)


class Delivery(Table, table=True):
    """One message by one channel. The in-app row is itself what the inbox shows, so it is born `sent`."""

    __tablename__ = "delivery"

    id: UUID = Field(primary_key=True)
    notice_id: UUID
    case_id: UUID | None
    township: str
    cause_event_id: UUID
    kind: str
    rule: str
    recipient_kind: str
    recipient: str
    channel: str
    template: str
    params: dict[str, str] = Field(sa_type=JSONB)
    masked: bool
    level: str
    urgency: int
    state: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    seen_at: datetime | None
    seen_by: str | None
    digest_id: UUID | None
    error_code: str | None
    stands_in_for: UUID | None


# Townships ---------------------------------------------------------------------------------------------------------


async def save_snapshot(db: Connection, snapshot: TownshipPublished) -> None:
    """Keep a township's structure unless a newer one is there."""
    await db.execute(
        """
        INSERT INTO township_snapshot (township, version, body) VALUES ($1, $2, $3)
        ON CONFLICT (township) DO UPDATE SET version = excluded.version, body = excluded.body
        WHERE township_snapshot.version < excluded.version
        """,
        snapshot.township,
        snapshot.version,
        snapshot.model_dump(mode="json"),
    )


async def townships(db: Connection) -> dict[str, TownshipPublished]:
    """Every township's newest structure."""
    rows = await db.fetch("SELECT township, body::text AS body FROM township_snapshot")
    return {row["township"]: _snapshot(row["body"]) for row in rows}


@lru_cache(maxsize=32)
def _snapshot(body: str) -> TownshipPublished:
    return TownshipPublished.model_validate_json(body)


# Cases -------------------------------------------------------------------------------------------------------------

_SETS = ("withdrawn", "safety_only")
_CASE_COLUMNS = tuple(ToldCase.model_fields)
_SAVE_CASES = (
    f"INSERT INTO told_case ({', '.join(_CASE_COLUMNS)}) "  # noqa: S608 - our own names
    f"SELECT {', '.join(_CASE_COLUMNS)} FROM jsonb_populate_recordset(NULL::told_case, $1) "
    f"ON CONFLICT (case_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CASE_COLUMNS[1:])}"
)


async def load_cases(db: Connection, ids: Iterable[UUID]) -> dict[UUID, CaseFacts]:
    """What is known of these cases; a case without a response is left out."""
    rows = await db.fetch("SELECT * FROM told_case WHERE case_id = ANY($1::uuid[])", list(ids))
    return {row["case_id"]: _facts(dict(row)) for row in rows}


def _facts(row: dict[str, Any]) -> CaseFacts:
    organisations = {department: tuple(units) for department, units in row["organisations"].items()}
    return CaseFacts(**{**row, "organisations": organisations, **{name: frozenset(row[name]) for name in _SETS}})


async def save_cases(db: Connection, cases: Sequence[CaseFacts]) -> None:
    """Write what is known now. The caller holds the locks of the cases' keys."""
    if cases:
        rows = [{name: getattr(case, name) for name in _CASE_COLUMNS} for case in cases]
        await db.execute(
            _SAVE_CASES,
            [{**row, "case_id": str(row["case_id"]), **{name: sorted(row[name]) for name in _SETS}} for row in rows],
        )


# Deliveries --------------------------------------------------------------------------------------------------------

_DELIVERY_COLUMNS = tuple(Delivery.model_fields)
_ADD = (
    f"INSERT INTO delivery ({', '.join(_DELIVERY_COLUMNS)}) "  # noqa: S608 - our own names
    f"SELECT {', '.join(_DELIVERY_COLUMNS)} FROM jsonb_populate_recordset(NULL::delivery, $1)"
)


class DeliveryRow(TypedDict):
    """A row of the ledger on its way in. A plain value: instances of a mapped class cost more than the insert."""

    id: UUID
    notice_id: UUID
    case_id: UUID | None
    township: str
    cause_event_id: UUID
    kind: str
    rule: str
    recipient_kind: str
    recipient: str
    channel: str
    template: str
    params: dict[str, str]
    masked: bool
    level: str
    urgency: int
    state: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    seen_at: datetime | None
    seen_by: str | None
    digest_id: UUID | None
    error_code: str | None
    stands_in_for: UUID | None


async def add_deliveries(db: Connection, deliveries: Sequence[DeliveryRow]) -> None:
    """Enter deliveries into the ledger, all in one statement."""
    if deliveries:
        await db.execute(_ADD, deliveries)


async def claim(db: Connection, limit: int, lease: timedelta) -> list[Waiting]:
    """Take messages to hand over, highest risk first. Who takes them and dies lets them go after `lease`."""
    rows = await db.fetch(
        """
        WITH due AS (
            SELECT id FROM delivery WHERE state = 'pending' AND next_attempt_at <= app_now()
            ORDER BY urgency DESC, created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        UPDATE delivery d SET attempts = d.attempts + 1, next_attempt_at = app_now() + $2
        FROM due WHERE d.id = due.id
        RETURNING d.id, d.case_id, d.township, d.recipient_kind, d.recipient, d.channel, d.kind, d.template, d.params,
                  d.level, d.urgency, d.attempts, d.created_at, d.notice_id, d.stands_in_for
        """,
        limit,
        lease,
    )
    return [Waiting(**dict(row)) for row in rows]


async def mark_sent(db: Connection, carriers: Mapping[UUID, UUID], at: datetime) -> None:
    """Record which messages went out: message → the one it went with (itself when it was not folded)."""
    await db.execute(
        """
        UPDATE delivery d SET state = 'sent', sent_at = $3, next_attempt_at = NULL, error_code = NULL,
            digest_id = CASE WHEN d.id <> s.carrier THEN s.carrier END
        FROM unnest($1::uuid[], $2::uuid[]) AS s(id, carrier)
        WHERE d.id = s.id AND d.state = 'pending'
        """,
        list(carriers),
        list(carriers.values()),
        at,
    )


async def mark_refused(db: Connection, ids: Sequence[UUID], error_code: str, again: Sequence[datetime | None]) -> None:
    """Record a refusal: the moments of the next attempts, or None where there is none and the message failed."""
    await db.execute(
        """
        UPDATE delivery d SET error_code = $2, next_attempt_at = r.again,
            state = CASE WHEN r.again IS NULL THEN 'failed' ELSE 'pending' END
        FROM unnest($1::uuid[], $3::timestamptz[]) AS r(id, again)
        WHERE d.id = r.id AND d.state = 'pending'
        """,
        list(ids),
        error_code,
        list(again),
    )


async def notice_of(db: Connection, message: Waiting) -> Sent:
    """What the message's notice says inside the system, and whom it and its stand-ins were sent to so far."""
    # Looked up within the case: the ledger has no index by notice, which every insert would pay for.
    rows = await db.fetch(
        f"""
        SELECT d.notice_id, d.recipient_kind, d.recipient, d.channel, d.kind, d.params, d.masked, f.notice_id AS failed
        FROM delivery d LEFT JOIN delivery f ON f.id = d.cause_event_id AND f.{_of_case(message)}
        WHERE d.{_of_case(message)} AND ($2 IN (d.notice_id, d.stands_in_for))
        """,  # noqa: S608 - our own words
        message.case_id,
        message.root,
    )
    alike = [row for row in rows if row["kind"] == message.kind]
    inside: dict[str, str] = next((row["params"] for row in alike if row["channel"] == APP), {})
    people = [row for row in alike if row["recipient_kind"] == "staff"]
    return Sent(
        codes={name: value for name, value in inside.items() if name not in ("case_number", "level")},
        masked=any(row["masked"] for row in alike),
        tried={who: frozenset(r["channel"] for r in people if r["recipient"] == who) for who in _recipients(people)},
        handed_on=any(r["failed"] == message.notice_id and r["recipient"] != message.recipient for r in people),
    )


def _of_case(message: Waiting) -> str:
    return "case_id = $1" if message.case_id else "case_id IS NOT DISTINCT FROM $1::uuid"


def _recipients(rows: Iterable[Record]) -> frozenset[str]:
    return frozenset(row["recipient"] for row in rows)


async def mark_given(db: Connection, case_id: UUID, body: str, by: str, at: datetime) -> None:
    """A person gave the oldest open notice to a body outside: it counts as seen, and so does the request to give it."""
    await db.execute(
        """
        WITH oldest AS (
            SELECT cause_event_id FROM delivery
            WHERE case_id = $1 AND recipient_kind = 'external' AND recipient = $2 AND state <> 'seen'
            ORDER BY created_at, id LIMIT 1
        )
        UPDATE delivery d SET state = 'seen', seen_at = $4, seen_by = $3, next_attempt_at = NULL,
            sent_at = coalesce(d.sent_at, $4)
        FROM oldest
        WHERE d.case_id = $1 AND d.cause_event_id = oldest.cause_event_id AND d.state <> 'seen'
          AND ((d.recipient_kind = 'external' AND d.recipient = $2)
               OR (d.kind = 'manual_notice_to_give' AND d.params->>'body' = $2))
        """,
        case_id,
        body,
        by,
        at,
    )


async def mark_seen(db: Connection, delivery_id: UUID, by: str, at: datetime) -> None:
    """Record who saw a message first; later ones change nothing."""
    await db.execute(
        "UPDATE delivery SET state = 'seen', seen_at = $3, seen_by = $2 WHERE id = $1 AND state = 'sent'",
        delivery_id,
        by,
        at,
    )


async def backlog(db: Connection) -> tuple[int, float]:
    """How many messages wait, and the age of the oldest in seconds."""
    row = await db.fetchrow(
        """
        SELECT count(*) AS waiting, coalesce(extract(epoch FROM app_now() - min(created_at)), 0)::float8 AS oldest
        FROM delivery WHERE state = 'pending'
        """
    )
    assert row is not None
    return row["waiting"], row["oldest"]
