"""Hands waiting messages to their channels: claim, hand over outside any transaction, record what became of it.

A process that dies in between leaves its claim to lapse, so a message may go out twice but never not at all; channels
recognise a repeat by the delivery's id. What is refused too often fails loudly: it is announced, handed on to another
channel or person, and the duty room is told and must call.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from chassis.log import logger
from chassis.service import Runtime
from chassis.transaction import Transaction
from contracts.policy import Policy, load_calendar, policy_in_force
from services.notification import metrics, store
from services.notification.channels import Channel, ChannelUnavailable, Outgoing
from services.notification.domain.delivery import Parcel, Waiting, next_attempt_at, parcels
from services.notification.domain.texts import outside_text
from services.notification.giving_up import give_up, key_of

BATCH = 100
AT_ONCE = 8
LEASE = timedelta(minutes=10)
"""Longer than a whole batch may take when every channel hangs: BATCH / AT_ONCE rounds of two tries."""
HAND_OVER_SECONDS = 10.0
TRIES_PER_ATTEMPT = 2
CHANNELS = "channels"
"""Name of the channels among the runtime's resources."""

log = logger(__name__)


async def send_waiting(runtime: Runtime) -> None:
    """Hand over everything that is due, highest risk first, a bounded batch at a time."""
    while await send_batch(runtime):
        pass


async def send_batch(runtime: Runtime) -> int:
    """One batch; returns how many messages it took."""
    async with runtime.database.transaction() as tx:
        waiting = await store.claim(tx.db, BATCH, LEASE)
        policy = policy_in_force(tx.now.astimezone(load_calendar().zone).date())
    limit = asyncio.Semaphore(AT_ONCE)
    packed = parcels(waiting)
    errors = await asyncio.gather(*(_handed(parcel, runtime, policy, limit) for parcel in packed))
    sent = [parcel for parcel, error in zip(packed, errors, strict=True) if error is None]
    await _record_sent(sent, runtime)
    for parcel, error in zip(packed, errors, strict=True):
        if error is not None:
            await _record_refused(parcel, error, runtime)
    return len(waiting)


async def measure_backlog(runtime: Runtime) -> None:
    """Refresh the gauges of what waits."""
    async with runtime.database.reading() as db:
        waiting, oldest = await store.backlog(db)
    metrics.PENDING.set(waiting)
    metrics.OLDEST_PENDING_SECONDS.set(oldest)


async def _handed(parcel: Parcel, runtime: Runtime, policy: Policy, limit: asyncio.Semaphore) -> str | None:
    async with limit:
        return await _hand_over(parcel, runtime.resources[CHANNELS].get(parcel.carrier.channel), policy)


async def _record_sent(sent: Sequence[Parcel], runtime: Runtime) -> None:
    """What the channels took, in one commit for the whole batch."""
    if not sent:
        return
    async with runtime.database.transaction() as tx:
        carriers = {message: parcel.carrier.id for parcel in sent for message in parcel.ids}
        await store.mark_sent(tx.db, carriers, tx.now)
    for parcel in sent:
        metrics.NOTICES_TOTAL.labels(parcel.carrier.channel, "sent").inc(len(parcel.ids))
        metrics.DIGESTED_TOTAL.labels(parcel.carrier.channel).inc(len(parcel.folded))


async def _record_refused(parcel: Parcel, error_code: str, runtime: Runtime) -> None:
    async with runtime.database.transaction() as tx:
        failed = await _refused(parcel, error_code, runtime.settings.delivery_attempts_max, tx)
    metrics.ATTEMPTS_FAILED_TOTAL.labels(parcel.carrier.channel).inc()
    metrics.NOTICES_TOTAL.labels(parcel.carrier.channel, "failed").inc(len(failed))


async def _hand_over(parcel: Parcel, channel: Channel | None, policy: Policy) -> str | None:
    """None when the channel took it, else a short code of why not."""
    if channel is None:
        return "no_such_channel"
    carrier = parcel.carrier
    message = Outgoing(
        delivery_id=carrier.id,
        channel=carrier.channel,
        recipient_kind=carrier.recipient_kind,
        recipient=carrier.recipient,
        text=outside_text(carrier.params, policy),
        stands_for=len(parcel.ids),
    )
    attempts = AsyncRetrying(
        stop=stop_after_attempt(TRIES_PER_ATTEMPT),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        retry=retry_if_exception_type(ChannelUnavailable),
        reraise=True,
    )
    try:
        async for attempt in attempts:
            with attempt:
                await asyncio.wait_for(channel.hand_over(message), HAND_OVER_SECONDS)
    except ChannelUnavailable as error:
        return error.code
    except TimeoutError:
        return "timeout"
    except Exception as error:  # a provider's own fault must not stop the messages behind it
        log.warning("hand_over_failed", delivery=str(carrier.id), channel=carrier.channel, exc_info=error)
        return type(error).__name__
    return None


async def _refused(parcel: Parcel, error_code: str, attempts_max: int, tx: Transaction) -> list[Waiting]:
    """Plan the next attempts, or give up and tell others. Returns what was given up."""
    messages = (parcel.carrier, *parcel.folded)
    given_up = [message for message in messages if message.attempts >= attempts_max]
    ids = [message.id for message in messages]
    again: list[datetime | None] = [
        None if message in given_up else next_attempt_at(message.id, message.attempts, tx.now) for message in messages
    ]
    await tx.lock([key_of(message) for message in given_up])
    await store.mark_refused(tx.db, ids, error_code, again)
    await give_up(given_up, tx)
    return given_up
