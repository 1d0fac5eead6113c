"""Who listens to what: the subscriptions of every service, as the AsyncAPI document shows them.

A contract test holds this table and each service's own handlers together, so neither can drift.
"""

from collections.abc import Mapping

from contracts import assistance, directory, dispatch, intake, notification, risk_scoring
from contracts.envelope import Payload

CONSUMERS: Mapping[str, tuple[type[Payload], ...]] = {
    "intake": (
        directory.TownshipPublished,
        risk_scoring.RiskAssessed,
        risk_scoring.LevelLoweringProposed,
        dispatch.ResponseOpened,
        dispatch.ResponseRevised,
        dispatch.ReferralAcknowledged,
        dispatch.ReferralReturned,
        dispatch.ReturnDecided,
        dispatch.ArrivalReported,
        dispatch.SafetyConfirmed,
        dispatch.AssessmentRecorded,
        dispatch.GuardianNotified,
        dispatch.FeedbackGiven,
        dispatch.ReferralCompleted,
        dispatch.DeadlineFired,
        assistance.PlanOpened,
        assistance.PlanAgreed,
        assistance.VisitRecorded,
        assistance.ClosureRequested,
        assistance.ClosureRefused,
        assistance.CaseClosed,
        notification.NoticesRecorded,
    ),
    "risk_scoring": (
        intake.ReportReceived,
        dispatch.AssessmentRecorded,
        dispatch.DeadlineFired,
        dispatch.ResponseOpened,
        dispatch.ResponseRevised,
        dispatch.ReturnDecided,
        dispatch.ArrivalReported,
        dispatch.SafetyConfirmed,
        dispatch.ReferralAcknowledged,
        dispatch.ReferralReturned,
        dispatch.GuardianNotified,
        dispatch.FeedbackGiven,
        dispatch.ReferralCompleted,
        assistance.VisitRecorded,
        assistance.PlanAgreed,
        assistance.CaseClosed,
    ),
    "dispatch": (
        directory.TownshipPublished,
        risk_scoring.RiskAssessed,
        notification.NoticesRecorded,
        assistance.PlanAgreed,
        assistance.VisitRecorded,
        assistance.ClosureRequested,
        assistance.ClosureRefused,
        assistance.CaseClosed,
    ),
    "assistance": (
        intake.ReportReceived,
        risk_scoring.RiskAssessed,
        dispatch.ResponseOpened,
        dispatch.ResponseRevised,
        dispatch.ReturnDecided,
        dispatch.ReferralCompleted,
        dispatch.ArrivalReported,
        dispatch.SafetyConfirmed,
        dispatch.AssessmentRecorded,
        dispatch.FeedbackGiven,
    ),
    "notification": (
        directory.TownshipPublished,
        intake.DispatchOverdue,
        risk_scoring.LevelLoweringProposed,
        dispatch.ResponseOpened,
        dispatch.ResponseRevised,
        dispatch.ReferralReturned,
        dispatch.ReturnDecided,
        dispatch.SafetyConfirmed,
        dispatch.DeadlineFired,
        assistance.ClosureRequested,
        assistance.ClosureRefused,
        assistance.CaseClosed,
    ),
}

OUTWARD_ONLY: Mapping[type[Payload], str] = {
    intake.ContactRecorded: "counted by statistics and partner feeds; it opens no case",
}
"""Types that no service needs, with the reason why they are announced all the same."""
