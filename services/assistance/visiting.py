"""Planned visits in motion: whenever a case changes, its schedule is compared with what is planned, and the difference is
written, announced and clocked in the same commit.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from chassis.timers import Fired
from chassis.transaction import Connection, Deadline, Transaction
from contracts.assistance import VisitPlanned
from contracts.envelope import Event
from contracts.policy import load_calendar
from services.assistance.clocks import task_clock
from services.assistance.domain.orders import WARNING_LETTER, in_force
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.domain.visits import Letter, Owed, Planned, Setting, changes, letter_dates
from services.assistance.store.ladders import steps_of, taken
from services.assistance.store.placements import placements_of_cases
from services.assistance.store.visits import PlannedVisitRow, add_planned, planned_of, retire_planned

Why = Event | Fired | None
"""What changed the case; None inside a command."""


async def plan_visits(tx: Transaction, changed: Iterable[tuple[Round, Why]], reason: str = "case_changed") -> None:
    """Bring the planned visits of these rounds, each the current one of its case, up to date. `reason` is the code with
    which those owed no longer are cancelled. The cases' keys are locked."""
    rounds = {round_.case_id: (round_, why) for round_, why in changed if round_.level}
    if not rounds:
        return
    settings = await settings_of(tx, [round_ for round_, _ in rounds.values()])
    added: list[PlannedVisitRow] = []
    for setting in settings:
        why = rounds[setting.round.case_id][1]
        change = changes(setting)
        await _retire(tx, setting, change.retired, reason, why)
        added += [_row(tx, setting, owed, why) for owed in change.added]
    await add_planned(tx.db, added)


async def settings_of(tx: Transaction, rounds: Sequence[Round]) -> list[Setting]:
    """What the schedule of each of these rounds depends on, now."""
    ids = [round_.case_id for round_ in rounds]
    known = await planned_of(tx.db, [(round_.case_id, round_.response_no) for round_ in rounds])
    placements = await placements_of_cases(tx.db, ids)
    letters = await _letters(tx.db, rounds, tx)
    return [
        Setting(
            round=round_,
            known=tuple(known[round_.case_id]),
            placements=placements.get(round_.case_id, ()),
            letters=tuple(letters.get(round_.case_id, ())),
            now=tx.now,
            policy=policy_of(round_),
            calendar=load_calendar(),
        )
        for round_ in rounds
    ]


async def _letters(db: Connection, rounds: Sequence[Round], tx: Transaction) -> dict[UUID, list[Letter]]:
    policies = {round_.case_id: policy_of(round_) for round_ in rounds}
    found: dict[UUID, list[Letter]] = {}
    for row in await steps_of(db, policies):
        [step] = taken([row], ())
        policy = policies[row["case_id"]]
        if step.document == WARNING_LETTER and in_force(step, tx.now):
            dates = letter_dates(step.issued_on, policy, load_calendar())
            letter = Letter(step.ladder_step_id, step.issued_on, dates)
            found.setdefault(row["case_id"], []).append(letter)
    return found


async def _retire(tx: Transaction, setting: Setting, retired: Sequence[Planned], reason: str, why: Why) -> None:
    """A visit that was due already was missed, and stays so in every count; only one still ahead is cancelled."""
    ended = {one.planned_visit_id: "missed" if one.late(setting.now) else "cancelled" for one in retired}
    await retire_planned(tx.db, ended, reason, tx.now)
    for one in retired:
        tx.end(one.planned_visit_id, "cancelled", tx.now)
        if ended[one.planned_visit_id] == "cancelled":
            _announce(tx, setting, one.planned_visit_id, one.owed, why, cancelled=True)


def _row(tx: Transaction, setting: Setting, owed: Owed, why: Why) -> PlannedVisitRow:
    planned_visit_id = tx.new_id("planned_visit", owed.slot, cause=why)
    tx.arm(visit_clock(planned_visit_id, setting.round, owed))
    _announce(tx, setting, planned_visit_id, owed, why)
    return PlannedVisitRow(
        planned_visit_id=planned_visit_id,
        case_id=setting.round.case_id,
        response_no=setting.round.response_no,
        **{name: getattr(owed, name) for name in Owed.__dataclass_fields__},
        state="planned",
        planned_at=tx.now,
        ended_at=None,
        end_reason=None,
        made_at=None,
        made_in_person=True,
    )


def visit_clock(planned_visit_id: UUID, round_: Round, owed: Owed) -> Deadline:
    """Who owes the visit is reminded, and from its due time on so is civil affairs, until it is made."""
    return task_clock(
        planned_visit_id, round_, "visit", planned_visit_id, owed.rule, owed.owner, owed.anchor_at, owed.due_at
    )


def _announce(
    tx: Transaction, setting: Setting, planned_visit_id: UUID, owed: Owed, why: Why, *, cancelled: bool = False
) -> None:
    tx.publish(
        str(setting.round.case_id),
        VisitPlanned(
            case_id=setting.round.case_id,
            planned_visit_id=planned_visit_id,
            post=owed.post,
            rule=owed.rule,
            due_at=owed.due_at,
            remote_allowed=owed.remote_allowed,
            cancelled=cancelled,
            at=tx.now,
            policy_version=setting.policy.policy_version,
        ),
        cause=why,
    )
