"""Parts that no cell gives: added by civil affairs, by the police lead of a restricted case, or by a later fact."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from contracts.policy import Policy, WorkingCalendar
from contracts.policy.added_referrals import AutomaticReferral
from services.dispatch.domain.clocks import POLICE, WELFARE_CHECK
from services.dispatch.domain.commands import Refused, Setting
from services.dispatch.domain.external import CONFLICT, Owed, owing
from services.dispatch.domain.handover import signed_again, start_missing, taker
from services.dispatch.domain.opening import with_ack_limits
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.revising import Revised, news_of, rerouted
from services.dispatch.domain.routing import ASSIST, LEAD, SAFETY_ONLY, Addition


@dataclass(frozen=True, slots=True)
class AddReferral:
    """增派: civil affairs gives a department a part, with a reason (policy `routing.added.add_reasons`)."""

    department: str
    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class GiveSafetyTask:
    """The police lead of a restricted case gives a department outside the whitelist a task, and nothing but its words.

    `by` is the department that asks.
    """

    department: str
    task: str
    by: str | None


def add_referral(before: ResponseFile, command: AddReferral, setting: Setting) -> Revised | Refused:
    """The response with the part added. `before.finished` must be loaded."""
    rules = setting.policy.routing.added
    department = command.department
    if refused := _impossible(before, department, setting.policy):
        return refused
    if command.role not in rules.roles:
        zh, en = "主办须改派，不能增派", "A lead is moved by rerouting, not added"
        return Refused("role_not_addable", zh, en, "input", "#/role")
    if all(command.reason != reason.code for reason in rules.add_reasons):
        return Refused("unknown_reason", "没有这个理由代码", "There is no such reason", "input", "#/reason")
    if department in before.moves:
        zh, en = "该部门的任务已裁定移交其他部门", "Its task was moved to another department by a ruling"
        return Refused("task_was_moved", zh, en, "input", "#/department")
    held, ranks = before.referral_of(department), setting.policy.role_ranks
    if held is not None and held.state != "completed" and ranks[held.role] >= ranks[command.role]:
        return Refused("already_takes_part", "该部门已参与本案", "The department takes part already")
    addition = Addition(department, command.role, f"ADDED-{command.reason}", _everybody(before))
    change = with_addition(before, addition, setting.now, setting.cause, setting.policy, setting.calendar)
    added = change.file.referral_of(department)
    if added is None or ranks[added.role] < ranks[command.role]:
        return _kept_out()
    return change


def give_safety_task(before: ResponseFile, command: GiveSafetyTask, setting: Setting) -> Revised | Refused:
    """The response with the safety-only task. `before.finished` must be loaded."""
    if refused := _impossible(before, command.department, setting.policy):
        return refused
    if not before.restricted:
        zh, en = "本案不是限制案件，应直接增派", "The case is not restricted: add a referral instead"
        return Refused("not_restricted", zh, en)
    if not _leads(before, command.by):
        zh, en = "仅主办的派出所可增派安全任务", "Only the police lead gives safety-only tasks"
        return Refused("police_lead_only", zh, en, "duty")
    task = next((task for task in setting.policy.routing.added.safety_tasks if task.code == command.task), None)
    if task is None:
        return Refused("unknown_task", "没有这个安全任务代码", "There is no such safety task", "input", "#/task")
    held = before.referral_of(command.department)
    if held is not None and not held.safety_only:
        return Refused("already_takes_part", "该部门已参与本案", "The department takes part already")
    addition = Addition(command.department, ASSIST, SAFETY_ONLY, _everybody(before), task.label)
    if addition in before.additions and held is not None and held.state != "completed":
        return Refused("already_takes_part", "该部门已有此任务", "The department has this task already")
    return with_addition(before, addition, setting.now, setting.cause, setting.policy, setting.calendar)


def add_by_fact(
    before: ResponseFile,
    rule: AutomaticReferral,
    name: str,
    at: datetime,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> Revised:
    """The part that a later fact brings about (policy `routing.added`), or for a department that has it already, the new
    reason and task. Where the department has a conflict of interest, the body above it is told by hand."""
    if rule.department in before.blocked:
        above = policy.departments_by_code[rule.department].parent_body
        file = owing(before, [Owed(above, CONFLICT, cause)], at, cause, policy, calendar)
        return news_of(before, file)
    addition = Addition(rule.department, rule.role, name, _everybody(before), rule.task)
    return with_addition(before, addition, now, cause, policy, calendar)


def add_welfare_check(
    before: ResponseFile, at: datetime, now: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar
) -> Revised:
    """Visits failed in a row at RED: the police see the child the same day, on a clock from the failed visit."""
    rule = policy.routing.added.welfare_check
    change = add_by_fact(before, rule, "WELFARE-CHECK", at, now, cause, policy, calendar)
    file = change.file
    if POLICE not in file.blocked and not file.running(WELFARE_CHECK):
        file = file.start(WELFARE_CHECK, at, cause, policy, calendar).reowned(policy)
    return news_of(before, file)


def with_addition(
    before: ResponseFile, addition: Addition, now: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar
) -> Revised:
    """The response routed again with one more part. Who had finished has to sign again."""
    additions = before.additions if addition in before.additions else (*before.additions, addition)
    taken_back = {name: because for name, because in before.revoked.items() if name != addition.department}
    file = replace(before, additions=additions, revoked=taken_back)
    file = rerouted(before, file, now, now, cause, policy, calendar)
    holder = file.referral_of(taker(addition.department, file.moves))
    if holder is not None and holder.has_task and holder.state == "completed":
        again = signed_again(holder)
        file = start_missing(file.with_referral(again), again, now, cause, policy, calendar)
        file = with_ack_limits(file)
    return news_of(before, file)


def _impossible(file: ResponseFile, department: str, policy: Policy) -> Refused | None:
    if file.state != "open":
        return Refused("case_closed", "个案已销号", "The case is closed")
    if department not in policy.departments_by_code or department not in file.units:
        return Refused("unknown_department", "没有这个部门", "There is no such department", "input", "#/department")
    return _kept_out() if department in file.blocked else None


def _kept_out() -> Refused:
    return Refused(
        "department_kept_out", "该部门不得参与本案", "It may not take part in this case", "input", "#/department"
    )


def _leads(file: ResponseFile, department: str | None) -> bool:
    """The police where they lead; who leads instead where the police may not take part."""
    if POLICE in file.blocked:
        return department is not None and department == file.case_lead
    return department == POLICE and file.roles.get(POLICE) == LEAD


def _everybody(file: ResponseFile) -> tuple[UUID, ...]:
    return tuple(child.child_id for child in file.children)
