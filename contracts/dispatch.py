"""What dispatch announces: the response, its referrals, the departments' acts, and deadlines that fired (D-4.2.1)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload, Value
from contracts.vocabulary import Actor, Fact, Level, Place, Role

TOPIC = "dispatch.events"

Stage = Literal["warn_50", "warn_80", "breach", "second_breach", "repeat", "page_next"]


class ReferralIssued(Value):
    """One department's part of the response. `because` names the matrix cell or raise rule; `children` whom it is about."""

    referral_id: UUID
    department: str
    organisation: str
    role: Role
    because: tuple[str, ...] = ()
    children: tuple[UUID, ...] = ()
    masked: bool = False


class DeadlineArmed(Value):
    """A running clock. `anchor` is the policy's anchor code; `provisional` = counts days of a year without calendar."""

    deadline_id: UUID
    step: str
    tier: str
    department: str | None = None
    organisation: str | None = None
    referral_id: UUID | None = None
    anchor: str
    anchor_at: datetime
    due_at: datetime
    provisional: bool = False


class StepMet(Value):
    """A deadline that an act finished. `late_seconds` is 0 when in time and stays for ever (KPI rule `late`)."""

    deadline_id: UUID
    step: str
    tier: str
    department: str | None = None
    due_at: datetime
    met_at: datetime
    late_seconds: int = 0


class Notice(Value):
    """A duty notice N-1..N-11 the response owes. `bodies` are departments, posts or external bodies."""

    notice: str
    bodies: tuple[str, ...] = ()
    status: Literal["due", "withheld", "no_guardian_known", "manual"] = "due"
    due_at: datetime | None = None


class ResponseOpened(Payload):
    """The fan-out in one act: every referral and every clock of a response (D-4.2.1, D-4.2.2, D-2.3)."""

    TYPE = "response.opened.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    response_id: UUID
    response_no: int
    report_id: UUID
    township: str
    level: Level
    restricted: bool
    conflict_unit: str | None = None
    transfer_out: bool = False
    concerns: tuple[str, ...]
    place: Place
    case_lead: str | None
    coordinator: str | None
    received_at: datetime
    dispatched_at: datetime
    referrals: tuple[ReferralIssued, ...]
    deadlines: tuple[DeadlineArmed, ...]
    met: tuple[StepMet, ...] = ()
    not_created: dict[str, str] = {}
    notices: tuple[Notice, ...] = ()
    external_notices: tuple[str, ...] = ()
    children: tuple[UUID, ...] = ()
    policy_version: str


class ResponseRevised(Payload):
    """A new report, new facts or a level change altered an open response. `deadlines` lists armed and moved clocks.

    `withdrawn` are referrals that ended (a case became restricted, a unit has a conflict of interest), `cancelled` the
    clocks that ended without being met, deadline id → reason.
    """

    TYPE = "response.revised.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    response_id: UUID
    township: str
    cause: Literal["report", "assessment", "manual_raise", "manual_lowering"]
    report_id: UUID | None = None
    level_before: Level
    level: Level
    restricted: bool
    concerns: tuple[str, ...]
    case_lead: str | None
    coordinator: str | None
    referrals: tuple[ReferralIssued, ...] = ()
    deadlines: tuple[DeadlineArmed, ...] = ()
    met: tuple[StepMet, ...] = ()
    notices: tuple[Notice, ...] = ()
    revised_at: datetime
    policy_version: str
    withdrawn: tuple[UUID, ...] = ()
    cancelled: dict[str, str] = {}


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


class DeadlineFired(Payload):
    """A clock ran: a warning, a breach, an escalation up the tier chain, or its repetition until a person acts.

    `targets` are posts and departments to be told, `external` bodies by manual notice. `lateness_seconds` is how long
    after its planned moment the stage fired (0 when healthy).
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
