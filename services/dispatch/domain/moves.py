"""What moves a deadline, and counting it all again: level, pause, extension, and a calendar that became known.

A breach is a fact: no move touches a deadline that has passed.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts.policy import Policy, WorkingCalendar
from services.dispatch.domain.clocks import Deadline
from services.dispatch.domain.counting import TASK, Counted, Move, MoveCause, after_standstill, counted, limit_named

COUNTS_ANEW = ("brought_forward", "lowered", "hand_over")
"""Moves that count a limit from its start again; the others build on the deadline before them."""


def counted_anew(deadline: Deadline, cause: MoveCause, at: datetime, due: Counted, start: datetime) -> Deadline:
    """The deadline with its limit counted anew from `start`."""
    move = Move(cause, at.astimezone(UTC), deadline.due, due.at, due.rule, start.astimezone(UTC), due.safe_until)
    return replace(
        deadline,
        counted_from=start.astimezone(UTC),
        due=due.at,
        provisional=due.provisional,
        moves=(*deadline.moves, move),
    )


def says_nothing_new(deadline: Deadline, due: Counted) -> bool:
    """Whether a count follows the rule and the hand-over that hold already: then what people gave since, a pause or an
    extension, is not taken back."""
    rule, _, safe_until = _ruling(deadline)
    return (due.rule, due.safe_until) == (rule, safe_until)


def stopped(
    deadline: Deadline, source: UUID, at: datetime, until: datetime, policy: Policy, calendar: WorkingCalendar
) -> Deadline:
    """The deadline standing still from `at` to `until`. One that has passed stays, and so does one that a hand-over of
    the child decides: the hand-over does not wait.
    """
    if deadline.due <= at or _ruling(deadline)[2] is not None:
        return deadline
    due = after_standstill(deadline.due, at, until, _in_working_days(deadline, policy), calendar)
    move = Move("paused", at, deadline.due, due.at, until=until, source=source)
    provisional = deadline.provisional or due.provisional
    return replace(deadline, due=due.at, provisional=provisional, moves=(*deadline.moves, move))


def resumed(deadline: Deadline, source: UUID, at: datetime, policy: Policy, calendar: WorkingCalendar) -> Deadline:
    """The deadline when its pause ends at `at` already: it stood still only so long."""
    if not any(move.source == source and move.cause == "paused" for move in deadline.moves):
        return deadline
    moves = tuple(replace(m, until=at) if m.source == source and m.cause == "paused" else m for m in deadline.moves)
    return _again(replace(deadline, moves=moves), policy, calendar)


def extended(deadline: Deadline, source: UUID, at: datetime, until: datetime) -> Deadline:
    """The deadline with the time that was granted."""
    due = until.astimezone(UTC)
    move = Move("extended", at, deadline.due, due, source=source)
    return replace(deadline, due=due, provisional=False, moves=(*deadline.moves, move))


def recounted(deadline: Deadline, now: datetime, policy: Policy, calendar: WorkingCalendar) -> Deadline:
    """A provisional deadline counted with the holidays that are known now. One that has passed stays where it was, and
    none is moved to a moment that has passed already (policy `clocks.year_without_data`).
    """
    if not deadline.provisional or deadline.due <= now:
        return deadline
    again = _again(deadline, policy, calendar)
    if again.provisional:
        return deadline
    if again.due <= now:
        kept = Move("kept", now, deadline.due, deadline.due)
        return replace(deadline, provisional=False, moves=(*deadline.moves, kept), recounted_at=now)
    return replace(again, recounted_at=now)


# Counting again --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a deadline stands after being armed (`move` None) or after a move, counted again."""

    move: Move | None
    due: datetime
    provisional: bool


def replay(deadline: Deadline, policy: Policy, calendar: WorkingCalendar) -> tuple[Stand, ...]:
    """The deadline counted again from its anchor through every move; the last stand is the deadline in force."""
    first = _count(deadline, deadline.rule, deadline.anchored_at, deadline.safe_until, policy, calendar)
    stands = [Stand(None, first.at, first.provisional)]
    rule = deadline.rule
    for move in deadline.moves:
        due, provisional = stands[-1].due, stands[-1].provisional
        if move.cause in COUNTS_ANEW and move.rule is not None and move.start is not None:
            rule = move.rule
            again = _count(deadline, rule, move.start, move.safe_until, policy, calendar)
            due, provisional = again.at, again.provisional
        elif move.cause == "paused" and move.until is not None:
            later = after_standstill(due, move.at, move.until, _counts_days(deadline, rule, policy), calendar)
            due, provisional = later.at, provisional or later.provisional
        else:
            due, provisional = move.due, False
        stands.append(Stand(move, due, provisional))
    return tuple(stands)


def stood_still(deadline: Deadline) -> timedelta:
    """How long the present limit stood still in pauses."""
    total = timedelta()
    for move in deadline.moves:
        if move.cause in COUNTS_ANEW:
            total = timedelta()
        elif move.cause == "paused":
            total += move.due - move.before
    return total


def _again(deadline: Deadline, policy: Policy, calendar: WorkingCalendar) -> Deadline:
    """The deadline with every moment in it counted again."""
    first, *rest = replay(deadline, policy, calendar)
    moves: list[Move] = []
    before = first.due
    for stand in rest:
        assert stand.move is not None, "only the first stand has no move"
        moves.append(replace(stand.move, before=before, due=stand.due))
        before = stand.due
    last = rest[-1] if rest else first
    return replace(deadline, due=last.due, provisional=last.provisional, moves=tuple(moves))


def _count(
    deadline: Deadline,
    rule: str,
    start: datetime,
    safe_until: datetime | None,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Counted:
    return counted(deadline.step, rule, limit_named(rule, policy), start, safe_until, calendar)


def _ruling(deadline: Deadline) -> tuple[str, datetime, datetime | None]:
    """Policy key, start and hand-over of the count in force."""
    for move in reversed(deadline.moves):
        if move.cause in COUNTS_ANEW and move.rule is not None and move.start is not None:
            return move.rule, move.start, move.safe_until
    return deadline.rule, deadline.anchored_at, deadline.safe_until


def _in_working_days(deadline: Deadline, policy: Policy) -> bool:
    return _counts_days(deadline, _ruling(deadline)[0], policy)


def _counts_days(deadline: Deadline, rule: str, policy: Policy) -> bool:
    return deadline.step != TASK and limit_named(rule, policy).clock == "WD"
