"""What an open item of the closure checklist lacks, in words: its owner says it in codes such as `referral:police`."""

from collections.abc import Mapping

from services.console.web.rendering import Wording, moment


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


PLAIN: Mapping[str, str] = {
    "safety_not_confirmed": _("安全尚未确认"),
    "failed_attempt": _("最近一次走访没有见到"),
    "never_seen": _("还没有人见到未成年人"),
    "not_stated": _("没有说明安置是否已稳定"),
    "home_since": _("没有填写回家时间"),
    "not_assessed": _("还没有评估"),
    "child_view": _("缺未成年人意见"),
    "guardian_view": _("缺监护人意见"),
    "summary": _("缺总结"),
    "in_person_visit": _("缺当面走访"),
    "written_assessment": _("缺书面评估"),
    "acknowledgement": _("缺接收机关回执"),
    "universal_service": _("没有部门书面接手"),
    "age_unknown": _("年龄不明"),
    "merged_into": _("没有说明并入哪个个案"),
    "merged_case_closed": _("并入的个案已销号"),
}
SPEAKING: Mapping[str, str] = {
    "level": _("现为%(value)s"),
    "until": _("观察期到 %(value)s"),
    "visits": _("只有 %(value)s 次走访"),
    "unsatisfactory": _("有一次走访情况不好"),
    "seen": _("最近见到是 %(value)s"),
    "referral": _("%(value)s的工单未办结"),
    "measure": _("措施未落实：%(value)s"),
    "check": _("核查未做：%(value)s"),
    "review": _("直接升级的审查未决定"),
    "order": _("文书仍生效：%(value)s"),
    "pending": _("程序未结束：%(value)s"),
    "home_since": _("回家自 %(value)s，未满期限"),
    "score": _("得分 %(value)s"),
    "rule": _("仍有：%(value)s"),
    "report": _("有一名报告人未反馈"),
    "under_age": _("有未成年人未满18周岁"),
    "checks": _("独立核实 %(value)s 次"),
    "other_children": _("另有 %(value)s 名未成年人"),
    "merged_case_level": _("并入的个案等级较低"),
}
_KINDS: Mapping[str, str] = {
    "level": "level",
    "referral": "department",
    "check": "ladder_step",
    "order": "ladder_document",
    "pending": "ladder_document",
    "rule": "rule",
}
_MOMENTS = frozenset({"until", "seen", "home_since"})


def lacking(detail: str, word: Wording) -> tuple[str, str]:
    """One detail as a message and the value in it. A code that nobody worded is its own message."""
    if detail in PLAIN:
        return PLAIN[detail], ""
    kind, _colon, value = detail.partition(":")
    if kind not in SPEAKING:
        return detail, ""
    told = moment(value) if kind in _MOMENTS else word(_KINDS[kind], value) if kind in _KINDS else value
    return SPEAKING[kind], told
