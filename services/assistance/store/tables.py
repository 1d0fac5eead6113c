"""What every table of assistance stands on."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData
from sqlmodel import SQLModel


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()


def insert_of(table: type[Table]) -> str:
    """Rows travel as one JSON list, since several columns are lists themselves."""
    names = ", ".join(table.model_fields)
    return (
        f"INSERT INTO {table.__tablename__} ({names}) "  # noqa: S608  our own names
        f"SELECT {names} FROM jsonb_populate_recordset(NULL::{table.__tablename__}, $1)"
    )


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Ids as text: the driver's own id type is not one the JSON encoder knows."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
