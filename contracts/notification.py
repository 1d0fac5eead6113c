"""What notification announces: who was told what, by which channel."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload, Value

TOPIC = "notification.events"


class NoticeRecord(Value):
    """One recipient told of one thing. `recipient` is a staff id, organisation code, post code or external body code."""

    notice_id: UUID
    kind: str
    recipient_kind: Literal["staff", "organisation", "external"]
    recipient: str
    channels: tuple[str, ...]
    rule: str


class NoticesRecorded(Payload):
    """The notices that one event caused, recorded in the delivery ledger in the same commit."""

    TYPE = "notices.recorded.v1"
    TOPIC = TOPIC

    case_id: UUID | None
    cause_type: str
    notices: tuple[NoticeRecord, ...]
    recorded_at: datetime


class DeliveryFailed(Payload):
    """A message could not be delivered and will not be tried again; the next channel or person was chosen (K20)."""

    TYPE = "delivery.failed.v1"
    TOPIC = TOPIC

    case_id: UUID | None
    notice_id: UUID
    kind: str
    channel: str
    recipient_kind: Literal["staff", "organisation", "external"]
    recipient: str
    attempts: int
    at: datetime
