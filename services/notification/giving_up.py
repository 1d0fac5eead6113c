"""A message that nobody took: announced, told to the duty room, and handed on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.transaction import Transaction
from contracts.directory import TownshipPublished
from contracts.notification import DeliveryFailed
from contracts.policy import Policy, load_calendar, policy_in_force
from services.notification import store
from services.notification.domain.case import CaseFacts, undispatched
from services.notification.domain.delivery import Waiting
from services.notification.domain.duty import Scene
from services.notification.domain.giving_up import instead, undelivered
from services.notification.ledger import Failure, record

CAUSE = "delivery.failed"


def key_of(message: Waiting) -> str:
    """The key its announcements go by."""
    return str(message.case_id or message.township)


async def give_up(messages: Sequence[Waiting], tx: Transaction) -> None:
    """Somebody was not reached. The caller holds the locks of the messages' keys."""
    if not messages:
        return
    townships = await store.townships(tx.db)
    known = await store.load_cases(tx.db, [message.case_id for message in messages if message.case_id])
    policy = policy_in_force(tx.now.astimezone(load_calendar().zone).date())
    for message in messages:
        # One after the other: what stands in for the first channel of a notice decides about its second.
        await _give_up(message, known, townships, policy, tx)


async def _give_up(
    message: Waiting,
    known: Mapping[UUID, CaseFacts],
    townships: Mapping[str, TownshipPublished],
    policy: Policy,
    tx: Transaction,
) -> None:
    case = (known.get(message.case_id) if message.case_id else None) or undispatched(
        message.case_id, message.params.get("case_number"), message.township, message.level, policy
    )
    scene = Scene(townships[message.township], case, tx.now, ZoneInfo(policy.clocks.timezone))
    sent = await store.notice_of(tx.db, message)
    failure = Failure(message.id)
    codes = {"recipient": message.recipient, "channel": message.channel, "undelivered": message.kind}
    told = (*undelivered(scene, message.level, codes), *instead(message, sent, scene))
    rows = record(
        told, case, policy, tx, key=key_of(message), cause=failure, cause_type=CAUSE, stands_in_for=message.root
    )
    await store.add_deliveries(tx.db, rows)
    tx.publish(key_of(message), _announced(message, tx.now), cause=failure)


def _announced(message: Waiting, at: datetime) -> DeliveryFailed:
    return DeliveryFailed(
        case_id=message.case_id,
        notice_id=message.notice_id,
        kind=message.kind,
        channel=message.channel,
        recipient_kind=message.recipient_kind,
        recipient=message.recipient,
        attempts=message.attempts,
        at=at,
    )
