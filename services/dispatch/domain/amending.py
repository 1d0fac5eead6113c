"""A report was amended after dispatch: every open part learns of it, and the place and the hand-over time count anew.

What the amendment says of facts and answers comes back as an assessment; here is what no score decides.
"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from contracts.intake import ReportAmended
from contracts.policy import Policy, WorkingCalendar
from services.dispatch.domain.clocks import due_for
from services.dispatch.domain.moves import COUNTS_ANEW, counted_anew
from services.dispatch.domain.placing import at_place
from services.dispatch.domain.response import Clock, ResponseFile
from services.dispatch.domain.revising import Revised, news_of, rerouted
from services.dispatch.domain.units import Township


def amend_response(
    before: ResponseFile,
    data: ReportAmended,
    township: Township,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Revised:
    """The response after an amendment. `before.finished` must be loaded. Only what changes referrals or clocks is news;
    that the report was amended shows on every open referral until its department has seen it."""
    file = before
    if data.place is not None:
        file = at_place(file, data.place, township, now, cause, policy, calendar)
    if data.safe_until is not None:
        file = replace(file, safe_until=data.safe_until.astimezone(UTC))
    if file is not before:
        file = rerouted(before, file, data.at, now, cause, policy, calendar)
        file = _with_hand_over(file, now, policy, calendar)
    change = news_of(before, file)
    return replace(change, file=_marked(before, change.file, data))


def _with_hand_over(file: ResponseFile, now: datetime, policy: Policy, calendar: WorkingCalendar) -> ResponseFile:
    """S6 with a hand-over that was put off: what an earlier hand-over had brought forward goes back, never past its own
    limit, never into the past, and a deadline that has passed stays (policy `sla.steps` S6)."""
    basis = file.basis(policy)

    def counted_again(clock: Clock) -> Clock:
        deadline = clock.deadline
        if deadline.step != "S6" or deadline.due <= now or not _by_hand_over(clock):
            return clock
        due = due_for("S6", deadline.counted_from, basis, policy, calendar)
        if due is None or due.at <= deadline.due:
            return clock
        return replace(clock, deadline=counted_anew(deadline, "hand_over", now, due, deadline.counted_from))

    return replace(file, clocks=tuple(counted_again(clock) for clock in file.clocks))


def _by_hand_over(clock: Clock) -> bool:
    """Whether the deadline in force is a hand-over time: what people granted since stays."""
    if not clock.deadline.moves:
        return clock.deadline.safe_until is not None
    last = clock.deadline.moves[-1]
    return last.cause in COUNTS_ANEW and last.safe_until is not None


def _marked(before: ResponseFile, file: ResponseFile, data: ReportAmended) -> ResponseFile:
    """Every part that was open and still is shows the amendment; who joins now reads the amended report anyway."""
    known = {referral.referral_id for referral in before.referrals}
    return replace(
        file,
        referrals=tuple(
            replace(one, amended_at=data.at, amended=tuple(dict.fromkeys((*one.amended, *data.aspects))))
            if one.open and one.referral_id in known
            else one
            for one in file.referrals
        ),
    )
