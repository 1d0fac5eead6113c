"""Pressing a response on: 催办 (an urge moves no clock) and 督办 (a supervision order with a clock for the written reply).

A reply's clock is one of the response's clocks, so it warns, breaches and repeats along the same chain (policy `sla`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.dispatch import CaseUrged, SupervisionOrdered, SupervisionReplied
from contracts.policy import Policy, WorkingCalendar
from contracts.vocabulary import Actor
from services.dispatch.domain.clocks import SUPERVISION
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.response import Clock, Referral, ResponseFile


@dataclass(frozen=True, slots=True)
class Unit:
    """One organisation under an order, and its reply."""

    organisation: str
    department: str
    deadline_id: UUID
    replied_by: Actor | None = None
    replied_at: datetime | None = None
    late_seconds: int = 0
    note_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Supervision:
    """A supervision order. It stands until the township lifts it, also when every unit has replied."""

    supervision_id: UUID
    level: str
    reply_due_at: datetime
    ordered_by: Actor
    ordered_at: datetime
    note_id: UUID | None
    units: tuple[Unit, ...]
    lifted_by: Actor | None = None
    lifted_at: datetime | None = None


def holders(file: ResponseFile, organisations: Collection[str], pointer: str) -> tuple[Referral, ...] | Refused:
    """The open lead and assist referrals of these organisations, of all where none is named."""
    if file.state != "open":
        return Refused("case_closed", "个案已销号", "The case is closed")
    working = tuple(r for r in file.referrals if r.state != "ended" and r.has_task)
    unknown = set(organisations) - {referral.organisation for referral in working}
    if unknown:
        known = ", ".join(sorted({referral.organisation for referral in working}))
        zh, en = f"只能是有办理任务的单位：{known}", f"Only units with a task in this case: {known}"
        return Refused("unit_without_task", zh, en, "input", pointer)
    return tuple(r for r in working if not organisations or r.organisation in organisations)


# 催办 ----------------------------------------------------------------------------------------------------------------


def urge(
    file: ResponseFile, organisations: Collection[str], at: datetime
) -> tuple[ResponseFile, tuple[Referral, ...]] | Refused:
    """The response with the urge on the queue items of these organisations, and the referrals it reached. Of all units
    with something left to do where none is named."""
    found = holders(file, organisations, "#/organisations")
    if isinstance(found, Refused):
        return found
    reached = tuple(r for r in found if organisations or r.open or file.next_clock(r) is not None)
    if not reached:
        return Refused("nothing_left_to_do", "没有待办任务可催办", "Nobody has anything left to do")
    for referral in reached:
        file = file.with_referral(replace(referral, urged_at=at))
    return file, reached


def urged_event(
    file: ResponseFile, urge_id: UUID, reached: Collection[Referral], by: Actor, at: datetime, note_id: UUID | None
) -> CaseUrged:
    """An urge as announced."""
    return CaseUrged.model_validate(
        {
            "case_id": file.case_id,
            "case_number": file.case_number,
            "township": file.township,
            "urge_id": urge_id,
            "organisations": tuple(dict.fromkeys(referral.organisation for referral in reached)),
            "referrals": tuple(referral.referral_id for referral in reached),
            "level": file.level,
            "by": by,
            "at": at,
            "note_id": note_id,
        }
    )


# 督办 ----------------------------------------------------------------------------------------------------------------


def order(
    file: ResponseFile,
    supervision_id: UUID,
    organisations: Collection[str],
    by: Actor,
    at: datetime,
    note_id: UUID | None,
    policy: Policy,
    calendar: WorkingCalendar,
) -> tuple[Supervision, ResponseFile] | Refused:
    """Put the case under supervision: each unit gets a clock for its reply, counted from the order."""
    found = holders(file, organisations, "#/organisations")
    if isinstance(found, Refused):
        return found
    units: list[Unit] = []
    for referral in found:
        file = file.start(
            SUPERVISION, at, supervision_id, policy, calendar, recipient=referral.department, about=supervision_id
        )
        units.append(Unit(referral.organisation, referral.department, file.clocks[-1].id))
    due = min(clock.deadline.due for clock in _clocks(file, supervision_id))
    return Supervision(supervision_id, file.level, due, by, at, note_id, tuple(units)), file


def reply(
    supervision: Supervision, file: ResponseFile, organisation: str | None, by: Actor, at: datetime, note_id: UUID
) -> tuple[Supervision, ResponseFile] | Refused:
    """A unit's written reply; its clock is met, late or not."""
    unit = next((one for one in supervision.units if one.organisation == organisation), None)
    if unit is None:
        return Refused("not_supervised", "督办未要求本单位回复", "The order does not name your unit", "duty")
    if supervision.lifted_at is not None:
        return Refused("supervision_lifted", "督办已解除", "The order was lifted")
    if unit.replied_at is not None:
        return Refused("replied_before", "本单位已回复", "Your unit has replied already")
    clocks = tuple(clock for clock in _clocks(file, supervision.supervision_id) if clock.id == unit.deadline_id)
    after = file.finish(clocks, at)
    late = max((one.late_seconds for one in after.finished if one.clock.id == unit.deadline_id), default=0)
    replied = replace(unit, replied_by=by, replied_at=at, late_seconds=late, note_id=note_id)
    units = tuple(replied if one is unit else one for one in supervision.units)
    return replace(supervision, units=units), after


def lift(
    supervision: Supervision, file: ResponseFile, by: Actor, at: datetime
) -> tuple[Supervision, ResponseFile] | Refused:
    """The township lifts the order; replies still owed are owed no longer."""
    if supervision.lifted_at is not None:
        return Refused("supervision_lifted", "督办已解除", "The order was lifted already")
    after = file.cancel(_clocks(file, supervision.supervision_id), at, "supervision_lifted")
    return replace(supervision, lifted_by=by, lifted_at=at), after


def _clocks(file: ResponseFile, supervision_id: UUID) -> tuple[Clock, ...]:
    return file.running(SUPERVISION, about=supervision_id)


def ordered_event(supervision: Supervision, file: ResponseFile) -> SupervisionOrdered:
    """An order as announced."""
    return SupervisionOrdered.model_validate(
        {
            **_about(supervision, file),
            "organisations": tuple(unit.organisation for unit in supervision.units),
            "level": supervision.level,
            "reply_due_at": supervision.reply_due_at,
            "by": supervision.ordered_by,
            "at": supervision.ordered_at,
            "note_id": supervision.note_id,
        }
    )


def replied_event(supervision: Supervision, organisation: str, file: ResponseFile) -> SupervisionReplied:
    """One unit's reply as announced."""
    unit = next(one for one in supervision.units if one.organisation == organisation)
    return SupervisionReplied.model_validate(
        {
            **_about(supervision, file),
            "organisation": organisation,
            "late_seconds": unit.late_seconds,
            "by": unit.replied_by,
            "at": unit.replied_at,
            "note_id": unit.note_id,
        }
    )


def lifted_event(supervision: Supervision, file: ResponseFile, note_id: UUID | None) -> SupervisionReplied:
    """The end of an order as announced."""
    return SupervisionReplied.model_validate(
        {
            **_about(supervision, file),
            "ended": True,
            "by": supervision.lifted_by,
            "at": supervision.lifted_at,
            "note_id": note_id,
        }
    )


def _about(supervision: Supervision, file: ResponseFile) -> dict[str, Any]:
    return {
        "case_id": file.case_id,
        "case_number": file.case_number,
        "township": file.township,
        "supervision_id": supervision.supervision_id,
    }
