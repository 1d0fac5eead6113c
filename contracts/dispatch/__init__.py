"""What dispatch announces: the response, its referrals, the departments' acts, and deadlines that fired (D-4.2.1)."""

from contracts.dispatch.acts import (
    ArrivalReported,
    AssessmentRecorded,
    FeedbackGiven,
    GuardianNotified,
    ReferralAcknowledged,
    ReferralAct,
    ReferralCompleted,
    ReferralReturned,
    ReferralRevoked,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.dispatch.clocks import DeadlineFired, Stage, StepsMet
from contracts.dispatch.response import ResponseOpened, ResponseRevised
from contracts.dispatch.supervision import (
    CaseUrged,
    ExtensionDecided,
    ExtensionRequested,
    NoticeGiven,
    ResponsePaused,
    ResponseResumed,
    SupervisionOrdered,
    SupervisionReplied,
)
from contracts.dispatch.values import TOPIC, DeadlineArmed, Notice, ReferralIssued, StepMet

__all__ = [
    "TOPIC",
    "ArrivalReported",
    "AssessmentRecorded",
    "CaseUrged",
    "DeadlineArmed",
    "DeadlineFired",
    "ExtensionDecided",
    "ExtensionRequested",
    "FeedbackGiven",
    "GuardianNotified",
    "Notice",
    "NoticeGiven",
    "ReferralAcknowledged",
    "ReferralAct",
    "ReferralCompleted",
    "ReferralIssued",
    "ReferralReturned",
    "ReferralRevoked",
    "ResponseOpened",
    "ResponsePaused",
    "ResponseResumed",
    "ResponseRevised",
    "ReturnDecided",
    "SafetyConfirmed",
    "Stage",
    "StepMet",
    "StepsMet",
    "SupervisionOrdered",
    "SupervisionReplied",
]
