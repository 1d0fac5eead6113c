"""Registers as views over children on file, their spans and their cases: one membership rule as SQL, asked for keys, rows,
counts, groups and the log of who came and went, at any moment (`as_of`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from contracts.policy.registers import Register
from services.intake.domain.registers import Circle

_SAME = """
    WITH RECURSIVE up(record, root) AS (
        SELECT merged_id, kept_id FROM person_merge WHERE undone_at IS NULL AND township = $1
        UNION
        SELECT up.record, m.kept_id FROM up JOIN person_merge m ON m.merged_id = up.root AND m.undone_at IS NULL
    ), same AS (
        SELECT record, root FROM up WHERE NOT EXISTS (
            SELECT FROM person_merge m WHERE m.merged_id = up.root AND m.undone_at IS NULL)
    )
"""
"""Records that were joined (`same`) read as one child, the one at their root."""
_NOW = "(h.until_at IS NULL OR h.until_at > $2)"
_MINE = """
    CROSS JOIN LATERAL (
        SELECT ARRAY(SELECT r.child_id UNION ALL SELECT record FROM same WHERE same.root = r.child_id) AS records
    ) mine
"""
"""All records of a child, so that its spans are found by index."""
_SUBJECT = {"child": "r.child_id", "family": "r.family_id", "case": "c.case_id"}
_LATEST_CASE = """
    LEFT JOIN LATERAL (
        SELECT * FROM case_file f WHERE f.child_id = r.child_id
        ORDER BY f.state = 'open' DESC, f.entered_at DESC LIMIT 1
    ) c ON true
"""
_CASE_VALUES = ", ".join(
    f"'{name}', c.{name}"
    for name in ("case_id", "case_number", "family_id", "state", "level", "departments", "masked", "concerns", "age")
)
_CASES = "JOIN LATERAL (SELECT * FROM case_file f WHERE f.child_id = r.child_id) c ON true"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asked of a register. `entered_from` (inclusive) and `entered_to` (exclusive): since when a subject is
    on it; `state`: open, closed (of the case) or a state of the register's tag."""

    as_of: datetime
    tag: str | None = None
    level: str | None = None
    village: str | None = None
    state: str | None = None
    entered_from: datetime | None = None
    entered_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A child of a register's subject, in codes, with what decides who sees more of it."""

    subject_id: UUID
    child_id: UUID
    family_id: UUID
    village: str | None
    group_code: str | None
    age: int | None
    since: datetime | None
    tags: dict[str, str | None]
    level: str | None
    case: dict[str, Any] | None
    restricted: bool
    conflict_unit: str | None


class Query:
    """The membership rule of one register for one reader, with its bound values. $1 is the township, $2 the moment."""

    def __init__(self, register: Register, circle: Circle, wanted: Wanted, *, members: bool = True) -> None:
        self.register = register
        self.by_case = register.subject == "case" and members
        self.subject = _SUBJECT[register.subject if members else "child"]
        self.values: list[Any] = [circle.township, wanted.as_of]
        self._where: list[str] = [
            "r.township = $1",
            "r.registered_at <= $2",
            "NOT EXISTS (SELECT FROM same WHERE same.record = r.child_id)",
        ]
        if members:
            self._entry()
        self._circle(circle)
        self._wanted(wanted)

    def bound(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def sql(self, select: str, rest: str = "") -> str:
        """The whole statement for these columns."""
        return f"{_SAME} {self._body(select)} {rest}"

    def chosen(self, select: str, outer: str) -> str:
        """A statement over the rows chosen, under that name."""
        return f"{_SAME}, chosen AS ({self._body(select)}) {outer}"

    def _body(self, select: str) -> str:
        where = " AND ".join(self._where)
        asked = f"{select} {where}"
        records = _MINE if "mine." in asked else ""
        cases = _CASES if self.by_case else _LATEST_CASE if " c." in asked or "(c." in asked else ""
        return f"SELECT {select} FROM registered_child r {records} {cases} WHERE {where}"  # noqa: S608

    def _spans(self, kind: str, *, running: bool = True) -> str:
        """The child's spans of a kind; of cases and levels, where a case is the subject, those of that case."""
        of = "h.code = c.case_id::text" if self.by_case and kind != "tag" else "h.child_id = ANY(mine.records)"
        now = f"AND {_NOW}" if running else ""
        return (
            f"child_span h WHERE h.township = $1 AND h.kind = '{kind}' AND {of} AND h.from_at <= $2::timestamptz {now}"
        )

    def also(self, condition: str) -> None:
        """Narrow it further."""
        self._where.append(condition)

    def _entry(self) -> None:
        entry = self.register.entry
        if entry.tags_any:
            self._where.append(f"r.child_id IN ({self._tagged(sorted(entry.tags_any))})")
        for tag in entry.tags_all:
            self._where.append(f"r.child_id IN ({self._tagged([tag])})")
        if entry.case is not None:
            self._where.append(f"EXISTS (SELECT FROM {self._spans('case', running=entry.case == 'open')})")
        if entry.scope is not None:
            self._where.append("r.village IS NOT NULL")
        if "adult" in self.register.leave:
            self._where.append("(r.adult_at IS NULL OR r.adult_at > $2)")
        if "anonymised" in self.register.leave:
            self._where.append("EXISTS (SELECT FROM vault_key k WHERE k.owner_id = r.child_id)")

    def _tagged(self, tags: Sequence[str], state: str | None = None) -> str:
        in_state = "" if state is None else f"AND h.state = {self.bound(state)}"
        return (
            "SELECT coalesce(same.root, h.child_id) FROM child_span h LEFT JOIN same ON same.record = h.child_id "  # noqa: S608
            f"WHERE h.township = $1 AND h.kind = 'tag' AND h.code = ANY({self.bound(list(tags))}::text[]) "
            f"AND h.from_at <= $2::timestamptz AND {_NOW} {in_state}"
        )

    def _circle(self, circle: Circle) -> None:
        if circle.villages is not None:
            self._where.append(f"r.village = ANY({self.bound(sorted(circle.villages))}::text[])")
        if circle.groups is not None:
            self._where.append(f"r.group_code = ANY({self.bound(sorted(circle.groups))}::text[])")
        open_to_all = "NOT EXISTS (SELECT FROM case_file x WHERE x.child_id = r.child_id AND x.restricted)"
        if circle.unrestricted:
            self._where.append(open_to_all)
        if circle.not_against is not None:
            unit = self.bound(circle.not_against)
            self._where.append(
                f"NOT EXISTS (SELECT FROM case_file x WHERE x.child_id = r.child_id AND x.conflict_unit = {unit})"
            )
        if circle.involving is not None:
            part = f"coalesce(c.departments ? {self.bound(circle.involving)}, false)"
            beyond = open_to_all if circle.tags is None else "false"
            if circle.tags:
                beyond = f"({open_to_all} AND r.child_id IN ({self._tagged(sorted(circle.tags))}))"
            self._where.append(f"({part} OR {beyond})")

    def _wanted(self, wanted: Wanted) -> None:
        if wanted.tag is not None:
            self._where.append(f"r.child_id IN ({self._tagged([wanted.tag])})")
        if wanted.village is not None:
            self._where.append(f"r.village = {self.bound(wanted.village)}")
        if wanted.level is not None:
            level = self.bound(wanted.level)
            self._where.append(f"{self.level()} = {level}")
        if wanted.state in {"open", "closed"}:
            negated = "" if wanted.state == "open" else "NOT "
            self._where.append(f"{negated}EXISTS (SELECT FROM {self._spans('case')})")
        elif wanted.state is not None:
            self._where.append(f"r.child_id IN ({self._tagged(sorted(self.register.tags), wanted.state)})")
        if wanted.entered_from is not None:
            self._where.append(f"{self.since()} >= {self.bound(wanted.entered_from)}")
        if wanted.entered_to is not None:
            self._where.append(f"{self.since()} < {self.bound(wanted.entered_to)}")

    def level(self) -> str:
        """The level in force of the case, or of the child's cases the latest."""
        return f"(SELECT h.state FROM {self._spans('level')} ORDER BY h.from_at DESC LIMIT 1)"  # noqa: S608

    def since(self) -> str:
        """Since when the child is on it: the first of the spans that put it there."""
        if not self.register.tags:
            return f"(SELECT min(h.from_at) FROM {self._spans('case', running=False)})"  # noqa: S608
        tags = self.bound(sorted(self.register.tags))
        return f"(SELECT min(h.from_at) FROM {self._spans('tag')} AND h.code = ANY({tags}::text[]))"  # noqa: S608

    def columns(self) -> str:
        """The columns of an `Entry`."""
        tags = f"(SELECT coalesce(jsonb_object_agg(h.code, h.state), '{{}}') FROM {self._spans('tag')})"  # noqa: S608
        restricted = "EXISTS (SELECT FROM case_file x WHERE x.child_id = r.child_id AND x.restricted)"
        return (
            f"{self.subject} AS subject_id, r.child_id, r.family_id, r.village, r.group_code, "
            f"CASE WHEN r.age IS NULL THEN NULL ELSE r.age + date_part('year', age(($2::timestamptz)::date, r.age_on))::int END AS age, "
            f"{self.since()} AS since, {tags} AS tags, {self.level()} AS level, "
            f"CASE WHEN c.case_id IS NULL THEN NULL ELSE jsonb_build_object({_CASE_VALUES}) END AS case_row, "
            f"{restricted} AS restricted, c.conflict_unit"
        )


async def keys(db: Connection, query: Query, after: UUID | None, limit: int) -> list[UUID]:
    """The subjects of a page, in the order of their ids."""
    if after is not None:
        query.also(f"{query.subject} > {query.bound(after)}")
    limited = f"ORDER BY subject_id LIMIT {query.bound(limit)}"
    rows = await db.fetch(query.sql(f"DISTINCT {query.subject} AS subject_id", limited), *query.values)
    return [row["subject_id"] for row in rows]


async def entries(db: Connection, query: Query, subjects: Sequence[UUID]) -> list[Entry]:
    """The children of these subjects that put them on the register."""
    if not subjects:
        return []
    query.also(f"{query.subject} = ANY({query.bound(list(subjects))}::uuid[])")
    columns = query.columns()
    rows = await db.fetch(query.sql(columns, "ORDER BY subject_id, r.child_id"), *query.values)
    return [
        Entry(
            subject_id=row["subject_id"],
            child_id=row["child_id"],
            family_id=row["family_id"],
            village=row["village"],
            group_code=row["group_code"],
            age=row["age"],
            since=row["since"],
            tags=row["tags"],
            level=row["level"],
            case=row["case_row"],
            restricted=row["restricted"],
            conflict_unit=row["conflict_unit"],
        )
        for row in rows
    ]


async def count(db: Connection, query: Query) -> int:
    """How many subjects are on it."""
    found: int = await db.fetchval(query.sql(f"count(DISTINCT {query.subject})"), *query.values)
    return found


async def groups(db: Connection, query: Query, by: Sequence[str]) -> list[dict[str, Any]]:
    """Subjects counted by tag, level or both: a child with two tags counts under each."""
    chosen = f"{query.subject} AS subject_id, {query.level()} AS level, mine.records"
    held = f"h.township = $1 AND h.kind = 'tag' AND h.from_at <= $2::timestamptz AND {_NOW}"
    tagged = f"JOIN child_span t ON t.child_id = ANY(chosen.records) AND {held.replace('h.', 't.')}"
    named = {"tag": "t.code AS tag", "level": "chosen.level AS level"}
    shown = ", ".join(named[name] for name in by)
    places = ", ".join(str(place) for place in range(1, len(by) + 1))
    outer = (
        f"SELECT {shown}, count(DISTINCT subject_id) AS subjects FROM chosen {tagged if 'tag' in by else ''} "  # noqa: S608
        f"GROUP BY {places} ORDER BY {places}"
    )
    rows = await db.fetch(query.chosen(chosen, outer), *query.values)
    return [dict(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Change:
    """A child came on a register, or left it."""

    at: datetime
    change: str
    child_id: UUID
    case_id: UUID | None
    kind: str
    code: str
    state: str | None
    reason: str | None
    span_id: UUID


async def changes(
    db: Connection, query: Query, began: datetime, ended: datetime, after: tuple[Any, ...] | None, limit: int
) -> list[Change]:
    """What put children on the register and took them off between two moments, the latest first. `query` is one without
    the membership rule: the children of the reader's circle, whether they are on the register now or not."""
    tags = query.bound(sorted(query.register.tags))
    kinds = f"(s.kind = 'tag' AND s.code = ANY({tags}::text[]))"
    if query.register.entry.case is not None:
        kinds = f"({kinds} OR s.kind = 'case')"
    common = "s.span_id, coalesce(same.root, s.child_id) AS child_id, s.case_id, s.kind, s.code, s.state"
    source = f"FROM child_span s LEFT JOIN same ON same.record = s.child_id WHERE s.township = $1 AND {kinds}"
    page = ""
    if after is not None:
        at, span_id, change = (query.bound(value) for value in after)
        page = f"AND (at, span_id, change) < ({at}::timestamptz, {span_id}::uuid, {change}::text)"
    outer = f"""
        SELECT told.* FROM (
            SELECT {common}, s.from_at AS at, 'entered' AS change, s.reason {source}
            UNION ALL SELECT {common}, s.until_at, 'left', s.end_reason {source} AND s.until_at IS NOT NULL
        ) AS told JOIN chosen USING (child_id)
        WHERE at >= {query.bound(began)} AND at < {query.bound(ended)} {page}
        ORDER BY at DESC, span_id DESC, change DESC LIMIT {query.bound(limit)}
        """  # noqa: S608
    rows = await db.fetch(query.chosen("DISTINCT r.child_id", outer), *query.values)
    return [Change(**row) for row in rows]
