"""Stopping the clocks of a YELLOW or BLUE case for a bounded time, once: one person proposes, another decides (policy
`sla.pause`).

The end is known when a pause begins, so every clock is moved at once as if the pause lasted to its bound, and moved back
where it ends earlier. So no clock is ever unwatched. Clocks that passed before, that a hand-over of the child decides, that
start during the pause, or that a supervision order set, do not stop.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.dispatch import ResponsePaused, ResponseResumed
from contracts.policy import Policy, WorkingCalendar
from contracts.vocabulary import Actor
from services.dispatch.domain.announce import armed
from services.dispatch.domain.clocks import CIVIL_AFFAIRS, SUPERVISION, Deadline
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.moves import resumed, stopped
from services.dispatch.domain.opening import with_ack_limits
from services.dispatch.domain.response import Clock, Pause, ResponseFile

RAN = ("running", "ended")
Ending = Literal["bound_reached", "person", "level_raised"]


def why_no_pause(file: ResponseFile, reason: str, policy: Policy) -> Refused | None:
    """Why the clocks of this response may not stop; None where a pause may be proposed."""
    rule = policy.sla.pause
    if file.state != "open":
        return Refused("case_closed", "个案已销号", "The case is closed")
    if file.level not in rule.levels:
        zh, en = "红级、橙级不得暂停；黄级、蓝级可以", "RED and ORANGE are never paused; YELLOW and BLUE may be"
        return Refused("pause_level", zh, en)
    if reason not in {entry.code for entry in rule.reasons}:
        codes = ", ".join(entry.code for entry in rule.reasons)
        zh, en = f"须选择暂停理由：{codes}", f"A pause needs one of the reasons {codes}"
        return Refused("pause_reason", zh, en, "input", "#/reason")
    if sum(pause.state in RAN for pause in file.pauses) >= rule.times:
        zh, en = f"每案至多暂停 {rule.times} 次", f"A case is paused at most {rule.times} time(s)"
        return Refused("paused_before", zh, en)
    return None


def propose(
    file: ResponseFile, pause_id: UUID, reason: str, by: Actor, at: datetime, note_id: UUID | None, policy: Policy
) -> ResponseFile | Refused:
    """Ask for a pause. Nothing stops before another person agrees."""
    if file.pause is not None and file.pause.state == "proposed":
        return Refused("pause_waiting", "已有待批准的暂停申请", "A proposal is waiting for its decision")
    if refused := why_no_pause(file, reason, policy):
        return refused
    return replace(file, pauses=(*file.pauses, Pause(pause_id, "proposed", reason, by, at, note_id)))


def decide(
    file: ResponseFile,
    granted: bool,
    by: Actor,
    posts: Collection[str],
    at: datetime,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile | Refused:
    """The supervisor's decision on the proposal; granted, the clocks stop at `at` for the policy's bound."""
    pause = file.pause
    if pause is None or pause.state != "proposed":
        return Refused("no_pause_proposed", "没有待批准的暂停申请", "No proposal is waiting")
    # Where civil affairs has a conflict of interest, the responsible leader decides in its place.
    wanted = "responsible_leader" if CIVIL_AFFAIRS in file.blocked else policy.sla.pause.who
    if wanted not in posts:
        zh, en = "须由民政办主管决定", "The civil affairs supervisor decides"
        return Refused("pause_post", zh, en, "duty")
    if same_person(by, pause.proposed_by):
        return Refused("second_person", "须由另一人批准", "Another person must decide", "duty")
    if not granted:
        return _with_pause(file, replace(pause, state="declined", decided_by=by, decided_at=at))
    others = replace(file, pauses=file.pauses[:-1])
    if refused := why_no_pause(others, pause.reason, policy):
        return refused
    until = calendar.due_at(policy.sla.pause.max, at).at
    running = replace(pause, state="running", decided_by=by, decided_at=at, until=until)
    return _moved(
        _with_pause(file, running), lambda deadline: stopped(deadline, pause.pause_id, at, until, policy, calendar)
    )


def end(file: ResponseFile, cause: Ending, at: datetime, policy: Policy, calendar: WorkingCalendar) -> ResponseFile:
    """The clocks go on from `at`. A file that is not paused stays as it is."""
    pause = file.pause
    if pause is None or pause.state != "running" or pause.until is None or pause.decided_at is None:
        return file
    at = min(max(at, pause.decided_at), pause.until)
    over = _with_pause(file, replace(pause, state="ended", ended_at=at, ended_by=cause))
    return _moved(over, lambda deadline: resumed(deadline, pause.pause_id, at, policy, calendar))


def ended_by_level(
    file: ResponseFile, level: str, at: datetime, policy: Policy, calendar: WorkingCalendar
) -> ResponseFile:
    """A higher level ends a pause at once; the raised limits are counted after it."""
    raised = policy.rank(level) > policy.rank(file.level)
    return end(file, "level_raised", at, policy, calendar) if raised else file


def same_person(one: Actor, other: Actor) -> bool:
    """Whether two acts are one person's, whatever account was used."""
    return one.account == other.account or (one.staff is not None and one.staff == other.staff)


def _with_pause(file: ResponseFile, pause: Pause) -> ResponseFile:
    return replace(file, pauses=(*file.pauses[:-1], pause))


def _moved(file: ResponseFile, move: Callable[[Deadline], Deadline]) -> ResponseFile:
    def moved(clock: Clock) -> Clock:
        return clock if clock.deadline.step == SUPERVISION else replace(clock, deadline=move(clock.deadline))

    return with_ack_limits(replace(file, clocks=tuple(moved(clock) for clock in file.clocks)))


# Announcements -----------------------------------------------------------------------------------------------------


def paused_event(file: ResponseFile) -> ResponsePaused:
    """A pause that begins."""
    pause = file.pauses[-1]
    return ResponsePaused.model_validate(
        {
            **_about(file),
            "reason": pause.reason,
            "paused_at": pause.decided_at,
            "until": pause.until,
            "by": pause.proposed_by,
            "approved_by": pause.decided_by,
            "note_id": pause.note_id,
        }
    )


def resumed_event(file: ResponseFile, by: Actor) -> ResponseResumed:
    """A pause that is over, with the clocks it moved."""
    pause = file.pauses[-1]
    return ResponseResumed.model_validate(
        {**_about(file), "cause": pause.ended_by, "resumed_at": pause.ended_at, "by": by}
    )


def _about(file: ResponseFile) -> dict[str, Any]:
    pause = file.pauses[-1]
    stood = (c for c in file.clocks if any(move.source == pause.pause_id for move in c.deadline.moves))
    return {
        "case_id": file.case_id,
        "case_number": file.case_number,
        "township": file.township,
        "pause_id": pause.pause_id,
        "deadlines": tuple(armed(clock) for clock in stood),
    }
