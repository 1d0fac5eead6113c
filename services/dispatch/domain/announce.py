"""Domain values as announced: what events say of referrals, clocks and acts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    DeadlineArmed,
    FeedbackGiven,
    GuardianNotified,
    ReferralAcknowledged,
    ReferralAct,
    ReferralCompleted,
    ReferralIssued,
    ReferralReturned,
    ReferralRevoked,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    SafetyConfirmed,
    StepMet,
)
from contracts.envelope import Payload
from contracts.policy import Policy, WorkingCalendar
from contracts.vocabulary import Actor, Level, Role
from services.dispatch.domain.clocks import Deadline
from services.dispatch.domain.commands import (
    Command,
    Complete,
    ConfirmSafety,
    DecideReturn,
    Done,
    GiveFeedback,
    ReportArrival,
    Reroute,
    Return,
    Revoke,
    SeeAmendment,
)
from services.dispatch.domain.escalation import REPEAT, SECOND_BREACH, STAGES, firing
from services.dispatch.domain.response import Clock, Finished, Referral, ResponseFile
from services.dispatch.domain.revising import Revised, news_of

Tier = Literal["group", "village", "township"]
RevisionCause = Literal[
    "report", "assessment", "amendment", "trigger", "review", "rescreen", "manual_raise", "manual_lowering",
    "added_referral", "safety_only_task", "guardian_non_compliance", "welfare_check", "notice_owed",
]  # fmt: skip
Basis = Literal["safe_place", "safety_plan", "receiving_authority_receipt"]
PAGE_NEXT = "page_next"
NUMBERS = {stage: number for number, stage in enumerate(STAGES)}


def issued(referral: Referral) -> ReferralIssued:
    """A referral as announced."""
    return ReferralIssued(
        referral_id=referral.referral_id,
        department=referral.department,
        organisation=referral.organisation,
        role=cast(Role, referral.role),
        because=referral.because,
        children=referral.children,
        masked=referral.masked,
        safety_only=referral.safety_only,
    )


def armed(clock: Clock) -> DeadlineArmed:
    """A running clock as announced."""
    deadline = clock.deadline
    return DeadlineArmed(
        deadline_id=clock.id,
        step=deadline.step,
        tier=deadline.tier,
        department=deadline.department,
        organisation=clock.organisation,
        referral_id=clock.referral_id,
        anchor=deadline.anchor,
        anchor_at=deadline.anchored_at,
        due_at=deadline.due,
        provisional=deadline.provisional,
    )


def met(finished: Iterable[Finished]) -> tuple[StepMet, ...]:
    """The clocks that an act met; cancelled ones are not among them."""
    return tuple(
        StepMet(
            deadline_id=one.clock.id,
            step=one.clock.deadline.step,
            tier=one.clock.deadline.tier,
            department=one.clock.deadline.department,
            due_at=one.clock.deadline.due,
            met_at=one.at,
            late_seconds=one.late_seconds,
        )
        for one in finished
        if one.state == "met"
    )


def cancelled(finished: Iterable[Finished]) -> dict[str, str]:
    """Deadline id → reason of the clocks that ended without being met."""
    return {str(one.clock.id): one.reason or "" for one in finished if one.state == "cancelled"}


def opened(file: ResponseFile) -> ResponseOpened:
    """The whole fan-out."""
    return ResponseOpened(
        case_id=file.case_id,
        case_number=file.case_number,
        response_id=file.response_id,
        response_no=file.response_no,
        report_id=file.report_id,
        township=file.township,
        level=cast(Level, file.level),
        restricted=file.restricted,
        conflict_unit=min(file.blocked, default=None),
        transfer_out=file.transfer_out,
        concerns=file.concerns,
        place=file.place,
        case_lead=file.case_lead,
        coordinator=file.coordinator,
        received_at=file.received_at,
        dispatched_at=file.dispatched_at,
        referrals=tuple(issued(referral) for referral in file.referrals),
        deadlines=tuple(armed(clock) for clock in file.clocks),
        met=met(file.finished),
        not_created=file.not_created,
        notices=file.notices,
        external_notices=file.external_notices,
        children=tuple(child.child_id for child in file.children),
        policy_version=file.policy_version,
    )


def revised(
    before: ResponseFile, change: Revised, cause: RevisionCause, at: datetime, report_id: UUID | None = None
) -> ResponseRevised:
    """What changed: referrals added, changed or withdrawn, clocks armed, moved, met or cancelled, notices, the place."""
    file = change.file
    return ResponseRevised(
        case_id=file.case_id,
        case_number=file.case_number,
        response_id=file.response_id,
        township=file.township,
        cause=cause,
        report_id=report_id,
        level_before=cast(Level, before.level),
        level=cast(Level, file.level),
        restricted=file.restricted,
        concerns=file.concerns,
        case_lead=file.case_lead,
        coordinator=file.coordinator,
        referrals=tuple(issued(referral) for referral in change.referrals if referral.state != "ended"),
        deadlines=tuple(armed(clock) for clock in change.clocks),
        met=met(change.finished),
        notices=change.notices,
        revised_at=at,
        policy_version=file.policy_version,
        withdrawn=tuple(referral.referral_id for referral in change.referrals if referral.state == "ended"),
        left=tuple(sorted({one.department for one in change.referrals if one.state == "ended"} - file.roles.keys())),
        cancelled=cancelled(change.finished),
        place=None if file.place == before.place else file.place,
    )


# Acts --------------------------------------------------------------------------------------------------------------


def acts(
    before: ResponseFile,
    command: Command,
    done: Done,
    by: Actor,
    at: datetime,
    note_id: UUID | None,
    found: dict[str, Any],
) -> tuple[Payload, ...]:
    """The events of an act. A reroute is a referral taken back and another one added; that an amendment was seen shows in
    the queue alone."""
    match command:
        case SeeAmendment():
            return ()
        case Reroute():
            added = revised(before, news_of(before, done.file), "added_referral", at)
            return (act(command, done, by, at, note_id, found), added)
        case _:
            return (act(command, done, by, at, note_id, found),)


def act(
    command: Command, done: Done, by: Actor, at: datetime, note_id: UUID | None, found: dict[str, Any]
) -> ReferralAct:
    """The event of an act. `found` are the coded findings of a written assessment, empty otherwise."""
    file, referral = done.file, done.referral
    common: dict[str, Any] = {
        "case_id": file.case_id,
        "case_number": file.case_number,
        "referral_id": referral.referral_id,
        "department": referral.department,
        "organisation": referral.organisation,
        "role": referral.role,
        "level": file.level,
        "township": file.township,
        "by": by,
        "at": at,
        "met": met(done.finished),
        "note_id": note_id,
    }
    started = tuple(armed(clock) for clock in done.started)
    match command:
        case Return():
            return ReferralReturned(
                **common,
                reason=command.reason,
                proposed_department=command.proposed_department,
                returns=referral.returns,
                buck_passing=referral.buck_passing,
                decision_due_at=done.started[0].deadline.due,
            )
        case DecideReturn():
            taken = issued(done.issued) if done.issued else None
            ended = cancelled(done.finished)
            return ReturnDecided(**common, upheld=command.upheld, issued=taken, deadlines=started, cancelled=ended)
        case Revoke() | Reroute():
            return ReferralRevoked(**common, reason=command.reason, cancelled=cancelled(done.finished))
        case ReportArrival():
            return ArrivalReported(
                **common,
                tier=cast(Tier, done.tier),
                arrived_at=command.arrived_at,
                child_seen=command.child_seen,
                first_contact=done.first_contact,
                deadlines=started,
            )
        case ConfirmSafety():
            return SafetyConfirmed(
                **common,
                confirmed_at=command.confirmed_at,
                basis=cast(Basis, command.basis),
                response_no=file.response_no,
                concerns=file.concerns,
                deadlines=started,
            )
        case GiveFeedback():
            return FeedbackGiven(**common, report_id=command.report_id, possible=command.possible)
        case Complete():
            return ReferralCompleted(**common, outcome=command.outcome)
        case _:
            return _PLAIN[type(command).__name__](**common, **found)


_PLAIN: dict[str, type[ReferralAct]] = {
    "Acknowledge": ReferralAcknowledged,
    "NotifyGuardian": GuardianNotified,
    "RecordAssessment": AssessmentRecorded,
}


# Deadlines that fired ------------------------------------------------------------------------------------------------


def fired(
    deadline: Deadline,
    stage: str,
    repeat_no: int,
    planned_at: datetime,
    level: str,
    blocked: frozenset[str],
    policy: Policy,
    calendar: WorkingCalendar,
) -> dict[str, Any] | None:
    """Stage, targets and external bodies of a firing, as fields of DeadlineFired.

    None where nobody is told: a repetition counted in working days that falls on a day off waits for the next one.
    """
    if stage == PAGE_NEXT:
        targets = () if deadline.department is None else (deadline.department,)
        return {"stage": PAGE_NEXT, "repeat_no": repeat_no, "targets": targets, "external": ()}
    number = NUMBERS.get(stage, SECOND_BREACH + repeat_no)
    if stage == REPEAT and policy.sla.second_level_delay[level].clock == "WD":
        if not calendar.is_working_day(planned_at.astimezone(calendar.zone).date()):
            return None
        since = firing(deadline, SECOND_BREACH, level, policy, calendar, blocked).at
        number = SECOND_BREACH + max(1, calendar.working_days_between(since, planned_at))
    told = firing(deadline, number, level, policy, calendar, blocked)
    return {"stage": told.stage, "repeat_no": told.repeat_no, "targets": told.targets, "external": told.external}
