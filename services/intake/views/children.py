"""A child on file: its tags over time, its registers, the versions of its context sections."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from contracts.policy.registers import Register
from services.intake.domain.registers import Circle
from services.intake.sight import SECTIONS
from services.intake.views.registers import Query, Wanted


async def tag_spans(db: Connection, child_id: UUID) -> list[dict[str, Any]]:
    """Every tag the child has or had, joined records included, the latest first."""
    rows = await db.fetch(
        """
        SELECT code AS tag, state, source, case_id, from_at AS set_at, set_by, reason, until_at AS ended_at, ended_by,
               end_reason
        FROM child_span
        WHERE kind = 'tag' AND (child_id = $1 OR child_id IN (
            SELECT merged_id FROM person_merge WHERE kept_id = $1 AND undone_at IS NULL))
        ORDER BY from_at DESC, code, until_at DESC NULLS FIRST
        """,
        child_id,
    )
    return [dict(row) for row in rows]


async def registers_of(
    db: Connection, child_id: UUID, registers: Sequence[Register], circle: Circle, wanted: Wanted
) -> list[str]:
    """The registers among these that the child is on."""
    found = []
    for register in registers:
        query = Query(register, circle, wanted)
        query.also(f"r.child_id = {query.bound(child_id)}")
        if await db.fetchval(query.sql("count(*)"), *query.values):
            found.append(register.id)
    return found


async def section_versions(db: Connection, child_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """When each context section was written, by section, the newest first."""
    rows = await db.fetch(
        "SELECT field, recorded_at FROM vault_child WHERE owner_id = $1 AND field = ANY($2::text[]) "
        "ORDER BY recorded_at, id",
        child_id,
        list(SECTIONS.values()),
    )
    named = {name: section for section, name in SECTIONS.items()}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        versions = found.setdefault(named[row["field"]], [])
        versions.insert(0, {"version": len(versions) + 1, "recorded_at": row["recorded_at"]})
    return found
