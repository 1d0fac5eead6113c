"""Risk scoring on one page: what it reacts to, its routes, its clocks, its half-yearly rescreen, its commands."""

from pathlib import Path

from chassis.service import Command, Periodic, Service
from chassis.settings import Settings
from contracts.access import Subject, may
from contracts.assistance import (
    CaseClosed,
    ClosureRequested,
    ComplianceChecked,
    LadderStepRecorded,
    MeasureChanged,
    OrderEnded,
    PlacementChanged,
    PlanAgreed,
    VisitFailed,
    VisitRecorded,
)
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    DeadlineFired,
    FeedbackGiven,
    GuardianNotified,
    ReferralAcknowledged,
    ReferralCompleted,
    ReferralReturned,
    ReferralRevoked,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
)
from contracts.intake import ChildMilestoneReached, ChildSurveyed, ReportAmended, ReportReceived
from services.risk_scoring import commands, firing, rescreening
from services.risk_scoring.api import ROUTERS
from services.risk_scoring.handlers import findings, reports, response, triggers

RESCREEN_EVERY_SECONDS = 60.0

SERVICE = Service(
    name="risk_scoring",
    handlers={
        ReportReceived: reports.on_report_received,
        ReportAmended: reports.on_report_amended,
        ChildMilestoneReached: reports.on_milestone_reached,
        ChildSurveyed: reports.on_child_surveyed,
        AssessmentRecorded: findings.on_assessment_recorded,
        DeadlineFired: findings.on_deadline_fired,
        ResponseOpened: response.on_response,
        ResponseRevised: response.on_response,
        ReturnDecided: response.on_return_decided,
        ArrivalReported: findings.on_arrival,
        SafetyConfirmed: findings.on_safety_confirmed,
        ReferralAcknowledged: response.on_act,
        ReferralReturned: response.on_act,
        GuardianNotified: response.on_act,
        FeedbackGiven: response.on_act,
        ReferralCompleted: response.on_act,
        ReferralRevoked: response.on_revoked,
        VisitRecorded: triggers.on_visit_recorded,
        VisitFailed: triggers.on_visit_failed,
        PlacementChanged: triggers.on_placement_changed,
        LadderStepRecorded: triggers.on_ladder_step,
        ComplianceChecked: triggers.on_compliance_checked,
        OrderEnded: triggers.on_order_ended,
        MeasureChanged: triggers.on_measure_changed,
        PlanAgreed: response.on_plan_agreed,
        ClosureRequested: triggers.on_closure_requested,
        CaseClosed: response.on_case_closed,
    },
    routers=ROUTERS,
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    on_fired=firing.on_deadlines_fired,
    periodic=(Periodic("rescreen", RESCREEN_EVERY_SECONDS, rescreening.rescreen_due),),
    commands={
        "rescreen": Command(commands.rescreen_arguments, commands.rescreen),
        "what-if": Command(commands.what_if_arguments, commands.what_if),
    },
)
