"""Dispatch on one page: what it reacts to, its routes, its clocks, its auditor."""

from pathlib import Path

from chassis.service import Command, Periodic, Service
from chassis.settings import Settings
from contracts.access import Subject, may
from contracts.assistance import (
    CaseClosed,
    ClosureRefused,
    ClosureRequested,
    ComplianceChecked,
    LadderStepRecorded,
    PlacementChanged,
    PlanAgreed,
    VisitFailed,
    VisitRecorded,
)
from contracts.directory import TownshipPublished
from contracts.intake import ReportAmended
from contracts.notification import NoticesRecorded
from contracts.risk_scoring import RiskAssessed
from services.dispatch import auditor, coverage, firing, handlers, recounting
from services.dispatch.api import ROUTERS

SERVICE = Service(
    name="dispatch",
    handlers={
        TownshipPublished: handlers.on_township_published,
        RiskAssessed: handlers.on_risk_assessed,
        NoticesRecorded: handlers.on_notices_recorded,
        PlanAgreed: handlers.on_plan_agreed,
        VisitRecorded: handlers.on_visit_recorded,
        VisitFailed: handlers.on_visit_failed,
        ReportAmended: handlers.on_report_amended,
        LadderStepRecorded: handlers.on_ladder_step_recorded,
        ComplianceChecked: handlers.on_compliance_checked,
        PlacementChanged: handlers.on_placement_changed,
        ClosureRequested: handlers.on_closure_requested,
        ClosureRefused: handlers.on_closure_refused,
        CaseClosed: handlers.on_case_closed,
    },
    routers=ROUTERS,
    needs=(TownshipPublished,),
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    on_fired=firing.on_deadlines_fired,
    periodic=(
        Periodic("auditor", auditor.EVERY_SECONDS, auditor.audit),
        Periodic("provisional deadlines", recounting.EVERY_SECONDS, recounting.recount_provisional),
    ),
    commands={
        "audit": Command(auditor.audit_arguments, auditor.audit_command),
        "coverage": Command(coverage.coverage_arguments, coverage.coverage_command),
        "recompute-provisional": Command(recounting.recount_arguments, recounting.recount_command),
    },
)
