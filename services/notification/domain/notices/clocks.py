"""Clocks that ran, of dispatch, intake, risk scoring and assistance, and gaps in the rosters they all rely on."""

from collections.abc import Iterator

from contracts import assistance, directory, dispatch, intake, risk_scoring
from services.notification.domain.duty import SHIFT_LEADER
from services.notification.domain.message import Message
from services.notification.domain.notices.acts import SUPERVISOR
from services.notification.domain.notices.rule import Rules
from services.notification.domain.notices.teller import QUIETLY, Teller

_STAGE_KINDS = {
    "warn_50": "deadline_warning",
    "warn_80": "deadline_warning",
    "breach": "deadline_breached",
    "second_breach": "deadline_breached_again",
    "repeat": "deadline_breached_again",
    "page_next": "not_acknowledged",
}
_TASK_KINDS = {
    "due_soon": "task_due_soon",
    "overdue": "task_overdue",
    "repeat": "task_overdue_again",
    "alarm": "task_alarm",
}
_KEEPERS = (SUPERVISOR, "admin")
"""Who may write rosters (the door `roster.write`)."""
_ROSTER, _REASSESSMENT = "sla.rules.roster", "risk.reassessment"


# Responses -----------------------------------------------------------------------------------------------------------


def _deadline_fired(event: dispatch.DeadlineFired, teller: Teller) -> Iterator[Message]:
    kind = _STAGE_KINDS[event.stage]
    codes = {"step": event.step, "stage": event.stage, "due_at": event.due_at.isoformat()}
    if event.department:
        codes["department"] = event.department
    if event.referral_id:
        codes["referral_id"] = str(event.referral_id)
    rule = "sla.no_ack" if event.stage == "page_next" else "sla.breach_chain"
    masked = event.department in teller.case.safety_only
    paged = tuple(teller.page(event.people, kind, event.level, rule, codes, masked=masked))
    yield from paged
    # Nobody signed: page k (counted from 0) goes to person k + 1 of the roster, the first having been told at dispatch.
    nth = event.repeat_no + 1 if event.stage == "page_next" else 0
    for target in () if paged else event.targets:
        only = event.organisation if target == event.department else None
        yield from teller.tell(target, kind, event.level, rule, codes, only=only, nth=nth)
    for body in event.external:
        yield from teller.outside(body, event.level, "sla.second_breach")


def _dispatch_overdue(event: intake.DispatchOverdue, teller: Teller) -> Iterator[Message]:
    """The chain behind intake is stuck: the shift leader calls the departments; from the first repeat civil affairs too."""
    codes = {"due_at": event.due_at.isoformat(), "repeat_no": str(event.repeat_no)}
    targets = (SHIFT_LEADER,) if event.repeat_no == 0 else (SHIFT_LEADER, teller.case.coordinating)
    for target in targets:
        yield from teller.tell(target, "dispatch_overdue", teller.case.level, "sla.breach_chain.hotline", codes)


# The hotline ---------------------------------------------------------------------------------------------------------


def _callback_overdue(event: intake.CallbackOverdue, teller: Teller) -> Iterator[Message]:
    """A silent caller may be a child in danger: the shift leader's telephone rings until somebody has called back."""
    codes = {"callback_id": str(event.callback_id), "due_at": event.due_at.isoformat()}
    yield from teller.tell(SHIFT_LEADER, "callback_overdue", teller.case.level, "contacts.callback", codes)


def _transfer_recorded(event: intake.TransferRecorded, teller: Teller) -> Iterator[Message]:
    """Sent: civil affairs knows where the matter went; what comes in is the hotline's. Nobody has it as long as the
    receipt is owed or refused, so then the shift leader is rung. Acknowledged or withdrawn, nobody need do anything.
    """
    codes = {"transfer_id": str(event.transfer_id), "receiver": event.receiver, "direction": event.direction}
    if event.due_at is not None:
        codes["due_at"] = event.due_at.isoformat()
    level, rule = teller.case.level, "contacts.transfer"
    match event.state, event.direction:
        case "sent", "out":
            yield from teller.tell(teller.case.coordinating, "transfer_sent", level, rule, codes, channels=QUIETLY)
        case "sent", "in":
            yield from teller.tell(SHIFT_LEADER, "transfer_received", level, rule, codes, channels=QUIETLY)
        case "overdue", _:
            yield from teller.tell(SHIFT_LEADER, "transfer_overdue", level, rule, codes)
        case "refused", _:
            yield from teller.tell(SHIFT_LEADER, "transfer_refused", level, rule, codes)
        case _:
            return


def _access_review_overdue(event: intake.AccessReviewOverdue, teller: Teller) -> Iterator[Message]:
    """A break-glass opening waits for its review: the supervisor, and once repeated the leader above."""
    codes = {"grant_id": str(event.grant_id), "due_at": event.due_at.isoformat()}
    rule = "data_protection.break_glass"
    for post in (SUPERVISOR,) if event.repeat_no == 0 else (SUPERVISOR, "responsible_leader"):
        yield from teller.tell(post, "access_review_overdue", teller.case.level, rule, codes, channels=QUIETLY)


# Reassessments -------------------------------------------------------------------------------------------------------

_Reassessment = risk_scoring.ReassessmentOpened | risk_scoring.ReassessmentDueSoon | risk_scoring.ReassessmentOverdue


def _task_of(event: _Reassessment) -> dict[str, str]:
    return {"task_id": str(event.task_id), "trigger": event.trigger, "due_at": event.due_at.isoformat()}


def _reassessment_opened(event: risk_scoring.ReassessmentOpened, teller: Teller) -> Iterator[Message]:
    kind, codes = "reassessment_opened", _task_of(event)
    yield from teller.tell(teller.answering, kind, event.level, _REASSESSMENT, codes, channels=QUIETLY)


def _reassessment_due_soon(event: risk_scoring.ReassessmentDueSoon, teller: Teller) -> Iterator[Message]:
    yield from teller.tell(teller.answering, "reassessment_due_soon", event.level, _REASSESSMENT, _task_of(event))


def _reassessment_overdue(event: risk_scoring.ReassessmentOverdue, teller: Teller) -> Iterator[Message]:
    first = (teller.answering, teller.case.coordinating)
    for target in dict.fromkeys(first if event.repeat_no == 0 else (*first, SUPERVISOR)):
        yield from teller.tell(target, "reassessment_overdue", event.level, _REASSESSMENT, _task_of(event))


# Tasks of assistance -------------------------------------------------------------------------------------------------


def _task_fired(event: assistance.TaskFired, teller: Teller) -> Iterator[Message]:
    """Who owes it and who else must know; a provider that does it learns its task and nothing of the case."""
    kind, rule = _TASK_KINDS[event.stage], "assistance.task_clock"
    codes = {
        "subject": event.subject,
        "subject_id": str(event.subject_id),
        "code": event.code,
        "due_at": event.due_at.isoformat(),
    }
    channels = QUIETLY if event.stage == "due_soon" else None
    yield from teller.provider(event.organisation, kind, event.level, {"task": event.code, "due_at": codes["due_at"]})
    only = event.organisation if teller.scene.unit(event.organisation) else None
    yield from teller.tell(event.owner, kind, event.level, rule, codes, only=only, channels=channels, need_to_know=True)
    for target in event.targets:
        yield from teller.tell(target, kind, event.level, rule, codes, channels=channels, need_to_know=True)


# Rosters -------------------------------------------------------------------------------------------------------------


def _roster_gap(event: directory.RosterGapFound, teller: Teller) -> Iterator[Message]:
    """Whoever keeps the roster must fill it, and those who stand in until then must know that it is they."""
    level = min(teller.policy.ranks, key=teller.policy.rank)
    codes = {"roster": event.roster, "gap": event.kind}
    if event.post is not None:
        codes["post"] = event.post
    if event.starts_at is not None:
        codes["starts_at"] = event.starts_at.isoformat()
    if event.ends_at is not None:
        codes["ends_at"] = event.ends_at.isoformat()
    unit = teller.scene.unit_at(event.roster)
    if unit is not None:
        yield Message("roster_gap", "organisation", unit.code, QUIETLY, level, _ROSTER, codes)
        if unit.head is not None:
            yield Message("roster_gap", "staff", unit.head, QUIETLY, level, _ROSTER, codes)
    for post in _KEEPERS:
        for who in teller.scene.township.posts.get(post, ()):
            yield Message("roster_gap", "staff", who, QUIETLY, level, _ROSTER, codes)
    yield from teller.alarm({"missing": event.roster, "gap": event.kind}, level, event.roster)
    then = teller.at(max(event.starts_at or teller.scene.at, teller.scene.at))
    for target in event.fallback:
        for desk in then.scene.desks(target):
            for who in desk.people[:1]:
                yield Message("standing_in", "staff", who, QUIETLY, level, _ROSTER, codes)


RULES: Rules = {
    dispatch.DeadlineFired: _deadline_fired,
    intake.DispatchOverdue: _dispatch_overdue,
    intake.CallbackOverdue: _callback_overdue,
    intake.TransferRecorded: _transfer_recorded,
    intake.AccessReviewOverdue: _access_review_overdue,
    risk_scoring.ReassessmentOpened: _reassessment_opened,
    risk_scoring.ReassessmentDueSoon: _reassessment_due_soon,
    risk_scoring.ReassessmentOverdue: _reassessment_overdue,
    assistance.TaskFired: _task_fired,
    directory.RosterGapFound: _roster_gap,
}
