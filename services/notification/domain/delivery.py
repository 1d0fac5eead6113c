"""How messages leave: what goes inside another one after a storm, and when a refused one is tried again. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.notification.domain.message import RecipientKind

DIGEST_WITHIN = timedelta(minutes=1)
RETRY_FIRST = timedelta(seconds=5)
RETRY_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message to be handed over. `urgency` is the level's rank; `attempts` counts the one now under way.

    `stands_in_for`: the notice that could not be delivered to somebody else, or by another channel.
    """

    id: UUID
    case_id: UUID | None
    township: str
    recipient_kind: RecipientKind
    recipient: str
    channel: str
    kind: str
    template: str
    params: dict[str, str]
    level: str
    urgency: int
    attempts: int
    created_at: datetime
    notice_id: UUID
    stands_in_for: UUID | None = None

    @property
    def root(self) -> UUID:
        """The notice all this began with: its own, or the one it stands in for."""
        return self.stands_in_for or self.notice_id


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice as it went out: its codes inside the system, and whether it hid the case.

    `tried`: everybody told by it or by one that stands in for it, with the channels. `handed_on`: somebody else was told
    already because this one did not reach its recipient.
    """

    codes: Mapping[str, str]
    masked: bool
    tried: Mapping[str, frozenset[str]]
    handed_on: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """One hand-over: the message that goes out, and those of the same case and minute that go with it unsaid."""

    carrier: Waiting
    folded: tuple[Waiting, ...] = ()

    @property
    def ids(self) -> tuple[UUID, ...]:
        return (self.carrier.id, *(message.id for message in self.folded))


def parcels(waiting: Sequence[Waiting]) -> tuple[Parcel, ...]:
    """Fold repeats: same recipient, channel and case, written within a minute of each other; highest risk goes first.

    After downtime a person would otherwise be called once for every stage that fired late. Outside notices never fold.
    """
    ordered = sorted(waiting, key=lambda message: (-message.urgency, message.created_at, message.id))
    taken: set[UUID] = set()
    result = []
    for message in ordered:
        if message.id in taken:
            continue
        alike = tuple(other for other in ordered if other.id not in taken and _folds_into(other, message))
        taken.update(other.id for other in alike)
        taken.add(message.id)
        result.append(Parcel(message, alike))
    return tuple(result)


def _folds_into(other: Waiting, carrier: Waiting) -> bool:
    return (
        other.id != carrier.id
        and carrier.case_id is not None
        and carrier.recipient_kind != "external"
        and (other.recipient, other.channel, other.case_id) == (carrier.recipient, carrier.channel, carrier.case_id)
        and abs(other.created_at - carrier.created_at) <= DIGEST_WITHIN
    )


def next_attempt_at(message_id: UUID, attempts: int, now: datetime) -> datetime:
    """When to try again after `attempts` failures: doubling, capped, and spread by the id so that none come in step."""
    doubled = min(RETRY_FIRST.total_seconds() * 2.0 ** min(attempts - 1, 20), RETRY_LONGEST.total_seconds())
    spread = 0.75 + 0.5 * (message_id.int % 1024) / 1024
    return now + timedelta(seconds=doubled * spread)
