"""Requests for more time, as rows and back."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from chassis.transaction import Connection
from services.dispatch.domain.extension import Extension
from services.dispatch.domain.response import ResponseFile
from services.dispatch.store.rows import Row

_EXTENSION = TypeAdapter(Extension)
_FIELDS = tuple(Extension.__dataclass_fields__)


def extension_of(row: Row) -> Extension:
    """A row as a value."""
    return _EXTENSION.validate_python({name: row[name] for name in _FIELDS})


async def of_deadline(db: Connection, deadline_id: UUID) -> list[Extension]:
    """Everything asked for one clock, oldest first."""
    rows = await db.fetch(
        "SELECT * FROM deadline_extension WHERE deadline_id = $1 ORDER BY asked_at, extension_id", deadline_id
    )
    return [extension_of(row) for row in rows]


async def row_of(db: Connection, extension_id: UUID) -> Row | None:
    """One request as a row, with the response it belongs to."""
    row: Row | None = await db.fetchrow("SELECT * FROM deadline_extension WHERE extension_id = $1", extension_id)
    return row


async def add(db: Connection, one: Extension, file: ResponseFile) -> None:
    """Keep a new request."""
    plain = _plain(one)
    of_case = {"response_id": file.response_id, "case_id": file.case_id, "township": file.township}
    row = {**plain, **of_case}
    names = ", ".join(row)
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await db.execute(
        f"INSERT INTO deadline_extension ({names}) VALUES ({places})",  # noqa: S608  our own names
        *row.values(),
    )


async def save_decision(db: Connection, one: Extension) -> None:
    """Keep what was decided."""
    plain = _plain(one)
    await db.execute(
        """
        UPDATE deadline_extension SET state = $2, decided_by = $3, decided_at = $4, granted_until = $5
        WHERE extension_id = $1
        """,
        *(plain[name] for name in ("extension_id", "state", "decided_by", "decided_at", "granted_until")),
    )


def _plain(one: Extension) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in _FIELDS}
    for name in ("asked_by", "decided_by"):
        plain[name] = None if plain[name] is None else plain[name].model_dump()
    return plain
