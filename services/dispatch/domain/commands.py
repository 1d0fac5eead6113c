"""What departments may ask of a referral, as values, and the two answers: done or refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.policy import Policy, WorkingCalendar
from services.dispatch.domain.response import Clock, Finished, Referral, ResponseFile

RETURN_REASONS = ("not_our_duty", "insufficient_information", "duplicate", "wrong_address", "other")
OUTCOMES = ("done", "partly_done", "handed_over", "not_needed", "unreachable")
TIERS = ("group", "village", "township")
RECEIPT = "receiving_authority_receipt"


@dataclass(frozen=True, slots=True)
class Refused:
    """An act that is not possible. `kind`: `state` = wrong moment (409), `duty` = not this department's (403), `input` =
    the command's content (422)."""

    code: str
    zh: str
    en: str
    kind: Literal["state", "duty", "input"] = "state"
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """An act carried out: the response after it, the clocks it finished, cancelled and started."""

    file: ResponseFile
    referral: Referral
    finished: tuple[Finished, ...] = ()
    started: tuple[Clock, ...] = ()
    issued: Referral | None = None
    first_contact: bool = False
    tier: str | None = None

    @property
    def met(self) -> tuple[Finished, ...]:
        """The clocks the act met, as against those it only cancelled."""
        return tuple(one for one in self.finished if one.state == "met")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a decision needs beside state and command. `cause` is the id of the act: ids of its effects derive from it."""

    now: datetime
    cause: UUID
    policy: Policy
    calendar: WorkingCalendar


# Commands ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """签收: the recipient signs, or reads its notice."""


@dataclass(frozen=True, slots=True)
class Return:
    """退回: not our job, with the department that should do it."""

    reason: str
    proposed_department: str
    note_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DecideReturn:
    """Civil affairs rules; `department` overrides the proposed one."""

    upheld: bool
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """撤回: civil affairs takes a referral back (policy `routing.added.revoke_reasons`). `supervisor`: a post that may
    take the police lead out of a RED case of harm."""

    reason: str
    supervisor: bool = False


@dataclass(frozen=True, slots=True)
class Reroute:
    """改派: civil affairs moves a task to another department without waiting for a return."""

    department: str
    reason: str
    supervisor: bool = False


@dataclass(frozen=True, slots=True)
class SeeAmendment:
    """已阅: the department has seen that the report was amended."""


@dataclass(frozen=True, slots=True)
class ReportArrival:
    """到场: `tier` as named by the caller (None: by the posts), `tiers` those the caller may speak for."""

    arrived_at: datetime
    child_seen: bool
    tier: str | None = None
    tiers: tuple[str, ...] = TIERS


@dataclass(frozen=True, slots=True)
class ConfirmSafety:
    """S6: child seen and in a safe place or under a safety plan; for a transfer, the receiving authority's receipt."""

    basis: str
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class RecordAssessment:
    """S8: the written assessment of one child is signed."""

    child_id: UUID


@dataclass(frozen=True, slots=True)
class NotifyGuardian:
    """N-9: a guardian who is not suspected was told."""


@dataclass(frozen=True, slots=True)
class GiveFeedback:
    """S13: the reporter was told, or cannot be."""

    report_id: UUID
    possible: bool = True


@dataclass(frozen=True, slots=True)
class Complete:
    """办结: the department's task is done."""

    outcome: str


Command = (
    Acknowledge
    | Return
    | DecideReturn
    | Revoke
    | Reroute
    | SeeAmendment
    | ReportArrival
    | ConfirmSafety
    | RecordAssessment
    | NotifyGuardian
    | GiveFeedback
    | Complete
)

Decision = Done | Refused
