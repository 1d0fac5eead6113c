"""When an action on a referral is open: by the state of referral and response, and by whose duty it is. Pure."""

from collections.abc import Callable
from datetime import datetime

from contracts.policy import Policy
from services.dispatch.domain.clocks import GUARDIAN_NOTICE
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.response import DEFERRED_NOTICE, Referral, ResponseFile

Guard = Callable[[Referral, ResponseFile, datetime, Policy], Refused | None]


def _alive(referral: Referral, file: ResponseFile) -> Refused | None:
    if file.state != "open":
        return Refused("case_closed", "个案已销号", "The case is closed")
    if referral.state == "ended":
        return Refused("referral_ended", "转介已终止", "The referral has ended")
    return None


def _working(referral: Referral, file: ResponseFile) -> Refused | None:
    """Open for acts of a department that has a task."""
    refused = _alive(referral, file)
    if refused:
        return refused
    if not referral.has_task:
        return Refused("informed_only", "知会部门没有办理任务", "An informed department has no task")
    if referral.state == "completed":
        return Refused("already_completed", "转介已办结", "The referral is completed")
    return None


def may_acknowledge(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    if referral.acknowledged_at is not None or referral.state == "completed":
        return Refused("already_acknowledged", "转介已签收", "The referral was acknowledged already")
    return None


def may_return(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _working(referral, file):
        return refused
    if referral.department == file.coordinating:
        zh, en = "协调部门不得退回", "The coordinator rules on returns and cannot return"
        return Refused("coordinator_keeps", zh, en, "duty")
    if referral.state == "returning":
        return Refused("return_pending", "退回正在等待裁定", "A return is waiting for its ruling")
    if referral.ack_due is None or now > referral.ack_due:
        return Refused(
            "return_too_late", "退回须在签收时限内提出", "A return must come within the acknowledgement limit"
        )
    return None


def may_decide_return(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    if referral.state != "returning":
        return Refused("no_return_pending", "没有待裁定的退回", "No return is waiting for a ruling")
    return None


def may_revoke(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _movable(referral, file):
        return refused
    if referral.department == file.case_lead:
        return Refused("case_lead_stays", "主办部门不得撤回，须改派", "A case needs its lead: reroute it instead")
    return None


def may_reroute(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _movable(referral, file):
        return refused
    if not referral.has_task or referral.safety_only:
        return Refused("no_task_to_move", "没有可改派的办理任务", "There is no task to move")
    return None


def _movable(referral: Referral, file: ResponseFile) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    if referral.department == file.coordinating:
        return Refused("coordinator_keeps", "协调部门的任务不得撤回或改派", "The coordinator keeps its part")
    if referral.state == "completed":
        return Refused("already_completed", "转介已办结", "The referral is completed")
    if referral.state == "returning":
        return Refused("return_pending", "退回正在等待裁定", "A return is waiting for its ruling")
    return None


def may_see_amendment(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    if referral.amended_at is None:
        return Refused("nothing_amended", "没有未阅的补充情况", "No amendment is waiting to be seen")
    return None


def may_report_arrival(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    return _working(referral, file)


def may_confirm_safety(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    if referral.department not in (file.case_lead, file.coordinator):
        zh, en = "安全由主办部门或协调部门确认", "Safety is confirmed by the case lead or the coordinator"
        return Refused("not_case_lead", zh, en, "duty")
    if file.safety_confirmed_at is not None:
        return Refused("safety_already_confirmed", "安全已确认", "Safety was confirmed already")
    if file.first_contact_at is None and not by_receipt(file):
        return Refused("child_not_seen", "须先见到未成年人（S5）", "The child must be seen first (S5)")
    return None


def may_record_assessment(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    if referral.department != file.coordinating:
        return Refused("not_coordinator", "书面评估由民政办签署", "Civil affairs signs the written assessment", "duty")
    return None


def may_notify_guardian(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    owed = file.running(GUARDIAN_NOTICE, DEFERRED_NOTICE)
    if not owed:
        return _NO_GUARDIAN_NOTICE[file.guardian]
    if all(clock.deadline.department != referral.department for clock in owed):
        return Refused("not_your_notice", "由承办部门告知监护人", "Another department tells the guardian", "duty")
    return None


_NO_GUARDIAN_NOTICE = {
    "withheld": Refused("notice_withheld", "暂不得告知监护人", "The guardian must not be told yet"),
    "no_guardian_known": Refused("no_guardian_known", "监护人不明", "No guardian is known"),
    "given": Refused("guardian_already_notified", "监护人已告知", "The guardian was told already"),
    "due": Refused("notice_not_owed", "本案没有监护人告知任务", "This response owes no notice to a guardian"),
    "deferred": Refused("guardian_already_notified", "监护人已告知", "The guardian was told already"),
}


def may_give_feedback(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _alive(referral, file):
        return refused
    owed = file.running("S13")
    if not owed:
        return Refused("feedback_given", "已向报告人反馈", "The reporters have their feedback already")
    if all(clock.deadline.department != referral.department for clock in owed):
        return Refused("not_your_feedback", "由承办部门反馈报告人", "Another department answers the reporter", "duty")
    return None


def may_complete(referral: Referral, file: ResponseFile, now: datetime, policy: Policy) -> Refused | None:
    if refused := _working(referral, file):
        return refused
    if referral.state == "returning":
        return Refused("return_pending", "退回正在等待裁定", "A return is waiting for its ruling")
    if referral.state == "issued":
        return Refused("not_acknowledged", "须先签收", "It must be acknowledged first")
    if referral.role == "lead" and file.safety_confirmed_at is None:
        return Refused("safety_not_confirmed", "主办部门须先确认安全（S6）", "The lead must confirm safety first (S6)")
    return None


def by_receipt(file: ResponseFile) -> bool:
    """Whether the receiving authority's receipt stands for safety: the child is outside the township."""
    return file.transfer_out or any(child.facts.get("outside_township") is True for child in file.children)
