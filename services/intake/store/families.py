"""Households: which case families live together, and who belongs to them beside the children of the cases."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from services.intake.store.persons import SealedParticular
from services.intake.store.writing import Insert

MAX_FAMILIES = 40
"""A household with more case families than this is an error of linking; the rest is not followed."""


async def household(db: Connection, families: Iterable[UUID]) -> list[UUID]:
    """Every case family that lives with these: linked by somebody, or with a child in common (joined records count)."""
    rows = await db.fetch(
        """
        WITH RECURSIVE found(family_id) AS (
            SELECT * FROM unnest($1::uuid[])
            UNION
            SELECT near.family_id FROM found CROSS JOIN LATERAL (
                SELECT other_family_id AS family_id FROM household_link l
                WHERE l.family_id = found.family_id AND ended_at IS NULL
                UNION ALL
                SELECT l.family_id FROM household_link l
                WHERE l.other_family_id = found.family_id AND ended_at IS NULL
                UNION ALL
                SELECT other.family_id FROM case_file one JOIN case_file other USING (child_id)
                WHERE one.family_id = found.family_id
                UNION ALL
                SELECT other.family_id FROM case_file one
                JOIN person_merge m ON m.kept_id = one.child_id AND m.undone_at IS NULL
                JOIN case_file other ON other.child_id = m.merged_id
                WHERE one.family_id = found.family_id
                UNION ALL
                SELECT other.family_id FROM case_file one
                JOIN person_merge m ON m.merged_id = one.child_id AND m.undone_at IS NULL
                JOIN case_file other ON other.child_id = m.kept_id
                WHERE one.family_id = found.family_id
            ) AS near
        )
        SELECT family_id FROM found LIMIT $2
        """,
        list(families),
        MAX_FAMILIES,
    )
    return [row["family_id"] for row in rows]


@dataclass(frozen=True, slots=True)
class OpenFamily:
    """The response of a case family as announcements need it: its key, number, round and latest report."""

    family_id: UUID
    case_number: str
    township: str
    response_no: int
    report_id: UUID


async def open_families(db: Connection, families: Iterable[UUID]) -> list[OpenFamily]:
    """Those of these families whose case is open, the first opened first."""
    rows = await db.fetch(
        """
        SELECT c.family_id, c.case_number, c.township, c.response_no,
               (SELECT report_id FROM report r WHERE r.family_id = c.family_id ORDER BY recorded_at DESC LIMIT 1)
        FROM case_file c WHERE c.case_id = ANY($1::uuid[]) AND c.case_id = c.family_id AND c.state = 'open'
        ORDER BY c.case_number
        """,
        list(families),
    )
    return [OpenFamily(*row) for row in rows if row["report_id"] is not None]


@dataclass(frozen=True, slots=True)
class Link:
    """Two case families of one household. In the order of the table's columns."""

    link_id: UUID
    family_id: UUID
    other_family_id: UUID
    relation: str
    note_id: UUID | None
    linked_by: dict[str, Any]
    linked_at: datetime
    ended_by: dict[str, Any] | None = None
    ended_at: datetime | None = None


def add_link(link: Link) -> Insert:
    """Let two families be one household."""
    return Insert("INSERT INTO household_link VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", astuple(link))


async def links_of(db: Connection, families: Iterable[UUID]) -> list[Link]:
    """The links in force among these families, in the order made."""
    rows = await db.fetch(
        """
        SELECT * FROM household_link
        WHERE (family_id = ANY($1::uuid[]) OR other_family_id = ANY($1::uuid[])) AND ended_at IS NULL
        ORDER BY linked_at, link_id
        """,
        list(families),
    )
    return [Link(*row) for row in rows]


async def end_link(db: Connection, link_id: UUID, by: dict[str, Any], at: datetime) -> None:
    """Two families live together no longer, or never did."""
    await db.execute("UPDATE household_link SET ended_by = $2, ended_at = $3 WHERE link_id = $1", link_id, by, at)


# Members --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who belongs to a household, and how. In the order of the table's columns."""

    member_id: UUID
    family_id: UUID
    person_id: UUID
    relation: str
    of_child: UUID | None
    added_by: dict[str, Any]
    added_at: datetime
    ended_by: dict[str, Any] | None = None
    ended_at: datetime | None = None


def add_member(member: Member) -> Insert:
    """Let a person belong to a household."""
    return Insert("INSERT INTO household_member VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", astuple(member))


async def members_of(db: Connection, families: Iterable[UUID]) -> list[Member]:
    """The members recorded with these families that still belong, in the order added."""
    rows = await db.fetch(
        """
        SELECT * FROM household_member WHERE family_id = ANY($1::uuid[]) AND ended_at IS NULL
        ORDER BY added_at, member_id
        """,
        list(families),
    )
    return [Member(*row) for row in rows]


async def memberships(db: Connection, persons: Iterable[UUID]) -> list[Member]:
    """The households these persons belong to by record."""
    rows = await db.fetch(
        "SELECT * FROM household_member WHERE person_id = ANY($1::uuid[]) AND ended_at IS NULL ORDER BY added_at",
        list(persons),
    )
    return [Member(*row) for row in rows]


async def end_member(db: Connection, member_id: UUID, by: dict[str, Any], at: datetime) -> None:
    """Somebody belongs no longer."""
    await db.execute("UPDATE household_member SET ended_by = $2, ended_at = $3 WHERE member_id = $1", member_id, by, at)


def add_relative(person_id: UUID, township: str, by: dict[str, Any], at: datetime) -> Insert:
    """Record a guardian or other relative as a person."""
    sql = "INSERT INTO relative (person_id, township, recorded_by, recorded_at) VALUES ($1, $2, $3, $4)"
    return Insert(sql, (person_id, township, by, at))


async def relative_township(db: Connection, person_id: UUID) -> str | None:
    """The township a relative is recorded in; None: no such relative."""
    found: str | None = await db.fetchval("SELECT township FROM relative WHERE person_id = $1", person_id)
    return found


def add_relative_fields(values: Sequence[SealedParticular], at: datetime) -> Insert | None:
    """Keep sealed particulars of a relative (all of class P2)."""
    if not values:
        return None
    sql = """
        INSERT INTO vault_relative (id, owner_id, field, grade, sealed, recorded_at)
        SELECT n.*, $5 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]) AS v(id, owner_id, field, sealed)
        CROSS JOIN LATERAL (SELECT v.id, v.owner_id, v.field, 'P2', v.sealed) AS n
        """
    columns = ([v.id for v in values], [v.owner_id for v in values], [v.field for v in values])
    return Insert(sql, (*columns, [v.sealed for v in values], at))
