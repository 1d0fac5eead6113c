"""Assistance on one page: what it reacts to and its routes."""

from pathlib import Path

from chassis.service import Service
from chassis.settings import Settings
from contracts.access import Subject, may
from contracts.directory import TownshipPublished
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    FeedbackGiven,
    ReferralCompleted,
    ReferralRevoked,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.intake import ChildrenMerged, ReportReceived
from contracts.risk_scoring import RiskAssessed
from services.assistance import handlers
from services.assistance.api import ROUTERS
from services.assistance.firing import on_fired

SERVICE = Service(
    name="assistance",
    handlers={
        TownshipPublished: handlers.on_township_published,
        ReportReceived: handlers.on_report_received,
        ChildrenMerged: handlers.on_children_merged,
        RiskAssessed: handlers.on_risk_assessed,
        ResponseOpened: handlers.on_response_opened,
        ResponseRevised: handlers.on_response_revised,
        ReturnDecided: handlers.on_return_decided,
        ReferralCompleted: handlers.on_referral_completed,
        ReferralRevoked: handlers.on_referral_revoked,
        ArrivalReported: handlers.on_arrival_reported,
        SafetyConfirmed: handlers.on_safety_confirmed,
        AssessmentRecorded: handlers.on_assessment_recorded,
        FeedbackGiven: handlers.on_feedback_given,
    },
    routers=ROUTERS,
    on_fired=on_fired,
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    linger_seconds=0.1,
)
