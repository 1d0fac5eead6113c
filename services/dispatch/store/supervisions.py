"""Supervision orders and the replies of the units under them, as rows and back."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import TypeAdapter

from chassis.transaction import Connection
from contracts.vocabulary import Actor
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.supervision import Supervision, Unit
from services.dispatch.store.rows import Row

_UNIT = TypeAdapter(Unit)
_SUPERVISION = TypeAdapter(Supervision)
_UNIT_FIELDS = tuple(Unit.__dataclass_fields__)
_FIELDS = tuple(name for name in Supervision.__dataclass_fields__ if name != "units")


async def row_of(db: Connection, supervision_id: UUID) -> Row | None:
    """One order as a row, with the response it belongs to."""
    row: Row | None = await db.fetchrow("SELECT * FROM supervision WHERE supervision_id = $1", supervision_id)
    return row


async def supervisions_of(db: Connection, rows: Sequence[Row]) -> list[Supervision]:
    """Orders with their units, in the order of `rows`."""
    ids = [row["supervision_id"] for row in rows]
    units: dict[UUID, list[Unit]] = {one: [] for one in ids}
    for row in await db.fetch(
        "SELECT * FROM supervision_unit WHERE supervision_id = ANY($1::uuid[]) ORDER BY supervision_id, organisation",
        ids,
    ):
        units[row["supervision_id"]].append(_UNIT.validate_python({name: row[name] for name in _UNIT_FIELDS}))
    return [
        _SUPERVISION.validate_python(
            {**{name: row[name] for name in _FIELDS}, "units": tuple(units[row["supervision_id"]])}
        )
        for row in rows
    ]


async def add(db: Connection, one: Supervision, file: ResponseFile) -> None:
    """Keep a new order."""
    await db.execute(
        """
        INSERT INTO supervision (supervision_id, response_id, case_id, township, level, reply_due_at, ordered_by,
                                 ordered_at, note_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        one.supervision_id,
        file.response_id,
        file.case_id,
        file.township,
        one.level,
        one.reply_due_at,
        one.ordered_by.model_dump(),
        one.ordered_at,
        one.note_id,
    )
    await db.execute(
        """
        INSERT INTO supervision_unit (supervision_id, organisation, department, deadline_id, late_seconds)
        SELECT $1, u.organisation, u.department, u.deadline_id, 0
        FROM unnest($2::text[], $3::text[], $4::uuid[]) AS u(organisation, department, deadline_id)
        """,
        one.supervision_id,
        [unit.organisation for unit in one.units],
        [unit.department for unit in one.units],
        [unit.deadline_id for unit in one.units],
    )


async def save_reply(db: Connection, supervision_id: UUID, unit: Unit) -> None:
    """Keep a unit's reply."""
    await db.execute(
        """
        UPDATE supervision_unit SET replied_by = $3, replied_at = $4, late_seconds = $5, note_id = $6
        WHERE supervision_id = $1 AND organisation = $2
        """,
        supervision_id,
        unit.organisation,
        _ids(unit.replied_by),
        unit.replied_at,
        unit.late_seconds,
        unit.note_id,
    )


async def save_lifting(db: Connection, one: Supervision) -> None:
    """Keep the end of an order."""
    await db.execute(
        "UPDATE supervision SET lifted_by = $2, lifted_at = $3 WHERE supervision_id = $1",
        one.supervision_id,
        _ids(one.lifted_by),
        one.lifted_at,
    )


def _ids(actor: Actor | None) -> dict[str, str | None] | None:
    return None if actor is None else actor.model_dump()
