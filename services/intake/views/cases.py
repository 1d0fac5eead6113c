"""Case files, reports and timelines as people and systems read them: ids, codes and times (class P3)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, computed_field

from chassis.transaction import Connection
from contracts.access import Resource, Subject
from contracts.policy import elapsed, load_policy
from services.intake.domain.reach import Reach
from services.intake.sight import CaseFacts
from services.intake.store.cases import as_uuid
from services.intake.views.beside import Beside, beside


class CaseSummary(BaseModel):
    """A child's case in a list. `level` is the level in force, `child_level` this child's own; null until scored."""

    case_id: UUID
    case_number: str
    family_id: UUID
    state: str
    response_no: int
    level: str | None
    child_level: str | None
    highest_level: str | None
    provisional: bool
    restricted: bool
    concerns: list[str]
    village: str | None
    group_code: str | None
    outside: bool
    transfer_out: bool
    case_lead: str | None
    coordinator: str | None
    opened_at: datetime
    dispatched_at: datetime | None
    closed_at: datetime | None
    closure_reason: str | None
    version: int
    updated_at: datetime


class LinkedCase(BaseModel):
    """Another case: of the same family, or the earlier one this follows."""

    case_id: UUID
    case_number: str
    relation: str
    state: str


class ReportOfCase(BaseModel):
    """A report on the family."""

    report_id: UUID
    report_number: str
    disposition: str
    channel: str
    response_no: int
    received_at: datetime
    recorded_at: datetime
    dispatched_at: datetime | None
    feedback_at: datetime | None
    feedback_possible: bool | None


class CaseView(CaseSummary, Beside):
    """A child's case file. Identity and narrative are read field by field under `/file`."""

    departments: dict[str, str]
    linked_cases: list[LinkedCase]
    reports: list[ReportOfCase]


class TimelineItem(BaseModel):
    """One thing that happened, and what became of which deadline."""

    arrival: int
    type: str
    at: datetime
    actor: dict[str, Any]
    codes: dict[str, Any]
    deadlines: list[dict[str, Any]]


class ReportView(BaseModel):
    """A report in codes; who reported stays in the vault."""

    report_id: UUID
    report_number: str
    family_id: UUID | None
    response_no: int | None
    disposition: str
    channel: str
    mandated: bool
    anonymous: bool
    village: str | None
    group_code: str | None
    outside: bool
    children: list[dict[str, Any]]
    policy_version: str
    received_at: datetime
    recorded_at: datetime
    dispatched_at: datetime | None
    feedback_at: datetime | None
    feedback_possible: bool | None
    duty_bearing: bool
    known_since: datetime | None
    unreported_by: list[str]

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way; mypy knows no decorated properties
    @property
    def reported_after_minutes(self) -> int | None:
        """Minutes from knowing to reporting (K15)."""
        return None if self.known_since is None else int((self.received_at - self.known_since).total_seconds() // 60)

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def reported_late(self) -> bool | None:
        """Whether somebody with a duty to report waited too long (D-4.1.5); null where nobody had one, or nobody knows."""
        if self.known_since is None or not (self.mandated or self.duty_bearing):
            return None
        limit = load_policy(self.policy_version).contacts.reported_late_after
        return self.received_at - self.known_since > elapsed(limit)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case as access decisions and answers need it. `entered_*`: the reader's own latest report of it, if any."""

    row: dict[str, Any]
    entered_by: str
    entered_at: datetime

    @property
    def case_id(self) -> UUID:
        found: UUID = self.row["case_id"]
        return found

    @property
    def family_id(self) -> UUID:
        found: UUID = self.row["family_id"]
        return found

    def resource(self, now: datetime) -> Resource:
        """The case for `contracts.access.decide`."""
        row = self.row
        return Resource(
            township=row["township"],
            village=row["village"],
            group=row["group_code"],
            level=row["level"],
            restricted=row["restricted"],
            conflict_unit=row["conflict_unit"],
            case_lead=row["case_lead"],
            departments=row["departments"],
            entered_by=self.entered_by,
            entered_at=self.entered_at,
            now=now,
        )

    def facts(self) -> CaseFacts:
        """The case for `sight.see`."""
        row = self.row
        return CaseFacts(
            township=row["township"],
            village=row["village"],
            group=row["group_code"],
            level=row["level"],
            restricted=row["restricted"],
            conflict_unit=row["conflict_unit"],
            concerns=frozenset(row["concerns"]),
            age=row["age"],
            departments=row["departments"],
            masked=frozenset(row["masked"]),
            entered_by=self.entered_by,
            entered_at=self.entered_at,
        )

    def summary(self) -> CaseSummary:
        """The case in a list."""
        return CaseSummary(**_summary(self.row))


_COLUMNS = (
    "case_id, case_number, family_id, child_id, township, state, response_no, level, child_level, highest_level, "
    "provisional, restricted, conflict_unit, concerns, age, village, group_code, outside, transfer_out, case_lead, "
    "coordinator, departments, masked, follows_case_id, entered_by, entered_at, dispatched_at, closed_at, "
    "closure_reason, version, updated_at"
)


async def find_record(db: Connection, reference: str, subject: Subject) -> CaseRecord | None:
    """The case of an id or number in the subject's township, with the subject's own entry of it."""
    where = "(case_number = $3 OR case_id = $4)"
    found = await _records(db, subject, where, reference, as_uuid(reference))
    return found[0] if found else None


async def records_of_children(db: Connection, children: Sequence[UUID], subject: Subject) -> list[CaseRecord]:
    """Every case of these children in the subject's township, the first opened first."""
    return await _records(db, subject, "child_id = ANY($3::uuid[])", list(children))


async def records_of_families(db: Connection, family_ids: Sequence[UUID], subject: Subject) -> list[CaseRecord]:
    """Every case of these families in the subject's township, the first opened first."""
    return await _records(db, subject, "family_id = ANY($3::uuid[])", list(family_ids))


async def _records(db: Connection, subject: Subject, where: str, *values: Any) -> list[CaseRecord]:
    """A report that was recognised as being about a known child opens none of that child's file to who entered it."""
    rows = await db.fetch(
        f"""
        SELECT {_COLUMNS}, (SELECT max(recorded_at) FROM report r
                            WHERE r.family_id = c.family_id AND r.recorded_by->>'account' = $2
                              AND NOT (r.recognised AND r.disposition <> 'case_opened')) AS own_entry
        FROM case_file c WHERE township = $1 AND {where} ORDER BY case_number
        """,  # noqa: S608  conditions of this module
        subject.township,
        subject.account,
        *values,
    )
    found = []
    for row in rows:
        own = row["own_entry"]
        entered = (subject.account, own) if own else (row["entered_by"], row["entered_at"])
        found.append(CaseRecord(dict(row), *entered))
    return found


async def own_reports(db: Connection, families: Sequence[UUID], account: str) -> set[UUID]:
    """The reports on these families that this account entered."""
    rows = await db.fetch(
        "SELECT report_id FROM report WHERE family_id = ANY($1::uuid[]) AND recorded_by->>'account' = $2",
        list(families),
        account,
    )
    return {row["report_id"] for row in rows}


async def case_view(db: Connection, record: CaseRecord) -> CaseView:
    """The whole case file in codes."""
    row = record.row
    linked = await db.fetch(
        """
        SELECT case_id, case_number, state,
               CASE WHEN family_id = $2 THEN 'family' WHEN case_id = $3 THEN 'follows' ELSE 'followed_by' END AS relation
        FROM case_file
        WHERE (family_id = $2 OR case_id = $3 OR case_id IN (SELECT case_id FROM case_file WHERE follows_case_id = $1))
          AND case_id <> $1
        ORDER BY case_number
        """,
        record.case_id,
        record.family_id,
        row["follows_case_id"],
    )
    reports = await db.fetch(
        f"SELECT {', '.join(ReportOfCase.model_fields)} FROM report WHERE family_id = $1 ORDER BY recorded_at",  # noqa: S608
        record.family_id,
    )
    return CaseView(
        **_summary(row),
        departments=row["departments"],
        linked_cases=[LinkedCase(**link) for link in linked],
        reports=[ReportOfCase(**report) for report in reports],
        **dict(await beside(db, record.family_id)),
    )


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a reader of the case list asked for."""

    state: str | None = None
    level: str | None = None
    village: str | None = None
    updated_since: datetime | None = None


async def list_cases(
    db: Connection, within: Reach, wanted: CaseFilter, after: tuple[Any, ...] | None, limit: int
) -> Sequence[CaseRecord]:
    """Cases within reach, the latest change first. Only conditions that apply are asked, so that an index can serve them."""
    values: list[Any] = []

    def bound(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    where = [f"township = {bound(within.township)}"]
    if within.villages is not None:
        where.append(f"village = ANY({bound(sorted(within.villages))}::text[])")
    if within.groups is not None:
        where.append(f"group_code = ANY({bound(sorted(within.groups))}::text[])")
    if within.unrestricted:
        where.append("NOT restricted")
    if within.restricted_of is not None:
        where.append(f"(NOT restricted OR entered_by = {bound(within.restricted_of)})")
    if within.involving is not None:
        where.append(f"departments ? {bound(within.involving)}")
    if within.not_against is not None:
        where.append(f"conflict_unit IS DISTINCT FROM {bound(within.not_against)}")
    for column, value in (("state", wanted.state), ("level", wanted.level), ("village", wanted.village)):
        if value is not None:
            where.append(f"{column} = {bound(value)}")
    if wanted.updated_since is not None:
        where.append(f"updated_at >= {bound(wanted.updated_since)}")
    if after is not None:
        where.append(f"(updated_at, case_id) < ({bound(after[0])}, {bound(after[1])})")
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM case_file WHERE {' AND '.join(where)} "  # noqa: S608  values are bound
        f"ORDER BY updated_at DESC, case_id DESC LIMIT {bound(limit)}",
        *values,
    )
    return [CaseRecord(dict(row), row["entered_by"], row["entered_at"]) for row in rows]


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in CaseSummary.model_fields if name != "opened_at"},
        "opened_at": row["entered_at"],
    }


async def timeline(
    db: Connection, family_id: UUID, hidden: Collection[str], after: tuple[Any, ...] | None, limit: int
) -> Sequence[TimelineItem]:
    """The family's story in order, without the hidden types."""
    rows = await db.fetch(
        """
        SELECT arrival, type, at, actor, codes, deadlines FROM timeline_entry
        WHERE family_id = $1 AND ($2::timestamptz IS NULL OR (at, arrival) > ($2, $3::bigint))
          AND type <> ALL($5::text[])
        ORDER BY at, arrival LIMIT $4
        """,
        family_id,
        *(after or (None, None)),
        limit,
        list(hidden),
    )
    return [TimelineItem(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class FoundReport:
    """A report with what decides who may read it. `entered_by`: None too where it joined a case without naming it, since
    then it is for those who may read that case."""

    view: ReportView
    township: str
    entered_by: str | None


async def report(db: Connection, report_id: UUID) -> FoundReport | None:
    """A report by id."""
    row = await db.fetchrow(
        f"SELECT township, recorded_by, recognised, {', '.join(ReportView.model_fields)} FROM report WHERE report_id = $1",  # noqa: S608
        report_id,
    )
    if row is None:
        return None
    joined = row["recognised"] and row["disposition"] != "case_opened"
    return FoundReport(ReportView(**row), row["township"], None if joined else row["recorded_by"].get("account"))
