"""The envelope of every event: CloudEvents 1.0 in Kafka binary mode.

An event's id is derived from its cause, so handling the same cause twice makes the same ids. `sequence` is contiguous
per (topic, key): a consumer that has applied n accepts only n + 1. Breaking either promise breaks exactly-once effects.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.upcasts import UPCASTS, Upcasts, newest, upcast

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
SEQUENCE_MAX = 2**63 - 1
Headers = Sequence[tuple[str, bytes | None]]


class Value(BaseModel):
    """A frozen value inside a payload. Unknown fields are ignored, so that a newer producer may add one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Payload(Value):
    """The data of one event type. Subclasses name their type and the topic of the one service that publishes it."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]


class Undecodable(ValueError):
    """A message without a usable envelope: no id, key or sequence. Nothing about it may be trusted."""


class UnknownType(ValueError):
    """A well-formed event whose type is in no catalogue this consumer knows."""


class InvalidPayload(ValueError):
    """A known type whose data does not satisfy its contract. The message names fields, never values."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `time` is UTC; `key` is the case id (or the aggregate's own id where no case exists)."""

    id: UUID
    type: str
    source: str
    topic: str
    key: str
    sequence: int
    time: datetime
    correlation_id: str
    data: Any
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it travels: envelope read, data still bytes. What a relay sends and a consumer receives."""

    id: UUID
    type: str
    source: str
    topic: str
    key: str
    sequence: int
    time: datetime
    correlation_id: str
    value: bytes
    causation_id: str | None = None
    traceparent: str | None = None
    unknown_headers: tuple[tuple[str, bytes], ...] = field(default=(), compare=False)

    def headers(self) -> list[tuple[str, bytes]]:
        """The `ce_*` headers of the CloudEvents Kafka binding."""
        pairs = [
            ("ce_specversion", SPEC_VERSION),
            ("ce_id", str(self.id)),
            ("ce_source", self.source),
            ("ce_type", self.type),
            ("ce_subject", self.key),
            ("ce_partitionkey", self.key),
            ("ce_time", self.time.isoformat()),
            ("ce_sequence", f"{self.sequence:020d}"),
            ("ce_correlationid", self.correlation_id),
            ("ce_dataschema", f"{self.type}.schema.json"),
            ("content-type", CONTENT_TYPE),
        ]
        if self.causation_id:
            pairs.append(("ce_causationid", self.causation_id))
        if self.traceparent:
            pairs.append(("ce_traceparent", self.traceparent))
        return [(name, text.encode()) for name, text in pairs]


def read_envelope(topic: str, key: bytes | None, headers: Headers, value: bytes | None) -> RawEvent:
    """Read the envelope of a Kafka message. Raises Undecodable when id, type, key, sequence or time are unusable."""
    try:
        named = {n.lower(): raw.decode() for n, raw in headers if n.lower().startswith("ce_") and raw is not None}
        if key is None or value is None:
            raise Undecodable("message without key or value")
        subject = key.decode()
        sequence = int(named["ce_sequence"])
        time = datetime.fromisoformat(named["ce_time"])
        if not 1 <= sequence <= SEQUENCE_MAX or not subject or time.tzinfo is None:
            raise Undecodable("sequence, key or time out of range")
        if any("\0" in text for text in (subject, *named.values())):
            raise Undecodable("zero byte")  # no database keeps it in a text, so the event could not even be parked
        return RawEvent(
            id=UUID(named["ce_id"]),
            type=named["ce_type"],
            source=named["ce_source"],
            topic=topic,
            key=subject,
            sequence=sequence,
            time=time.astimezone(UTC),
            correlation_id=named.get("ce_correlationid", named["ce_id"]),
            causation_id=named.get("ce_causationid") or None,
            traceparent=named.get("ce_traceparent") or None,
            value=value,
        )
    except (KeyError, ValueError, OverflowError) as error:
        if isinstance(error, Undecodable):
            raise
        raise Undecodable(type(error).__name__) from None


def current_type(type_name: str, upcasts: Upcasts = UPCASTS) -> str:
    """The type under which an event of this type is handled: the newest version it can be made into."""
    return newest(type_name, upcasts)


def decode(raw: RawEvent, types: Mapping[str, type[Payload]], upcasts: Upcasts = UPCASTS) -> Event:
    """Parse the data of an event by its contract, an older version made new first.

    Raises UnknownType or InvalidPayload (field names only, no values).
    """
    type_name = newest(raw.type, upcasts)
    payload_type = types.get(type_name)
    if payload_type is None:
        raise UnknownType(raw.type)
    try:
        if type_name == raw.type:
            data = payload_type.model_validate_json(raw.value)
        else:
            data = payload_type.model_validate(upcast(raw.type, json.loads(raw.value), upcasts)[1])
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in item["loc"]) for item in error.errors(include_input=False))
        raise InvalidPayload(f"{raw.type}: {fields}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidPayload(f"{raw.type}: {type(error).__name__}") from None
    return Event(
        id=raw.id,
        type=type_name,
        source=raw.source,
        topic=raw.topic,
        key=raw.key,
        sequence=raw.sequence,
        time=raw.time,
        correlation_id=raw.correlation_id,
        causation_id=raw.causation_id,
        traceparent=raw.traceparent,
        data=data,
    )
