"""From messages to rows and the event that announces them: written in one commit with their cause."""

from collections.abc import Sequence
from uuid import UUID

from chassis.transaction import Cause, Transaction
from contracts.envelope import Event
from contracts.notification import NoticeRecord, NoticesRecorded
from contracts.policy import Policy
from services.notification.domain.case import CaseFacts
from services.notification.domain.message import APP, Message, content
from services.notification.domain.texts import OUTSIDE_TEMPLATE
from services.notification.store import DeliveryRow


class Failure:
    """A delivery that was given up, as the cause of the messages about it."""

    def __init__(self, delivery_id: UUID) -> None:
        self.cause = Cause(delivery_id, str(delivery_id))


def record(
    messages: Sequence[Message],
    case: CaseFacts,
    policy: Policy,
    tx: Transaction,
    *,
    key: str,
    cause: Event | Failure,
    cause_type: str,
    stands_in_for: UUID | None = None,
) -> list[DeliveryRow]:
    """The rows of these messages. Announces them too, once per cause and even when nobody had to be told: that the
    duty notices are done is news by itself (S7). Ids derive from the cause and the recipient.
    """
    cause_id = cause.id if isinstance(cause, Event) else cause.cause.id
    rows: list[DeliveryRow] = []
    records = []
    for message in messages:
        notice_id = tx.new_id("notice", *message.name, cause=cause)
        records.append(
            NoticeRecord(
                notice_id=notice_id,
                kind=message.kind,
                recipient_kind=message.recipient_kind,
                recipient=message.recipient,
                channels=message.channels,
                rule=message.rule,
            )
        )
        for channel in message.channels:
            inside = channel == APP
            rows.append(
                DeliveryRow(
                    id=tx.new_id("delivery", *message.name, channel, cause=cause),
                    notice_id=notice_id,
                    case_id=case.case_id,
                    township=case.township,
                    cause_event_id=cause_id,
                    kind=message.kind,
                    rule=message.rule,
                    recipient_kind=message.recipient_kind,
                    recipient=message.recipient,
                    channel=channel,
                    template=message.kind if inside else OUTSIDE_TEMPLATE,
                    params=content(message, channel, case.case_number, policy),
                    masked=message.masked,
                    level=message.level,
                    urgency=policy.rank(message.level),
                    state="sent" if inside else "pending",
                    attempts=0,
                    created_at=tx.now,
                    next_attempt_at=None if inside else tx.now,
                    sent_at=tx.now if inside else None,
                    seen_at=None,
                    seen_by=None,
                    digest_id=None,
                    error_code=None,
                    stands_in_for=stands_in_for,
                )
            )
    announced = NoticesRecorded(case_id=case.case_id, cause_type=cause_type, notices=tuple(records), recorded_at=tx.now)
    tx.publish(key, announced, cause=cause)
    return rows
