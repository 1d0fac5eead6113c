"""Children on file and what held for them from when to when: tags, cases, levels, ladder steps. Loaded and saved in bulk.

The caller holds the locks of the children's families (or, without a case, of the children).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from contracts.vocabulary import Fact
from services.intake.store.tables import Table

TAG, CASE, LEVEL, LADDER = "tag", "case", "level", "ladder"


class RegisteredChildRow(Table, table=True):
    """A child the township knows, with or without a case (D-4.9.1): codes only, identity lies in the vault."""

    __tablename__ = "registered_child"
    __table_args__ = (
        Index("registered_child_of_township", "township", "child_id"),
        Index("registered_child_of_family", "family_id"),
    )

    child_id: UUID = Field(primary_key=True)
    township: str
    village: str | None
    group_code: str | None
    family_id: UUID
    age: int | None
    age_on: date | None
    adult_at: datetime | None
    concerns: list[Any] = Field(sa_type=JSONB)
    facts: dict[str, Any] = Field(sa_type=JSONB)
    answers: dict[str, Any] = Field(sa_type=JSONB)
    derived: list[Any] = Field(sa_type=JSONB)
    survey_id: UUID | None
    digest: bytes | None
    registered_at: datetime
    updated_at: datetime
    version: int


class ChildSpanRow(Table, table=True):
    """Something that held for a child from `from_at` until `until_at` (null: still): the source of every register."""

    __tablename__ = "child_span"
    __table_args__ = (
        Index("child_span_running", "child_id", "kind", "code", unique=True, postgresql_where="until_at IS NULL"),
        Index("child_span_by_code", "township", "kind", "code", "child_id"),
        Index("child_span_of_child", "child_id", "kind", "from_at"),
    )

    span_id: UUID = Field(primary_key=True)
    child_id: UUID
    township: str
    kind: str
    code: str
    state: str | None
    case_id: UUID | None
    source: str
    detail: dict[str, Any] | None = Field(sa_type=JSONB)
    from_at: datetime
    until_at: datetime | None
    set_by: dict[str, Any] = Field(sa_type=JSONB)
    reason: str | None
    ended_by: dict[str, Any] | None = Field(sa_type=JSONB)
    end_reason: str | None


@dataclass(slots=True)
class Child:
    """A child on file, to be changed and saved whole."""

    child_id: UUID
    township: str
    village: str | None
    group_code: str | None
    family_id: UUID
    age: int | None = None
    age_on: date | None = None
    adult_at: datetime | None = None
    concerns: Sequence[str] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    derived: Collection[str] = ()
    survey_id: UUID | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it begins."""

    span_id: UUID
    child_id: UUID
    township: str
    kind: str
    code: str
    from_at: datetime
    set_by: Mapping[str, Any]
    source: str = "rule"
    state: str | None = None
    case_id: UUID | None = None
    detail: Mapping[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a span."""

    span_id: UUID
    at: datetime
    by: Mapping[str, Any]
    reason: str | None


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case file as the registers need it."""

    case_id: UUID
    child_id: UUID
    family_id: UUID
    township: str
    village: str | None
    group_code: str | None
    state: str
    entered_at: datetime
    closed_at: datetime | None
    closure_reason: str | None


_CHILD = (
    "child_id, township, village, group_code, family_id, age, age_on, adult_at, concerns, facts, answers, derived, "
    "survey_id, digest"
)


async def load_children(db: Connection, child_ids: Collection[UUID]) -> dict[UUID, Child]:
    """The children on file of these ids, held until commit: two families may know the same child."""
    rows = await db.fetch(
        f"SELECT {_CHILD} FROM registered_child WHERE child_id = ANY($1::uuid[]) ORDER BY child_id FOR UPDATE",  # noqa: S608
        list(child_ids),
    )
    return {row["child_id"]: Child(**row) for row in rows}


async def save_children(db: Connection, children: Sequence[Child], now: datetime) -> None:
    """Add these children or write them back."""
    if not children:
        return
    await db.execute(
        """
        INSERT INTO registered_child AS r (child_id, township, village, group_code, family_id, age, age_on, adult_at,
            concerns, facts, answers, derived, survey_id, digest, registered_at, updated_at, version)
        SELECT n.child_id, n.township, n.village, n.group_code, n.family_id, n.age, n.age_on, n.adult_at,
               n.concerns::jsonb, n.facts, n.answers, n.derived::jsonb, n.survey_id, n.digest, $15, $15, 1
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::int[], $7::date[],
                    $8::timestamptz[], $9::text[], $10::jsonb[], $11::jsonb[], $12::text[], $13::uuid[], $14::bytea[])
            AS n(child_id, township, village, group_code, family_id, age, age_on, adult_at, concerns, facts, answers,
                 derived, survey_id, digest)
        ON CONFLICT (child_id) DO UPDATE SET
            village = excluded.village, group_code = excluded.group_code, family_id = excluded.family_id,
            age = excluded.age, age_on = excluded.age_on, adult_at = excluded.adult_at, concerns = excluded.concerns,
            facts = excluded.facts, answers = excluded.answers, derived = excluded.derived,
            survey_id = excluded.survey_id, digest = excluded.digest, updated_at = excluded.updated_at,
            version = r.version + 1
        """,
        [c.child_id for c in children],
        [c.township for c in children],
        [c.village for c in children],
        [c.group_code for c in children],
        [c.family_id for c in children],
        [c.age for c in children],
        [c.age_on for c in children],
        [c.adult_at for c in children],
        _json_lists(c.concerns for c in children),
        [dict(c.facts) for c in children],
        [dict(c.answers) for c in children],
        _json_lists(sorted(c.derived) for c in children),
        [c.survey_id for c in children],
        [c.digest for c in children],
        now,
    )


async def running_spans(db: Connection, child_ids: Collection[UUID]) -> dict[UUID, list[Span]]:
    """What holds for these children now, by child."""
    rows = await db.fetch(
        """
        SELECT span_id, child_id, township, kind, code, from_at, set_by, source, state, case_id, detail, reason
        FROM child_span WHERE child_id = ANY($1::uuid[]) AND until_at IS NULL ORDER BY from_at, code
        """,
        list(child_ids),
    )
    found: dict[UUID, list[Span]] = {}
    for row in rows:
        found.setdefault(row["child_id"], []).append(Span(**row))
    return found


async def end_spans(db: Connection, endings: Sequence[Ending]) -> None:
    """End these spans; one that ended already stays as it is."""
    if endings:
        await db.execute(
            """
            UPDATE child_span s SET until_at = greatest(n.at, s.from_at), ended_by = n.by, end_reason = n.reason
            FROM unnest($1::uuid[], $2::timestamptz[], $3::jsonb[], $4::text[]) AS n(span_id, at, by, reason)
            WHERE s.span_id = n.span_id AND s.until_at IS NULL
            """,
            [e.span_id for e in endings],
            [e.at for e in endings],
            [dict(e.by) for e in endings],
            [e.reason for e in endings],
        )


async def add_spans(db: Connection, spans: Sequence[Span]) -> None:
    """Begin these spans. One that the child has running already is not begun twice."""
    if spans:
        await db.execute(
            """
            INSERT INTO child_span (span_id, child_id, township, kind, code, state, case_id, source, detail, from_at,
                                    set_by, reason)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[],
                                 $8::text[], $9::jsonb[], $10::timestamptz[], $11::jsonb[], $12::text[])
            ON CONFLICT DO NOTHING
            """,
            [s.span_id for s in spans],
            [s.child_id for s in spans],
            [s.township for s in spans],
            [s.kind for s in spans],
            [s.code for s in spans],
            [s.state for s in spans],
            [s.case_id for s in spans],
            [s.source for s in spans],
            [None if s.detail is None else dict(s.detail) for s in spans],
            [s.from_at for s in spans],
            [dict(s.set_by) for s in spans],
            [s.reason for s in spans],
        )


async def note_detail(db: Connection, details: Sequence[tuple[UUID, Mapping[str, Any]]]) -> None:
    """Write back what a span counts (checks of a ladder step)."""
    if details:
        await db.execute(
            """
            UPDATE child_span s SET detail = n.detail
            FROM unnest($1::uuid[], $2::jsonb[]) AS n(span_id, detail) WHERE s.span_id = n.span_id
            """,
            [span_id for span_id, _ in details],
            [dict(detail) for _, detail in details],
        )


_CASE = "case_id, child_id, family_id, township, village, group_code, state, entered_at, closed_at, closure_reason"


async def cases_of(
    db: Connection, *, families: Collection[UUID] = (), children: Collection[UUID] = ()
) -> list[OpenCase]:
    """Every case file of these children and of the children of these families."""
    rows = await db.fetch(
        f"""
        SELECT {_CASE} FROM case_file
        WHERE child_id = ANY($2::uuid[])
           OR child_id IN (SELECT child_id FROM case_file WHERE family_id = ANY($1::uuid[]))
        """,  # noqa: S608  our own columns
        list(families),
        list(children),
    )
    return [OpenCase(**row) for row in rows]


async def families_of(db: Connection, children: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """The families these children have cases in; a child without a case is not among them."""
    rows = await db.fetch("SELECT child_id, family_id FROM case_file WHERE child_id = ANY($1::uuid[])", list(children))
    found: dict[UUID, set[UUID]] = {}
    for row in rows:
        found.setdefault(row["child_id"], set()).add(row["family_id"])
    return found


def _json_lists(lists: Iterable[Sequence[Any]]) -> list[str]:
    # An array of lists would be taken for an array of more dimensions, so each travels as JSON text.
    return [orjson.dumps(list(one)).decode() for one in lists]
