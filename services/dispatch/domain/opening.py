"""Opening a response: one report becomes referrals, clocks and notices in one act (D-4.2.1, D-4.2.2, D-2.3)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from contracts.dispatch import Notice
from contracts.policy import Policy, WorkingCalendar
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from services.dispatch.domain.clocks import Deadline, Response, arm
from services.dispatch.domain.external import external_notices
from services.dispatch.domain.notices import GuardianNotice, duty_notices
from services.dispatch.domain.response import Child, Referral, ResponseFile, identity
from services.dispatch.domain.routing import Referral as Routed
from services.dispatch.domain.routing import route
from services.dispatch.domain.units import Township, settled_place, units_for

TRIAGE_STEPS = ("S2", "S3")
"""Level set and referrals sent: done by the very act that opens the response."""
OF_A_REPORT = ("S3", "S13")
"""Steps that every report has of its own (policy `duplicate_rule.report_steps`)."""


def open_response(
    data: RiskAssessed,
    response_id: UUID,
    now: datetime,
    township: Township,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile:
    """The response to a scored report, dispatched at `now`. Raises ValueError when the cause was no report."""
    report = data.report
    if report is None:
        raise ValueError("a response opens with a report")
    place = settled_place(report.place, township)
    empty = ResponseFile(
        response_id=response_id,
        case_id=data.case_id,
        case_number=data.case_number,
        response_no=data.response_no,
        report_id=report.report_id,
        township=report.township,
        place=place,
        level=data.report_level,
        restricted=data.restricted,
        transfer_out=False,
        provisional=data.provisional,
        case_lead=None,
        coordinator=None,
        blocked=frozenset(),
        external_notices=(),
        children=tuple(child_of(child) for child in data.children),
        reporters=(report.reporter,),
        units={},
        received_at=report.received_at,
        dispatched_at=now,
        policy_version=data.policy_version,
        entered_by=data.assessed_by.account,
    )
    cases = empty.child_cases(policy)
    routing = route(cases, policy)
    local = report.received_at.astimezone(calendar.zone)
    file = replace(
        empty,
        restricted=data.restricted or routing.restricted,
        transfer_out=routing.outside,
        case_lead=routing.case_lead,
        coordinator=routing.coordinator,
        blocked=routing.blocked,
        external_notices=routing.external_notices,
        units=units_for(policy.departments_by_code, place, cases, local, township),
    )
    response = Response(file.level, file.received_at, now, cases, routing, place.zone)
    plan = arm(response, policy, calendar)
    file = replace(
        file,
        referrals=tuple(issue(file, one, response_id, now) for one in routing.referrals),
        not_created=dict(plan.not_created),
        notices=notices_owed(response, plan.guardian_notice, file.received_at, policy, calendar),
        guardian=plan.guardian_notice.status,
    )
    file = started(file, plan.deadlines, response_id)
    file = external_notices(file, file.received_at, response_id, policy, calendar)
    return with_ack_limits(file.finish(file.running(*TRIAGE_STEPS), now))


def child_of(assessed: ChildAssessment) -> Child:
    """What the rules need of an assessed child."""
    return Child(
        child_id=assessed.child_id,
        concerns=assessed.concerns,
        facts=assessed.facts,
        answers=assessed.answers,
        level=assessed.level,
        fired=assessed.fired,
    )


def issue(file: ResponseFile, routed: Routed, cause: UUID, at: datetime) -> Referral:
    """A new referral for a routed department."""
    return Referral(
        referral_id=identity(cause, "referral", routed.department),
        department=routed.department,
        organisation=file.units[routed.department],
        role=routed.role,
        state="issued",
        children=routed.children,
        because=routed.because,
        concerns=concerns_of(file, routed.children),
        issued_at=at,
        masked=routed.masked,
        tasks=routed.tasks,
        notice_post=routed.notice_post,
    )


def concerns_of(file: ResponseFile, children: Iterable[UUID]) -> tuple[str, ...]:
    """Concern codes of these children."""
    named = set(children)
    return tuple(dict.fromkeys(code for child in file.children if child.child_id in named for code in child.concerns))


def started(file: ResponseFile, deadlines: Iterable[Deadline], cause: UUID, about: UUID | None = None) -> ResponseFile:
    """The response with these clocks running. Sending the referrals and telling the reporter concern one report."""
    clocks = []
    for deadline in deadlines:
        concerns = about or (file.report_id if deadline.step in OF_A_REPORT else None)
        clock_id = identity(cause, "clock", deadline.step, deadline.recipient or "", about or "")
        clocks.append(file.clock(clock_id, deadline, concerns))
    return replace(file, clocks=(*file.clocks, *clocks))


def with_ack_limits(file: ResponseFile) -> ResponseFile:
    """Referrals remember the limit within which they may be returned, also after they were signed for."""
    limits = {clock.referral_id: clock.deadline.due for clock in file.running("S4")}

    def limited(referral: Referral) -> Referral:
        limit = limits.get(referral.referral_id)
        return referral if limit in (None, referral.ack_due) else replace(referral, ack_due=limit)

    return replace(file, referrals=tuple(limited(referral) for referral in file.referrals))


def notices_owed(
    response: Response, guardian: GuardianNotice, received: datetime, policy: Policy, calendar: WorkingCalendar
) -> tuple[Notice, ...]:
    """The duty notices of a report and the guardian's (N-9). Those that people give by hand stand in `external`."""
    owed = [
        Notice(notice=one.notice, bodies=one.recipients, due_at=one.due)
        for one in duty_notices(
            response.children, response.routing, guardian, response.level, received, policy, calendar
        )
    ]
    owed.append(Notice(notice="N-9", bodies=("guardian",), status=guardian.status, due_at=guardian.due))
    return tuple(owed)
