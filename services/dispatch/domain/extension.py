"""More time for one clock: asked by the unit that owes it before it expires, decided by civil affairs (policy `sla.extension`).

The clock runs on until the decision. Answer, arrival, safety and duty notices are never extended.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.dispatch import ExtensionDecided, ExtensionRequested
from contracts.policy import Policy, WorkingCalendar
from contracts.vocabulary import Actor
from services.dispatch.domain.announce import armed
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.moves import extended
from services.dispatch.domain.pause import same_person
from services.dispatch.domain.response import Clock, ResponseFile

State = Literal["asked", "granted", "refused"]


@dataclass(frozen=True, slots=True)
class Extension:
    """A request for one clock. `until` is the deadline wished for, `granted_until` the one that was given."""

    extension_id: UUID
    deadline_id: UUID
    step: str
    organisation: str | None
    referral_id: UUID | None
    reason: str
    until: datetime
    due_before: datetime
    asked_by: Actor
    asked_at: datetime
    note_id: UUID | None = None
    state: State = "asked"
    decided_by: Actor | None = None
    decided_at: datetime | None = None
    granted_until: datetime | None = None


def ask(
    clock: Clock | None,
    file: ResponseFile,
    earlier: Iterable[Extension],
    wish: Extension,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Refused | None:
    """Why this request cannot be made; None where it may wait for its decision."""
    if refused := _why_not(clock, file, wish.until, wish.asked_at, policy, calendar):
        return refused
    reasons = [reason.code for reason in policy.sla.extension.reasons]
    if wish.reason not in reasons:
        codes = ", ".join(reasons)
        return Refused("extension_reason", f"理由须为：{codes}", f"The reason is one of {codes}", "input", "#/reason")
    if any(one.state == "asked" for one in earlier):
        return Refused("extension_waiting", "已有待决定的延期申请", "A request for this clock is waiting")
    return None


def decide(
    extension: Extension,
    clock: Clock | None,
    file: ResponseFile,
    granted: bool,
    until: datetime | None,
    by: Actor,
    at: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
) -> tuple[Extension, ResponseFile] | Refused:
    """Civil affairs decides. Granted, the clock ends at `until`, or at the moment asked for where none is given."""
    if extension.state != "asked":
        return Refused("extension_decided", "该申请已处理", "It was decided already")
    if same_person(by, extension.asked_by):
        return Refused("second_person", "须由另一人决定", "Another person must decide", "duty")
    if not granted:
        return replace(extension, state="refused", decided_by=by, decided_at=at), file
    wanted = until or extension.until
    if refused := _why_not(clock, file, wanted, at, policy, calendar):
        return refused
    assert clock is not None, "a clock that does not run was refused"
    moved = replace(clock, deadline=extended(clock.deadline, extension.extension_id, at, wanted))
    clocks = tuple(moved if one.id == clock.id else one for one in file.clocks)
    decided = replace(extension, state="granted", decided_by=by, decided_at=at, granted_until=moved.deadline.due)
    return decided, replace(file, clocks=clocks)


def latest(clock: Clock, level: str, policy: Policy, calendar: WorkingCalendar) -> datetime:
    """The latest deadline that may be granted."""
    return calendar.due_at(policy.sla.extension.max[level], clock.deadline.due).at


def _why_not(
    clock: Clock | None, file: ResponseFile, until: datetime, at: datetime, policy: Policy, calendar: WorkingCalendar
) -> Refused | None:
    rule = policy.sla.extension
    if clock is None:
        return Refused("deadline_ended", "该时限已结束", "This clock no longer runs")
    deadline = clock.deadline
    if deadline.due <= at:
        zh, en = "时限已过，逾期后不得延期", "It has expired; an extension comes before the deadline"
        return Refused("deadline_passed", zh, en)
    allowed = rule.steps.get(file.level, ())
    if deadline.step not in allowed:
        codes = ", ".join(allowed)
        zh, en = f"本等级只有这些步骤可以延期：{codes}", f"At this level only these steps may be extended: {codes}"
        return Refused("never_extended", zh, en)
    if sum(move.cause == "extended" for move in deadline.moves) >= rule.times:
        zh, en = f"同一时限至多延期 {rule.times} 次", f"A clock is extended at most {rule.times} time(s)"
        return Refused("extended_before", zh, en)
    bound = latest(clock, file.level, policy, calendar)
    if not deadline.due < until <= bound:
        zh = f"新时限须晚于原时限，且不晚于 {bound.astimezone(calendar.zone).isoformat(timespec='minutes')}"
        en = f"The new deadline lies after the old one and not after {bound.isoformat(timespec='minutes')}"
        return Refused("extension_bound", zh, en, "input", "#/until")
    return None


# Announcements -----------------------------------------------------------------------------------------------------


def requested_event(extension: Extension, file: ResponseFile) -> ExtensionRequested:
    """A request as announced."""
    return ExtensionRequested(
        case_id=file.case_id,
        case_number=file.case_number,
        township=file.township,
        extension_id=extension.extension_id,
        deadline_id=extension.deadline_id,
        referral_id=extension.referral_id,
        step=extension.step,
        reason=extension.reason,
        until=extension.until,
        by=extension.asked_by,
        at=extension.asked_at,
        note_id=extension.note_id,
    )


def decided_event(extension: Extension, file: ResponseFile) -> ExtensionDecided:
    """A decision as announced, with the clock it moved."""
    moved = next((clock for clock in file.clocks if clock.id == extension.deadline_id), None)
    granted = extension.state == "granted"
    return ExtensionDecided.model_validate(
        {
            "case_id": file.case_id,
            "case_number": file.case_number,
            "township": file.township,
            "extension_id": extension.extension_id,
            "deadline_id": extension.deadline_id,
            "organisation": extension.organisation,
            "granted": granted,
            "deadline": armed(moved) if granted and moved else None,
            "by": extension.decided_by,
            "at": extension.decided_at,
        }
    )
