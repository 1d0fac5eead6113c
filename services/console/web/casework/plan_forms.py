"""Forms of the plan: what the conference agreed, goals, measures from asking to ending, conferences, money."""

from services.console.web.casework.form import Field, Form, Text


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


_PLAN, _MEASURE, _MONEY = "/api/v1/plans/{case}", "/api/v1/measures/{it}", "/api/v1/disbursements/{it}"
_ENDED = (("achieved", _("已达到")), ("partly_achieved", _("部分达到")))
_NO_MONEY = (
    ("not_in_budget", _("不在预算内")),
    ("wrong_amount", _("金额有误")),
    ("wrong_payee", _("收款人有误")),
    ("papers_missing", _("材料不全")),
)
_HELD = _("召开时间")
_WITHDRAWN = (
    ("not_needed", _("不再需要")),
    ("refused_by_family", _("家庭不愿接受")),
    ("moved_away", _("已搬走")),
    ("replaced", _("改用其他措施")),
    ("case_changed", _("个案情况变化")),
)
_WHY = Field("reason", _("原因"), "coded", source="refusal_reason")
_NOTED = Text("note_id", _("情况说明（选填）"))

FORMS = (
    Form(
        "agree",
        _("记录商定的计划"),
        _("个案会议商定后登记：目标、措施和到会单位。措施自动派给目录中的承办部门并开始计时。"),
        _PLAN + "/agree",
        (
            Field("goals", _("目标"), "goals", required=False, source="problem_domain"),
            Field("measures", _("措施"), "measures", source="measure"),
            Field("conference.held_at", _HELD, "moment"),
            Field("conference.attended", _("到会部门"), "many", source="department"),
            Field("conference.attendees", _("签到单位"), "given", several=True),
        ),
        (Text("conference.minutes_note_id", _("会议纪要")),),
        weighty=True,
    ),
    Form(
        "review_goal",
        _("检查目标"),
        _("记录目标是否达到。"),
        _PLAN + "/goals/{it}/review",
        (
            Field(
                "outcome",
                _("结果"),
                "choice",
                choices=(
                    ("met", _("已达到")),
                    ("partly_met", _("部分达到")),
                    ("not_met", _("未达到")),
                    ("dropped", _("不再需要")),
                ),
            ),
            Field("review_at", _("下次检查（选填）"), "future", required=False),
        ),
        (_NOTED,),
    ),
    Form(
        "request",
        _("申请措施"),
        _("向承办部门申请一项帮扶措施。红色、橙色个案可以在计划之前申请紧急服务。"),
        "/api/v1/measures",
        (
            Field("code", _("措施"), "coded", source="measure"),
            Field("owner_department", _("承办部门"), "coded", source="department"),
            Field(
                "owner_reason",
                _("不由目录部门承办的原因（选填）"),
                "choice",
                required=False,
                choices=(
                    ("conflict_of_interest", _("利益冲突")),
                    ("joint_owner", _("共同承办")),
                    ("no_capacity", _("无力承办")),
                    ("receiving_area", _("由接收地承办")),
                ),
            ),
            Field("beneficiary", _("受益人"), "choice", choices=(("child", _("未成年人")), ("family", _("家庭")))),
            Field("child_id", _("未成年人"), "given", required=False),
            Field("goal", _("目标（选填）"), "coded", required=False, source="problem_domain"),
            Field("due_at", _("完成时间（选填）"), "future", required=False),
            Field("emergency", _("紧急服务"), "tick", required=False),
        ),
        (_NOTED,),
        about_case=True,
    ),
    Form("accept", _("受理"), _("本部门开始办理这项措施。"), _MEASURE + "/accept"),
    Form("grant", _("同意"), _("同意给予这项措施，进入落实。"), _MEASURE + "/grant"),
    Form(
        "complete",
        _("落实完成"),
        _("措施已经落实。"),
        _MEASURE + "/complete",
        (Field("outcome", _("结果"), "choice", choices=_ENDED),),
    ),
    Form("refuse", _("不予办理"), _("按政策列明的原因不予办理。"), _MEASURE + "/refuse", (_WHY,), weighty=True),
    Form(
        "cancel",
        _("撤销申请"),
        _("不再需要，尚未落实。"),
        _MEASURE + "/cancel",
        (Field("reason", _("原因"), "choice", choices=_WITHDRAWN),),
    ),
    Form(
        "stop",
        _("停止"),
        _("已同意的措施不再继续。"),
        _MEASURE + "/stop",
        (Field("reason", _("原因"), "choice", choices=_WITHDRAWN),),
        weighty=True,
    ),
    Form(
        "confirm",
        _("签字确认"),
        _("代表一方确认参加。"),
        _MEASURE + "/confirm",
        (Field("party", _("哪一方"), "given"),),
        (_NOTED,),
    ),
    Form(
        "handed_over",
        _("移交"),
        _("护送方移交时签收的单位。"),
        _MEASURE + "/handed-over",
        (Field("body", _("移交单位"), "words"),),
        (_NOTED,),
    ),
    Form(
        "received",
        _("接收"),
        _("接收方的单位。"),
        _MEASURE + "/received",
        (Field("body", _("接收单位"), "words"),),
        (_NOTED,),
    ),
    Form(
        "record_round",
        _("登记一次服务"),
        _("定期服务完成一次。"),
        _MEASURE + "/record-round",
        (Field("done_at", _("服务时间"), "moment"),),
        (_NOTED,),
    ),
    Form(
        "papers", _("补齐材料"), _("材料清单。"), _MEASURE + "/papers", (), (Text("note_id", _("材料"), required=True),)
    ),
    Form(
        "order",
        _("责令"),
        _("劝返无效后责令监护人。"),
        _MEASURE + "/order",
        (),
        (Text("note_id", _("责令书"), required=True),),
    ),
    Form(
        "assign",
        _("交承接机构"),
        _("由登记的承接机构提供服务。"),
        _MEASURE + "/assign",
        (Field("provider", _("承接机构编号")), Field("due_at", _("完成时间"), "future")),
    ),
    Form(
        "confirm_provider",
        _("验收承接机构"),
        _("核对承接机构报告的结果。"),
        _MEASURE + "/confirm-provider",
        (Field("accept", _("验收合格"), "yes_no"),),
    ),
    Form("withdraw_provider", _("收回"), _("不再由该机构提供。"), _MEASURE + "/withdraw-provider"),
    Form(
        "ask_money",
        _("申请资金"),
        _("金额以分为单位，收款人只填财政编号，不填姓名和账号。"),
        "/api/v1/disbursements",
        (
            Field("measure_id", _("措施"), "given"),
            Field("line_id", _("预算科目"), "given"),
            Field("amount", _("金额（分）"), "number"),
            Field("payee_reference", _("收款人编号")),
        ),
    ),
    Form("approve", _("批准资金"), _("须不同于申请人。"), _MONEY + "/approve", weighty=True),
    Form("pay", _("已支付"), _("财政已经支付。"), _MONEY + "/pay", weighty=True),
    Form(
        "refuse_money",
        _("不批准资金"),
        _("写明原因代码，申请人可以重新申请。"),
        _MONEY + "/refuse",
        (Field("reason", _("原因"), "choice", choices=_NO_MONEY),),
    ),
    Form(
        "return_money",
        _("退款"),
        _("支付被退回。"),
        _MONEY + "/return",
        (Field("reason", _("原因"), "choice", choices=_NO_MONEY),),
    ),
    Form(
        "call_conference",
        _("召集个案会议"),
        _("通知到会部门和议题。"),
        "/api/v1/conferences",
        (
            Field("scheduled_at", _HELD, "future"),
            Field("invited", _("通知部门"), "many", source="department"),
            Field("agenda", _("议题"), "many", source="agenda"),
        ),
        about_case=True,
    ),
    Form(
        "hold",
        _("登记会议"),
        _("记录到会、决定和会上提出的措施。"),
        "/api/v1/conferences/{it}/hold",
        (
            Field("held_at", _HELD, "moment"),
            Field("attended", _("到会部门"), "many", source="department"),
            Field("attendees", _("签到单位"), "given", several=True),
            Field("decisions", _("决定"), "many", source="decision"),
            Field("goals", _("目标"), "goals", required=False, source="problem_domain"),
            Field("measures", _("措施"), "measures", required=False, source="measure"),
        ),
        (Text("minutes_note_id", _("会议纪要"), required=True),),
    ),
    Form("cancel_conference", _("取消会议"), _("会议不再召开。"), "/api/v1/conferences/{it}/cancel"),
)
