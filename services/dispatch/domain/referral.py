"""What a department may do with a referral, and what each act does: one guard and one effect per action, pure.

The guard alone decides whether an action is open in the present state; `available_actions` asks the same guards, so the
page, the API and the refusal never disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from contracts.policy import Policy
from contracts.vocabulary import CLOCK_LEEWAY
from services.dispatch.domain import guards
from services.dispatch.domain.clocks import (
    GUARDIAN_NOTICE,
    POLICE,
    REASSESSMENT,
    RESCORE,
    RETURN_DECISION,
    VILLAGE,
    WELFARE_CHECK,
)
from services.dispatch.domain.commands import (
    RECEIPT,
    Acknowledge,
    Command,
    Complete,
    ConfirmSafety,
    DecideReturn,
    Decision,
    Done,
    GiveFeedback,
    NotifyGuardian,
    RecordAssessment,
    Refused,
    ReportArrival,
    Reroute,
    Return,
    Revoke,
    SeeAmendment,
    Setting,
)
from services.dispatch.domain.handover import ended, signed_again, start_missing
from services.dispatch.domain.opening import with_ack_limits
from services.dispatch.domain.response import DEFERRED_NOTICE, Referral, ResponseFile, identity
from services.dispatch.domain.routing import LEAD

# Effects ---------------------------------------------------------------------------------------------------------


def _acknowledge(command: Acknowledge, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    signed = replace(referral, acknowledged_at=setting.now)
    if referral.state == "issued":
        signed = replace(signed, state="acknowledged")
    after = file.finish(file.running("S4", recipient=referral.department), setting.now)
    return _done(file, after.with_referral(signed), signed)


def _return(command: Return, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    refused = _cannot_take(command.proposed_department, referral, file, setting.policy, "#/proposed_department")
    if refused:
        return refused
    returns = referral.returns + 1
    flag_after = int(setting.policy.routing.return_of_referral.buck_passing_flag["after_returns"])
    returned = replace(
        referral,
        state="returning",
        returns=returns,
        buck_passing=returns >= flag_after,
        return_reason=command.reason,
        proposed_department=command.proposed_department,
        return_note_id=command.note_id,
    )
    after = file.with_referral(returned).start(
        RETURN_DECISION, setting.now, setting.cause, setting.policy, setting.calendar, about=referral.referral_id
    )
    return _done(file, after, returned)


def _decide_return(command: DecideReturn, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    ruled = file.finish(file.return_decision_of(referral), setting.now)
    if not command.upheld:
        kept = replace(referral, state="issued" if referral.acknowledged_at is None else "acknowledged")
        return _done(file, ruled.with_referral(kept), kept)
    department = command.department or referral.proposed_department or ""
    if refused := _cannot_take(department, referral, file, setting.policy, "#/department"):
        return refused
    return _moved(file, ruled, referral, department, "returned", setting)


def _moved(
    before: ResponseFile, file: ResponseFile, referral: Referral, department: str, why: str, setting: Setting
) -> Done:
    """The task at another department; `why` (returned, rerouted) is how it left."""
    after = ended(file, referral, setting.now, why)
    given_back = after.referral(referral.referral_id)
    moves = {source: target for source, target in file.moves.items() if source != department}
    after = replace(
        after,
        moves={**moves, referral.department: department},
        revoked={name: because for name, because in file.revoked.items() if name != department},
        case_lead=department if file.case_lead == referral.department else file.case_lead,
    )
    taken = _taken_over(department, referral, after, why, setting)
    after = after.with_referral(taken)
    if taken.state == "issued":
        after = start_missing(after, taken, setting.now, setting.cause, setting.policy, setting.calendar)
    after = with_ack_limits(after.reowned(setting.policy))
    return replace(_done(before, after, given_back), issued=after.referral(taken.referral_id))


def _taken_over(department: str, referral: Referral, file: ResponseFile, why: str, setting: Setting) -> Referral:
    """The task at its new holder: a referral of its own, or the one it has, with the stronger role of both."""
    held = file.referral_of(department)
    if held is None:
        return replace(
            referral,
            referral_id=identity(setting.cause, "referral", department),
            department=department,
            organisation=file.units[department],
            state="issued",
            because=(*referral.because, f"{why.upper()}-{referral.department}:{referral.role}"),
            issued_at=setting.now,
            ack_due=None,
            acknowledged_at=None,
            return_reason=None,
            proposed_department=None,
            return_note_id=None,
            urged_at=None,
            amended_at=None,
            amended=(),
        )
    ranks = setting.policy.role_ranks
    merged = replace(
        held,
        role=max(held.role, referral.role, key=ranks.__getitem__),
        children=tuple(dict.fromkeys((*held.children, *referral.children))),
        concerns=tuple(dict.fromkeys((*held.concerns, *referral.concerns))),
        because=tuple(dict.fromkeys((*held.because, *referral.because))),
        tasks=tuple(dict.fromkeys((*held.tasks, *referral.tasks))),
        masked=held.masked and referral.masked,
        returns=max(held.returns, referral.returns),
        buck_passing=held.buck_passing or referral.buck_passing,
    )
    return merged if held.has_task and held.open else signed_again(merged)


def _cannot_take(
    department: str, referral: Referral, file: ResponseFile, policy: Policy, pointer: str
) -> Refused | None:
    """Why a department cannot take a task over: it does not exist, is the same, or is kept out of the case."""
    if department not in policy.departments_by_code or department not in file.units:
        return Refused("unknown_department", "没有这个部门", "There is no such department", "input", pointer)
    if department == referral.department:
        return Refused("same_department", "不能转给本部门", "It is the same department", "input", pointer)
    if department in file.blocked or (file.restricted and department not in policy.compiled.whitelist):
        return Refused(
            "department_kept_out", "该部门不得参与本案", "It may not take part in this case", "input", pointer
        )
    return None


def _revoke(command: Revoke, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    if refused := _not_to_be_taken(command, referral, file, setting.policy):
        return refused
    department = referral.department
    known = (*file.revoked.get(department, ()), *referral.because)
    after = replace(
        ended(file, referral, setting.now, "revoked"),
        revoked={**file.revoked, department: tuple(dict.fromkeys(known))},
        additions=tuple(one for one in file.additions if one.department != department),
    ).reowned(setting.policy)
    return _done(file, after, after.referral(referral.referral_id))


def _reroute(command: Reroute, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    if refused := _not_to_be_taken(command, referral, file, setting.policy):
        return refused
    if refused := _cannot_take(command.department, referral, file, setting.policy, "#/department"):
        return refused
    return _moved(file, file, referral, command.department, "rerouted", setting)


def _not_to_be_taken(
    command: Revoke | Reroute, referral: Referral, file: ResponseFile, policy: Policy
) -> Refused | None:
    if all(command.reason != reason.code for reason in policy.routing.added.revoke_reasons):
        return Refused("unknown_reason", "没有这个理由代码", "There is no such reason", "input", "#/reason")
    harm = any(concern.startswith("H") for concern in file.concerns)
    red = file.level == policy.levels[-1].code
    if red and harm and referral.department == POLICE and referral.role == LEAD and not command.supervisor:
        zh, en = "红色侵害案件的派出所主办须由主管决定", "Only a supervisor moves the police lead of such a case"
        return Refused("supervisor_needed", zh, en, "duty")
    return None


def _see_amendment(command: SeeAmendment, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    seen = replace(referral, amended_at=None, amended=())
    return _done(file, file.with_referral(seen), seen)


def _report_arrival(command: ReportArrival, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    tier = command.tier or _tier_of(command.tiers, referral)
    if tier is None:
        return Refused("tier_required", "须说明由哪一级到场", "Say which tier arrived", "input", "#/tier")
    if tier not in command.tiers or tier not in _tiers_of(referral):
        return Refused("tier_not_yours", "不能代表这一级", "You do not speak for this tier", "input", "#/tier")
    if refused := _impossible(command.arrived_at, file, setting, "#/arrived_at"):
        return refused
    # People enter arrivals late and in any order: the case's first contact is the earliest that saw the child.
    known = file.first_contact_at
    first = command.child_seen and (known is None or command.arrived_at < known)
    seen = (WELFARE_CHECK,) if command.child_seen and referral.department == POLICE else ()
    after = file.finish(file.running(*_arrival_steps(tier, referral, file), *seen), command.arrived_at)
    if first:
        after = replace(after, first_contact_at=command.arrived_at)
        if known is None and file.provisional and not file.running(RESCORE):
            after = after.start(RESCORE, command.arrived_at, setting.cause, setting.policy, setting.calendar)
    return replace(_done(file, after, referral), first_contact=first, tier=tier)


def _tiers_of(referral: Referral) -> tuple[str, ...]:
    """The tiers whose arrival a department reports: the village's referral carries group and village."""
    return ("group", "village") if referral.department == VILLAGE else ("township",)


def _tier_of(tiers: tuple[str, ...], referral: Referral) -> str | None:
    """The one tier that the caller can mean."""
    possible = [tier for tier in _tiers_of(referral) if tier in tiers]
    return possible[0] if len(possible) == 1 else None


def _arrival_steps(tier: str, referral: Referral, file: ResponseFile) -> tuple[str, ...]:
    if tier != "township":
        return ("S5a",) if tier == "group" else ("S5b",)
    steps = ("S5c",) if referral.department == file.case_lead else ()
    return (*steps, "S5p") if referral.department == POLICE else steps


def _confirm_safety(command: ConfirmSafety, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    if command.basis == RECEIPT and not guards.by_receipt(file):
        zh, en = "回执只适用于镇域外的未成年人", "A receipt is for a child outside the township"
        return Refused("receipt_not_applicable", zh, en, "input", "#/basis")
    if command.basis != RECEIPT and file.first_contact_at is None:
        zh, en = "未见到未成年人时只能以回执确认", "Without seeing the child only a receipt confirms"
        return Refused("receipt_required", zh, en, "input", "#/basis")
    if refused := _impossible(command.confirmed_at, file, setting, "#/confirmed_at"):
        return refused
    after = file.finish(file.running("S6"), command.confirmed_at)
    after = replace(after, safety_confirmed_at=command.confirmed_at, safety_basis=command.basis)
    if not file.transfer_out:
        after = after.start("S10", command.confirmed_at, setting.cause, setting.policy, setting.calendar)
    if file.guardian == "withheld" and not any(child.facts.get("police_directs_withhold") for child in file.children):
        after = replace(after, guardian="deferred").start(
            DEFERRED_NOTICE, command.confirmed_at, setting.cause, setting.policy, setting.calendar
        )
    return _done(file, after, referral)


def _record_assessment(command: RecordAssessment, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    if all(child.child_id != command.child_id for child in file.children):
        return Refused("unknown_child", "本案没有这名未成年人", "No such child in this case", "input", "#/child_id")
    assessed = tuple(dict.fromkeys((*file.assessed, command.child_id)))
    after = replace(file, assessed=assessed)
    if {child.child_id for child in file.children} <= set(assessed):
        after = after.finish(after.running("S8"), setting.now)
    after = after.finish(after.running(RESCORE, REASSESSMENT), setting.now)
    return _done(file, after, referral)


def _notify_guardian(command: NotifyGuardian, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    after = file.finish(file.running(GUARDIAN_NOTICE, DEFERRED_NOTICE), setting.now)
    return _done(file, replace(after, guardian="given"), referral)


def _give_feedback(command: GiveFeedback, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    owed = file.running("S13", about=command.report_id)
    if not owed:
        zh, en = "该报告没有待反馈事项", "No feedback is owed for this report"
        return Refused("no_feedback_owed", zh, en, "input", "#/report_id")
    return _done(file, file.finish(owed, setting.now), referral)


def _complete(command: Complete, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    completed = replace(referral, state="completed", completed_at=setting.now, outcome=command.outcome)
    after = file.finish(file.running("task", recipient=referral.department), setting.now)
    return _done(file, after.with_referral(completed), completed)


def _impossible(at: datetime, file: ResponseFile, setting: Setting, pointer: str) -> Refused | None:
    """People enter acts late, never ahead of time, and nothing of a response happens before its report."""
    if at > setting.now + CLOCK_LEEWAY:
        return Refused("in_the_future", "时间晚于现在", "The time lies in the future", "input", pointer)
    if at < file.received_at:
        return Refused("before_report", "时间早于接报", "The time lies before the report", "input", pointer)
    return None


def _done(before: ResponseFile, after: ResponseFile, referral: Referral) -> Done:
    known = {clock.id for clock in before.clocks}
    return Done(
        file=after,
        referral=referral,
        finished=after.finished[len(before.finished) :],
        started=tuple(clock for clock in after.clocks if clock.id not in known),
    )


# The state machine -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its command, when it is open, what it does."""

    command: type[Any]
    guard: guards.Guard
    effect: Callable[[Any, Referral, ResponseFile, Setting], Decision] = field(repr=False)


ACTIONS: Mapping[str, Action] = {
    "acknowledge": Action(Acknowledge, guards.may_acknowledge, _acknowledge),
    "return": Action(Return, guards.may_return, _return),
    "decide-return": Action(DecideReturn, guards.may_decide_return, _decide_return),
    "revoke": Action(Revoke, guards.may_revoke, _revoke),
    "reroute": Action(Reroute, guards.may_reroute, _reroute),
    "see-amendment": Action(SeeAmendment, guards.may_see_amendment, _see_amendment),
    "report-arrival": Action(ReportArrival, guards.may_report_arrival, _report_arrival),
    "confirm-safety": Action(ConfirmSafety, guards.may_confirm_safety, _confirm_safety),
    "record-assessment": Action(RecordAssessment, guards.may_record_assessment, _record_assessment),
    "notify-guardian": Action(NotifyGuardian, guards.may_notify_guardian, _notify_guardian),
    "give-feedback": Action(GiveFeedback, guards.may_give_feedback, _give_feedback),
    "complete": Action(Complete, guards.may_complete, _complete),
}
_BY_COMMAND = {action.command: action for action in ACTIONS.values()}


def decide(command: Command, referral: Referral, file: ResponseFile, setting: Setting) -> Decision:
    """Carry out a command on a referral of `file`, or refuse it. Nothing is ever half done."""
    action = _BY_COMMAND[type(command)]
    decision = action.guard(referral, file, setting.now, setting.policy) or action.effect(
        command, referral, file, setting
    )
    if isinstance(decision, Refused):
        return decision
    acted = replace(decision.referral, acted_at=setting.now)
    return replace(decision, file=decision.file.with_referral(acted), referral=acted)


def available_actions(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> tuple[str, ...]:
    """The actions that are open to the referral's department (`decide-return`: to civil affairs) in this state."""
    return tuple(name for name, action in ACTIONS.items() if action.guard(referral, file, now, policy) is None)
