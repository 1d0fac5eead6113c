"""What dispatch says of a case: the fan-out, acts on referrals, and clocks armed, met, cancelled or run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from contracts import dispatch
from contracts.envelope import Event, Payload
from services.console.folding.case import round_key
from services.console.writing import Change, Fold


def armed(
    deadlines: Sequence[dispatch.DeadlineArmed], case_id: UUID, number: int, level: str, at: Any
) -> Iterator[Change]:
    """Clocks that began to run or moved."""
    for clock in deadlines:
        told = {
            "case_id": case_id,
            "response_no": number,
            "referral_id": clock.referral_id,
            "step": clock.step,
            "tier": clock.tier,
            "department": clock.department,
            "organisation": clock.organisation,
            "level": level,
            "anchor": clock.anchor,
            "anchor_at": clock.anchor_at,
            "due_at": clock.due_at,
        }
        yield Change("fact_step", {"deadline_id": clock.deadline_id}, told, first={"armed_at": at})


def met(steps: Sequence[dispatch.StepMet], case_id: UUID, number: int) -> Iterator[Change]:
    """Clocks that an act finished."""
    for step in steps:
        first = {
            "case_id": case_id,
            "response_no": number,
            "step": step.step,
            "tier": step.tier,
            "department": step.department,
            "due_at": step.due_at,
        }
        told = {"met_at": step.met_at, "late_seconds": step.late_seconds}
        yield Change("fact_step", {"deadline_id": step.deadline_id}, told, first=first)


def cancelled(reasons: Mapping[str, str], at: Any) -> Iterator[Change]:
    """Clocks that ended without being met: excluded from every share and counted apart (KPI rule `cancelled`)."""
    for deadline_id, reason in reasons.items():
        told = {"cancelled_at": at, "cancelled_reason": reason}
        yield Change("fact_step", {"deadline_id": UUID(deadline_id)}, told)


def issued(
    referrals: Sequence[dispatch.ReferralIssued], case_id: UUID, number: int, level: str, at: Any
) -> Iterator[Change]:
    """Referrals of a response."""
    for referral in referrals:
        told = {
            "case_id": case_id,
            "response_no": number,
            "department": referral.department,
            "organisation": referral.organisation,
            "role": referral.role,
            "level": level,
        }
        yield Change("fact_referral", {"referral_id": referral.referral_id}, told, first={"issued_at": at})


def on_opened(event: Event, _: int) -> Iterator[Change]:
    """The fan-out."""
    data: dispatch.ResponseOpened = event.data
    number = data.response_no
    told = {
        "village": data.place.village,
        "group_code": data.place.group,
        "conflict_unit": data.conflict_unit,
        "transfer_out": data.transfer_out,
        "concerns": list(data.concerns),
        "case_lead": data.case_lead,
    }
    yield Change("fact_round", round_key(data.case_id, number), told, first={"dispatched_at": data.dispatched_at})
    yield from issued(data.referrals, data.case_id, number, data.level, data.dispatched_at)
    yield from armed(data.deadlines, data.case_id, number, data.level, data.dispatched_at)
    yield from met(data.met, data.case_id, number)


def on_revised(event: Event, number: int) -> Iterator[Change]:
    """New facts, a new level, or a person altered the response."""
    data: dispatch.ResponseRevised = event.data
    told = {"concerns": list(data.concerns), "case_lead": data.case_lead}
    yield Change("fact_round", round_key(data.case_id, number), told)
    yield from issued(data.referrals, data.case_id, number, data.level, data.revised_at)
    yield from armed(data.deadlines, data.case_id, number, data.level, data.revised_at)
    yield from met(data.met, data.case_id, number)
    yield from cancelled(data.cancelled, data.revised_at)
    for referral_id in data.withdrawn:
        ended = {"ended_at": data.revised_at, "ended_reason": "withdrawn"}
        yield Change("fact_referral", {"referral_id": referral_id}, ended)


def _act(event: Event, number: int, told: Mapping[str, Any], **parts: Any) -> Iterator[Change]:
    """What every act on a referral says: the referral's new facts and the clocks it finished."""
    data: dispatch.ReferralAct = event.data
    yield Change("fact_referral", {"referral_id": data.referral_id}, told, **parts)
    yield from met(data.met, data.case_id, number)
    yield from armed(getattr(data, "deadlines", ()), data.case_id, number, data.level, data.at)
    yield from cancelled(getattr(data, "cancelled", {}), data.at)


def on_acknowledged(event: Event, number: int) -> Iterator[Change]:
    """签收."""
    yield from _act(event, number, {}, first={"acknowledged_at": event.data.at})


def on_returned(event: Event, number: int) -> Iterator[Change]:
    """退回; the second one is the flag of 推诿."""
    data: dispatch.ReferralReturned = event.data
    yield from _act(event, number, {"returned": data.returns}, most={"buck_passing": data.buck_passing})


def on_return_decided(event: Event, number: int) -> Iterator[Change]:
    """The ruling on a return."""
    data: dispatch.ReturnDecided = event.data
    ended = {"ended_at": data.at, "ended_reason": "returned"} if data.upheld else {}
    yield from _act(event, number, ended, first={} if data.upheld else {"issued_at": data.at})
    if data.issued:
        yield from issued((data.issued,), data.case_id, number, data.level, data.at)


def on_arrival(event: Event, number: int) -> Iterator[Change]:
    """On scene; the first of the three tiers that sees the child is the case's first contact."""
    data: dispatch.ArrivalReported = event.data
    yield from _act(event, number, {}, first={"arrived_at": data.arrived_at})
    if data.first_contact:
        yield Change("fact_round", round_key(data.case_id, number), first={"first_contact_at": data.arrived_at})


def on_safety(event: Event, _: int) -> Iterator[Change]:
    """S6."""
    data: dispatch.SafetyConfirmed = event.data
    yield from met(data.met, data.case_id, data.response_no)
    yield from armed(data.deadlines, data.case_id, data.response_no, data.level, data.at)
    yield Change("fact_round", round_key(data.case_id, data.response_no), first={"safety_at": data.confirmed_at})


def on_assessment(event: Event, number: int) -> Iterator[Change]:
    """S8."""
    data: dispatch.AssessmentRecorded = event.data
    yield from met(data.met, data.case_id, number)
    yield from armed(data.deadlines, data.case_id, number, data.level, data.at)
    yield Change("fact_round", round_key(data.case_id, number), first={"assessed_at": data.at})


def on_other_act(event: Event, number: int) -> Iterator[Change]:
    """An act that only finishes clocks."""
    yield from met(event.data.met, event.data.case_id, number)


def on_feedback(event: Event, number: int) -> Iterator[Change]:
    """S13."""
    data: dispatch.FeedbackGiven = event.data
    yield from met(data.met, data.case_id, number)
    yield Change("fact_round", round_key(data.case_id, number), first={"feedback_at": data.at})


def on_completed(event: Event, number: int) -> Iterator[Change]:
    """办结."""
    data: dispatch.ReferralCompleted = event.data
    yield from _act(event, number, {"completed_at": data.at, "outcome": data.outcome})


def on_revoked(event: Event, number: int) -> Iterator[Change]:
    """Taken back."""
    data: dispatch.ReferralRevoked = event.data
    yield from _act(event, number, {"ended_at": data.at, "ended_reason": data.reason})


def on_urged(event: Event, _: int) -> Iterator[Change]:
    """催办."""
    data: dispatch.CaseUrged = event.data
    for referral_id in data.referrals:
        yield Change("fact_referral", {"referral_id": referral_id}, {"urged_at": data.at})


def on_supervision(event: Event, number: int) -> Iterator[Change]:
    """督办."""
    data: dispatch.SupervisionOrdered = event.data
    yield Change("fact_round", round_key(data.case_id, number), {"supervised_at": data.at})
    for organisation in data.organisations:
        key = {"supervision_id": data.supervision_id, "organisation": organisation}
        told = {"case_id": data.case_id, "reply_due_at": data.reply_due_at, "ordered_at": data.at}
        yield Change("fact_supervision", key, told)


def on_supervision_replied(event: Event, _: int) -> Iterator[Change]:
    """A reply, or the end of the order."""
    data: dispatch.SupervisionReplied = event.data
    if data.organisation is None:
        return
    key = {"supervision_id": data.supervision_id, "organisation": data.organisation}
    told = {"ended_at": data.at} if data.ended else {"replied_at": data.at, "late_seconds": data.late_seconds}
    yield Change("fact_supervision", key, told)


def on_paused(event: Event, number: int) -> Iterator[Change]:
    """The clocks stand still."""
    data: dispatch.ResponsePaused = event.data
    yield Change("fact_round", round_key(data.case_id, number), {"paused_until": data.until})


def on_resumed(event: Event, number: int) -> Iterator[Change]:
    """They run again; those that moved are named."""
    data: dispatch.ResponseResumed = event.data
    yield Change("fact_round", round_key(data.case_id, number), {"paused_until": None})
    for clock in data.deadlines:
        yield Change("fact_step", {"deadline_id": clock.deadline_id}, {"due_at": clock.due_at})


def on_extension_decided(event: Event, _: int) -> Iterator[Change]:
    """More time, or not."""
    data: dispatch.ExtensionDecided = event.data
    if data.deadline:
        yield Change("fact_step", {"deadline_id": data.deadline_id}, {"due_at": data.deadline.due_at})


def on_steps_met(event: Event, _: int) -> Iterator[Change]:
    """Clocks that another service's event finished or started."""
    data: dispatch.StepsMet = event.data
    yield from met(data.met, data.case_id, data.response_no)
    yield from armed(data.deadlines, data.case_id, data.response_no, data.level, data.at)
    yield from cancelled(data.cancelled, data.at)


def on_fired(event: Event, number: int) -> Iterator[Change]:
    """A warning, a breach or an escalation."""
    data: dispatch.DeadlineFired = event.data
    key = {"deadline_id": data.deadline_id}
    first: dict[str, Any] = {"case_id": data.case_id, "response_no": number, "step": data.step, "tier": data.tier}
    match data.stage:
        case "warn_50" | "warn_80":
            yield Change("fact_step", key, first={**first, "warned_at": data.fired_at})
        case "breach":
            told = {"targets": list(data.targets)}
            yield Change("fact_step", key, told, first={**first, "breached_at": data.due_at}, add={"escalations": 1})
        case _:
            yield Change("fact_step", key, {"targets": list(data.targets)}, first=first, add={"escalations": 1})


FOLDS: dict[type[Payload], Fold] = {
    dispatch.ResponseOpened: on_opened,
    dispatch.ResponseRevised: on_revised,
    dispatch.ReferralAcknowledged: on_acknowledged,
    dispatch.ReferralReturned: on_returned,
    dispatch.ReturnDecided: on_return_decided,
    dispatch.ArrivalReported: on_arrival,
    dispatch.SafetyConfirmed: on_safety,
    dispatch.AssessmentRecorded: on_assessment,
    dispatch.GuardianNotified: on_other_act,
    dispatch.FeedbackGiven: on_feedback,
    dispatch.ReferralCompleted: on_completed,
    dispatch.ReferralRevoked: on_revoked,
    dispatch.CaseUrged: on_urged,
    dispatch.SupervisionOrdered: on_supervision,
    dispatch.SupervisionReplied: on_supervision_replied,
    dispatch.ResponsePaused: on_paused,
    dispatch.ResponseResumed: on_resumed,
    dispatch.ExtensionDecided: on_extension_decided,
    dispatch.StepsMet: on_steps_met,
    dispatch.DeadlineFired: on_fired,
}
