"""Persons across cases: tokens that find them, which records are one child, and their particulars, all read in bulk."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.intake.store.writing import Insert

PER_TOKEN = 8
"""How many persons one token may bring forward: a key that many share tells nobody apart."""
Token = tuple[UUID, str, bytes]
"""Person, kind, keyed digest."""


def add_tokens(tokens: Sequence[Token]) -> Insert | None:
    """Make persons findable. A token the person has already stays."""
    if not tokens:
        return None
    sql = """
        INSERT INTO person_token (token, person_id, kind) SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::text[])
        ON CONFLICT DO NOTHING
        """
    columns = ([t for _, _, t in tokens], [person for person, _, _ in tokens], [kind for _, kind, _ in tokens])
    return Insert(sql, columns)


async def candidates(db: Connection, tokens: Sequence[bytes]) -> list[tuple[UUID, bytes]]:
    """(person, token) for at most `PER_TOKEN` persons of each token, by index alone."""
    rows = await db.fetch(
        """
        SELECT found.person_id, t.token FROM unnest($1::bytea[]) AS t(token)
        CROSS JOIN LATERAL (SELECT person_id FROM person_token p WHERE p.token = t.token LIMIT $2) AS found
        """,
        list(tokens),
        PER_TOKEN,
    )
    return [(row["person_id"], row["token"]) for row in rows]


async def groups(db: Connection, persons: Iterable[UUID]) -> dict[UUID, UUID]:
    """Every record that is the same person as one of these, with the record that stands for all of them."""
    rows = await db.fetch(
        """
        WITH RECURSIVE up(person_id) AS (
            SELECT * FROM unnest($1::uuid[])
            UNION
            SELECT m.kept_id FROM up JOIN person_merge m ON m.merged_id = up.person_id AND m.undone_at IS NULL
        ), down(root, person_id) AS (
            SELECT person_id, person_id FROM up WHERE NOT EXISTS (
                SELECT FROM person_merge m WHERE m.merged_id = up.person_id AND m.undone_at IS NULL)
            UNION
            SELECT down.root, m.merged_id
            FROM down JOIN person_merge m ON m.kept_id = down.person_id AND m.undone_at IS NULL
        )
        SELECT person_id, root FROM down
        """,
        list(persons),
    )
    return {row["person_id"]: row["root"] for row in rows}


@dataclass(frozen=True, slots=True)
class SealedParticular:
    """A sealed field of a child or relative with the key that opens it. `table` and `id` are its place."""

    table: str
    id: UUID
    owner_id: UUID
    field: str
    sealed: bytes
    key_version: int
    wrapped: bytes


async def particulars(db: Connection, persons: Collection[UUID], fields: Sequence[str]) -> list[SealedParticular]:
    """The newest of each of these fields of each person whose key exists."""
    rows = await db.fetch(
        """
        SELECT v.*, k.key_version, k.wrapped FROM (
            SELECT DISTINCT ON (owner_id, field) 'vault_child', id, owner_id, field, sealed
            FROM vault_child WHERE owner_id = ANY($1::uuid[]) AND field = ANY($2::text[])
            ORDER BY owner_id, field, recorded_at DESC, id
        ) AS v JOIN vault_key k USING (owner_id)
        UNION ALL
        SELECT v.*, k.key_version, k.wrapped FROM (
            SELECT DISTINCT ON (owner_id, field) 'vault_relative', id, owner_id, field, sealed
            FROM vault_relative WHERE owner_id = ANY($1::uuid[]) AND field = ANY($2::text[])
            ORDER BY owner_id, field, recorded_at DESC, id
        ) AS v JOIN vault_key k USING (owner_id)
        """,
        list(persons),
        list(fields),
    )
    return [SealedParticular(*row) for row in rows]


# Joined records -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Merge:
    """Two records found to be one child. In the order of the table's columns."""

    merge_id: UUID
    township: str
    kept_id: UUID
    merged_id: UUID
    note_id: UUID | None
    merged_by: dict[str, Any]
    merged_at: datetime
    undo_note_id: UUID | None = None
    undone_by: dict[str, Any] | None = None
    undone_at: datetime | None = None


def add_merge(merge: Merge) -> Insert:
    """Let two records read as one."""
    sql = "INSERT INTO person_merge VALUES ($1, $2, $3, $4, $5, $6, $7)"
    made = (merge.merge_id, merge.township, merge.kept_id, merge.merged_id, merge.note_id)
    return Insert(sql, (*made, merge.merged_by, merge.merged_at))


async def merges_of(db: Connection, persons: Collection[UUID]) -> list[Merge]:
    """Every merge these records took part in, undone ones too, in the order made."""
    rows = await db.fetch(
        """
        SELECT * FROM person_merge WHERE kept_id = ANY($1::uuid[]) OR merged_id = ANY($1::uuid[])
        ORDER BY merged_at, merge_id
        """,
        list(persons),
    )
    return [Merge(*row) for row in rows]


async def undo_merge(db: Connection, merge_id: UUID, note_id: UUID, by: dict[str, Any], at: datetime) -> None:
    """Let two records read apart again."""
    await db.execute(
        "UPDATE person_merge SET undo_note_id = $2, undone_by = $3, undone_at = $4 WHERE merge_id = $1",
        merge_id,
        note_id,
        by,
        at,
    )


# Possible duplicates --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Two records for a person to decide on, as found when a report came in."""

    duplicate_id: UUID
    kind: str
    child_id: UUID
    other_id: UUID
    other_family_id: UUID
    score: int
    reasons: Sequence[str]


def add_suspicions(found: Sequence[Suspicion], township: str, family_id: UUID, at: datetime) -> Insert | None:
    """Keep what a person has to decide. A pair that is kept already stays as it is."""
    if not found:
        return None
    sql = """
        INSERT INTO possible_duplicate (duplicate_id, kind, child_id, other_id, other_family_id, score, reasons,
            township, family_id, found_at, state)
        SELECT n.id, n.kind, n.child_id, n.other_id, n.other_family_id, n.score, n.reasons -> 'codes', $8, $9, $10, 'open'
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::jsonb[])
            AS n(id, kind, child_id, other_id, other_family_id, score, reasons)
        ON CONFLICT DO NOTHING
        """
    columns = (
        [one.duplicate_id for one in found],
        [one.kind for one in found],
        [one.child_id for one in found],
        [one.other_id for one in found],
        [one.other_family_id for one in found],
        [one.score for one in found],
        [{"codes": list(one.reasons)} for one in found],
    )
    return Insert(sql, (*columns, township, family_id, at))


async def decide_duplicates(
    db: Connection, pairs: Sequence[tuple[UUID, UUID]], state: str, by: dict[str, Any] | None, at: datetime | None
) -> None:
    """Record what somebody decided of these pairs, whichever way round they were found; `open`: they wait again."""
    await db.execute(
        """
        UPDATE possible_duplicate d SET state = $3, decided_by = $4, decided_at = $5
        FROM unnest($1::uuid[], $2::uuid[]) AS n(one, other)
        WHERE (d.child_id, d.other_id) IN ((n.one, n.other), (n.other, n.one))
        """,
        [one for one, _ in pairs],
        [other for _, other in pairs],
        state,
        by,
        at,
    )
