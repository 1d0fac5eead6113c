"""What the acts on a referral take, as JSON. Codes, ids and times; text is written as a note first."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.vocabulary import Fact

Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcknowledgeBody(Body):
    """签收. Nothing to say but who, which the token says."""


class ReturnBody(Body):
    """退回 within the acknowledgement limit, with the department that should act. Text goes into a note first."""

    reason: Literal["not_our_duty", "insufficient_information", "duplicate", "wrong_address", "other"]
    proposed_department: Code
    note_id: UUID | None = None


class DecideReturnBody(Body):
    """The ruling. `department` overrides the proposed one."""

    upheld: bool
    department: Code | None = None
    note_id: UUID | None = None


class RevokeBody(Body):
    """撤回, with a reason of the policy (`routing.added.revoke_reasons`)."""

    reason: Code
    note_id: UUID | None = None


class RerouteBody(Body):
    """改派 to another department without a return."""

    department: Code
    reason: Code
    note_id: UUID | None = None


class SeeAmendmentBody(Body):
    """已阅补充情况. Nothing to say but who, which the token says."""


class AddReferralBody(Body):
    """增派 by civil affairs, with a reason of the policy (`routing.added.add_reasons`)."""

    department: Code
    role: Literal["inform", "assist"] = "assist"
    reason: Code
    note_id: UUID | None = None


class SafetyTaskBody(Body):
    """A safety-only task of the police lead of a restricted case, in a code of the policy (`routing.added.safety_tasks`)."""

    department: Code
    task: Code
    note_id: UUID | None = None


class NoticeBody(Body):
    """A notice that was given by hand (N-11): to which body outside, how and when."""

    body: Code
    means: Literal["letter", "telephone", "in_person", "official_system"]
    given_at: AwareDatetime | None = None
    note_id: UUID | None = None


class ReportArrivalBody(Body):
    """到场. `tier` follows from the caller's posts; API clients name it."""

    arrived_at: AwareDatetime
    child_seen: bool
    tier: Literal["group", "village", "township"] | None = None
    note_id: UUID | None = None


class ConfirmSafetyBody(Body):
    """安全确认 (S6)."""

    basis: Literal["safe_place", "safety_plan", "receiving_authority_receipt"]
    confirmed_at: AwareDatetime
    note_id: UUID | None = None


class RecordAssessmentBody(Body):
    """书面评估 (S8): coded findings; the text is a note."""

    child_id: UUID
    concerns: list[str] = Field(default=[], max_length=40)
    facts: dict[str, Fact] = Field(default={}, max_length=100)
    answers: dict[str, str] = Field(default={}, max_length=40)
    note_id: UUID


class NotifyGuardianBody(Body):
    """告知未涉嫌的监护人 (N-9)."""

    note_id: UUID | None = None


class GiveFeedbackBody(Body):
    """向报告人反馈 (S13), or that it is not possible, for example to an anonymous reporter."""

    report_id: UUID
    possible: bool = True
    note_id: UUID | None = None


class CompleteBody(Body):
    """办结."""

    outcome: Literal["done", "partly_done", "handed_over", "not_needed", "unreachable"]
    note_id: UUID | None = None
