"""Risk scoring, pure: structured intake in, level with reasons out (instrument risk-v1, policy `risk`).

Data flow: merge what several reports say of a child → score each child → settle the level against the one in force →
what a case file becomes → which reassessments are owed. Nothing here ever lowers a level by itself.
"""

from services.risk_scoring.domain.assessing import Assessment, Reason, assess, report_level
from services.risk_scoring.domain.levels import (
    Allowed,
    LevelRequest,
    Person,
    Refused,
    Settled,
    decide_level_change,
    is_rescreen_month,
    settle_level,
)
from services.risk_scoring.domain.merging import ChildFacts, Intake, attach_intake, merge_intake

__all__ = [
    "Allowed",
    "Assessment",
    "ChildFacts",
    "Intake",
    "LevelRequest",
    "Person",
    "Reason",
    "Refused",
    "Settled",
    "assess",
    "attach_intake",
    "decide_level_change",
    "is_rescreen_month",
    "merge_intake",
    "report_level",
    "settle_level",
]
