"""Conditions of a list as SQL with numbered parameters."""

from collections.abc import Sequence
from typing import Any

from contracts.access import Scope


class Where:
    """Conditions joined by AND. Column names are ours; values are always parameters."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.values: list[Any] = []

    @property
    def text(self) -> str:
        """The conditions as SQL."""
        return " AND ".join(self._parts)

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition; each `$` in it takes the next of `values`."""
        pieces = condition.split("$")
        text = pieces[0]
        for piece, value in zip(pieces[1:], values, strict=True):
            self.values.append(value)
            text += f"${len(self.values)}{piece}"
        self._parts.append(text)

    def equal(self, columns: dict[str, Any]) -> None:
        """Column = value for each value that was given."""
        for column, value in columns.items():
            if value is not None:
                self.add(f"{column} = $", value)

    def after(self, columns: str, values: Sequence[Any] | None) -> None:
        """Only rows behind a cursor, in the order of `columns`."""
        if values is not None:
            self.add(f"({columns}) > ({', '.join('$' for _ in values)})", *values)

    def within(self, scope: Scope, table: str, organisation: str) -> None:
        """The access policy's filter; `decide` on each row would allow the same."""
        self.add(f"{table}.township = $", scope.township)
        if not scope.everything:
            self.add(f"{organisation} = $", scope.organisation or "")
        if scope.groups is not None:
            self.add(f"{table}.group_code = ANY($::text[])", sorted(scope.groups))
        if scope.unrestricted_only:
            self.add(f"NOT {table}.restricted")
        if scope.not_in_conflict_with is not None:
            self.add(f"$ <> ALL(string_to_array({table}.conflict_units, ','))", scope.not_in_conflict_with)
