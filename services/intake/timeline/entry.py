"""What an entry of the story is, and how codes and deadlines of an event become one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from contracts import dispatch
from contracts.envelope import Payload
from contracts.vocabulary import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened (`type`, an event type), when, by whom (ids), in which codes, and what became of which deadline.

    Each of `deadlines` has step, department, due_at and outcome: met, late, missed, running, moved or cancelled.
    """

    type: str
    at: datetime
    actor: Actor
    codes: dict[str, Any]
    deadlines: tuple[dict[str, Any], ...] = ()


NOTE_WRITTEN = "note.written"
_OF_EVERY_EVENT = frozenset({"case_id", "case_number", "township", "by", "at", "policy_version", "late_seconds"})


@singledispatch
def timeline_entry(payload: Payload) -> Entry | None:
    """The entry of an event's payload; None for types that say nothing of a case."""
    return None


def told(
    payload: Payload,
    at: datetime,
    actor: Actor,
    deadlines: Iterable[dict[str, Any]] = (),
    without: Iterable[str] = (),
) -> Entry:
    """An event as its own codes tell it: payloads hold no personal data (decision 0004), so nothing is left out but what
    every entry has anyway, and `without`."""
    codes = payload.model_dump(mode="json", exclude={*_OF_EVERY_EVENT, *without}, exclude_none=True)
    return Entry(payload.TYPE, at, actor, codes, tuple(deadlines))


def met(steps: Iterable[dispatch.StepMet]) -> tuple[dict[str, Any], ...]:
    """The clocks an act finished."""
    return tuple(
        deadline(step.step, step.department, step.due_at, "late" if step.late_seconds else "met")
        | {"met_at": step.met_at.isoformat(), "late_seconds": step.late_seconds}
        for step in steps
    )


def armed(deadlines: Iterable[dispatch.DeadlineArmed], outcome: str) -> tuple[dict[str, Any], ...]:
    """The clocks an event started or moved."""
    return tuple(deadline(one.step, one.department, one.due_at, outcome) for one in deadlines)


def deadline(step: str, department: str | None, due_at: datetime | None, outcome: str) -> dict[str, Any]:
    """One clock and what became of it. `due_at` None: the event does not say when it was due."""
    return {
        "step": step,
        "department": department,
        "due_at": due_at.isoformat() if due_at else None,
        "outcome": outcome,
    }


def done(step: str, department: str | None, at: datetime, late_seconds: int) -> dict[str, Any]:
    """A clock that an act finished, told by how late it was."""
    if not late_seconds:
        return deadline(step, department, None, "met")
    return deadline(step, department, at - timedelta(seconds=late_seconds), "late") | {"late_seconds": late_seconds}
