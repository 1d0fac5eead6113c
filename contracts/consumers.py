"""Who listens to what: the subscriptions of every service, as the AsyncAPI document shows them.

A contract test holds this table and each service's own handlers together, so neither can drift.
"""

from collections.abc import Mapping

from contracts import assistance, directory, dispatch, intake, notification, risk_scoring
from contracts.envelope import Payload

CONSUMERS: Mapping[str, tuple[type[Payload], ...]] = {
    "intake": (dispatch.ResponseOpened, assistance.CaseClosed),
    "risk_scoring": (intake.ReportReceived, dispatch.AssessmentRecorded, assistance.CaseClosed),
    "dispatch": (
        directory.TownshipPublished,
        risk_scoring.RiskAssessed,
        assistance.PlanAgreed,
        assistance.VisitRecorded,
        assistance.ClosureRequested,
        assistance.ClosureRefused,
        assistance.CaseClosed,
    ),
    "assistance": (dispatch.ResponseOpened, dispatch.ResponseRevised, dispatch.SafetyConfirmed),
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
    notification.NoticesRecorded: "the record of who was told, for partner feeds and the case file",
}
"""Types that no service needs, with the reason why they are announced all the same."""
