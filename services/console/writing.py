"""Writing facts: many small changes to rows of the read model, in few statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis.transaction import Connection
from contracts.envelope import Event
from services.console.store.facts import FACTS

_TABLES = {table.__tablename__ for table in FACTS}


@dataclass(frozen=True, slots=True)
class Change:
    """What one event says about one row. The row is made when it is not there yet.

    `set` replaces, `first` keeps what was told first, `most` keeps the greater, `add` adds up.
    """

    table: str
    key: Mapping[str, Any]
    set: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)
    most: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Changes of one shape are one statement."""
        return self.table, *(tuple(part) for part in (self.key, self.set, self.first, self.most, self.add))

    @property
    def values(self) -> tuple[Any, ...]:
        """The statement's arguments."""
        parts = (self.key, self.set, self.first, self.most, self.add)
        return tuple(value for part in parts for value in part.values())


def statement(change: Change) -> str:
    """The upsert of a change's shape."""
    name = change.table
    if name not in _TABLES:
        raise ValueError(name)
    columns = [column for part in (change.key, change.set, change.first, change.most, change.add) for column in part]
    told = [f'"{c}" = excluded."{c}"' for c in change.set]
    told += [f'"{c}" = coalesce({name}."{c}", excluded."{c}")' for c in change.first]
    told += [f'"{c}" = greatest({name}."{c}", excluded."{c}")' for c in change.most]
    told += [f'"{c}" = coalesce({name}."{c}", 0) + excluded."{c}"' for c in change.add]
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    quoted = ", ".join(f'"{column}"' for column in columns)
    key = ", ".join(f'"{column}"' for column in change.key)
    then = f"DO UPDATE SET {', '.join(told)}" if told else "DO NOTHING"
    return f"INSERT INTO {name} ({quoted}) VALUES ({places}) ON CONFLICT ({key}) {then}"  # noqa: S608  our own names


Fold = Callable[[Event, int], Iterator[Change]]
"""What an event says about the read model, given the newest round of its case that is known (1 before any)."""


async def write(db: Connection, changes: Iterable[Change]) -> None:
    """Write changes. Those of one row keep their order; rows are independent of each other."""
    waves: list[dict[tuple[Any, ...], list[Change]]] = []
    turn: dict[tuple[Any, ...], int] = {}
    for change in changes:
        row = change.table, *change.key.values()
        wave = turn.get(row, 0)
        turn[row] = wave + 1
        if wave == len(waves):
            waves.append({})
        waves[wave].setdefault(change.shape, []).append(change)
    for groups in waves:
        for group in groups.values():
            await db.executemany(statement(group[0]), [change.values for change in group])
