"""Who is told of what: one rule per event, from the policy's delivery, breach and roster sections."""

from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.directory import TownshipPublished
from contracts.envelope import Payload
from contracts.policy import Policy
from services.notification.domain.case import CaseFacts
from services.notification.domain.duty import Scene
from services.notification.domain.message import Message, merged
from services.notification.domain.notices import acts, care, clocks, responses
from services.notification.domain.notices.teller import Teller

_RULES = {**responses.RULES, **acts.RULES, **clocks.RULES, **care.RULES}


def who_is_told(
    event: Payload, township: TownshipPublished, case: CaseFacts, policy: Policy, now: datetime
) -> tuple[Message, ...]:
    """Everybody to be told of an event, at the moment `now` (aware). Events nobody is told of give nothing."""
    rule = _RULES.get(type(event))
    if rule is None:
        return ()
    return merged(rule(event, Teller(Scene(township, case, now, ZoneInfo(policy.clocks.timezone)), policy)))


def telling() -> frozenset[type[Payload]]:
    """The events somebody is told of."""
    return frozenset(_RULES)
