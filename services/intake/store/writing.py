"""Several tables written in one statement: a report touches eight, and each round trip costs more than the rows it carries."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chassis.transaction import Connection


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT with its arguments, numbered from $1."""

    sql: str
    arguments: tuple[Any, ...]


async def insert_all(db: Connection, inserts: Iterable[Insert | None]) -> None:
    """Carry out these inserts as one statement, in no particular order: all of them or none."""
    found = [insert for insert in inserts if insert is not None]
    if found:
        arguments = (argument for insert in found for argument in insert.arguments)
        await db.execute(_together(tuple((one.sql, len(one.arguments)) for one in found)), *arguments)


@lru_cache(maxsize=256)
def _together(parts: tuple[tuple[str, int], ...]) -> str:
    renumbered, before = [], 0
    for sql, count in parts:
        renumbered.append(re.sub(r"\$(\d+)", lambda found, past=before: f"${int(found[1]) + past}", sql))  # type: ignore[misc]
        before += count
    *first, last = renumbered
    named = ", ".join(f"w{n} AS ({sql})" for n, sql in enumerate(first))
    return f"WITH {named} {last}" if first else last
