"""What happens while a clock runs out: warnings, breach, second breach, and then again until a person resolves it.

A clock's firings are a sequence without end, numbered from 0. Every moment follows from the anchor and the deadline,
never from when an earlier firing ran, so that after downtime all of them are known and fire in order.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.policy import Limit, Policy, WorkingCalendar, elapsed
from services.dispatch.domain.clocks import CIVIL_AFFAIRS, Deadline
from services.dispatch.domain.moves import stood_still

STAGES = ("warn_50", "warn_80", "breach", "second_breach")
REPEAT = "repeat"
BREACH, SECOND_BREACH = STAGES.index("breach"), STAGES.index("second_breach")
"""Numbers of the breach firings; every higher number is a repetition of the second breach."""

_UNIT_OF_POST = {
    "village_director": "village_committee", "child_director": "village_committee",
    "village_responsible": "village_committee",
    "village_station": "village_committee", "grid_member": "village_committee", "group_head": "village_committee",
    "responsible_leader": "township_government", "township_head": "township_government",
    "grid_head": "township_government", "duty_leader": "township_government", "duty_room": "township_government",
    "child_supervisor": "civil_affairs", "civil_affairs_supervisor": "civil_affairs",
}  # fmt: skip
"""The unit a post belongs to, so that a unit with a conflict of interest is never told."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing of a clock. `at` is UTC. `targets` are codes of departments and posts, `external` bodies by manual
    notice. A warning goes to the step's own owner. `repeat_no` counts repetitions from 1.
    """

    number: int
    stage: str
    at: datetime
    targets: tuple[str, ...]
    external: tuple[str, ...] = ()
    repeat_no: int = 0


def firing(
    deadline: Deadline,
    number: int,
    level: str,
    policy: Policy,
    calendar: WorkingCalendar,
    blocked: frozenset[str] = frozenset(),
) -> Firing:
    """The firing of this number at the case's present level. `blocked`: units with a conflict of interest."""
    targets, external = _targets(deadline, number, policy)
    targets, external = _around_blocked(targets, external, blocked, policy)
    repeat_no = max(0, number - SECOND_BREACH)
    return Firing(
        number=number,
        stage=REPEAT if repeat_no else STAGES[number],
        at=moment(deadline, number, level, policy, calendar),
        targets=targets,
        external=external,
        repeat_no=repeat_no,
    )


def escalation_plan(
    deadline: Deadline,
    level: str,
    policy: Policy,
    calendar: WorkingCalendar,
    blocked: frozenset[str] = frozenset(),
) -> tuple[Firing, ...]:
    """The named firings of a clock in order. After them `firing` with higher numbers gives the repetitions."""
    return tuple(firing(deadline, number, level, policy, calendar, blocked) for number in range(len(STAGES)))


def moment(deadline: Deadline, number: int, level: str, policy: Policy, calendar: WorkingCalendar) -> datetime:
    """When a firing is due. Warnings fall inside the window; a window of no length warns at the deadline itself."""
    if number < BREACH:
        stood = stood_still(deadline) if deadline.moves else timedelta()
        window = max(deadline.due - deadline.counted_from - stood, timedelta())
        at = deadline.due - window * (100 - policy.sla.warn_percent[number]) / 100
        return _outside_pauses(at, deadline) if deadline.moves else at
    if number == BREACH:
        return deadline.due
    return _later(policy.sla.second_level_delay[level], number - BREACH, deadline.due, calendar)


def _outside_pauses(at: datetime, deadline: Deadline) -> datetime:
    """Nobody is warned while the clock stands still: the warning waits for its end."""
    for move in deadline.moves:
        if move.cause == "paused" and move.until is not None and move.at < at < move.until:
            at = move.until
    return min(at, deadline.due)


def _later(delay: Limit, times: int, start: datetime, calendar: WorkingCalendar) -> datetime:
    """`times` delays after `start`. Working days are counted in one go, so that a repetition never drifts."""
    if delay.clock == "H24":
        return start + times * elapsed(delay)
    return calendar.working_days_after(start, times * (delay.days or 1)).at


# Who is told -----------------------------------------------------------------------------------------------------


def _targets(deadline: Deadline, number: int, policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if number < BREACH:
        return (deadline.owner,), ()
    chain = policy.sla.breach_chain[CIVIL_AFFAIRS if deadline.owner == CIVIL_AFFAIRS else deadline.tier]
    if number == BREACH:
        return tuple(target for target in chain if isinstance(target, str)), ()
    then = tuple(target["then"] for target in chain if not isinstance(target, str))
    return (*then, *policy.sla.second_breach["to"]), policy.sla.second_breach["manual_notice"]


def _around_blocked(
    targets: tuple[str, ...], external: tuple[str, ...], blocked: frozenset[str], policy: Policy
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Targets of a blocked unit are replaced by the body above it: a department, or an external body by notice."""
    told: dict[str, None] = {}
    outside = dict.fromkeys(external)
    for target in targets:
        unit = unit_of(target)
        if unit not in blocked:
            told[target] = None
            continue
        while unit in blocked:
            unit = policy.departments_by_code[unit].parent_body
        (told if unit in policy.departments_by_code else outside)[unit] = None
    return tuple(told), tuple(outside)


def unit_of(target: str) -> str:
    """The department a post belongs to; a department itself."""
    return _UNIT_OF_POST.get(target, target)


# Paging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paging:
    """Calls down the duty roster while nobody signs for a RED referral."""

    first_at: datetime
    every: timedelta

    def at(self, number: int) -> datetime:
        """When the person after the first `number + 1` on the roster is paged (number 0: at the limit itself)."""
        return self.first_at + number * self.every


def paging(deadline: Deadline, level: str, policy: Policy) -> Paging | None:
    """The paging of an unsigned S4, or None where the level has none (policy `sla.no_ack`)."""
    rule = policy.sla.no_ack
    if deadline.step != "S4" or level not in rule.level:
        return None
    return Paging(deadline.due, elapsed(rule.next_roster_person_every))


def pages_at_dispatch(level: str, policy: Policy) -> tuple[str, ...]:
    """Posts that are paged when the referrals go out: the duty leader of a RED case."""
    return (policy.sla.red_at_dispatch["page"],) if policy.rank(level) == max(policy.ranks.values()) else ()


def roster_fallback(policy: Policy) -> tuple[str, ...]:
    """Who is paged where a department's duty roster is empty (policy `sla.rules.roster`)."""
    return tuple(policy.sla.rules["roster"]["fallback"])
