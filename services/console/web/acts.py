"""The acts on a referral as forms: what each asks, in which words. What is offered is the owner's `available_actions`.

Text never travels with an act: it is laid down as a note first, and the act carries the note's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.console.web.rendering import newest_policy

FieldKind = Literal["choice", "policy", "moment", "yes_no", "department", "child", "report"]


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form. `choices` are (code, words)."""

    name: str
    label: str
    kind: FieldKind
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `note` is the kind of the note its text becomes (None = no text asked); `weighty` acts ask once more."""

    code: str
    title: str
    explains: str
    fields: tuple[Field, ...] = ()
    note: str | None = None
    note_label: str = "补充说明（选填）"
    note_required: bool = False
    weighty: bool = False


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


_ADDED = newest_policy().routing.added
REVOKED = tuple((choice.code, choice.code) for choice in _ADDED.revoke_reasons)
"""Worded by the policy itself (`routing.added.revoke_reasons`)."""
_WHEN = Field("arrived_at", _("到达时间"), "moment")
ACTS: Mapping[str, Act] = {
    act.code: act
    for act in (
        Act("acknowledge", _("签收"), _("签收后由本单位负责办理，时限继续计算。")),
        Act("see-amendment", _("已阅补充"), _("确认看到接报台的补充内容。")),
        Act(
            "return",
            _("退回"),
            _("在签收时限内退回，并说明应由谁办理。民政办裁定前，任务仍由本单位负责，时限不停。"),
            (
                Field(
                    "reason",
                    _("退回原因"),
                    "choice",
                    (
                        ("not_our_duty", _("非本部门职责")),
                        ("insufficient_information", _("信息不足")),
                        ("duplicate", _("重复")),
                        ("wrong_address", _("地址错误")),
                        ("other", _("其他")),
                    ),
                ),
                Field("proposed_department", _("建议承办部门"), "department"),
            ),
            note="return_reason",
            note_label=_("退回说明"),
            note_required=True,
        ),
        Act(
            "decide-return",
            _("裁定退回"),
            _("同意退回则任务转到建议部门；不同意则任务留在原部门。"),
            (
                Field("upheld", _("同意退回"), "yes_no"),
                Field("department", _("改由其他部门承办（选填）"), "department", required=False),
            ),
            note="other",
        ),
        Act(
            "report-arrival",
            _("到达现场"),
            _("记录到场时间和是否见到未成年人。"),
            (_WHEN, Field("child_seen", _("见到未成年人"), "yes_no")),
            note="arrival",
        ),
        Act(
            "confirm-safety",
            _("安全确认"),
            _("只有见到孩子并且孩子在安全的地方，或安全计划已经落实，才能确认。"),
            (
                Field(
                    "basis",
                    _("依据"),
                    "choice",
                    (
                        ("safe_place", _("已到安全场所")),
                        ("safety_plan", _("安全计划已落实")),
                        ("receiving_authority_receipt", _("接收机关已回执")),
                    ),
                ),
                Field("confirmed_at", _("确认时间"), "moment"),
            ),
            note="arrival",
            weighty=True,
        ),
        Act(
            "record-assessment",
            _("书面评估"),
            _("登记书面评估，文字部分密封保存。"),
            (Field("child_id", _("未成年人"), "child"),),
            note="assessment",
            note_label=_("评估意见"),
            note_required=True,
        ),
        Act("notify-guardian", _("已告知监护人"), _("告知未涉嫌侵害的监护人。"), note="guardian_view"),
        Act(
            "give-feedback",
            _("反馈报告人"),
            _("把处理结果告知报告人；匿名且无法联系的，记为无法反馈。"),
            (Field("report_id", _("报告"), "report"), Field("possible", _("已经告知报告人"), "yes_no")),
            note="other",
        ),
        Act(
            "complete",
            _("办结"),
            _("本单位的任务已经完成或不再需要。"),
            (
                Field(
                    "outcome",
                    _("办理结果"),
                    "choice",
                    (
                        ("done", _("已完成")),
                        ("partly_done", _("部分完成")),
                        ("handed_over", _("已移交")),
                        ("not_needed", _("无需办理")),
                        ("unreachable", _("联系不上")),
                    ),
                ),
            ),
            note="other",
            note_label=_("办理情况"),
            note_required=True,
            weighty=True,
        ),
        Act(
            "revoke",
            _("撤回"),
            _("撤回派给该部门的任务。"),
            (Field("reason", _("原因"), "policy", REVOKED),),
            weighty=True,
        ),
        Act(
            "reroute",
            _("改派"),
            _("改由其他部门承办。"),
            (Field("department", _("改派到"), "department"), Field("reason", _("原因"), "policy", REVOKED)),
        ),
    )
}


def body_of(act: Act, form: Mapping[str, str], zone: Any) -> dict[str, Any]:
    """The act's body from a form. Times are local; an empty answer to a question that need not be answered is left out."""
    body: dict[str, Any] = {}
    for field in act.fields:
        given = form.get(field.name, "").strip()
        if not given:
            continue
        match field.kind:
            case "yes_no":
                body[field.name] = given == "yes"
            case "moment":
                body[field.name] = f"{given}:00{zone}" if len(given) == 16 else f"{given}{zone}"
            case _:
                body[field.name] = given
    return body
