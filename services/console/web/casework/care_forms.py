"""Forms of visits, of the guardian ladder and of placement."""

from services.console.web.casework.form import Field, Form, Text


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


_LADDER, _STEP = "/api/v1/ladders/{case}", "/api/v1/ladders/{case}/steps/{it}"
_PLACED = "/api/v1/placements/{it}"
_NOTED = Text("note_id", _("情况说明（选填）"))
_FOUND = Text("note_id", _("走访情况"), "visit")
_PLANNED = Field("planned_visit_id", _("对应的走访安排（选填）"), "given", required=False)
_BETTER = ("P0", "P1", "P2", "P6", "P5", "P4", "P3")


def _hand_over(*, required: bool) -> tuple[Field, ...]:
    return (
        Field("hand_over.given_by", _("移交人（编号）"), required=required),
        Field("hand_over.received_by", _("接收人（编号）"), required=required),
        Field("hand_over.at", _("移交时间"), "moment", required=required),
    )


VISITS = (
    Form(
        "record",
        _("登记走访"),
        _("见到未成年人才算走访完成；满8周岁的应当单独听取意见。"),
        "/api/v1/visits",
        (
            _PLANNED,
            Field("visited_at", _("走访时间"), "moment"),
            Field("child_seen", _("见到未成年人"), "yes_no"),
            Field("in_person", _("当面"), "yes_no"),
            Field("heard_alone", _("单独听取意见（选填）"), "yes_no", required=False),
            Field("not_heard_reason", _("未单独听取的原因（选填）"), "coded", required=False, source="not_heard"),
            Field("satisfactory", _("情况良好"), "yes_no"),
        ),
        (_FOUND,),
        about_case=True,
    ),
    Form(
        "fail",
        _("登记走访未成"),
        _("没有见到未成年人。连续两次触发重新评估，红色个案一次即请派出所核查安全。"),
        "/api/v1/visits/failures",
        (
            _PLANNED,
            Field("attempted_at", _("到访时间"), "moment"),
            Field(
                "failure",
                _("未成原因"),
                "choice",
                choices=(
                    ("nobody_home", _("家中无人")),
                    ("entry_refused", _("拒绝入户")),
                    ("child_not_shown", _("不让见未成年人")),
                    ("moved_away", _("已搬走")),
                ),
            ),
        ),
        (_FOUND,),
        about_case=True,
    ),
)

LADDER = (
    Form(
        "step",
        _("登记干预措施"),
        _("一般逐级进行；前一级未履行或符合直接升级条件时方可升级。"),
        _LADDER + "/steps",
        (
            Field("document", _("文书"), "coded", source="ladder_document"),
            Field("issuer", _("出具单位"), "coded", source="department+external_body+post"),
            Field("document_number", _("文号（选填）"), required=False),
            Field("issued_on", _("出具时间"), "moment"),
            Field("reason", _("原因"), "coded", source="ladder_reason"),
            Field("response", _("监护人态度"), "coded", source="guardian_response"),
            Field("guardian_id", _("监护人（多名时选择）"), "given", required=False),
            Field("in_force_until", _("有效至（保护令填写）"), "future", required=False),
            Field("urgent", _("紧急申请"), "tick", required=False),
            Field("provider", _("家庭教育指导机构编号（选填）"), required=False),
            Field("starts_on", _("指导开始时间（选填）"), "future", required=False),
            Field("sessions_planned", _("指导次数（选填）"), "number", required=False),
        ),
        (_NOTED,),
        weighty=True,
    ),
    Form(
        "check",
        _("核查履行情况"),
        _("监护人是否按要求履行；未履行时系统允许进入下一级。"),
        _STEP + "/checks",
        (
            Field("complied", _("已经履行"), "yes_no"),
            Field("checked_at", _("核查时间"), "moment"),
            Field("breached_order", _("违反告诫书或保护令"), "tick", required=False),
        ),
        (_NOTED,),
    ),
    Form(
        "end_paper",
        _("文书终止"),
        _("文书被撤销或已履行完毕。"),
        _STEP + "/end",
        (
            Field("cause", _("原因"), "choice", choices=(("revoked", _("撤销")), ("fulfilled", _("履行完毕")))),
            Field("ended_at", _("终止时间"), "moment"),
        ),
    ),
    Form(
        "session",
        _("登记家庭教育指导"),
        _("一次指导的时间和监护人是否到场。"),
        _STEP + "/sessions",
        (Field("held_at", _("指导时间"), "moment"), Field("attended", _("监护人到场"), "yes_no")),
    ),
    Form(
        "interview",
        _("登记约谈"),
        _("约谈监护人的时间、地点、在场单位和态度。"),
        _LADDER + "/interviews",
        (
            Field("held_at", _("约谈时间"), "moment"),
            Field(
                "setting",
                _("地点"),
                "choice",
                choices=(
                    ("home", _("家中")),
                    ("office", _("办公室")),
                    ("school", _("学校")),
                    ("phone", _("电话")),
                    ("elsewhere", _("其他地点")),
                ),
            ),
            Field("present", _("在场单位"), "given", several=True),
            Field("response", _("监护人态度"), "coded", source="guardian_response"),
        ),
        (Text("note_id", _("约谈内容"), required=True),),
    ),
    Form(
        "decide_review",
        _("决定是否直接升级"),
        _("对直接升到最高一级的审查。"),
        _LADDER + "/reviews/decide",
        (
            Field("decision", _("决定"), "choice", choices=(("proceed", _("直接升级")), ("not_now", _("暂不升级")))),
            Field("malice", _("有恶意"), "tick", required=False),
        ),
        (Text("note_id", _("理由"), required=True),),
        weighty=True,
    ),
)

PLACEMENT = (
    Form(
        "propose",
        _("提议安置"),
        _("优先居家和亲属，依次考虑；较好的方式不能用时须说明原因。同胞原则上一起安置。"),
        "/api/v1/placements",
        (
            Field("child_ids", _("未成年人"), "given", several=True),
            Field("kind", _("安置方式"), "coded", source="placement_kind"),
            Field("reason", _("安置原因"), "coded", source="placement_reason"),
            Field("emergency", _("紧急安置（先安置后审批）"), "tick", required=False),
            Field("started_at", _("紧急安置开始时间（选填）"), "moment", required=False),
            Field("place", _("安置场所编号（选填）"), required=False),
            *(
                Field(f"unavailable.{kind}", kind, "coded", required=False, source="unavailable_reason")
                for kind in _BETTER
            ),
            Field("apart_reason", _("同胞分开的原因（选填）"), "coded", required=False, source="apart_reason"),
            Field("relative_of_suspected_harmer", _("照护人是涉嫌侵害人的亲属（选填）"), "yes_no", required=False),
            Field("separate_room", _("单独房间"), "tick", required=False),
            Field("staff_checked", _("工作人员已核查"), "tick", required=False),
            Field("temporary_guardianship", _("临时监护"), "tick", required=False),
        ),
        (Text("medical_note_id", _("就医或体检情况（选填）")), _NOTED),
        about_case=True,
        weighty=True,
    ),
    Form(
        "police_check",
        _("背景核查"),
        _("照护人与涉嫌侵害人的关系核查结果。"),
        _PLACED + "/police-check",
        (Field("clear", _("核查通过"), "yes_no"),),
    ),
    Form("approve", _("批准安置"), _("须不同于提议人。"), _PLACED + "/approve", weighty=True),
    Form(
        "refuse",
        _("不同意安置"),
        _("写明理由。"),
        _PLACED + "/refuse",
        (),
        (Text("note_id", _("理由"), required=True),),
    ),
    Form(
        "start",
        _("开始安置"),
        _("未成年人已到达，移交双方签字。"),
        _PLACED + "/start",
        (Field("started_at", _("开始时间"), "moment"), *_hand_over(required=False)),
        (Text("hand_over.receipt_note_id", _("交接单")),),
    ),
    Form(
        "hand_over",
        _("补交接单"),
        _("紧急安置后补齐双方交接。"),
        _PLACED + "/hand-over",
        tuple(Field(one.name.removeprefix("hand_over."), one.label, one.kind) for one in _hand_over(required=True)),
        (Text("receipt_note_id", _("交接单"), required=True),),
    ),
    Form(
        "accept",
        _("流出地接收"),
        _("流出地书面同意接收并评估家庭安全。"),
        _PLACED + "/acceptance",
        (
            Field("accepted_at", _("同意时间"), "moment"),
            Field("home_safe", _("家庭评估为安全"), "tick", required=False),
        ),
        (
            Text("acceptance_note_id", _("书面同意"), required=True),
            Text("home_assessment_note_id", _("家庭评估（选填）")),
        ),
    ),
    Form(
        "transfer",
        _("移交流出地"),
        _("双方交接后移交。"),
        _PLACED + "/transfer",
        _hand_over(required=True),
        (Text("hand_over.receipt_note_id", _("交接单"), required=True),),
        weighty=True,
    ),
    Form(
        "return_home",
        _("送回家"),
        _("带离原因消除后才能送回。"),
        _PLACED + "/return-home",
        _hand_over(required=True),
        (
            Text("reason_ended_note_id", _("原因已消除的依据"), required=True),
            Text("hand_over.receipt_note_id", _("交接单"), required=True),
        ),
        weighty=True,
    ),
    Form("make_permanent", _("转为长期"), _("作为长期安置。"), _PLACED + "/permanent", weighty=True),
    Form(
        "review",
        _("监护检查"),
        _("临时监护期间的定期检查。"),
        _PLACED + "/reviews",
        (
            Field("reviewed_at", _("检查时间"), "moment"),
            Field(
                "outcome",
                _("结果"),
                "choice",
                choices=(
                    ("continue", _("继续")),
                    ("prepare_return", _("准备送回")),
                    ("seek_long_term", _("寻求长期安置")),
                ),
            ),
        ),
        (Text("note_id", _("检查情况"), required=True),),
    ),
    Form(
        "end",
        _("结束安置"),
        _("送回家以外的结束原因。"),
        _PLACED + "/end",
        (
            Field(
                "cause",
                _("原因"),
                "choice",
                choices=(
                    ("aged_out", _("已满18周岁")),
                    ("adopted", _("被收养")),
                    ("ran_away", _("走失")),
                    ("deceased", _("死亡")),
                ),
            ),
            Field("ended_at", _("结束时间"), "moment"),
        ),
        (_NOTED,),
        weighty=True,
    ),
    Form(
        "follow_up",
        _("完成后续事项"),
        _("安置后的查找、落户等事项。"),
        "/api/v1/placements/{case}/follow-ups/{it}/done",
        (Field("done_at", _("完成时间"), "moment"),),
        (_NOTED,),
    ),
)
