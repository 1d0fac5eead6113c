"""The response of a case: opened in one act, revised when something new is known."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.dispatch.values import TOPIC, DeadlineArmed, Notice, ReferralIssued, StepMet
from contracts.envelope import Payload
from contracts.vocabulary import Level, Place


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
    """A new report, new facts, a level change or an act altered an open response. `deadlines` lists armed and moved
    clocks.

    `withdrawn` are referrals that ended, `left` the departments without any part from now on (a case became restricted, a
    unit has a conflict of interest, the child is elsewhere); `cancelled` the clocks that ended without being met, deadline
    id → reason. `place` is given when it changed.
    Cause `calendar`: the holidays of a year became known, and clocks that counted days of it were counted again.
    """

    TYPE = "response.revised.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    response_id: UUID
    township: str
    cause: Literal[
        "report",
        "assessment",
        "amendment",
        "trigger",
        "review",
        "rescreen",
        "manual_raise",
        "manual_lowering",
        "added_referral",
        "safety_only_task",
        "guardian_non_compliance",
        "welfare_check",
        "notice_owed",
        "calendar",
    ]
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
    left: tuple[str, ...] = ()
    cancelled: dict[str, str] = {}
    place: Place | None = None
