"""What the programme keeps: trainings, publicity and activities held, and appraisals. Values only."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.directory.domain.programme import State, SubjectKind

RecordKind = Literal["training", "publicity", "activity"]


@dataclass(frozen=True, slots=True)
class Record:
    """Something held on a day. `code` is the kind of publicity or activity, `topics` are a training's."""

    id: UUID
    township: str
    kind: RecordKind
    code: str | None
    topics: list[str]
    audience: str | None
    organiser: str
    villages: list[str]
    held_on: date
    headcount: int | None
    hotline_published: bool
    recorded_by: dict[str, Any]
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Appraisal:
    """A commendation or criticism. `answers` is the unit that may reply; `remark` and `reply` speak of units, never of a
    child, and stay here."""

    id: UUID
    township: str
    subject_kind: SubjectKind
    subject: str
    answers: str
    sign: Literal["positive", "negative"]
    ground: str
    period: str
    state: State
    reply_due_at: datetime | None
    remark: str | None
    reply: str | None
    recorded_by: dict[str, Any]
    recorded_at: datetime
    replied_by: dict[str, Any] | None = None
    replied_at: datetime | None = None
    settled_at: datetime | None = None
    version: int = 1
