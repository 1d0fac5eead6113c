"""Case conferences for a reader."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.views.coded import Coded, coded


class ConferenceView(BaseModel):
    """One conference: who was asked, what about, who came, what was decided and which tasks it gave. Minutes are a note;
    `plan_due_at` is S9."""

    conference_id: UUID
    case_id: UUID
    response_no: int
    state: Literal["called", "held", "cancelled"]
    scheduled_at: datetime
    plan_due_at: datetime | None
    called_by: Actor
    called_at: datetime
    invited: list[Coded]
    agenda: list[Coded]
    held_at: datetime | None
    attended: list[Coded]
    attendees: list[str]
    absent: list[Coded]
    decisions: list[Coded]
    tasks: list[UUID]
    minutes_note_id: UUID | None
    recorded_by: Actor | None
    recorded_at: datetime | None
    available_actions: list[str]
    version: int


def conference(row: Mapping[str, Any], plan_due: datetime | None, policy: Policy, actions: list[str]) -> ConferenceView:
    """A stored conference."""
    rules = policy.assistance.conferences
    labels = {entry.code: entry.label for entry in (*rules.agenda, *rules.decisions)}

    def departments(name: str) -> list[Coded]:
        return [coded(policy, "department", code) for code in row[name]]

    def codes(name: str) -> list[Coded]:
        return [Coded(code=code, zh=labels[code].zh, en=labels[code].en) for code in row[name]]

    return ConferenceView(
        **{
            **row,
            "plan_due_at": plan_due,
            "invited": departments("invited"),
            "attended": departments("attended"),
            "absent": departments("absent"),
            "agenda": codes("agenda"),
            "decisions": codes("decisions"),
            "available_actions": actions,
        }
    )
