"""A person across cases as a reader may see it: fields at the best sight any of the person's cases gives, cases, story."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import Subject
from services.intake.sight import CHILD_FIELDS, Field, Full, Hidden, Masked, Sight, of_own_entry
from services.intake.store.persons import Merge
from services.intake.vault import Vault
from services.intake.views.cases import CaseRecord, ReportOfCase
from services.intake.views.file import FieldView, SealedRow, shown

HISTORY_MAX = 200
STORY = (
    "report.received.v1",
    "report.amended.v1",
    "risk.assessed.v1",
    "response.opened.v1",
    "case.closed.v1",
    "children.merged.v1",
)
"""What belongs to a person's history; the whole story of a case is its timeline."""


class PersonCase(BaseModel):
    """A case of the person. `record_id`: under which record of the person it is filed."""

    case_id: UUID
    case_number: str
    family_id: UUID
    record_id: UUID
    state: str
    response_no: int
    level: str | None
    child_level: str | None
    highest_level: str | None
    village: str | None
    opened_at: datetime
    closed_at: datetime | None
    closure_reason: str | None
    follows_case_id: UUID | None


class PersonContact(ReportOfCase):
    """A report on the person's family."""

    family_id: UUID


class HistoryItem(BaseModel):
    """One thing that happened, in codes."""

    at: datetime
    type: str
    family_id: UUID
    codes: dict[str, Any]


class MergeView(BaseModel):
    """Two records of one child. `note_id` null: joined by the system when a report was recognised.

    `may_close_as_duplicate`: open cases of the merged record while the kept one has an open case too.
    """

    merge_id: UUID
    kept_id: UUID
    merged_id: UUID
    note_id: UUID | None
    merged_at: datetime
    undo_note_id: UUID | None = None
    undone_at: datetime | None = None
    may_close_as_duplicate: list[UUID] = []


class PersonView(BaseModel):
    """A child across all its cases. `records`: every record that is this child; `household`: its case families."""

    person_id: UUID
    records: list[UUID]
    fields: list[FieldView]
    cases: list[PersonCase]
    contacts: list[PersonContact]
    history: list[HistoryItem]
    merges: list[MergeView]
    household: list[UUID]


class FoundCase(BaseModel):
    """A case of a found person."""

    case_id: UUID
    case_number: str
    state: str
    level: str | None
    village: str | None


class FoundPerson(BaseModel):
    """A person that may be the one sought, the likeliest first; particulars masked.

    `score`: likeness in percent; `same`: what agrees; `against`: what speaks against it. `case_id`, `case_number`, `state`,
    `level` and `village` are those of the first of `cases`, null for a relative; `relation`: how a relative belongs.
    """

    person_id: UUID
    kind: Literal["child", "relative"] = "child"
    score: int
    same: tuple[str, ...]
    against: tuple[str, ...] = ()
    name: str | None
    birth_year: str | None = None
    sex: str | None = None
    id_number: str | None = None
    phone: str | None = None
    case_id: UUID | None = None
    case_number: str | None = None
    state: str | None = None
    level: str | None = None
    village: str | None = None
    relation: str | None = None
    cases: list[FoundCase] = []
    families: list[UUID] = []


class DuplicateView(BaseModel):
    """Two records for a person to decide on. `score`: likeness in percent when the report came in."""

    duplicate_id: UUID
    kind: Literal["same_child", "same_household"]
    child_id: UUID
    family_id: UUID
    other_id: UUID
    other_family_id: UUID
    score: int
    reasons: list[str]
    found_at: datetime
    state: Literal["open", "same", "different"]
    decided_at: datetime | None


# Fields ---------------------------------------------------------------------------------------------------------------

_CLARITY: Mapping[type[Sight], int] = {Full: 2, Masked: 1, Hidden: 0}


def clearest(sights: Collection[Sight]) -> Sight:
    """The sight that shows most. `sights` are those of one field by the cases of one record."""
    return max(sights, key=lambda sight: _CLARITY[type(sight)])


@dataclass(frozen=True, slots=True)
class Seen:
    """A field of one record of the person with how much of it the reader sees; `area` stands for a masked address."""

    record_id: UUID
    field: Field
    sight: Sight
    area: str | None


async def sealed_rows(db: Connection, children: Collection[UUID]) -> dict[tuple[UUID, str], SealedRow]:
    """The newest of each field of each of these records."""
    rows = await db.fetch(
        """
        SELECT DISTINCT ON (owner_id, field) id, owner_id, field, sealed, grade, recorded_at, report_id FROM vault_child
        WHERE owner_id = ANY($1::uuid[]) AND field = ANY($2::text[]) ORDER BY owner_id, field, recorded_at DESC, id
        """,
        list(children),
        list(CHILD_FIELDS),
    )
    return {(row["owner_id"], row["field"]): SealedRow("vault_child", **row) for row in rows}


def fields_shown(
    seen: Sequence[Seen],
    rows: Mapping[tuple[UUID, str], SealedRow],
    own: Collection[UUID],
    subject: Subject,
    vault: Vault,
    keys: dict[UUID, tuple[int, bytes]],
) -> list[FieldView]:
    """Each field once: the newest value that is shown, else how much of it is. Hidden values are never decrypted. `own`:
    the reports the reader entered."""
    by_name: dict[str, list[Seen]] = {}
    for one in seen:
        by_name.setdefault(one.field.name, []).append(one)
    views = []
    for name, of_records in by_name.items():
        there = [(one, rows[one.record_id, name]) for one in of_records if (one.record_id, name) in rows]
        told = [(one, row, of_own_entry(subject, one.field, one.sight, own=row.report_id in own)) for one, row in there]
        shows = [(one, row, sight) for one, row, sight in told if not isinstance(sight, Hidden)]
        best = max(shows, key=lambda found: found[1].recorded_at) if shows else None
        if best is None:
            any_sight = clearest([sight for _, _, sight in told] or [one.sight for one in of_records])
            views.append(shown(of_records[0].field, any_sight, None, vault, keys, None))
        else:
            one, row, sight = best
            views.append(shown(one.field, sight, row, vault, keys, one.area))
    return views


# Cases, contacts, history ---------------------------------------------------------------------------------------------


def person_case(record: CaseRecord) -> PersonCase:
    """A case as the person's profile lists it."""
    row = record.row
    summary = {name: row[name] for name in PersonCase.model_fields if name not in ("record_id", "opened_at")}
    return PersonCase(record_id=row["child_id"], opened_at=row["entered_at"], **summary)


async def contacts(db: Connection, families: Collection[UUID]) -> list[PersonContact]:
    """The reports on these families, the latest first."""
    rows = await db.fetch(
        f"""
        SELECT {", ".join(PersonContact.model_fields)} FROM report WHERE family_id = ANY($1::uuid[])
        ORDER BY received_at DESC, report_id LIMIT $2
        """,  # noqa: S608  the names of our own columns
        list(families),
        HISTORY_MAX,
    )
    return [PersonContact(**row) for row in rows]


async def history(db: Connection, families: Collection[UUID]) -> list[HistoryItem]:
    """What happened to the person over all cases, the latest first."""
    rows = await db.fetch(
        """
        SELECT at, type, family_id, codes FROM timeline_entry
        WHERE family_id = ANY($1::uuid[]) AND type = ANY($2::text[]) ORDER BY at DESC, arrival DESC LIMIT $3
        """,
        list(families),
        list(STORY),
        HISTORY_MAX,
    )
    return [HistoryItem(**row) for row in rows]


def merge_view(merge: Merge, closable: Sequence[UUID] = ()) -> MergeView:
    """A merge as people read it; who did it stands in the access log."""
    return MergeView(
        merge_id=merge.merge_id,
        kept_id=merge.kept_id,
        merged_id=merge.merged_id,
        note_id=merge.note_id,
        merged_at=merge.merged_at,
        undo_note_id=merge.undo_note_id,
        undone_at=merge.undone_at,
        may_close_as_duplicate=list(closable),
    )


async def duplicates(
    db: Connection, township: str, against: str | None, state: str, after: tuple[Any, ...] | None, limit: int
) -> Sequence[DuplicateView]:
    """Pairs in this state, the oldest first, without those that touch a case in conflict with the reader's department."""
    rows = await db.fetch(
        f"""
        SELECT {", ".join(f"d.{name}" for name in DuplicateView.model_fields)} FROM possible_duplicate d
        WHERE d.township = $1 AND d.state = $2
          AND NOT EXISTS (SELECT FROM case_file c WHERE c.family_id IN (d.family_id, d.other_family_id)
                          AND c.conflict_unit = $3)
          AND ($4::timestamptz IS NULL OR (d.found_at, d.duplicate_id) > ($4, $5::uuid))
        ORDER BY d.found_at, d.duplicate_id LIMIT $6
        """,  # noqa: S608  the names of our own columns
        township,
        state,
        against,
        *(after or (None, None)),
        limit,
    )
    return [DuplicateView(**row) for row in rows]


async def duplicate(db: Connection, township: str, duplicate_id: UUID) -> DuplicateView | None:
    """One pair."""
    row = await db.fetchrow(
        f"""
        SELECT {", ".join(DuplicateView.model_fields)} FROM possible_duplicate
        WHERE duplicate_id = $1 AND township = $2
        """,  # noqa: S608  the names of our own columns
        duplicate_id,
        township,
    )
    return None if row is None else DuplicateView(**row)
