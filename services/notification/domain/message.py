"""One recipient told of one thing, and the channels that carry it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from contracts.policy import Policy

APP, SMS, CALL, MANUAL = "app", "sms", "call", "manual"
RecipientKind = Literal["staff", "organisation", "external"]

_SMS_FIELDS = {"case number": "case_number", "level": "level"}
"""The policy's words for what a text message may hold, as our field names."""


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` says what happened and chooses the text; `rule` why this recipient; `codes` what a logged-in reader sees more.

    `about` tells two messages of one kind to one recipient apart. `masked`: the recipient learns that something of
    this kind exists, not which case.
    """

    kind: str
    recipient_kind: RecipientKind
    recipient: str
    channels: tuple[str, ...]
    level: str
    rule: str
    codes: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    masked: bool = False

    @property
    def name(self) -> tuple[str, ...]:
        """What its id derives from, within one cause."""
        return (self.kind, self.recipient_kind, self.recipient, self.about)


def merged(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Nobody is told twice of one event: a person keeps the first message, with the channels of all."""
    kept: dict[tuple[str, ...], Message] = {}
    for message in messages:
        key = ("staff", message.recipient) if message.recipient_kind == "staff" else message.name
        first = kept.get(key)
        if first is None:
            kept[key] = message
        elif set(message.channels) - set(first.channels):
            kept[key] = replace(first, channels=tuple(dict.fromkeys((*first.channels, *message.channels))))
    return tuple(kept.values())


def content(message: Message, channel: str, case_number: str, policy: Policy) -> dict[str, str]:
    """What a channel may carry (policy `sla.sms_content`): outside the system only case number and level."""
    if message.masked:
        return dict(message.codes) if channel == APP else {}
    whole = {"case_number": case_number, "level": message.level} if case_number else {}
    if channel == APP:
        return {**whole, **message.codes}
    allowed = {_SMS_FIELDS[words] for words in policy.sla.sms_content["allowed"] if words in _SMS_FIELDS}
    return {name: value for name, value in whole.items() if name in allowed}
