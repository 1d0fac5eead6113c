"""Dispatch on one page: what it reacts to, its routes, its clocks, its auditor."""

from pathlib import Path

from chassis.service import Command, Periodic, Service
from chassis.settings import Settings
from contracts.access import Subject, may
from contracts.assistance import CaseClosed, ClosureRefused, ClosureRequested, PlanAgreed, VisitRecorded
from contracts.directory import TownshipPublished
from contracts.notification import NoticesRecorded
from contracts.risk_scoring import RiskAssessed
from services.dispatch import auditor, handlers
from services.dispatch.api import router

SERVICE = Service(
    name="dispatch",
    handlers={
        TownshipPublished: handlers.on_township_published,
        RiskAssessed: handlers.on_risk_assessed,
        NoticesRecorded: handlers.on_notices_recorded,
        PlanAgreed: handlers.on_plan_agreed,
        VisitRecorded: handlers.on_visit_recorded,
        ClosureRequested: handlers.on_closure_requested,
        ClosureRefused: handlers.on_closure_refused,
        CaseClosed: handlers.on_case_closed,
    },
    routers=(router,),
    needs=(TownshipPublished,),
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    on_fired=handlers.on_deadlines_fired,
    periodic=(Periodic("auditor", auditor.EVERY_SECONDS, auditor.audit),),
    commands={"audit": Command(auditor.audit_arguments, auditor.audit_command)},
)
