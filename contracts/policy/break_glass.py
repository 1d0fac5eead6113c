"""Break-glass, `data_protection.break_glass`: who may open a RED file on the spot, and when that is reviewed."""

from contracts.policy.limits import Limit, Section


class BreakGlass(Section):
    """`fallback`: departments whose people count as on duty while nobody of their own stands on the roster.

    A review that is not made within `review_limit` is announced every `review_repeat` until it is.
    """

    who: str
    level: tuple[str, ...]
    needs: str
    reviewed_by: str
    review_limit: Limit
    review_repeat: Limit
    fallback: tuple[str, ...]
    default: tuple[str, ...] = ()
