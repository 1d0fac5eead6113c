"""Every topic and every event type: the table of contents of the published language."""

from dataclasses import dataclass

from contracts import assistance, directory, dispatch, intake, notification, risk_scoring
from contracts.envelope import Payload


@dataclass(frozen=True, slots=True)
class Topic:
    """One producing service's topic. The outbox is the log of record, so Kafka keeps only what slow consumers need."""

    name: str
    owner: str
    key: str
    types: tuple[type[Payload], ...]
    retention_days: int = 14


TOPICS: tuple[Topic, ...] = (
    Topic(
        directory.TOPIC,
        "directory",
        "township code",
        (
            directory.TownshipPublished,
            directory.RosterGapFound,
            directory.TrainingRecorded,
            directory.PublicityRecorded,
            directory.AppraisalRecorded,
        ),
    ),
    Topic(
        intake.TOPIC,
        "intake",
        "case id",
        (
            intake.ReportReceived,
            intake.ReportAmended,
            intake.ContactRecorded,
            intake.TransferRecorded,
            intake.CallLogged,
            intake.CallbackOverdue,
            intake.DispatchOverdue,
            intake.AccessReviewOverdue,
            intake.ChildrenMerged,
            intake.TagsChanged,
            intake.ChildSurveyed,
            intake.ChildMilestoneReached,
        ),
    ),
    Topic(
        risk_scoring.TOPIC,
        "risk_scoring",
        "case id",
        (
            risk_scoring.RiskAssessed,
            risk_scoring.LevelLoweringProposed,
            risk_scoring.ReassessmentOpened,
            risk_scoring.ReassessmentDone,
            risk_scoring.ReassessmentDueSoon,
            risk_scoring.ReassessmentOverdue,
            risk_scoring.ChildScreened,
        ),
    ),
    Topic(
        dispatch.TOPIC,
        "dispatch",
        "case id",
        (
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
            dispatch.ReferralRevoked,
            dispatch.CaseUrged,
            dispatch.SupervisionOrdered,
            dispatch.SupervisionReplied,
            dispatch.ResponsePaused,
            dispatch.ResponseResumed,
            dispatch.ExtensionRequested,
            dispatch.ExtensionDecided,
            dispatch.NoticeGiven,
            dispatch.DeadlineFired,
            dispatch.StepsMet,
        ),
    ),
    Topic(
        assistance.TOPIC,
        "assistance",
        "case id",
        (
            assistance.PlanOpened,
            assistance.PlanAgreed,
            assistance.VisitPlanned,
            assistance.VisitRecorded,
            assistance.VisitFailed,
            assistance.MeasureChanged,
            assistance.EligibilityAdvised,
            assistance.DisbursementChanged,
            assistance.ConferenceHeld,
            assistance.LadderStepRecorded,
            assistance.ComplianceChecked,
            assistance.OrderEnded,
            assistance.PlacementChanged,
            assistance.TaskFired,
            assistance.ClosureRequested,
            assistance.ClosureRefused,
            assistance.CaseClosed,
        ),
    ),
    Topic(notification.TOPIC, "notification", "case id", (notification.NoticesRecorded, notification.DeliveryFailed)),
)

TYPES: dict[str, type[Payload]] = {payload.TYPE: payload for topic in TOPICS for payload in topic.types}
