"""Providers of the township as the directory last announced them, and the tasks they do for a measure's owner."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from contracts.directory import TownshipPublished
from services.assistance.store.tables import Table, insert_of, plain


class TownshipProvidersRow(Table, table=True):
    """The providers of one township, by code."""

    __tablename__ = "township_providers"

    township: str = Field(primary_key=True)
    version: int
    providers: dict[str, Any] = Field(sa_type=JSONB)


class ProviderTaskRow(Table, table=True):
    """What a provider is asked to do: a label, an area, a date and where to call back. Case and child are for the owner."""

    __tablename__ = "provider_task"
    __table_args__ = (
        Index("provider_task_list", "township", "provider", "due_at", "task_id"),
        Index("provider_task_of_measure", "measure_id"),
    )

    task_id: UUID = Field(primary_key=True)
    measure_id: UUID
    case_id: UUID
    township: str
    provider: str
    label: str
    area: str | None
    contact: str
    due_at: datetime
    state: str
    result: str | None
    reason: str | None
    done_at: datetime | None
    assigned_by: dict[str, Any] = Field(sa_type=JSONB)
    assigned_at: datetime
    reported_by: dict[str, Any] | None = Field(sa_type=JSONB)
    reported_at: datetime | None
    version: int


_SAVE = f"{insert_of(ProviderTaskRow)} ON CONFLICT (task_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ProviderTaskRow.model_fields if name != "task_id"
)


async def keep_providers(db: Connection, published: Sequence[TownshipPublished]) -> None:
    """Keep each township's providers; an older announcement changes nothing."""
    await db.executemany(
        """
        INSERT INTO township_providers (township, version, providers) VALUES ($1, $2, $3)
        ON CONFLICT (township) DO UPDATE SET version = excluded.version, providers = excluded.providers
        WHERE township_providers.version < excluded.version
        """,
        [
            (one.township, one.version, {provider.code: provider.model_dump() for provider in one.providers})
            for one in published
        ],
    )


async def provider(db: Connection, township: str, code: str) -> dict[str, Any] | None:
    """One provider of a township: kind, area, services."""
    found: dict[str, Any] | None = await db.fetchval(
        "SELECT providers->$2 FROM township_providers WHERE township = $1", township, code
    )
    return found


async def save_task(db: Connection, row: Mapping[str, Any]) -> None:
    """Write a provider's task as it is now."""
    await db.execute(_SAVE, [plain(row)])


async def find_task(db: Connection, task_id: UUID) -> dict[str, Any] | None:
    """One task."""
    row = await db.fetchrow("SELECT * FROM provider_task WHERE task_id = $1", task_id)
    return None if row is None else dict(row)


async def running_task(db: Connection, measure_id: UUID) -> dict[str, Any] | None:
    """The task a provider holds for a measure, if any."""
    row = await db.fetchrow(
        """
        SELECT * FROM provider_task WHERE measure_id = $1 AND state IN ('assigned', 'reported')
        ORDER BY assigned_at DESC LIMIT 1
        """,
        measure_id,
    )
    return None if row is None else dict(row)
