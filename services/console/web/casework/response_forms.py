"""Forms of the overview: the level, the clocks, pressing the departments, the desk's additions, notes."""

from services.console.web.casework.form import Field, Form, Text


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


_RISK, _RESPONSE = "/api/v1/assessments/cases/{case}", "/api/v1/responses/{case}"
_UNITS = Field("organisations", _("单位（不选则全部有任务的单位）"), "given", required=False, several=True)
_EXPLANATION = Text("note_id", _("补充说明（选填）"))

FORMS = (
    Form(
        "raise",
        _("提高等级"),
        _("有新的危险迹象时立即提高等级，各部门时限随之缩短。"),
        _RISK + "/raise",
        (
            Field("to", _("提高到"), "given"),
            Field("evidence", _("依据"), "coded", source="rule+trigger"),
        ),
        (Text("reason_note_id", _("说明（选填）")),),
        owner="risk_scoring",
    ),
    Form(
        "propose_lowering",
        _("提议降级"),
        _("降级须两人：一人提议并写明理由和对未成年人最大利益的考虑，民政办负责人批准后生效。"),
        _RISK + "/lowerings",
        (Field("to", _("降到"), "given"),),
        (
            Text("reason_note_id", _("降级理由"), required=True),
            Text("best_interest_note_id", _("最有利于未成年人的考虑"), "best_interest", required=True),
        ),
        owner="risk_scoring",
        weighty=True,
    ),
    Form(
        "approve_lowering",
        _("批准降级"),
        _("批准他人提出的降级。"),
        _RISK + "/lowerings/{it}/approve",
        owner="risk_scoring",
        weighty=True,
    ),
    Form(
        "decline_lowering",
        _("不同意降级"),
        _("等级不变，提议结束。"),
        _RISK + "/lowerings/{it}/decline",
        owner="risk_scoring",
    ),
    Form(
        "urge",
        _("催办"),
        _("提醒相关单位立即办理，时限不变。"),
        _RESPONSE + "/urges",
        (_UNITS,),
        (_EXPLANATION,),
        owner="dispatch",
    ),
    Form(
        "supervise",
        _("督办"),
        _("要求相关单位书面回复办理情况，逾期上报。"),
        _RESPONSE + "/supervisions",
        (_UNITS,),
        (_EXPLANATION,),
        owner="dispatch",
        weighty=True,
    ),
    Form(
        "reply_supervision",
        _("回复督办"),
        _("写明办理情况和下一步安排。"),
        "/api/v1/supervisions/{it}/reply",
        (),
        (Text("note_id", _("回复内容"), required=True),),
        owner="dispatch",
    ),
    Form(
        "lift_supervision",
        _("解除督办"),
        _("办理已经到位，不再督办。"),
        "/api/v1/supervisions/{it}/lift",
        (),
        (_EXPLANATION,),
        owner="dispatch",
    ),
    Form(
        "pause",
        _("申请暂停计时"),
        _("只有政策列明的原因可以暂停，须民政办负责人批准；红色、橙色个案不暂停安全环节。"),
        _RESPONSE + "/pause",
        (Field("reason", _("原因"), "coded", source="pause_reason"),),
        (_EXPLANATION,),
        owner="dispatch",
    ),
    Form("approve_pause", _("批准暂停"), _("批准他人提出的暂停。"), _RESPONSE + "/pause/approve", owner="dispatch"),
    Form("decline_pause", _("不同意暂停"), _("时限继续计算。"), _RESPONSE + "/pause/decline", owner="dispatch"),
    Form("resume", _("恢复计时"), _("暂停的原因已经消失，时限继续计算。"), _RESPONSE + "/resume", owner="dispatch"),
    Form(
        "extend",
        _("申请延期"),
        _("须在到期之前提出，民政办批准后生效。"),
        "/api/v1/deadlines/{it}/extensions",
        (
            Field("reason", _("原因"), "coded", source="extension_reason"),
            Field("until", _("延长到"), "future"),
        ),
        (_EXPLANATION,),
        owner="dispatch",
    ),
    Form(
        "decide_extension",
        _("决定延期"),
        _("同意时可以另定时间。"),
        "/api/v1/extensions/{it}/decide",
        (
            Field("granted", _("同意延期"), "yes_no"),
            Field("until", _("另定到期时间（选填）"), "future", required=False),
        ),
        owner="dispatch",
    ),
    Form(
        "add_referral",
        _("增派部门"),
        _("出现新情况时，请其他部门协办或知会其他部门。"),
        _RESPONSE + "/referrals",
        (
            Field("department", _("部门"), "coded", source="department"),
            Field("role", _("角色"), "choice", choices=(("assist", _("协办")), ("inform", _("知会")))),
            Field("reason", _("原因"), "coded", source="add_reason"),
        ),
        (_EXPLANATION,),
        owner="dispatch",
    ),
    Form(
        "amend",
        _("补充情况"),
        _("派发后得知的新情况。各单位都会收到有补充的提示。"),
        "/api/v1/reports/{it}/amendments",
        (
            Field("narrative", _("补充内容"), "long"),
            Field("safe_until", _("未成年人安全至（选填）"), "future", required=False),
        ),
        owner="intake",
    ),
    Form(
        "note",
        _("写一条记录"),
        _("文字密封保存在档案里，经过页只显示写过记录。"),
        "/api/v1/cases/{case}/notes",
        (
            Field(
                "kind",
                _("类别"),
                "choice",
                choices=(
                    ("other", _("一般记录")),
                    ("visit", _("走访情况")),
                    ("child_view", _("未成年人意见")),
                    ("guardian_view", _("监护人意见")),
                    ("assessment", _("评估意见")),
                    ("best_interest", _("最大利益考虑")),
                ),
            ),
            Field("text", _("内容"), "long"),
        ),
        owner="intake",
    ),
)
