"""What the township does when a response must move, may wait, or owes a notice no machine can give."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.dispatch.values import TOPIC, DeadlineArmed, StepMet
from contracts.envelope import Payload
from contracts.vocabulary import Actor, Level


class CaseUrged(Payload):
    """催办: a supervisor pressed the departments named to act now. Clocks do not move."""

    TYPE = "case.urged.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    urge_id: UUID
    organisations: tuple[str, ...]
    referrals: tuple[UUID, ...] = ()
    level: Level
    by: Actor
    at: datetime
    note_id: UUID | None = None


class SupervisionOrdered(Payload):
    """督办: the township put a case under supervision; each organisation named owes a written reply by `reply_due_at`."""

    TYPE = "supervision.ordered.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    supervision_id: UUID
    organisations: tuple[str, ...]
    level: Level
    reply_due_at: datetime
    by: Actor
    at: datetime
    note_id: UUID | None = None


class SupervisionReplied(Payload):
    """An organisation replied to a supervision order, or (`ended`) the township lifted the order."""

    TYPE = "supervision.replied.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    supervision_id: UUID
    organisation: str | None = None
    ended: bool = False
    late_seconds: int = 0
    by: Actor
    at: datetime
    note_id: UUID | None = None


class ResponsePaused(Payload):
    """The clocks of a yellow or blue response stand still for a coded reason, approved, bounded (policy `sla.pause`).

    `deadlines` are the clocks that stop, with the moment they end if the pause lasts to its bound.
    """

    TYPE = "response.paused.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    pause_id: UUID
    reason: str
    paused_at: datetime
    until: datetime
    by: Actor
    approved_by: Actor
    note_id: UUID | None = None
    deadlines: tuple[DeadlineArmed, ...] = ()


class ResponseResumed(Payload):
    """A pause ended: by its bound, by a person, or because the level rose. `deadlines` are the clocks that moved."""

    TYPE = "response.resumed.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    pause_id: UUID
    cause: Literal["bound_reached", "person", "level_raised"]
    resumed_at: datetime
    deadlines: tuple[DeadlineArmed, ...] = ()
    by: Actor


class ExtensionRequested(Payload):
    """A department asks for more time for one clock, before it expires. The clock runs on until the decision."""

    TYPE = "extension.requested.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    extension_id: UUID
    deadline_id: UUID
    referral_id: UUID | None = None
    step: str
    reason: str
    until: datetime
    by: Actor
    at: datetime
    note_id: UUID | None = None


class ExtensionDecided(Payload):
    """Civil affairs granted (`deadline` is the moved clock) or refused an extension."""

    TYPE = "extension.decided.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    extension_id: UUID
    deadline_id: UUID
    organisation: str | None = None
    granted: bool
    deadline: DeadlineArmed | None = None
    by: Actor
    at: datetime


class NoticeGiven(Payload):
    """A person gave a notice that no machine can give: to a body outside (N-11), by letter or telephone."""

    TYPE = "notice.given.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    notice: str
    body: str
    means: Literal["letter", "telephone", "in_person", "official_system"]
    given_at: datetime | None = None
    met: tuple[StepMet, ...] = ()
    by: Actor
    at: datetime
    note_id: UUID | None = None
