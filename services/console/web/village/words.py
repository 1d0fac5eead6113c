"""What the village pages say and ask in plain words: advice before somebody goes, and a reporter's words for concerns."""

from collections.abc import Iterable, Mapping


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


ALWAYS = (
    _("先看清自己是否安全。有人动手、持械或醉酒失控时不要进门，退到安全处拨打 110。"),
    _("不要与涉嫌伤害孩子的人争执或对质，不要说是谁报告的。"),
    _("不要追问孩子经过。孩子愿意说就听，只记原话，不评论、不引导。"),
    _("不要拍摄孩子，不要在群里谈论，不要把情况告诉无关的人。"),
)
"""Before every errand (L-WBF 4: privacy and dignity; policy `risk`: nobody questions a child twice)."""
FOR_CONCERN: Mapping[str, str] = {
    "H1": _("孩子受伤先送医，不要替孩子清洗伤口，等待派出所固定证据。"),
    "H2": _("不要让孩子洗澡、换衣服，不要询问细节，只陪着孩子等派出所。"),
    "H3": _("不要删除手机里的内容，不要联系对方，等派出所处理。"),
    "H8": _("发现孩子被锁或被绑，立即拨打 110，并留在现场看着。"),
    "H9": _("先问孩子常去的地方和最后见到的时间，边找边报派出所。"),
    "H10": _("不要离开孩子，收走刀具、药品和绳索，轻声陪伴，立即报值班台。"),
}
"""One more line where the concern calls for it."""
VISITING = (
    _("尽量单独和孩子说几句话，满 8 周岁的必须单独听。"),
    _("看一看：吃住、衣着、身上有没有伤、家里有没有大人。"),
)
CONCERNS: tuple[tuple[str, str], ...] = (
    ("H1", _("挨打、身上有伤")),
    ("H2", _("疑似被性侵或性骚扰")),
    ("H8", _("被锁、被绑")),
    ("H6", _("被丢弃、没有大人管")),
    ("H5", _("吃住没人照顾")),
    ("H9", _("走失、离家、在外流浪")),
    ("H10", _("想不开、伤害自己")),
    ("H11", _("被同学欺负")),
    ("H7", _("被拐、被逼乞讨或做工")),
    ("H3", _("网上被骗、被威胁")),
    ("N2", _("家长吸毒、酗酒或精神异常")),
    ("N4", _("不上学")),
    ("N5", _("家里困难、生病或残疾")),
)
"""Concerns of the policy as a neighbour would say them; what fits none is an unclear lead."""
UNCLEAR = "N12"
UNDELIVERED = _("没有送达，请稍后再试")
UNANSWERED = _("还有问题没有回答")
DANGER: tuple[tuple[str, str], ...] = (("yes", _("是，现在有危险")), ("no", _("现在没有")), ("unknown", _("说不准")))
YES_NO: tuple[tuple[str, str], ...] = (("yes", _("是")), ("no", _("否")))
SAFE: tuple[tuple[str, str], ...] = (("yes", _("是，安全")), ("no", _("不，不安全")), ("unknown", _("看不出来")))
FAILURES: tuple[tuple[str, str], ...] = (
    ("nobody_home", _("家里没有人")),
    ("entry_refused", _("不让进门")),
    ("child_not_shown", _("不让见孩子")),
    ("moved_away", _("已经搬走")),
)
HEARD_ALONE, UNDER_AGE = "alone", "under_age"
HEARD: tuple[tuple[str, str], ...] = ((HEARD_ALONE, _("单独听了孩子说")), (UNDER_AGE, _("孩子未满 8 周岁")))
"""Followed by the policy's reasons why a child was not heard alone (`visits.rules.not_heard_reasons`)."""
SAID: Mapping[str, str] = {
    "yes": "现场判断：孩子目前安全。",
    "no": "现场判断：孩子目前不安全。",
    "unknown": "现场判断：看不出孩子是否安全。",
}
"""How the answer is kept in the file, in the language of the file."""


def advice(concerns: Iterable[str] | None) -> list[str]:
    """What to keep in mind before going: the general rules, then what these concerns call for."""
    return [*ALWAYS, *(FOR_CONCERN[code] for code in concerns or () if code in FOR_CONCERN)]
