"""Intake on one page: what it reacts to, its routes, its watchdog, what it makes at start."""

from pathlib import Path

from chassis.service import Runtime, Service
from contracts.access import Subject, may
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested, PlanAgreed, PlanOpened, VisitRecorded
from contracts.directory import TownshipPublished
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    DeadlineFired,
    FeedbackGiven,
    GuardianNotified,
    ReferralAcknowledged,
    ReferralCompleted,
    ReferralReturned,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.notification import NoticesRecorded
from contracts.risk_scoring import LevelLoweringProposed, RiskAssessed
from services.intake import api, handlers
from services.intake.drafting import Office
from services.intake.settings import IntakeSettings
from services.intake.vault import FileKey, Vault


async def startup(runtime: Runtime) -> None:
    """Open the vault. Raises ValueError when the master key is no 32 bytes: the process must not start without it."""
    vault = Vault(FileKey(runtime.settings.master_key.get_secret_value()))
    runtime.resources["office"] = Office(vault)
    runtime.resources["receipt_gate"] = api.receipts.Gate(runtime.settings.receipt_pause_seconds)


SERVICE = Service(
    name="intake",
    handlers={
        TownshipPublished: handlers.on_township_published,
        RiskAssessed: handlers.on_risk_assessed,
        LevelLoweringProposed: handlers.on_noted,
        ResponseOpened: handlers.on_response_opened,
        ResponseRevised: handlers.on_response_revised,
        ReferralAcknowledged: handlers.on_noted,
        ReferralReturned: handlers.on_noted,
        ReturnDecided: handlers.on_return_decided,
        ArrivalReported: handlers.on_noted,
        SafetyConfirmed: handlers.on_noted,
        AssessmentRecorded: handlers.on_noted,
        GuardianNotified: handlers.on_noted,
        FeedbackGiven: handlers.on_feedback_given,
        ReferralCompleted: handlers.on_noted,
        DeadlineFired: handlers.on_noted,
        PlanOpened: handlers.on_noted,
        PlanAgreed: handlers.on_noted,
        VisitRecorded: handlers.on_noted,
        ClosureRequested: handlers.on_noted,
        ClosureRefused: handlers.on_noted,
        CaseClosed: handlers.on_case_closed,
        NoticesRecorded: handlers.on_notices_recorded,
    },
    routers=api.ROUTERS,
    needs=(TownshipPublished,),
    migrations=Path(__file__).parent / "migrations",
    settings=IntakeSettings,
    subject_of=Subject.from_claims,
    may=may,
    on_fired=handlers.on_deadlines_fired,
    startup=startup,
    linger_seconds=0.1,
)
