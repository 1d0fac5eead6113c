"""Clocks that ran."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.dispatch.values import TOPIC, DeadlineArmed, StepMet
from contracts.envelope import Payload
from contracts.vocabulary import Level, Place

Stage = Literal["warn_50", "warn_80", "breach", "second_breach", "repeat", "page_next"]


class DeadlineFired(Payload):
    """A clock ran: a warning, a breach, an escalation up the tier chain, or its repetition until a person acts.

    `targets` are posts and departments to be told, `external` bodies by manual notice. `lateness_seconds` is how long
    after its planned moment the stage fired (0 when healthy). `people` are the staff whom a page calls, in order.
    """

    TYPE = "deadline.fired.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    deadline_id: UUID
    step: str
    tier: str
    department: str | None
    organisation: str | None
    referral_id: UUID | None
    place: Place
    level: Level
    stage: Stage
    repeat_no: int = 0
    targets: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    due_at: datetime
    planned_at: datetime
    fired_at: datetime
    lateness_seconds: float
    policy_version: str
    people: tuple[str, ...] = ()


class StepsMet(Payload):
    """Something that another service announced (`cause_type`) met clocks of a response, or started one.

    The duty notices went out (S7), the plan was agreed (S9), the first visit was made (S10), the closure was decided, or
    asked for (S12). Acts on referrals and revisions carry what they met themselves.
    """

    TYPE = "step.met.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    response_id: UUID
    response_no: int
    level: Level
    cause_type: str
    met: tuple[StepMet, ...] = ()
    deadlines: tuple[DeadlineArmed, ...] = ()
    cancelled: dict[str, str] = {}
    at: datetime
