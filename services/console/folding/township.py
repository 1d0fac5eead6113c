"""What directory and notification say: the township's structure, its programme, and the day's notices."""

from collections.abc import Iterator
from typing import Any

from contracts import directory, notification
from contracts.envelope import Event, Payload
from contracts.policy import load_calendar
from services.console.writing import Change, Fold


def on_township(event: Event, _: int) -> Iterator[Change]:
    """The newest structure."""
    data: directory.TownshipPublished = event.data
    told = {"version": data.version, "structure": data.model_dump(mode="json")}
    yield Change("fact_township", {"township": data.township}, told)


def on_training(event: Event, _: int) -> Iterator[Change]:
    """A training."""
    data: directory.TrainingRecorded = event.data
    told = {
        "kind": "training",
        "topics": list(data.topics),
        "villages": list(data.villages),
        "headcount": data.headcount,
        "on": data.held_on,
        "subject_kind": data.audience,
    }
    yield Change("fact_programme", {"id": data.training_id}, told)


def on_publicity(event: Event, _: int) -> Iterator[Change]:
    """A publicity activity."""
    data: directory.PublicityRecorded = event.data
    told = {
        "kind": "publicity",
        "subject_kind": data.kind,
        "villages": list(data.villages),
        "hotline_published": data.hotline_published,
        "on": data.on,
    }
    yield Change("fact_programme", {"id": data.publicity_id}, told)


def on_appraisal(event: Event, _: int) -> Iterator[Change]:
    """A commendation or a criticism."""
    data: directory.AppraisalRecorded = event.data
    told = {
        "kind": "appraisal",
        "subject_kind": data.subject_kind,
        "subject": data.subject,
        "sign": data.sign,
        "ground": data.ground,
        "state": data.state,
        "period": data.period,
        "on": data.at.astimezone(load_calendar().zone).date(),
    }
    yield Change("fact_programme", {"id": data.appraisal_id}, told)


def _day(at: Any, kind: str, **counts: int) -> Change:
    key = {"day": at.astimezone(load_calendar().zone).date(), "kind": kind}
    return Change("fact_notice_day", key, add=counts)


def on_notices(event: Event, _: int) -> Iterator[Change]:
    """Notices entered into the delivery ledger."""
    data: notification.NoticesRecorded = event.data
    for kind in sorted({notice.kind for notice in data.notices}):
        number = sum(notice.kind == kind for notice in data.notices)
        yield _day(data.recorded_at, kind, notices=number)


def on_delivery_failed(event: Event, _: int) -> Iterator[Change]:
    """A message that could not be delivered."""
    data: notification.DeliveryFailed = event.data
    yield _day(data.at, data.kind, failed=1)


FOLDS: dict[type[Payload], Fold] = {
    directory.TownshipPublished: on_township,
    directory.TrainingRecorded: on_training,
    directory.PublicityRecorded: on_publicity,
    directory.AppraisalRecorded: on_appraisal,
    notification.NoticesRecorded: on_notices,
    notification.DeliveryFailed: on_delivery_failed,
}
