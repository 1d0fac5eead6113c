"""Assessments in the store: kept for good."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.transaction import Connection
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from services.risk_scoring.domain.assessing import SIBLING_RED
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.store.tables import AssessmentRow
from services.risk_scoring.store.writing import insert, plain

_ADD = insert(AssessmentRow)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An announced assessment with what it was made of (`file`, after it) and what a person gave for it, by id."""

    event: RiskAssessed
    level_before: str | None
    file: CaseFile
    evidence: str | None = None
    reason_note_id: UUID | None = None
    best_interest_note_id: UUID | None = None
    proposal_id: UUID | None = None


async def add_assessments(db: Connection, records: Sequence[Recorded]) -> None:
    """Keep assessments for good."""
    if records:
        await db.execute(_ADD, [_assessment_row(record) for record in records])


def _assessment_row(record: Recorded) -> dict[str, Any]:
    event = record.event
    row = {
        **{name: getattr(event, name) for name in AssessmentRow.model_fields if hasattr(event, name)},
        "report_id": event.report.report_id if event.report else None,
        "assessed_by": event.assessed_by.model_dump(),
        "children": [child.model_dump(mode="json") for child in event.children],
        "level_before": record.level_before or None,
        "evidence": record.evidence,
        "reason_note_id": record.reason_note_id,
        "best_interest_note_id": record.best_interest_note_id,
        "proposal_id": record.proposal_id,
        "reporters": [reporter.model_dump() for reporter in record.file.reporters],
        "beside_red": [str(child.child_id) for child in record.file.children if child.facts.get(SIBLING_RED) is True],
    }
    return plain(row)


async def latest_children(db: Connection, assessment_id: UUID) -> tuple[ChildAssessment, ...]:
    """The children of one assessment, as they were announced."""
    plain = await db.fetchval("SELECT children FROM assessment WHERE assessment_id = $1", assessment_id)
    return tuple(ChildAssessment.model_validate_json(orjson.dumps(child)) for child in plain)


async def scored_between(
    db: Connection,
    since: datetime,
    until: datetime,
    township: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Assessments that the instrument made (no level changes by people), oldest first, after one of them."""
    rows = await db.fetch(
        """
        SELECT a.* FROM assessment a
        WHERE assessed_at >= $1 AND assessed_at <= $2 AND cause NOT IN ('manual_raise', 'manual_lowering')
          AND ($3::text IS NULL OR EXISTS (SELECT FROM risk_case c WHERE c.case_id = a.case_id AND c.township = $3))
          AND ($4::timestamptz IS NULL OR (assessed_at, assessment_id) > ($4, $5::uuid))
        ORDER BY assessed_at, assessment_id LIMIT $6
        """,
        since, until, township, after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def case_numbers(db: Connection, keys: Iterable[UUID]) -> dict[UUID, str]:
    """The numbers of the children's cases of these responses, linked ones too."""
    rows = await db.fetch(
        """
        SELECT (child->>'case_id')::uuid AS case_id, child->>'case_number' AS case_number
        FROM risk_case c, jsonb_array_elements(c.children) AS child WHERE c.case_id = ANY($1::uuid[])
        """,
        list(keys),
    )
    return {row["case_id"]: row["case_number"] for row in rows}
