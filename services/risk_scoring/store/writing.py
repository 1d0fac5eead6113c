"""How whole rows are written."""

from typing import Any
from uuid import UUID

from services.risk_scoring.store.tables import Table


def insert(table: type[Table]) -> str:
    """Rows travel as one JSON list, since several columns are lists themselves."""
    names = ", ".join(table.model_fields)
    return (
        f"INSERT INTO {table.__tablename__} ({names}) "  # noqa: S608  our own names
        f"SELECT {names} FROM jsonb_populate_recordset(NULL::{table.__tablename__}, $1)"
    )


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Ids as text: the driver's own id type is not one the JSON encoder knows."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
