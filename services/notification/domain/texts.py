"""What messages say, Chinese first. A text that leaves the system holds the case number and the level, or neither."""

from collections.abc import Mapping

from contracts.policy import Label, Policy

OUTSIDE_TEMPLATE = "case_and_level"
NO_CASE = "【守望】您有待办事项，请登录系统查看。Something waits for you: please log in."

TITLES: Mapping[str, Label] = {
    "referral_issued": Label(zh="新转介，请签收", en="New referral: please acknowledge"),
    "safety_task_issued": Label(zh="安全任务，请办理", en="A safety task: please act"),
    "referral_revoked": Label(zh="转介已撤回", en="A referral was taken back"),
    "report_amended": Label(zh="报告信息已补充，请查看", en="A report was amended: please look"),
    "reporter_result_owed": Label(zh="须向报告人反馈结果", en="The reporter is owed the result"),
    "order_copy": Label(zh="告诫书/保护令抄送", en="Copy of a warning letter or order"),
    "referral_informed": Label(zh="知会转介，请阅知", en="For your information: please read"),
    "go_there": Label(zh="请立即到场查看", en="Please go and see the child"),
    "top_level": Label(zh="最高等级个案已派单", en="A top-level case was dispatched"),
    "level_raised": Label(zh="个案等级已上调", en="The level was raised"),
    "level_lowered": Label(zh="个案等级已下调", en="The level was lowered"),
    "duty_notice": Label(zh="职责通报", en="Duty notice"),
    "circulation": Label(zh="监护情况通报（脱敏）", en="Guardianship circulation (masked)"),
    "return_to_decide": Label(zh="退回待裁定", en="A return waits for your decision"),
    "return_upheld": Label(zh="退回已同意，任务已改派", en="Your return was upheld; the task moved"),
    "return_refused": Label(zh="退回未同意，任务仍由本单位办理", en="Your return was refused; the task stays"),
    "deadline_warning": Label(zh="时限将到", en="A deadline is near"),
    "deadline_breached": Label(zh="已超时", en="A deadline was missed"),
    "deadline_breached_again": Label(zh="超时仍未处理", en="Still not done after its deadline"),
    "not_acknowledged": Label(zh="无人签收，请您签收", en="Nobody acknowledged: please do"),
    "safety_confirmed": Label(zh="安全已确认", en="Safety was confirmed"),
    "dispatch_overdue": Label(zh="派单超时，请电话通知各部门", en="Dispatch is overdue: call the departments"),
    "callback_overdue": Label(zh="回拨超时，请立即回拨", en="A call-back is overdue: call now"),
    "transfer_sent": Label(zh="已转接移交，待对方回执", en="Handed over; the receipt is awaited"),
    "transfer_received": Label(zh="收到移交，请回执", en="Handed over to us: please acknowledge"),
    "transfer_overdue": Label(zh="移交未获回执，请联系接收方", en="No receipt for a hand-over: call the receiver"),
    "transfer_refused": Label(zh="移交被拒，仍由本方办理", en="A hand-over was refused: it is still ours"),
    "access_review_overdue": Label(zh="紧急查阅待复核", en="An emergency access waits for review"),
    "urged": Label(zh="催办，请立即办理", en="Urged: please act now"),
    "supervision_ordered": Label(zh="督办，请按期书面回复", en="Under supervision: reply in writing in time"),
    "supervision_replied": Label(zh="督办已回复", en="A supervision order was answered"),
    "supervision_ended": Label(zh="督办已解除", en="The supervision was lifted"),
    "response_paused": Label(zh="时限已暂停", en="The clocks are paused"),
    "response_resumed": Label(zh="时限恢复计算", en="The clocks run again"),
    "extension_to_decide": Label(zh="延期申请待决定", en="A request for more time waits"),
    "extension_granted": Label(zh="延期已同意", en="More time was granted"),
    "extension_refused": Label(zh="延期未同意", en="More time was refused"),
    "reassessment_opened": Label(zh="须重新评估", en="A reassessment is due"),
    "reassessment_due_soon": Label(zh="重新评估时限将到", en="A reassessment is due soon"),
    "reassessment_overdue": Label(zh="重新评估已超时", en="A reassessment is overdue"),
    "task_due_soon": Label(zh="任务时限将到", en="A task is due soon"),
    "task_overdue": Label(zh="任务已超时", en="A task is overdue"),
    "task_overdue_again": Label(zh="任务超时仍未完成", en="A task is still overdue"),
    "task_alarm": Label(zh="任务告警", en="An alarm about a task"),
    "measure_requested": Label(zh="帮扶任务，请办理", en="A measure: please act"),
    "measure_refused": Label(zh="帮扶措施被拒绝", en="A measure was refused"),
    "disbursement_to_approve": Label(zh="资金申请待审批", en="Money waits for approval"),
    "disbursement_to_pay": Label(zh="资金已批准，待拨付", en="Money waits to be paid"),
    "disbursement_changed": Label(zh="资金状态已更新", en="Money moved on its trail"),
    "placement_to_decide": Label(zh="安置方案待决定", en="A placement waits for your decision"),
    "placement_changed": Label(zh="安置情况已变更", en="The placement changed"),
    "roster_gap": Label(zh="值班空档，请补齐", en="A gap in a roster: please fill it"),
    "standing_in": Label(zh="值班空档由您顶替", en="You stand in for a gap in a roster"),
    "lowering_to_decide": Label(zh="降级申请待核准", en="A proposal to lower the level waits"),
    "closure_to_decide": Label(zh="销号申请待决定", en="A request to close waits for your decision"),
    "closure_refused": Label(zh="销号未通过", en="The case was not closed"),
    "case_closed": Label(zh="个案已销号", en="The case was closed"),
    "manual_notice": Label(zh="对外通知", en="Notice to an outside body"),
    "manual_notice_to_give": Label(zh="请人工通知外部单位", en="Please notify an outside body by hand"),
    "configuration_alarm": Label(zh="值班或岗位空缺，请补齐", en="A roster or post is empty: please fill it"),
    "delivery_failed": Label(zh="通知未送达，请电话联系", en="A notice could not be delivered: please call"),
}


def title(kind: str) -> Label:
    """The heading of a message of this kind; the code itself for a kind of a newer version."""
    return TITLES.get(kind) or Label(zh=kind, en=kind)


def outside_text(params: Mapping[str, str], policy: Policy) -> str:
    """The whole text of a call, text message or outside notice. Without a number it only says that something waits."""
    number = params.get("case_number")
    if not number:
        return NO_CASE
    level = policy.label("level", params.get("level", ""))
    return f"【守望】个案 {number}，等级：{level.zh}。请登录系统查看。Case {number}, level {level.en}: please log in."
