"""What messages say, Chinese first. A text that leaves the system holds the case number and the level, nothing else."""

from collections.abc import Mapping

from contracts.policy import Label, Policy

OUTSIDE_TEMPLATE = "case_and_level"

TITLES: Mapping[str, Label] = {
    "referral_issued": Label(zh="新转介，请签收", en="New referral: please acknowledge"),
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
    """The whole text of a call, text message or outside notice."""
    level = policy.label("level", params.get("level", ""))
    number = params.get("case_number", "")
    return f"【守望】个案 {number}，等级：{level.zh}。请登录系统查看。Case {number}, level {level.en}: please log in."
