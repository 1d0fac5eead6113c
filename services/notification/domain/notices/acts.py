"""What people do with referrals and with the running response: returns, orders from above, pauses, more time."""

from collections.abc import Iterator

from contracts import dispatch, risk_scoring
from services.notification.domain.case import TASK_ROLES
from services.notification.domain.message import Message
from services.notification.domain.notices.responses import referrals
from services.notification.domain.notices.rule import Rules
from services.notification.domain.notices.teller import QUIETLY, Teller

SUPERVISOR = "civil_affairs_supervisor"
_RETURNS, _SUPERVISION, _PAUSE, _EXTENSION = "return_of_referral", "sla.supervision", "sla.pause", "sla.extension"


# Referrals -----------------------------------------------------------------------------------------------------------


def _returned(event: dispatch.ReferralReturned, teller: Teller) -> Iterator[Message]:
    codes = {
        "department": event.department,
        "proposed_department": event.proposed_department,
        "due_at": event.decision_due_at.isoformat(),
    }
    if event.buck_passing:
        codes["flag"] = "buck_passing"
    yield from teller.tell(teller.case.coordinating, "return_to_decide", event.level, _RETURNS, codes)


def _return_decided(event: dispatch.ReturnDecided, teller: Teller) -> Iterator[Message]:
    codes, unit = {"department": event.department}, event.organisation
    if not event.upheld:
        yield from teller.tell(event.department, "return_refused", event.level, _RETURNS, codes, only=unit)
        return
    yield from teller.queue(event.department, "return_upheld", event.level, _RETURNS, codes, only=unit)
    if event.issued is not None:
        yield from referrals((event.issued,), event.level, teller)


def _revoked(event: dispatch.ReferralRevoked, teller: Teller) -> Iterator[Message]:
    """The unit hears this one thing more: that its task was taken back. It sees which referral, no longer the case."""
    if event.department in teller.case.barred:
        return
    codes = {"department": event.department, "reason": event.reason, "referral_id": str(event.referral_id)}
    masked = event.department not in teller.case.roles
    yield Message(
        "referral_revoked", "organisation", event.organisation, QUIETLY, event.level, _RETURNS, codes, masked=masked
    )


def _safety_confirmed(event: dispatch.SafetyConfirmed, teller: Teller) -> Iterator[Message]:
    for department in teller.case.departments(TASK_ROLES):
        yield from teller.queue(department, "safety_confirmed", event.level, "S6", {"basis": event.basis})


# From above ----------------------------------------------------------------------------------------------------------


def _urged(event: dispatch.CaseUrged, teller: Teller) -> Iterator[Message]:
    for organisation in event.organisations:
        yield from teller.tell_unit(organisation, "urged", event.level, "sla.urge", {"urge_id": str(event.urge_id)})


def _supervision_ordered(event: dispatch.SupervisionOrdered, teller: Teller) -> Iterator[Message]:
    codes = {"supervision_id": str(event.supervision_id), "due_at": event.reply_due_at.isoformat()}
    for organisation in event.organisations:
        yield from teller.tell_unit(organisation, "supervision_ordered", event.level, _SUPERVISION, codes)


def _supervision_replied(event: dispatch.SupervisionReplied, teller: Teller) -> Iterator[Message]:
    codes = {"supervision_id": str(event.supervision_id)}
    level = teller.case.level
    if event.ended:
        for department in teller.case.departments(TASK_ROLES):
            yield from teller.queue(department, "supervision_ended", level, _SUPERVISION, codes)
        return
    if event.organisation is not None:
        codes["organisation"] = event.organisation
    for post in (SUPERVISOR, "responsible_leader"):
        yield from teller.tell(post, "supervision_replied", level, _SUPERVISION, codes, channels=QUIETLY)


def _lowering_proposed(event: risk_scoring.LevelLoweringProposed, teller: Teller) -> Iterator[Message]:
    codes = {"level_to": event.level_to, "proposal_id": str(event.proposal_id)}
    kind, rule = "lowering_to_decide", "risk.manual_change"
    yield from teller.tell(SUPERVISOR, kind, event.level_from, rule, codes, channels=QUIETLY)


# Time ----------------------------------------------------------------------------------------------------------------


def _paused(event: dispatch.ResponsePaused, teller: Teller) -> Iterator[Message]:
    codes = {"reason": event.reason, "until": event.until.isoformat()}
    for department in teller.case.departments(TASK_ROLES):
        yield from teller.queue(department, "response_paused", teller.case.level, _PAUSE, codes)


def _resumed(event: dispatch.ResponseResumed, teller: Teller) -> Iterator[Message]:
    """The clocks run again: whoever has a task is told, not only shown."""
    for department in teller.case.departments(TASK_ROLES):
        codes = {"cause": event.cause}
        yield from teller.tell(department, "response_resumed", teller.case.level, _PAUSE, codes)


def _extension_requested(event: dispatch.ExtensionRequested, teller: Teller) -> Iterator[Message]:
    """Civil affairs decides; what its own people ask for, their supervisor."""
    codes = {
        "step": event.step,
        "reason": event.reason,
        "until": event.until.isoformat(),
        "extension_id": str(event.extension_id),
    }
    decider = SUPERVISOR if event.by.department == teller.case.coordinating else teller.case.coordinating
    kind, level = "extension_to_decide", teller.case.level
    yield from teller.tell(decider, kind, level, _EXTENSION, codes, channels=QUIETLY)


def _extension_decided(event: dispatch.ExtensionDecided, teller: Teller) -> Iterator[Message]:
    kind = "extension_granted" if event.granted else "extension_refused"
    codes = {"extension_id": str(event.extension_id)}
    if event.deadline is not None:
        codes |= {"step": event.deadline.step, "due_at": event.deadline.due_at.isoformat()}
    level = teller.case.level
    if event.organisation is not None:
        yield from teller.tell_unit(event.organisation, kind, level, _EXTENSION, codes, QUIETLY)
    else:
        yield from teller.tell(teller.answering, kind, level, _EXTENSION, codes, channels=QUIETLY)


RULES: Rules = {
    dispatch.ReferralReturned: _returned,
    dispatch.ReturnDecided: _return_decided,
    dispatch.ReferralRevoked: _revoked,
    dispatch.SafetyConfirmed: _safety_confirmed,
    dispatch.CaseUrged: _urged,
    dispatch.SupervisionOrdered: _supervision_ordered,
    dispatch.SupervisionReplied: _supervision_replied,
    risk_scoring.LevelLoweringProposed: _lowering_proposed,
    dispatch.ResponsePaused: _paused,
    dispatch.ResponseResumed: _resumed,
    dispatch.ExtensionRequested: _extension_requested,
    dispatch.ExtensionDecided: _extension_decided,
}
