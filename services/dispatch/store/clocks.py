"""Clocks as the engine's deadlines and back: the plan of stages, the repetition, and what runs beside the clocks: the paging
of an unsigned RED S4, and the end of a pause."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from chassis.transaction import Deadline as Armed
from contracts.policy import Policy, WorkingCalendar, elapsed
from services.dispatch.domain import clocks as rules
from services.dispatch.domain.announce import PAGE_NEXT
from services.dispatch.domain.counting import Move
from services.dispatch.domain.escalation import STAGES, moment, paging
from services.dispatch.domain.response import Clock, Finished, Pause, ResponseFile, identity
from services.dispatch.store.rows import Row

PAGE_KIND, PAUSE_KIND = "S4-page", "pause"
BESIDE = (PAGE_KIND, PAUSE_KIND)
"""Kinds of deadlines that are no clock of the response."""
DAY = timedelta(days=1)
_MOVE = TypeAdapter(Move)


def armed_of(clock: Clock, file: ResponseFile, policy: Policy, calendar: WorkingCalendar) -> Armed:
    """A clock with its plan at the response's present level."""
    deadline = clock.deadline
    delay = policy.sla.second_level_delay[file.level]
    every = elapsed(delay) if delay.clock == "H24" else DAY * (delay.days or 1)
    return Armed(
        id=clock.id,
        key=file.key,
        kind=deadline.step,
        anchor_at=deadline.anchored_at,
        due_at=deadline.due,
        plan=tuple((moment(deadline, n, file.level, policy, calendar), stage) for n, stage in enumerate(STAGES)),
        repeat_seconds=int(every.total_seconds()),
        policy_version=file.policy_version,
        detail=detail_of(clock, file),
        subject=clock.referral_id,
    )


def page_id(clock_id: UUID) -> UUID:
    """The clock that pages down the roster while S4 `clock_id` is unsigned."""
    return identity(clock_id, PAGE_NEXT)


def paging_of(clock: Clock, file: ResponseFile, policy: Policy) -> Armed | None:
    """The paging of an S4 clock, where the level has one: its own clock, since it runs beside the escalation."""
    calls = paging(clock.deadline, file.level, policy)
    if calls is None:
        return None
    return Armed(
        id=page_id(clock.id),
        key=file.key,
        kind=PAGE_KIND,
        anchor_at=clock.deadline.anchored_at,
        due_at=clock.deadline.due,
        plan=((calls.first_at, PAGE_NEXT),),
        repeat_seconds=int(calls.every.total_seconds()),
        policy_version=file.policy_version,
        detail={**detail_of(clock, file), "of": str(clock.id)},
        subject=clock.referral_id,
    )


def pause_end_of(pause: Pause, file: ResponseFile) -> Armed:
    """The moment a running pause ends by itself."""
    assert pause.until is not None, "a running pause has its bound"
    return Armed(
        id=pause_end_id(pause),
        key=file.key,
        kind=PAUSE_KIND,
        anchor_at=pause.decided_at or pause.until,
        due_at=pause.until,
        plan=((pause.until, "until"),),
        repeat_seconds=None,
        policy_version=file.policy_version,
        detail={"response_id": str(file.response_id), "township": file.township},
        subject=pause.pause_id,
    )


def pause_end_id(pause: Pause) -> UUID:
    """The deadline that ends a pause."""
    return identity(pause.pause_id, "until")


def detail_of(clock: Clock, file: ResponseFile) -> dict[str, Any]:
    """What the engine's row does not have a column for."""
    deadline = clock.deadline
    return {
        "response_id": str(file.response_id),
        "township": file.township,
        "step": deadline.step,
        "recipient": deadline.recipient,
        "owner": deadline.owner,
        "department": deadline.department,
        "organisation": clock.organisation,
        "tier": deadline.tier,
        "anchor": deadline.anchor,
        "counted_from": deadline.counted_from.isoformat(),
        "provisional": deadline.provisional,
        "referral_id": None if clock.referral_id is None else str(clock.referral_id),
        "about": None if clock.about is None else str(clock.about),
        "rule": deadline.rule,
        **_history(deadline),
    }


def _history(deadline: rules.Deadline) -> dict[str, Any]:
    """What only some clocks have: a hand-over that decides, moves, and a count made again."""
    found: dict[str, Any] = {}
    if deadline.safe_until is not None:
        found["safe_until"] = deadline.safe_until.isoformat()
    if deadline.moves:
        found["moves"] = [_MOVE.dump_python(move, mode="json", exclude_none=True) for move in deadline.moves]
    if deadline.recounted_at is not None:
        found["recounted_at"] = deadline.recounted_at.isoformat()
    return found


def clock_of(armed: Armed) -> Clock:
    """A running deadline as a value."""
    return _clock(armed.id, armed.anchor_at, armed.due_at, armed.detail)


def finished_row(one: Finished, file: ResponseFile) -> dict[str, Any]:
    """A finished clock as columns."""
    deadline = one.clock.deadline
    return {
        "deadline_id": one.clock.id,
        "response_id": file.response_id,
        "case_id": file.case_id,
        "township": file.township,
        "step": deadline.step,
        "organisation": one.clock.organisation,
        "state": one.state,
        "at": one.at,
        "due_at": deadline.due,
        "late_seconds": one.late_seconds,
        "reason": one.reason,
        "detail": {**detail_of(one.clock, file), "anchor_at": deadline.anchored_at.isoformat()},
    }


def finished_of(row: Row) -> Finished:
    """A row as a value."""
    detail = row["detail"]
    anchor_at = datetime.fromisoformat(detail["anchor_at"])
    clock = _clock(row["deadline_id"], anchor_at, row["due_at"], detail)
    return Finished(clock, row["state"], row["at"], row["reason"])


def _clock(clock_id: UUID, anchor_at: datetime, due_at: datetime, detail: Mapping[str, Any]) -> Clock:
    return Clock(
        id=clock_id,
        deadline=rules.Deadline(
            step=detail["step"],
            recipient=detail["recipient"],
            owner=detail["owner"],
            department=detail["department"],
            tier=detail["tier"],
            anchor=detail["anchor"],
            anchored_at=anchor_at,
            counted_from=datetime.fromisoformat(detail["counted_from"]),
            due=due_at,
            provisional=detail["provisional"],
            rule=detail.get("rule", ""),
            safe_until=_moment(detail.get("safe_until")),
            moves=tuple(_MOVE.validate_python(move) for move in detail.get("moves", ())),
            recounted_at=_moment(detail.get("recounted_at")),
        ),
        organisation=detail["organisation"],
        referral_id=_id(detail["referral_id"]),
        about=_id(detail["about"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
