"""When more time may be given for a clock, and how long a supervised unit has to reply (policy `sla.extension`, `sla.supervision`)."""

from contracts.policy.limits import Basis, Label, Limit, Section


class ExtensionReason(Section):
    code: str
    label: Label


class ExtensionRule(Section):
    """`steps` names per level the clocks that may be extended at all; every other clock never. The new deadline lies at
    most `max` after the old one, `times` is how often one clock is extended.
    """

    default: bool = False
    asked_by: str
    decided_by: str
    times: int
    reasons: tuple[ExtensionReason, ...]
    steps: dict[str, tuple[str, ...]]
    max: dict[str, Limit]
    basis: Basis = ()


class SupervisionRule(Section):
    """`reply`: how long each unit named in a supervision order has for its written reply, by level."""

    default: bool = False
    label: Label
    ordered_by: tuple[str, ...]
    reply: dict[str, Limit]
    basis: Basis = ()
