"""The moves every act on a measure shares: find it, check who asks, keep what became of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.command import Command, Reply
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Resource, Subject
from contracts.policy import Policy
from contracts.policy.assistance import Entry
from services.assistance.api.steps import check, resource
from services.assistance.domain.measures import Measure, Refusal, Who, available
from services.assistance.domain.plan import Setting, Wanted, measure_problems
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.measures import find_measure, measure_owners
from services.assistance.store.rounds import load_cases
from services.assistance.tasks import change
from services.assistance.views.measures import measure_view, who

FORBIDDING = frozenset({"not_the_owner", "not_the_party", "not_the_escort", "second_person", "not_your_step"})
"""Refusals about the person; every other one is about the moment."""


@dataclass(frozen=True, slots=True)
class Held:
    """A measure locked for a change by somebody who may try."""

    tx: Transaction
    measure: Measure
    round: Round
    subject: Subject

    @property
    def policy(self) -> Policy:
        return policy_of(self.round)

    @property
    def entry(self) -> Entry:
        return self.policy.assistance.by_code[self.measure.code]

    @property
    def who(self) -> Who:
        return who(self.subject, self.round)


def seen_as(round_: Round, measure: Measure, owners: frozenset[str]) -> Resource:
    """The case as the owner of one measure sees it: with a part in it, be it only a payment."""
    found = resource(round_, owners)
    parties = [*measure.parties, measure.owner_department]
    return Resource(
        township=found.township, village=found.village, group=found.group, level=found.level, restricted=found.restricted,
        conflict_unit=found.conflict_unit, case_lead=found.case_lead,
        departments={**dict.fromkeys(parties, "assist"), **found.departments, measure.owner_department: "assist"},
    )  # fmt: skip


async def seen(db: Connection, measure_id: UUID, subject: Subject, action: str) -> tuple[Measure, Round, Resource]:
    """A measure the subject may read. Raises 404 or 403."""
    measure = await find_measure(db, measure_id)
    if measure is None:
        raise not_found()
    case = (await load_cases(db, [measure.case_id]))[measure.case_id]
    round_ = case.numbered(measure.response_no, "")
    found = seen_as(round_, measure, await measure_owners(db, round_))
    check(subject, action, found)
    return measure, round_, found


async def held(tx: Transaction, measure_id: UUID, subject: Subject, command: Command | None) -> Held:
    """A measure of an open round, locked, at the version the command was decided on.

    Raises 404, 403, 412, 428, or 409 when the case is closed."""
    case_id = await tx.db.fetchval("SELECT case_id FROM measure WHERE measure_id = $1", measure_id)
    if case_id is None:
        raise not_found()
    await tx.lock([str(case_id)])
    measure, round_, _ = await seen(tx.db, measure_id, subject, "measure.act")
    if command is not None:
        command.match(measure.version, current_state=measure.state)
    if round_.state != "open":
        raise conflict("case_closed", "个案已销号", "The case is closed", current_state=round_.state)
    return Held(tx, measure, round_, subject)


def refused_for(refusal: Refusal, current_state: str) -> Problem:
    """What a refusal means: 403 when it is the person, 409 when it is the moment; with what would be allowed."""
    if refusal.rule in FORBIDDING:
        return forbidden(refusal.rule)
    zh, en, allowed = refusal.text.zh, refusal.text.en, list(refusal.allowed)
    return conflict(refusal.rule, zh, en, current_state=current_state, available_actions=allowed)


async def keep_measure(
    held_: Held, after: Measure | Refusal, action: str, *, at: datetime | None = None, announce: bool | None = None,
    reason: str | None = None,
) -> Reply:  # fmt: skip
    """Keep what an act made of the measure and answer with it, or refuse."""
    if isinstance(after, Refusal):
        raise refused_for(after, held_.measure.state)
    actor = held_.subject.actor()
    saved = await change(
        held_.tx, held_.round, held_.measure, after, actor, action, at=at, announce=announce, reason=reason
    )
    view = measure_view(saved, held_.round, held_.subject, held_.tx.now, may_act=True)
    return Reply(200, view, version=saved.version)


def check_measures(wanted: list[Wanted], setting: Setting, prefix: str = "#/measures/{}") -> None:
    """Raises 422 naming each field of each measure that cannot be."""
    found = measure_problems(wanted, setting)
    if found:
        raise invalid(
            *(FieldError(f"{prefix.format(p.index)}/{p.field}", p.code, p.text.zh, p.text.en) for p in found),
        )


def must_offer(found: Held, action: str) -> None:
    """Raises 409, saying what is possible, unless the measure offers this act to this person now."""
    offered = available(found.measure, found.who, found.entry)
    if action not in offered:
        raise conflict(
            "not_possible",
            "当前不能办理此项",
            "This cannot be done now",
            current_state=found.measure.state,
            available_actions=list(offered),
        )
