"""The envelope survives the journey, and nothing that arrives can make it fail in any way but the one it declares."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts import generate
from contracts.catalogue import TYPES
from contracts.envelope import (
    InvalidPayload,
    RawEvent,
    Undecodable,
    UnknownType,
    decode,
    read_envelope,
)

IDENTITY = UUID("7d1c7a5e-0c55-5d0e-9a41-3f0b5d6f2a11")
EACH_EXAMPLE = [(t, n, e) for t, named in generate.load_examples().items() for n, e in named.items()]
GOOD = {
    "ce_id": str(IDENTITY),
    "ce_type": "case.closed.v1",
    "ce_source": "assistance",
    "ce_time": "2026-03-24T06:21:40+00:00",
    "ce_sequence": "00000000000000000007",
}


def raw_event(type_name: str, value: bytes, **more: Any) -> RawEvent:
    fields: dict[str, Any] = {
        "id": IDENTITY,
        "type": type_name,
        "source": "test",
        "topic": "assistance.events",
        "key": "case-1",
        "sequence": 7,
        "time": datetime(2026, 3, 24, 6, 21, 40, 123456, UTC),
        "correlation_id": "cause-1",
        "value": value,
    }
    return RawEvent(**fields | more)


def received(raw: RawEvent) -> RawEvent:
    return read_envelope(raw.topic, raw.key.encode(), raw.headers(), raw.value)


@pytest.mark.parametrize(("type_name", "name", "data"), EACH_EXAMPLE, ids=lambda value: str(value)[:40])
def test_every_example_arrives_as_it_was_sent(type_name: str, name: str, data: dict[str, Any]) -> None:
    payload = TYPES[type_name].model_validate_json(json.dumps(data))
    sent = raw_event(type_name, payload.model_dump_json().encode(), causation_id="cause-0", traceparent="00-aa-bb-01")
    arrived = received(sent)
    assert arrived == sent
    event = decode(arrived, TYPES)
    assert event.data == payload
    assert (event.id, event.key, event.sequence, event.time) == (sent.id, sent.key, sent.sequence, sent.time)
    assert (event.correlation_id, event.causation_id, event.traceparent) == ("cause-1", "cause-0", "00-aa-bb-01")


def test_the_optional_headers_may_be_absent() -> None:
    sent = raw_event("case.closed.v1", b"{}")
    assert received(sent) == sent
    assert {name for name, _ in sent.headers()}.isdisjoint({"ce_causationid", "ce_traceparent"})


def test_a_newer_producers_extra_fields_are_ignored() -> None:
    data = {**generate.load_examples()["case.closed.v1"]["1-two-deciders"], "season": "autumn"}
    assert not hasattr(decode(raw_event("case.closed.v1", json.dumps(data).encode()), TYPES).data, "season")


def test_an_unknown_type_is_told_apart_from_data_that_does_not_fit() -> None:
    with pytest.raises(UnknownType):
        decode(raw_event("case.opened.v9", b"{}"), TYPES)
    with pytest.raises(InvalidPayload):
        decode(raw_event("case.closed.v1", b"not json"), TYPES)


def test_a_refused_payload_is_described_by_field_names_and_never_by_values() -> None:
    data = {**generate.load_examples()["contact.recorded.v1"]["1-consultation"], "disposition": "some secret"}
    with pytest.raises(InvalidPayload) as refusal:
        decode(raw_event("contact.recorded.v1", json.dumps(data).encode()), TYPES)
    assert "disposition" in str(refusal.value)
    assert "some secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_id", "no uuid"),
        ("ce_sequence", "0"),
        ("ce_sequence", "-3"),
        ("ce_sequence", "seven"),
        ("ce_sequence", str(2**63)),
        ("ce_time", "yesterday"),
        ("ce_time", "2026-03-24T06:21:40"),
        ("ce_time", "0001-01-01T00:00:00+23:59"),
        ("ce_type", "case\0closed"),
        ("ce_source", "\0"),
    ],
)
def test_an_unusable_header_is_refused(header: str, value: str) -> None:
    with pytest.raises(Undecodable):
        read_envelope("t", b"case-1", [(n, v.encode()) for n, v in {**GOOD, header: value}.items()], b"{}")


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_source", "ce_time", "ce_sequence"])
def test_a_missing_header_is_refused_and_so_is_one_without_a_value(missing: str) -> None:
    present = [(name, value.encode()) for name, value in GOOD.items() if name != missing]
    with pytest.raises(Undecodable):
        read_envelope("t", b"case-1", present, b"{}")
    with pytest.raises(Undecodable):
        read_envelope("t", b"case-1", [*present, (missing, None)], b"{}")


@pytest.mark.parametrize(
    ("key", "value"), [(None, b"{}"), (b"case-1", None), (b"", b"{}"), (b"\xff", b"{}"), (b"\0", b"{}")]
)
def test_a_message_without_a_usable_key_or_value_is_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(Undecodable):
        read_envelope("t", key, [(n, v.encode()) for n, v in GOOD.items()], value)


NAMES = st.sampled_from([*GOOD, "ce_correlationid", "ce_causationid", "ce_traceparent", "CE_ID", "other"]) | st.text()
TEXTS = st.sampled_from(list(GOOD.values())) | st.text() | st.datetimes(timezones=st.timezones()).map(str)
VALUES = TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary() | st.none()
SPOILT = st.dictionaries(st.sampled_from(list(GOOD)), VALUES, max_size=2)


@settings(max_examples=300, deadline=None)
@example(key=b"k", spoilt={"ce_time": b"9999-12-31T23:59:59-23:59"}, more=[], value=b"{}")
@given(
    key=st.none() | st.binary(),
    spoilt=SPOILT,
    more=st.lists(st.tuples(NAMES, VALUES), max_size=4),
    value=st.none() | st.binary(),
)
def test_whatever_arrives_is_an_event_or_undecodable(
    key: bytes | None, spoilt: dict[str, bytes | None], more: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    good: dict[str, bytes | None] = {name: text.encode() for name, text in GOOD.items()}
    headers = [*(good | spoilt).items(), *more]
    try:
        event = read_envelope("t", key, headers, value)
    except Undecodable:
        return
    assert 1 <= event.sequence < 2**63
    assert event.time.tzinfo is UTC
    assert event.key
    assert "\0" not in f"{event.key}{event.type}{event.source}{event.correlation_id}"
    assert received(event) == event
