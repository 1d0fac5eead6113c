"""Risk scoring on one page: what it reacts to and its routes."""

from pathlib import Path

from chassis.service import Service
from chassis.settings import Settings
from contracts.access import Subject, may
from contracts.assistance import CaseClosed, PlanAgreed, VisitRecorded
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
from contracts.intake import ReportReceived
from services.risk_scoring import handlers
from services.risk_scoring.api import ROUTERS

SERVICE = Service(
    name="risk_scoring",
    handlers={
        ReportReceived: handlers.on_report_received,
        AssessmentRecorded: handlers.on_assessment_recorded,
        DeadlineFired: handlers.on_deadline_fired,
        ResponseOpened: handlers.on_response,
        ResponseRevised: handlers.on_response,
        ReturnDecided: handlers.on_return_decided,
        ArrivalReported: handlers.on_arrival,
        SafetyConfirmed: handlers.on_safety_confirmed,
        ReferralAcknowledged: handlers.on_act,
        ReferralReturned: handlers.on_act,
        GuardianNotified: handlers.on_act,
        FeedbackGiven: handlers.on_act,
        ReferralCompleted: handlers.on_act,
        VisitRecorded: handlers.on_visit_recorded,
        PlanAgreed: handlers.on_plan_agreed,
        CaseClosed: handlers.on_case_closed,
    },
    routers=ROUTERS,
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
)
