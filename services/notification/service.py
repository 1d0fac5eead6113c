"""Notification on one page: what it reacts to, its routes, and the loop that hands messages over."""

from pathlib import Path

from chassis.service import Periodic, Runtime, Service
from contracts.access import Subject, may
from contracts.assistance import (
    CaseClosed,
    ClosureRefused,
    ClosureRequested,
    DisbursementChanged,
    MeasureChanged,
    PlacementChanged,
    TaskFired,
)
from contracts.directory import RosterGapFound, TownshipPublished
from contracts.dispatch import (
    CaseUrged,
    DeadlineFired,
    ExtensionDecided,
    ExtensionRequested,
    NoticeGiven,
    ReferralReturned,
    ReferralRevoked,
    ResponseOpened,
    ResponsePaused,
    ResponseResumed,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
    SupervisionOrdered,
    SupervisionReplied,
)
from contracts.intake import AccessReviewOverdue, CallbackOverdue, DispatchOverdue, ReportAmended, TransferRecorded
from contracts.risk_scoring import (
    LevelLoweringProposed,
    ReassessmentDueSoon,
    ReassessmentOpened,
    ReassessmentOverdue,
)
from services.notification import handlers, sender
from services.notification.api import router
from services.notification.channels import sinks
from services.notification.settings import Settings

SEND_EVERY_SECONDS = 1.0
MEASURE_EVERY_SECONDS = 10.0


async def startup(runtime: Runtime) -> None:
    """Connect the channels. Until a provider is configured, all of them lead to the sink."""
    settings: Settings = runtime.settings
    runtime.resources[sender.CHANNELS] = sinks(settings.sink_file, console=settings.sink_console)


SERVICE = Service(
    name="notification",
    handlers={
        TownshipPublished: handlers.on_township_published,
        RosterGapFound: handlers.on_case_event,
        DispatchOverdue: handlers.on_case_event,
        ReportAmended: handlers.on_case_event,
        CallbackOverdue: handlers.on_case_event,
        TransferRecorded: handlers.on_case_event,
        AccessReviewOverdue: handlers.on_case_event,
        LevelLoweringProposed: handlers.on_case_event,
        ReassessmentOpened: handlers.on_case_event,
        ReassessmentDueSoon: handlers.on_case_event,
        ReassessmentOverdue: handlers.on_case_event,
        ResponseOpened: handlers.on_case_event,
        ResponseRevised: handlers.on_case_event,
        ReferralReturned: handlers.on_case_event,
        ReturnDecided: handlers.on_case_event,
        ReferralRevoked: handlers.on_case_event,
        SafetyConfirmed: handlers.on_case_event,
        CaseUrged: handlers.on_case_event,
        SupervisionOrdered: handlers.on_case_event,
        SupervisionReplied: handlers.on_case_event,
        ResponsePaused: handlers.on_case_event,
        ResponseResumed: handlers.on_case_event,
        ExtensionRequested: handlers.on_case_event,
        ExtensionDecided: handlers.on_case_event,
        NoticeGiven: handlers.on_notice_given,
        DeadlineFired: handlers.on_case_event,
        MeasureChanged: handlers.on_case_event,
        DisbursementChanged: handlers.on_case_event,
        PlacementChanged: handlers.on_case_event,
        TaskFired: handlers.on_case_event,
        ClosureRequested: handlers.on_case_event,
        ClosureRefused: handlers.on_case_event,
        CaseClosed: handlers.on_case_event,
    },
    routers=(router,),
    needs=(TownshipPublished,),
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    periodic=(
        Periodic("sender", SEND_EVERY_SECONDS, sender.send_waiting),
        Periodic("backlog", MEASURE_EVERY_SECONDS, sender.measure_backlog),
    ),
    startup=startup,
    linger_seconds=0.05,
)
