"""Changing a running response: another report, new facts, another level (policy `sla.level_change`, `duplicate_rule`).

Roles are only raised, except by the restricted and conflict rules; clocks are only brought forward, except by a lowering
that two persons decided. The policy version pinned when the response opened stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from contracts.dispatch import Notice
from contracts.policy import Policy, WorkingCalendar
from contracts.risk_scoring import RiskAssessed
from services.dispatch.domain.changes import Revision, attach_report, revise
from services.dispatch.domain.clocks import (
    GUARDIAN_NOTICE,
    PER_RECIPIENT,
    REASSESSMENT,
    RESCORE,
    RETURN_DECISION,
    Deadline,
    Key,
    Response,
    arm_step,
)
from services.dispatch.domain.external import external_notices
from services.dispatch.domain.handover import handed_over, signed_again, start_missing, without_revoked
from services.dispatch.domain.notices import guardian_notice
from services.dispatch.domain.opening import child_of, concerns_of, issue, notices_owed, started, with_ack_limits
from services.dispatch.domain.placing import at_place
from services.dispatch.domain.response import (
    DEFERRED_NOTICE,
    Child,
    Clock,
    Finished,
    Referral,
    ResponseFile,
)
from services.dispatch.domain.routing import Referral as Routed
from services.dispatch.domain.routing import Routing, keep_roles, route
from services.dispatch.domain.units import Township

UNREVISED = (DEFERRED_NOTICE, RETURN_DECISION)
"""Clocks that a change leaves alone: the deferred notice has its own start, a ruling on a return is the same hour."""
REVIEWS = ("assessment", "review")
"""What people do that answers the review clock S11 and starts the next one; a batch or a trigger does not."""
STARTED_BY_DISPATCH = (*PER_RECIPIENT, "S5p")


@dataclass(frozen=True, slots=True)
class Revised:
    """The response after a change, and what of it is news: referrals, notices, clocks armed or moved, clocks that ended."""

    file: ResponseFile
    referrals: tuple[Referral, ...]
    clocks: tuple[Clock, ...]
    finished: tuple[Finished, ...]
    notices: tuple[Notice, ...]

    @property
    def is_news(self) -> bool:
        """Whether anybody needs to hear of it."""
        return bool(self.referrals or self.clocks or self.finished or self.notices)


def revise_response(
    before: ResponseFile,
    data: RiskAssessed,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
    township: Township | None = None,
) -> Revised:
    """The response after an assessment of any cause. `before.finished` must be loaded: what is done stays done.

    `township` is given for a report, which may know better where the child is.
    """
    file = _with_findings(before, data, policy)
    if data.report is not None and township is not None:
        file = at_place(file, data.report.place, township, now, cause, policy, calendar)
    at, report_id = data.effective_at, data.report.report_id if data.report else None
    file = rerouted(before, file, at, now, cause, policy, calendar, report_id)
    file = _with_guardian(file, data, policy, calendar)
    if data.cause in REVIEWS and data.assessed_by.kind != "system":
        file = _reviewed(file, at, cause, policy, calendar)
    return news_of(before, file)


def rerouted(
    before: ResponseFile,
    file: ResponseFile,
    at: datetime,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
    report_id: UUID | None = None,
) -> ResponseFile:
    """`file`, which is `before` with something new known, routed again and its clocks revised as of `at`. A report that
    brought the news has clocks of its own."""
    old_basis = before.basis(policy)
    routing = _routing(file, old_basis.routing, policy)
    new_basis = replace(
        old_basis, level=file.level, children=file.child_cases(policy), routing=routing, zone=file.place.zone
    )
    file = _with_roles(file, routing, cause, now, policy)
    revised = [clock for clock in file.clocks if clock.deadline.step not in UNREVISED]
    running, done = [clock.deadline for clock in revised], _done(file)
    if report_id is not None:
        attached = attach_report(running, done, old_basis, new_basis, at, policy, calendar)
        revision = attached.revision
        file = started(file, (*attached.own, attached.reassessment), cause, about=report_id)
        file = file.finish(file.running("S3", about=report_id), now)
    else:
        revision = revise(running, done, old_basis, new_basis, at, policy, calendar)
    file = _with_clocks(file, revised, revision, new_basis, now, cause, policy, calendar)
    file = _watched(file, now, cause, policy, calendar)
    file = external_notices(file, at, cause, policy, calendar)
    return with_ack_limits(file.reowned(policy))


def _done(file: ResponseFile) -> set[Key]:
    """What must not start again. A guardian's notice that was only withheld may."""
    return {
        one.clock.deadline.key
        for one in file.finished
        if one.state == "met" or one.clock.deadline.step != GUARDIAN_NOTICE
    }


def _with_findings(file: ResponseFile, data: RiskAssessed, policy: Policy) -> ResponseFile:
    """New scores, facts and reporters. Only people lower a level, and they say so (policy `automation`)."""
    children: dict[UUID, Child] = {child.child_id: child for child in file.children}
    children.update((child.child_id, child_of(child)) for child in data.children)
    lowered = data.cause == "manual_lowering"
    level = data.report_level if lowered else policy.highest((file.level, data.report_level))
    reporters = (*file.reporters, data.report.reporter) if data.report else file.reporters
    return replace(
        file,
        level=level,
        restricted=file.restricted or data.restricted,
        provisional=data.provisional,
        children=tuple(children.values()),
        reporters=tuple(dict.fromkeys(reporters)),
        safe_until=_hand_over(file, data),
    )


def _hand_over(file: ResponseFile, data: RiskAssessed) -> datetime | None:
    """An amended hand-over time stands, unless a further report knows an earlier one (D-1.1)."""
    if file.safe_until is None or data.report is None:
        return file.safe_until
    known = {child.facts.get("safe_until") for child in file.children}
    told = {child.facts.get("safe_until") for child in data.children} - known - {None}
    return min([file.safe_until, *(datetime.fromisoformat(str(moment)) for moment in told)])


# Roles -----------------------------------------------------------------------------------------------------------


def _routing(file: ResponseFile, running: Routing, policy: Policy) -> Routing:
    """Routed again with what is known now; tasks that were handed over stay with who took them, and what people took
    back stays away."""
    outside_later = not file.transfer_out
    fresh = route(file.child_cases(policy), policy, found_outside_later=outside_later, additions=file.additions)
    fresh = without_revoked(handed_over(fresh, file.moves, policy), file.revoked, running.case_lead)
    return keep_roles(running, fresh, policy)


def _with_roles(file: ResponseFile, routing: Routing, cause: UUID, now: datetime, policy: Policy) -> ResponseFile:
    routed = {referral.department: referral for referral in routing.referrals}
    kept: list[Referral] = []
    for referral in file.referrals:
        if referral.state == "ended":
            kept.append(referral)
        elif (new := routed.pop(referral.department, None)) is None:
            reason = "conflict_of_interest" if referral.department in routing.blocked else "restricted"
            kept.append(replace(referral, state="ended", ended_reason=reason))
        else:
            kept.append(_with_role(file, referral, new, policy))
    added = [issue(file, new, cause, now) for new in routed.values()]
    return replace(
        file,
        referrals=(*kept, *added),
        restricted=routing.restricted,
        case_lead=routing.case_lead,
        coordinator=routing.coordinator,
        blocked=routing.blocked,
        external_notices=routing.external_notices,
    )


def _with_role(file: ResponseFile, referral: Referral, new: Routed, policy: Policy) -> Referral:
    """A raised role that brings a task is to be signed for again, also where the earlier part was done."""
    changed = replace(
        referral,
        role=new.role,
        children=new.children,
        because=new.because,
        concerns=concerns_of(file, new.children),
        masked=new.masked,
        tasks=new.tasks,
        notice_post=new.notice_post,
    )
    raised = policy.role_ranks[new.role] > policy.role_ranks[referral.role]
    if raised and changed.has_task and (referral.state == "completed" or not referral.has_task):
        return signed_again(changed)
    return changed


# Clocks ----------------------------------------------------------------------------------------------------------


def _with_clocks(
    file: ResponseFile,
    before: Iterable[Clock],
    revision: Revision,
    basis: Response,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile:
    """The clocks after a revision, each with the identity it had. What is anchored at dispatch starts now."""
    after: dict[tuple[str, str | None, datetime], list[Deadline]] = {}
    for deadline in (*revision.moved, *revision.unchanged):
        after.setdefault((*deadline.key, deadline.anchored_at), []).append(deadline)
    changed: dict[UUID, Clock] = {}
    for clock in before:
        deadline = clock.deadline
        if deadline.key in revision.cancelled:
            file = file.cancel([clock], now, revision.cancelled[deadline.key])
        else:
            same = after[(*deadline.key, deadline.anchored_at)].pop()
            changed[clock.id] = replace(clock, deadline=same)
    file = replace(file, clocks=tuple(changed.get(clock.id, clock) for clock in file.clocks))
    created = (
        arm_step(new.step, now, basis, policy, calendar, new.recipient) if new.step in STARTED_BY_DISPATCH else new
        for new in revision.created
    )
    return started(file, created, cause)


def _watched(file: ResponseFile, now: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar) -> ResponseFile:
    """Every department that has to sign and act has its clocks, and nobody else has: who was restricted to a notice
    cannot finish a task, and a ruling on a withdrawn referral is not owed."""
    for referral in file.referrals:
        if referral.state == "issued" and referral.has_task:
            file = start_missing(file, referral, now, cause, policy, calendar)
        elif referral.state == "ended" or not referral.has_task:
            idle = file.return_decision_of(referral)
            if file.referral_of(referral.department) in (referral, None):
                idle += tuple(c for step in PER_RECIPIENT for c in file.running(step, recipient=referral.department))
            file = file.cancel(idle, now, referral.ended_reason or "restricted")
    return file


def _with_guardian(file: ResponseFile, data: RiskAssessed, policy: Policy, calendar: WorkingCalendar) -> ResponseFile:
    """The standing of N-9, and the notices that a further report owes."""
    since = data.report.received_at if data.report else data.effective_at
    basis = file.basis(policy)
    notice = guardian_notice(basis.children, basis.level, since, policy, calendar)
    if file.guardian not in ("deferred", "given"):
        file = replace(file, guardian=notice.status)
    if data.report is None:
        return file
    owed = notices_owed(basis, notice, since, policy, calendar)
    fresh = tuple(one for one in owed if one.notice != GUARDIAN_NOTICE or file.guardian not in ("deferred", "given"))
    return replace(file, notices=(*(n for n in file.notices if n.notice != GUARDIAN_NOTICE), *fresh))


def _reviewed(file: ResponseFile, at: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar) -> ResponseFile:
    """A written assessment was scored: what asked for one is answered, and the next review counts from it (S11)."""
    file = file.finish(file.running("S11", RESCORE, REASSESSMENT), at)
    return file if file.transfer_out else file.start("S11", at, cause, policy, calendar)


def news_of(before: ResponseFile, after: ResponseFile) -> Revised:
    """What of a change somebody must hear: referrals, clocks, notices."""
    referrals = {referral.referral_id: referral for referral in before.referrals}
    clocks = {clock.id: clock for clock in before.clocks}
    finished = {one.clock.id for one in before.finished}
    return Revised(
        file=after,
        referrals=tuple(r for r in after.referrals if _differs(referrals.get(r.referral_id), r)),
        clocks=tuple(clock for clock in after.clocks if clocks.get(clock.id) != clock),
        finished=tuple(one for one in after.finished if one.clock.id not in finished),
        notices=tuple(notice for notice in after.notices if notice not in before.notices),
    )


def _differs(before: Referral | None, after: Referral) -> bool:
    """Whether a department has something new to do or to know; a moved limit shows in its clocks."""
    return before is None or replace(before, ack_due=after.ack_due) != after
