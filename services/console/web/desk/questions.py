"""The script of a call: what is asked in which words and order, what calms, and what is not to be asked.

The wording is the product's own; the order is the policy's (`risk.hotline_flow`): where, whom to call back, what, danger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.policy import Policy


@dataclass(frozen=True, slots=True)
class Question:
    """One question to be read aloud. `field` is what it fills in."""

    field: str
    text: str


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


GREETING = _("您好，未成年人守护热线，请讲。您和孩子现在安全吗？")
QUESTIONS = (
    Question("place", _("孩子现在在哪里？哪个村、哪个组，附近有什么标志？")),
    Question("phone", _("万一断线，我用哪个号码打回给您？")),
    Question("concerns", _("发生了什么事？请您用自己的话说。")),
    Question("c.R1", _("孩子现在有生命危险吗？有没有重伤、正在挨打、需要急救？")),
    Question("c.R2", _("有没有人对孩子做过身体上不该做的事，或在网上要照片、要见面？")),
    Question("c.R3", _("孩子是不是被丢下的，或者没人知道他是谁？")),
    Question("c.R4", _("有没有人要带走、买卖孩子，或逼他乞讨？")),
    Question("c.R5", _("现在是不是一个大人都没有在照看孩子？")),
    Question("c.R6", _("孩子是不是走失或出走了，还没有找到？夜里一个人在外面？")),
    Question("c.R7", _("孩子有没有伤害自己，或说过具体的轻生打算？")),
    Question("c.R8", _("孩子有没有被绑住、锁住、关住？")),
    Question("c.R9", _("三岁以下的孩子身上，有没有说不清来由的伤？")),
    Question("c.R10", _("照看的人是不是吸了毒、发病或拿着凶器，孩子就在旁边？")),
    Question("c.R11", _("告诫书或保护令还在期内，是不是又打了人？")),
)
CALMING = (
    _("您先到安全的地方，我一直在线上。"),
    _("这不是孩子的错，您打来是对的。"),
    _("有人身危险，请同时拨打110；我这边已经在派人。"),
)
DO_NOT_ASK = (
    _("不要反复追问孩子经过，不要让孩子复述受害细节。"),
    _("不要问“为什么不早说”，不评价任何一方。"),
    _("不要许诺保密到底；告诉对方谁会知道、为什么。"),
)


@dataclass(frozen=True, slots=True)
class Card:
    """What helps with a concern: what to say, and what to leave alone."""

    do: str
    leave: str


_HARM = Card(_("先问现在是否安全；请对方离开施暴者视线再说。"), _("不联系施暴者核实，不在施暴者旁边继续通话。"))
_SEXUAL = Card(_("保留衣物、床单、聊天记录，不要清洗；由公安一次询问。"), _("不问细节、不让孩子复述，不告知嫌疑人。"))
_MISSING = Card(_("记下最后见到的时间、地点、衣着、手机。"), _("不要让家属分头自行去找而无人留守电话。"))
_CRISIS = Card(_("保持通话，请身边的大人陪着，移开危险物品。"), _("不说教，不说“想开点”，不留孩子独自一人。"))
_CARE = Card(_("问清谁在照看、吃住如何、今晚怎么过。"), _("不评判监护人，不先谈钱。"))
_CARDS: Mapping[str, Card] = {
    "H1": _HARM, "H4": _HARM, "H8": _HARM, "H2": _SEXUAL, "H3": _SEXUAL, "H9": _MISSING, "H10": _CRISIS, "H5": _CARE,
    "H6": _CARE, "N1": _CARE, "N2": _CARE,
}  # fmt: skip


def card_for(concerns: Sequence[str]) -> Card | None:
    """The card of the concern named first that has one."""
    return next((_CARDS[code] for code in concerns if code in _CARDS), None)


MORE_FACTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        _("伤害与危险"),
        (
            "suspected_harm", "visible_injury", "nonaccidental_injury", "abuser_co_resident", "guardian_suspected_harmer",
            "new_violence", "runaway_found", "alone_in_public_at_night", "sexualised_online_contact", "child_labour",
        ),
    ),
    (
        _("照护"),
        (
            "left_alone", "guardian_unreachable", "other_guardian_available", "living_apart_from_guardians",
            "de_facto_unsupported", "orphan", "guardian_unknown", "parent_imprisoned",
        ),
    ),
    (_("孩子"), ("age_estimated", "enrolled", "disabled", "identity_unknown", "outside_township")),
)  # fmt: skip
"""Facts asked beyond the checklist, in the order of the form; the policy words them."""


def numbered(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Concerns with the key that ticks them: the first nine by digit, the others by pointer or Tab."""
    return tuple((concern.code, str(n) if n <= 9 else "") for n, concern in enumerate(policy.concerns, 1))
