"""How a clock of assistance is armed: who owes what, when they are reminded, and who else hears when it is late."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from chassis.transaction import Deadline
from services.assistance.domain.rounds import Round, policy_of

Subject = Literal[
    "measure", "visit", "compliance_check", "placement", "order", "conference", "after_case_review", "disbursement"
]

DUE_SOON, OVERDUE, ALARM, REPEAT = "due_soon", "overdue", "alarm", "repeat"


def task_clock(
    clock_id: UUID,
    round_: Round,
    subject: Subject,
    subject_id: UUID,
    code: str,
    owner: str,
    anchor: datetime,
    due: datetime,
    *,
    kind: str | None = None,
    stages: Sequence[tuple[datetime, str]] | None = None,
    organisation: str | None = None,
    targets: Mapping[str, Sequence[str]] | None = None,
    repeat: timedelta | Literal["by_policy"] | None = "by_policy",
    **detail: Any,
) -> Deadline:
    """The clock of one task; arm it with `tx.arm`, end it with `tx.end(clock_id, ...)`.

    `code` says what is owed (a catalogue code, a visit rule), `owner` the post or department that owes it. `kind`
    (default: the subject) chooses the function in `FIRING`. Without `stages` the owner is reminded after the policy's share
    of the time and the task is overdue at `due`; `alarm` is the stage of a clock that starts as one. `targets` maps a
    stage to those who hear beside the owner; a unit with a conflict of interest never does. `repeat` None: no repeats.
    """
    rules = policy_of(round_).assistance.task_clock
    soon = anchor + (due - anchor) * rules.due_soon_percent / 100
    every = rules.repeat_every if repeat == "by_policy" else repeat
    plan = stages if stages is not None else [(soon, DUE_SOON), (due, OVERDUE)]
    return Deadline(
        id=clock_id,
        key=str(round_.case_id),
        kind=kind or subject,
        anchor_at=anchor,
        due_at=due,
        plan=tuple(plan),
        repeat_seconds=None if every is None else int(every.total_seconds()),
        policy_version=round_.policy_version,
        detail={
            "subject": subject,
            "code": code,
            "owner": owner,
            "organisation": organisation,
            "targets": {stage: list(who) for stage, who in (rules.targets if targets is None else targets).items()},
            "response_no": round_.response_no,
            **detail,
        },
        subject=subject_id,
    )
