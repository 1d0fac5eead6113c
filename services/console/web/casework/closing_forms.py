"""Forms of closure: proposing, agreeing and deciding, by different persons."""

from services.console.web.casework.form import Field, Form, Text


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


FORMS = (
    Form(
        "propose",
        _("申请销号"),
        _("所有条件满足后提出；总结和双方意见是书面记录。个案档案保留，不删除。"),
        "/api/v1/closures",
        (
            Field("reason", _("销号原因"), "coded", source="closure_reason"),
            Field(
                "handover.universal_service", _("书面接手的部门（选填）"), "coded", required=False, source="department"
            ),
            Field("handover.named_monitor", _("继续关注的人员或单位编号（选填）"), required=False),
            Field("handover.independent_checks", _("独立核实次数（选填）"), "number", required=False),
            Field(
                "handover.placement",
                _("安置状态（选填）"),
                "choice",
                required=False,
                choices=(("permanent", _("已长期安置")), ("home", _("已回家"))),
            ),
            Field("handover.home_since", _("回家时间（选填）"), "moment", required=False),
            Field("handover.merged_into", _("并入的个案编号（选填）"), required=False),
        ),
        (
            Text("summary_note_id", _("结案总结"), "closing_summary"),
            Text("child_view_note_id", _("未成年人意见"), "child_view"),
            Text("guardian_view_note_id", _("监护人意见"), "guardian_view"),
            Text("handover.receiving_authority_ack", _("接收机关回执（移交时填写）")),
        ),
        about_case=True,
        weighty=True,
    ),
    Form("concur", _("同意销号"), _("须不同于申请人。"), "/api/v1/closures/{case}/concur", weighty=True),
    Form(
        "decide",
        _("决定销号"),
        _("须不同于申请人；决定前系统再核对一次全部条件。"),
        "/api/v1/closures/{case}/decide",
        (Field("approve", _("准予销号"), "yes_no"),),
        weighty=True,
    ),
)
