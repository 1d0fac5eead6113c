"""Notices that people give by hand to bodies outside (N-11), and copies of orders (N-8): what is owed, and what was given.

A notice that is owed has a clock of its own, since no delivery ledger can meet it: it runs until somebody says that it was
given. Any other body of the policy may be told and recorded at any time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from contracts.dispatch import Notice
from contracts.policy import Policy, WorkingCalendar
from services.dispatch.domain.clocks import MANUAL_NOTICE
from services.dispatch.domain.notices import may_be_told, notice_due
from services.dispatch.domain.response import ResponseFile, identity

COPIES = "N-8"
CONFLICT, PLACEMENT = "conflict_of_interest", "placement"
MEANS = ("letter", "telephone", "in_person", "official_system")


@dataclass(frozen=True, slots=True)
class Owed:
    """One notice to one body. `subject` is what it is about: the response, a placement, a ladder step."""

    body: str
    cause: str
    subject: UUID


def external_notices(
    file: ResponseFile, at: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar
) -> ResponseFile:
    """The response with the external notices that its facts call for: the body above a blocked unit, the procuratorate
    for a mandated report of harm, and what else the policy says (`notices` N-11, `owed`)."""
    owed = [Owed(body, CONFLICT, file.response_id) for body in file.external_notices]
    if not file.transfer_out:
        children = [child.circumstances.at(file.level) for child in file.child_cases(policy)]
        for rule in policy.compiled.owed_by_hand:
            if rule.condition is not None and any(rule.condition.holds(child) for child in children):
                owed += [Owed(body, rule.cause, file.response_id) for body in rule.to]
    return owing(file, owed, at, cause, policy, calendar)


def owing(
    file: ResponseFile,
    owed: Iterable[Owed],
    at: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile:
    """The response owing these notices, each once, with a clock from `at`."""
    for one in owed:
        notice_id = identity(one.subject, MANUAL_NOTICE, one.cause, one.body)
        if any(notice.notice_id == notice_id for notice in file.notices):
            continue
        file = file.start(MANUAL_NOTICE, at, cause, policy, calendar, about=notice_id)
        notice = Notice(
            notice=MANUAL_NOTICE,
            bodies=(one.body,),
            status="manual",
            due_at=file.clocks[-1].deadline.due,
            notice_id=notice_id,
            cause=one.cause,
        )
        file = replace(file, notices=(*file.notices, notice))
    return file


def owing_for_ladder_step(
    file: ResponseFile,
    step: str,
    ladder_step_id: UUID,
    copies_to: Iterable[str],
    at: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile:
    """The response after a step of the guardian ladder: copies to those who watch over it (N-8, L-DV 17 and 32), and the
    bodies outside whose process it starts (N-11)."""
    guardian_told = file.guardian in ("due", "given")
    told = [body for body in copies_to if may_be_told(body, file.routing(), guardian_told=guardian_told)]
    known = {notice.notice_id for notice in file.notices}
    for body in told:
        notice_id = identity(ladder_step_id, COPIES, body)
        if notice_id not in known:
            due = notice_due(file.level, body, at, policy, calendar).at
            copy = Notice(notice=COPIES, bodies=(body,), due_at=due, notice_id=notice_id, cause=step)
            file = replace(file, notices=(*file.notices, copy))
    rules = [rule for rule in policy.compiled.owed_by_hand if step in rule.ladder_steps]
    owed = [Owed(body, rule.cause, ladder_step_id) for rule in rules for body in rule.to]
    return owing(file, owed, at, cause, policy, calendar)


def given(file: ResponseFile, body: str, at: datetime, notice_id: UUID) -> ResponseFile:
    """The response after a body outside was told at `at`: the oldest notice owed to it is given and its clock met. One
    that was not owed is kept as given all the same."""
    for number, notice in enumerate(file.notices):
        if notice.notice == MANUAL_NOTICE and notice.status == "manual" and notice.bodies == (body,):
            told = notice.model_copy(update={"status": "given", "given_at": at})
            notices = (*file.notices[:number], told, *file.notices[number + 1 :])
            file = file.finish(file.running(MANUAL_NOTICE, about=notice.notice_id), at) if notice.notice_id else file
            return replace(file, notices=notices)
    extra = Notice(notice=MANUAL_NOTICE, bodies=(body,), status="given", given_at=at, notice_id=notice_id)
    return replace(file, notices=(*file.notices, extra))
