"""Surveys as people read them: progress, the report row by row, and what is suggested for each child."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.policy import Label
from services.intake.domain.survey import RowProblem, described


class SurveyView(BaseModel):
    """A survey: how far it is, and what became of its rows. `counts`: created, updated, unchanged, refused, and of all of
    them how many suspect harm or an emergency."""

    survey_id: UUID
    township: str
    format: str
    state: str
    rows_total: int
    rows_done: int
    counts: dict[str, int]
    uploaded_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str]


class ProblemView(BaseModel):
    """What is wrong with a field of a row, and what to do."""

    field: str
    code: str
    problem: Label
    remedy: Label


class RowView(BaseModel):
    """What became of a row: staged, created, updated, unchanged or refused. No value of the row is repeated."""

    row_no: int
    state: str
    child_id: UUID | None
    emergency: bool
    problems: list[ProblemView]


class SuggestionView(BaseModel):
    """A surveyed child for a person to decide on. `state`: waiting for the instrument, open, opened, dismissed."""

    child_id: UUID
    village: str | None
    group_code: str | None
    state: str
    emergency: bool
    suspected_harm: bool
    level: str | None
    score: int | None
    score_upper: int | None
    completeness: int | None
    fired: list[str]
    suggests: str | None
    case_id: UUID | None
    surveyed_at: datetime
    screened_at: datetime | None
    decided_at: datetime | None
    reason: str | None


async def survey(db: Connection, survey_id: UUID, township: str) -> tuple[SurveyView, dict[str, Any]] | None:
    """A survey with what decides who reads it."""
    row = await db.fetchrow("SELECT * FROM survey WHERE survey_id = $1 AND township = $2", survey_id, township)
    return None if row is None else (_view(dict(row)), dict(row))


async def surveys(
    db: Connection, township: str, organisation: str | None, after: tuple[Any, ...] | None, limit: int
) -> list[SurveyView]:
    """Surveys, the latest first; of one organisation, or all."""
    rows = await db.fetch(
        """
        SELECT * FROM survey
        WHERE township = $1 AND ($2::text IS NULL OR organisation = $2)
          AND ($3::timestamptz IS NULL OR (uploaded_at, survey_id) < ($3, $4::uuid))
        ORDER BY uploaded_at DESC, survey_id DESC LIMIT $5
        """,
        township,
        organisation,
        *(after or (None, None)),
        limit,
    )
    return [_view(dict(row)) for row in rows]


def _view(row: dict[str, Any]) -> SurveyView:
    address = f"/api/v1/surveys/{row['survey_id']}"
    links = {"self": address, "report": f"{address}/report", "suggestions": f"{address}/suggestions"}
    return SurveyView(**{name: row[name] for name in SurveyView.model_fields if name != "links"}, links=links)


async def rows(
    db: Connection, survey_id: UUID, states: Collection[str] | None, after: int | None, limit: int | None
) -> list[RowView]:
    """The rows of a survey in the order of the file."""
    found = await db.fetch(
        """
        SELECT row_no, state, child_id, emergency, problems FROM survey_row
        WHERE survey_id = $1 AND ($2::text[] IS NULL OR state = ANY($2::text[])) AND row_no > $3
        ORDER BY row_no LIMIT $4
        """,
        survey_id,
        None if states is None else list(states),
        after or 0,
        limit,
    )
    return [_row(dict(row)) for row in found]


def _row(row: dict[str, Any]) -> RowView:
    problems = [ProblemView(**described(RowProblem(p["field"], p["code"]))) for p in row.pop("problems")]
    return RowView(**row, problems=problems)


_ORDER = """
    (CASE WHEN emergency THEN 2 WHEN suspected_harm THEN 1 ELSE 0 END) * 10
    + coalesce(array_position($3::text[], level), 0)
"""


async def suggestions(
    db: Connection,
    survey_id: UUID,
    villages: Collection[str] | None,
    ranks: Sequence[str],
    states: Sequence[str],
    suggests: Sequence[str] | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[tuple[int, SuggestionView]]:
    """Children of a survey with their place in the list: emergencies first, then suspected harm, then by level."""
    names = ", ".join(SuggestionView.model_fields)
    found = await db.fetch(
        f"""
        SELECT * FROM (SELECT {names}, {_ORDER} AS urgency, survey_id FROM screening WHERE survey_id = $1) AS s
        WHERE ($2::text[] IS NULL OR village = ANY($2::text[])) AND state = ANY($4::text[])
          AND ($5::text[] IS NULL OR suggests IS NULL OR suggests = ANY($5::text[]))
          AND ($6::int IS NULL OR (-urgency, child_id) > (-$6, $7::uuid))
        ORDER BY urgency DESC, child_id LIMIT $8
        """,  # noqa: S608  the names of our own columns
        survey_id,
        None if villages is None else list(villages),
        list(ranks),
        list(states),
        None if suggests is None else list(suggests),
        *(after or (None, None)),
        limit,
    )
    return [
        (row["urgency"], SuggestionView(**{name: row[name] for name in SuggestionView.model_fields})) for row in found
    ]
