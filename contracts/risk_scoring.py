"""What risk scoring announces: assessments with their reasons, and level changes people asked for (D-4.3.1)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload, Value
from contracts.vocabulary import Actor, Fact, Level, ReportDigest

TOPIC = "risk_scoring.events"


class Reason(Value):
    """Why a score or level came out: a factor's points, or a rule that fired and the facts that made it fire."""

    kind: Literal["factor", "override", "floor", "plus_one"]
    code: str
    option: str | None = None
    points: int | None = None
    because: tuple[str, ...] = ()


class ChildAssessment(Value):
    """One child's assessment. Points are 0-100; `completeness` is the percent of weight answered."""

    child_id: UUID
    case_id: UUID
    level: Level
    score: int
    score_known: int
    score_upper: int
    completeness: int
    band: Level
    provisional: bool
    fired: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    concerns: tuple[str, ...] = ()
    facts: dict[str, Fact] = {}
    answers: dict[str, str] = {}


class RiskAssessed(Payload):
    """The children of a case were scored, or a person changed the level.

    `report_level` is the level in force after the assessment (the highest child's; never lowered automatically).
    `computed_level` is what the instrument gives now. `effective_at` is the moment from which limits of a new level
    count (the report's `received_at`, or the act). `report` is present when a report was the cause.
    """

    TYPE = "risk.assessed.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    response_no: int
    assessment_id: UUID
    cause: Literal["report", "assessment", "manual_raise", "manual_lowering"]
    report: ReportDigest | None = None
    children: tuple[ChildAssessment, ...]
    report_level: Level
    computed_level: Level
    restricted: bool
    provisional: bool
    mandated: bool
    instrument: str
    policy_version: str
    effective_at: datetime
    assessed_at: datetime
    assessed_by: Actor


class LevelLoweringProposed(Payload):
    """Somebody proposed to lower the level by one; a civil-affairs supervisor must decide (policy `manual_change`)."""

    TYPE = "level-lowering.proposed.v1"
    TOPIC = TOPIC

    case_id: UUID
    proposal_id: UUID
    level_from: Level
    level_to: Level
    reason_note_id: UUID
    best_interest_note_id: UUID
    proposed_by: Actor
    proposed_at: datetime
