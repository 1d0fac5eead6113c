"""Surveys: their rows, staged under the survey's own key and taken over in pieces, and what is suggested for each child."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection
from contracts.risk_scoring import ChildScreened
from services.intake.store.tables import Table
from services.intake.vault import DataKey


class SurveyRow(Table, table=True):
    """One file that was handed in. `counts`: rows by outcome, and how many suspect harm or an emergency."""

    __tablename__ = "survey"
    __table_args__ = (
        Index("survey_waiting", "uploaded_at", postgresql_where="state <> 'done'"),
        Index("survey_of_township", "township", "uploaded_at", "survey_id"),
    )

    survey_id: UUID = Field(primary_key=True)
    township: str
    format: str
    state: str
    rows_total: int
    rows_done: int
    counts: dict[str, Any] = Field(sa_type=JSONB)
    policy_version: str
    villages: list[Any] | None = Field(sa_type=JSONB)
    uploaded_by: dict[str, Any] = Field(sa_type=JSONB)
    organisation: str | None
    uploaded_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class SurveyLineRow(Table, table=True):
    """One row of a survey: sealed until it is taken over, afterwards its outcome and problems as codes."""

    __tablename__ = "survey_row"
    __table_args__ = (Index("survey_row_staged", "survey_id", "row_no", postgresql_where="state = 'staged'"),)

    survey_id: UUID = Field(primary_key=True)
    row_no: int = Field(primary_key=True)
    state: str
    sealed: bytes | None
    child_id: UUID | None
    emergency: bool
    problems: list[Any] = Field(sa_type=JSONB)


class ScreeningRow(Table, table=True):
    """What the instrument suggests for a surveyed child; a person opens a case, or says why not."""

    __tablename__ = "screening"
    __table_args__ = (Index("screening_of_survey", "survey_id", "child_id"),)

    child_id: UUID = Field(primary_key=True)
    survey_id: UUID
    township: str
    village: str | None
    group_code: str | None
    state: str
    emergency: bool
    suspected_harm: bool
    level: str | None
    score: int | None
    score_upper: int | None
    completeness: int | None
    fired: list[Any] = Field(sa_type=JSONB)
    suggests: str | None
    policy_version: str | None
    case_id: UUID | None
    surveyed_at: datetime
    screened_at: datetime | None
    decided_by: dict[str, Any] | None = Field(sa_type=JSONB)
    decided_at: datetime | None
    reason: str | None


OUTCOMES = ("created", "updated", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey as the work on it needs it."""

    survey_id: UUID
    township: str
    policy_version: str
    villages: Sequence[str] | None
    uploaded_by: Mapping[str, Any]
    uploaded_at: datetime
    rows_done: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class NewSurvey:
    """A survey to be kept."""

    survey_id: UUID
    township: str
    format: str
    policy_version: str
    villages: Sequence[str] | None
    uploaded_by: Mapping[str, Any]
    organisation: str | None
    uploaded_at: datetime


async def add_survey(db: Connection, survey: NewSurvey, key: DataKey, rows: Sequence[tuple[int, bytes]]) -> None:
    """Keep a survey with its key and all its rows. Raises UniqueViolationError when the same command did it before."""
    await db.execute(
        """
        INSERT INTO survey (survey_id, township, format, state, rows_total, rows_done, counts, policy_version, villages,
                            uploaded_by, organisation, uploaded_at)
        VALUES ($1, $2, $3, 'staged', $4, 0, '{}', $5, $6, $7, $8, $9)
        """,
        survey.survey_id,
        survey.township,
        survey.format,
        len(rows),
        survey.policy_version,
        None if survey.villages is None else list(survey.villages),
        dict(survey.uploaded_by),
        survey.organisation,
        survey.uploaded_at,
    )
    await db.execute("INSERT INTO vault_key VALUES ($1, $2, $3)", key.owner, key.version, key.wrapped)
    await db.execute(
        """
        INSERT INTO survey_row (survey_id, row_no, state, sealed, emergency, problems)
        SELECT $1, n.row_no, 'staged', n.sealed, false, '[]' FROM unnest($2::int[], $3::bytea[]) AS n(row_no, sealed)
        """,
        survey.survey_id,
        [row_no for row_no, _ in rows],
        [sealed for _, sealed in rows],
    )


async def claim(db: Connection) -> Survey | None:
    """The oldest survey with rows to take over, held until commit; None when there is none or another process is at it."""
    row = await db.fetchrow(
        """
        SELECT survey_id, township, policy_version, villages, uploaded_by, uploaded_at, rows_done, counts FROM survey
        WHERE survey_id = (SELECT survey_id FROM survey WHERE state <> 'done' ORDER BY uploaded_at, survey_id LIMIT 1)
        FOR UPDATE SKIP LOCKED
        """
    )
    return None if row is None else Survey(**row)


async def staged_rows(db: Connection, survey_id: UUID, limit: int) -> list[tuple[int, bytes]]:
    """The next rows to take over, in the order of the file."""
    rows = await db.fetch(
        "SELECT row_no, sealed FROM survey_row WHERE survey_id = $1 AND state = 'staged' ORDER BY row_no LIMIT $2",
        survey_id,
        limit,
    )
    return [(row["row_no"], row["sealed"]) for row in rows]


async def children_seen(db: Connection, survey_id: UUID, children: Collection[UUID]) -> set[UUID]:
    """Which of these children an earlier row of the same file was about."""
    rows = await db.fetch(
        "SELECT child_id FROM survey_row WHERE survey_id = $1 AND child_id = ANY($2::uuid[])", survey_id, list(children)
    )
    return {row["child_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row."""

    row_no: int
    state: str
    child_id: UUID | None = None
    emergency: bool = False
    problems: Sequence[Mapping[str, str]] = ()


async def save_outcomes(
    db: Connection, survey: Survey, outcomes: Sequence[Outcome], counts: Any, now: datetime
) -> None:
    """Record what became of these rows; what was written in them goes."""
    await db.execute(
        """
        UPDATE survey_row r SET state = n.state, child_id = n.child_id, emergency = n.emergency,
            problems = n.problems -> 'found', sealed = NULL
        FROM unnest($2::int[], $3::text[], $4::uuid[], $5::bool[], $6::jsonb[])
            AS n(row_no, state, child_id, emergency, problems)
        WHERE r.survey_id = $1 AND r.row_no = n.row_no
        """,
        survey.survey_id,
        [o.row_no for o in outcomes],
        [o.state for o in outcomes],
        [o.child_id for o in outcomes],
        [o.emergency for o in outcomes],
        [{"found": [dict(problem) for problem in o.problems]} for o in outcomes],
    )
    await db.execute(
        """
        UPDATE survey SET state = 'running', rows_done = $2, counts = $3, started_at = coalesce(started_at, $4)
        WHERE survey_id = $1
        """,
        survey.survey_id,
        survey.rows_done + len(outcomes),
        counts,
        now,
    )


async def finish(db: Connection, survey_id: UUID, now: datetime) -> None:
    """All rows are taken over: the key of what was staged goes too."""
    await db.execute("UPDATE survey SET state = 'done', finished_at = $2 WHERE survey_id = $1", survey_id, now)
    await db.execute("DELETE FROM vault_key WHERE owner_id = $1", survey_id)


# Suggestions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewScreening:
    """A surveyed child that waits for the instrument. `case_id`: it has a case, so there is nothing to decide."""

    child_id: UUID
    village: str | None
    group_code: str | None
    emergency: bool
    suspected_harm: bool
    case_id: UUID | None


async def await_screening(db: Connection, survey: Survey, children: Sequence[NewScreening], now: datetime) -> None:
    """These children were surveyed (anew): what was suggested before is out of date."""
    await db.execute(
        """
        INSERT INTO screening (child_id, survey_id, township, village, group_code, state, emergency, suspected_harm, fired,
                               case_id, surveyed_at)
        SELECT n.child_id, $7, $8, n.village, n.group_code,
               CASE WHEN n.case_id IS NULL THEN 'waiting' ELSE 'opened' END, n.emergency, n.harm, '[]', n.case_id, $9
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[], $5::bool[], $6::uuid[])
            AS n(child_id, village, group_code, emergency, harm, case_id)
        ON CONFLICT (child_id) DO UPDATE SET
            survey_id = excluded.survey_id, village = excluded.village, group_code = excluded.group_code,
            state = excluded.state, emergency = excluded.emergency, suspected_harm = excluded.suspected_harm,
            level = NULL, score = NULL, score_upper = NULL, completeness = NULL, fired = '[]', suggests = NULL,
            policy_version = NULL, case_id = excluded.case_id, surveyed_at = excluded.surveyed_at, screened_at = NULL,
            decided_by = NULL, decided_at = NULL, reason = NULL
        """,
        [c.child_id for c in children],
        [c.village for c in children],
        [c.group_code for c in children],
        [c.emergency for c in children],
        [c.suspected_harm for c in children],
        [c.case_id for c in children],
        survey.survey_id,
        survey.township,
        now,
    )


async def save_screenings(db: Connection, said: Sequence[ChildScreened]) -> None:
    """What the instrument says; of a survey that a later one replaced it says nothing any more."""
    await db.execute(
        """
        UPDATE screening s SET level = n.level, score = n.score, score_upper = n.upper, completeness = n.completeness,
            fired = n.fired -> 'rules', suggests = n.suggests, policy_version = n.policy_version, screened_at = n.at,
            state = CASE WHEN s.state = 'waiting' THEN 'open' ELSE s.state END
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::int[], $6::int[], $7::jsonb[], $8::text[],
                    $9::text[], $10::timestamptz[])
            AS n(child_id, survey_id, level, score, upper, completeness, fired, suggests, policy_version, at)
        WHERE s.child_id = n.child_id AND s.survey_id = n.survey_id
        """,
        [s.child_id for s in said],
        [s.survey_id for s in said],
        [s.level for s in said],
        [s.score for s in said],
        [s.score_upper for s in said],
        [s.completeness for s in said],
        [{"rules": list(s.fired)} for s in said],
        [s.suggests for s in said],
        [s.policy_version for s in said],
        [s.at for s in said],
    )


async def find_screening(db: Connection, survey_id: UUID, child_id: UUID) -> dict[str, Any] | None:
    """What is suggested for a child, held until commit."""
    row = await db.fetchrow(
        "SELECT * FROM screening WHERE child_id = $1 AND survey_id = $2 FOR UPDATE", child_id, survey_id
    )
    return None if row is None else dict(row)


async def decide_screening(
    db: Connection,
    child_id: UUID,
    state: str,
    case_id: UUID | None,
    by: Mapping[str, Any],
    reason: str | None,
    now: datetime,
) -> None:
    """Record what a person decided."""
    await db.execute(
        """
        UPDATE screening SET state = $2, case_id = $3, decided_by = $4, reason = $5, decided_at = $6 WHERE child_id = $1
        """,
        child_id,
        state,
        case_id,
        dict(by),
        reason,
        now,
    )
