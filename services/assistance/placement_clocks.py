"""The clocks of placements: how long a stay may last, reviews and length of a temporary guardianship, what is owed to a
child nobody knows.
"""

from datetime import datetime
from uuid import UUID

from chassis.clock import derived_id
from chassis.transaction import Deadline
from contracts.access import COORDINATOR
from contracts.policy import Policy, elapsed
from services.assistance.clocks import ALARM, DUE_SOON, OVERDUE, REPEAT, task_clock
from services.assistance.domain.rounds import Round
from services.assistance.domain.stays import hard_flag, length_alarms, stay_ends, warned_at
from services.assistance.store.placements import FollowUpRow, PlacementRow

LEADER = "responsible_leader"
REVIEW, LENGTH = "GUARDIANSHIP_REVIEW", "GUARDIANSHIP_LENGTH"
"""What the clocks of a temporary guardianship are called in `TaskFired.code`."""


def cap_clock(row: PlacementRow, round_: Round, policy: Policy) -> Deadline | None:
    """The end of a stay that may last only so long (P7 24 h, P3 72 h). None: this kind has no limit."""
    assert row.started_at is not None, "a stay that began"
    ends = stay_ends(row.kind, row.started_at, policy)
    if ends is None:
        return None
    return task_clock(
        cap_clock_id(row.placement_id),
        round_,
        "placement",
        row.placement_id,
        row.kind,
        COORDINATOR,
        row.started_at,
        ends,
        kind="placement_cap",
        stages=[(warned_at(row.started_at, ends, policy), DUE_SOON), (ends, OVERDUE)],
        targets={DUE_SOON: (LEADER,), OVERDUE: (LEADER,), REPEAT: (LEADER,)},
        repeat=elapsed(policy.placement.alarms.cap_repeat_every),
    )


def cap_clock_id(placement_id: UUID) -> UUID:
    """The clock of the longest stay."""
    return derived_id(placement_id, "cap")


def review_clock_id(guardianship_id: UUID, due_at: datetime) -> UUID:
    """The clock of one review."""
    return derived_id(guardianship_id, "review", due_at.isoformat())


def review_clock(row: PlacementRow, round_: Round, due: datetime, policy: Policy) -> Deadline:
    """The review of a temporary guardianship that is due then."""
    assert row.guardianship_id is not None, "a temporary guardianship"
    assert row.guardianship_since is not None, "a guardianship that began"
    alarms = policy.placement.alarms
    return task_clock(
        review_clock_id(row.guardianship_id, due),
        round_,
        "placement",
        row.guardianship_id,
        REVIEW,
        COORDINATOR,
        row.guardianship_since,
        due,
        kind="guardianship_review",
        stages=[(due - elapsed(alarms.review_remind_before), DUE_SOON), (due, OVERDUE)],
        targets={OVERDUE: (LEADER,), REPEAT: (LEADER,)},
        repeat=elapsed(alarms.repeat_every),
    )


def length_clock(row: PlacementRow, round_: Round, policy: Policy) -> Deadline:
    """Alarms while a temporary guardianship grows long, and the flag at one year, repeated until it ends."""
    assert row.guardianship_id is not None, "a temporary guardianship"
    assert row.guardianship_since is not None, "a guardianship that began"
    flag = hard_flag(row.guardianship_since, policy)
    return task_clock(
        derived_id(row.guardianship_id, "length"),
        round_,
        "placement",
        row.guardianship_id,
        LENGTH,
        COORDINATOR,
        row.guardianship_since,
        flag,
        kind="guardianship_length",
        stages=[*((at, ALARM) for at in length_alarms(row.guardianship_since, policy)), (flag, OVERDUE)],
        targets={ALARM: (LEADER,), OVERDUE: (LEADER, "township_head"), REPEAT: (LEADER, "township_head")},
        repeat=elapsed(policy.placement.alarms.repeat_every),
    )


def follow_up_clock(row: FollowUpRow, round_: Round, policy: Policy) -> Deadline:
    """A search or registration owed to a child: its owner is told at once, and again at 80 % of the time."""
    soon = row.opened_at + (row.due_at - row.opened_at) * policy.placement.alarms.cap_warn_percent / 100
    return task_clock(
        row.follow_up_id,
        round_,
        "placement",
        row.follow_up_id,
        row.code,
        row.owner,
        row.opened_at,
        row.due_at,
        kind="placement_follow_up",
        stages=[(row.opened_at, DUE_SOON), (soon, DUE_SOON), (row.due_at, OVERDUE)],
        repeat=elapsed(policy.placement.alarms.repeat_every),
    )
