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
    cause: Literal[
        "report", "assessment", "amendment", "trigger", "review", "rescreen", "manual_raise", "manual_lowering"
    ]
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


class ReassessmentOpened(Payload):
    """Something happened that calls for a new assessment. `trigger` is a code of the policy's `risk.reassessment.triggers`, or
    `fact_finding`: a provisional score must be made again after the first contact.

    Announced anew, with the same `task_id`, when the level or the due time changed; the newest stands.
    """

    TYPE = "reassessment.opened.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    task_id: UUID
    trigger: str
    level: Level
    due_at: datetime
    opened_at: datetime
    policy_version: str


class ReassessmentDone(Payload):
    """The reassessment was made, or proved needless (`outcome`). `late_seconds` stays for ever (KPI rule `late`)."""

    TYPE = "reassessment.done.v1"
    TOPIC = TOPIC

    case_id: UUID
    task_id: UUID
    trigger: str
    outcome: Literal["assessed", "superseded", "case_closed"]
    assessment_id: UUID | None = None
    late_seconds: int = 0
    by: Actor
    at: datetime


class ReassessmentDueSoon(Payload):
    """Most of the time for a reassessment is over, and nobody has made it (policy `risk.reassessment.remind`)."""

    TYPE = "reassessment.due-soon.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    task_id: UUID
    trigger: str
    level: Level
    due_at: datetime
    fired_at: datetime


class ReassessmentOverdue(Payload):
    """A reassessment is past its due time; repeated until it is made."""

    TYPE = "reassessment.overdue.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    task_id: UUID
    trigger: str
    level: Level
    due_at: datetime
    fired_at: datetime
    repeat_no: int


class ChildScreened(Payload):
    """What the instrument says of a surveyed child. `suggests` is advice: a person decides whether a case is opened.

    `open_case` where the level is ORANGE or above, an override fired or harm is suspected; `fact_finding` where it is YELLOW or
    the score is provisional; `register_only` otherwise, and where an open case already carries that level.
    """

    TYPE = "child.screened.v1"
    TOPIC = TOPIC

    child_id: UUID
    survey_id: UUID
    level: Level
    score: int
    score_upper: int
    completeness: int
    fired: tuple[str, ...] = ()
    suggests: Literal["open_case", "fact_finding", "register_only"]
    instrument: str
    policy_version: str
    at: datetime
