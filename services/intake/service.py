"""Intake on one page: what it reacts to, its routes, its watchdog, what it makes at start."""

from pathlib import Path

from chassis.service import Periodic, Runtime, Service
from contracts.access import Subject, may
from contracts.assistance import (
    CaseClosed,
    ClosureRefused,
    ClosureRequested,
    ComplianceChecked,
    ConferenceHeld,
    DisbursementChanged,
    EligibilityAdvised,
    LadderStepRecorded,
    MeasureChanged,
    OrderEnded,
    PlacementChanged,
    PlanAgreed,
    PlanOpened,
    TaskFired,
    VisitFailed,
    VisitPlanned,
    VisitRecorded,
)
from contracts.directory import TownshipPublished
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    CaseUrged,
    DeadlineFired,
    ExtensionDecided,
    ExtensionRequested,
    FeedbackGiven,
    GuardianNotified,
    NoticeGiven,
    ReferralAcknowledged,
    ReferralCompleted,
    ReferralReturned,
    ReferralRevoked,
    ResponseOpened,
    ResponsePaused,
    ResponseResumed,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
    StepsMet,
    SupervisionOrdered,
    SupervisionReplied,
)
from contracts.notification import DeliveryFailed, NoticesRecorded
from contracts.risk_scoring import (
    ChildScreened,
    LevelLoweringProposed,
    ReassessmentDone,
    ReassessmentDueSoon,
    ReassessmentOpened,
    ReassessmentOverdue,
    RiskAssessed,
)
from services.intake import api, birthdays, following, handlers, milestones, overdue, surveying
from services.intake.drafting import Office
from services.intake.settings import IntakeSettings
from services.intake.vault import FileKey, Vault
from services.intake.workbooks import MAX_BYTES


async def startup(runtime: Runtime) -> None:
    """Open the vault. Raises ValueError when the master key is no 32 bytes: the process must not start without it."""
    vault = Vault(FileKey(runtime.settings.master_key.get_secret_value()))
    runtime.resources["office"] = Office(vault)
    runtime.resources["receipt_gate"] = api.receipts.Gate(runtime.settings.receipt_pause_seconds)


SERVICE = Service(
    name="intake",
    handlers={
        TownshipPublished: handlers.on_township_published,
        RiskAssessed: following.on_risk_assessed,
        ChildScreened: surveying.on_child_screened,
        LevelLoweringProposed: handlers.on_noted,
        ReassessmentOpened: handlers.on_noted,
        ReassessmentDone: handlers.on_noted,
        ReassessmentDueSoon: handlers.on_noted,
        ReassessmentOverdue: handlers.on_noted,
        ResponseOpened: handlers.on_response_opened,
        ResponseRevised: handlers.on_response_revised,
        ReferralAcknowledged: handlers.on_noted,
        ReferralReturned: handlers.on_noted,
        ReturnDecided: handlers.on_return_decided,
        ArrivalReported: handlers.on_arrival_reported,
        SafetyConfirmed: handlers.on_safety_confirmed,
        AssessmentRecorded: handlers.on_noted,
        GuardianNotified: handlers.on_noted,
        FeedbackGiven: handlers.on_feedback_given,
        ReferralCompleted: handlers.on_noted,
        ReferralRevoked: handlers.on_referral_revoked,
        CaseUrged: handlers.on_noted,
        SupervisionOrdered: handlers.on_noted,
        SupervisionReplied: handlers.on_noted,
        ResponsePaused: handlers.on_noted,
        ResponseResumed: handlers.on_noted,
        ExtensionRequested: handlers.on_noted,
        ExtensionDecided: handlers.on_noted,
        NoticeGiven: handlers.on_noted,
        StepsMet: handlers.on_noted,
        DeadlineFired: handlers.on_noted,
        PlanOpened: handlers.on_noted,
        PlanAgreed: handlers.on_noted,
        VisitPlanned: handlers.on_noted,
        VisitRecorded: handlers.on_noted,
        VisitFailed: handlers.on_noted,
        MeasureChanged: handlers.on_noted,
        EligibilityAdvised: handlers.on_noted,
        DisbursementChanged: handlers.on_noted,
        ConferenceHeld: handlers.on_noted,
        LadderStepRecorded: following.on_ladder_step,
        ComplianceChecked: following.on_compliance_checked,
        OrderEnded: following.on_order_ended,
        PlacementChanged: handlers.on_noted,
        TaskFired: handlers.on_noted,
        ClosureRequested: handlers.on_noted,
        ClosureRefused: handlers.on_noted,
        CaseClosed: following.on_case_closed,
        NoticesRecorded: handlers.on_notices_recorded,
        DeliveryFailed: handlers.on_notices_recorded,
    },
    routers=api.ROUTERS,
    needs=(TownshipPublished,),
    migrations=Path(__file__).parent / "migrations",
    settings=IntakeSettings,
    subject_of=Subject.from_claims,
    may=may,
    on_fired=overdue.on_deadlines_fired,
    startup=startup,
    periodic=(
        Periodic("surveys", 2.0, surveying.work),
        Periodic("birthdays", 3600.0, birthdays.work),
        Periodic("milestones", milestones.EVERY_SECONDS, milestones.work),
    ),
    body_caps={api.surveys.UPLOAD: MAX_BYTES + api.surveys.FORM_BYTES},
    linger_seconds=0.1,
)
