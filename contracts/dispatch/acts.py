"""What people do with a referral."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.dispatch.values import TOPIC, DeadlineArmed, ReferralIssued, StepMet
from contracts.envelope import Payload
from contracts.vocabulary import Actor, Fact, Level, Role


class ReferralAct(Payload):
    """What every act on a referral says: which case, which referral, who, when, and the deadlines it finished."""

    case_id: UUID
    case_number: str
    referral_id: UUID
    department: str
    organisation: str
    role: Role
    level: Level
    township: str
    by: Actor
    at: datetime
    met: tuple[StepMet, ...] = ()
    note_id: UUID | None = None


class ReferralAcknowledged(ReferralAct):
    """The recipient signed for its referral (S4), or read its notice when it is only informed."""

    TYPE = "referral.acknowledged.v1"
    TOPIC = TOPIC


class ReferralReturned(ReferralAct):
    """The recipient says it is not its job and proposes another owner; civil affairs decides (policy `return_of_referral`)."""

    TYPE = "referral.returned.v1"
    TOPIC = TOPIC

    reason: str
    proposed_department: str
    returns: int
    buck_passing: bool = False
    decision_due_at: datetime


class ReturnDecided(ReferralAct):
    """Civil affairs ruled on a return: upheld (the task moves to `issued`) or refused (it stays).

    `cancelled` are the returning department's own clocks, deadline id → reason: an upheld return is never late.
    """

    TYPE = "referral.return-decided.v1"
    TOPIC = TOPIC

    upheld: bool
    issued: ReferralIssued | None = None
    deadlines: tuple[DeadlineArmed, ...] = ()
    cancelled: dict[str, str] = {}


class ArrivalReported(ReferralAct):
    """A tier came on scene (S5a, S5b, S5c) or the police answered the call-out (S5p)."""

    TYPE = "arrival.reported.v1"
    TOPIC = TOPIC

    tier: Literal["group", "village", "township"]
    arrived_at: datetime
    child_seen: bool
    first_contact: bool = False
    deadlines: tuple[DeadlineArmed, ...] = ()


class SafetyConfirmed(ReferralAct):
    """S6: child seen and in a safe place or under a safety plan. Anchor of the observation period and the first visit."""

    TYPE = "safety.confirmed.v1"
    TOPIC = TOPIC

    confirmed_at: datetime
    basis: Literal["safe_place", "safety_plan", "receiving_authority_receipt"]
    response_no: int
    concerns: tuple[str, ...] = ()
    deadlines: tuple[DeadlineArmed, ...] = ()


class AssessmentRecorded(ReferralAct):
    """S8: the written assessment was signed. Coded answers and facts go to scoring; its text lies in the vault."""

    TYPE = "assessment.recorded.v1"
    TOPIC = TOPIC

    child_id: UUID
    facts: dict[str, Fact] = {}
    answers: dict[str, str] = {}
    concerns: tuple[str, ...] = ()
    deadlines: tuple[DeadlineArmed, ...] = ()


class GuardianNotified(ReferralAct):
    """N-9: a guardian who is not suspected was told."""

    TYPE = "guardian.notified.v1"
    TOPIC = TOPIC


class FeedbackGiven(ReferralAct):
    """S13: the reporter was told the result, or cannot be told (`possible=False`, for example an anonymous reporter)."""

    TYPE = "feedback.given.v1"
    TOPIC = TOPIC

    report_id: UUID
    possible: bool = True


class ReferralCompleted(ReferralAct):
    """The department finished its task; `outcome` is a code."""

    TYPE = "referral.completed.v1"
    TOPIC = TOPIC

    outcome: str


class ReferralRevoked(ReferralAct):
    """Civil affairs took a referral back (`reason` is a code); its clocks end without being met."""

    TYPE = "referral.revoked.v1"
    TOPIC = TOPIC

    reason: str
    cancelled: dict[str, str] = {}
