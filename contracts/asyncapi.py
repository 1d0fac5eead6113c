"""The published language as one AsyncAPI 3.0 document, derived from the catalogue, the models and the examples."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic.json_schema import models_json_schema

from contracts.catalogue import TOPICS, TYPES, Topic
from contracts.consumers import CONSUMERS
from contracts.envelope import CONTENT_TYPE, SPEC_VERSION, Payload, RawEvent

Document = dict[str, Any]
Examples = Mapping[str, Mapping[str, Document]]
"""Type name → example name → payload."""

_DAY_MS = 86_400_000
_EXAMPLES = UUID("7d1c7a5e-0c55-5d0e-9a41-3f0b5d6f2a11")
_EXAMPLE_TIME = datetime(2026, 3, 24, 6, 21, 40, tzinfo=UTC)

_HEADERS: Mapping[str, tuple[str, dict[str, str]]] = {
    "ce_specversion": ("CloudEvents version", {"const": SPEC_VERSION}),
    "ce_id": ("Event id, derived from its cause: handling a cause twice gives the same id", {"format": "uuid"}),
    "ce_source": ("The service that published it", {}),
    "ce_type": ("Event type with version, for example response.opened.v1", {}),
    "ce_subject": ("The key of the stream: the case id, or what the channel says", {}),
    "ce_partitionkey": ("Same as the key of the Kafka message", {}),
    "ce_time": ("When it happened, UTC", {"format": "date-time"}),
    "ce_sequence": (
        "Position in the stream of its topic and key, from 1 without gaps, zero-padded",
        {"pattern": r"^\d{20}$"},
    ),
    "ce_correlationid": ("One value for everything that one first cause led to", {}),
    "ce_causationid": ("Id of the event, command or deadline that caused it", {}),
    "ce_dataschema": ("File name of the JSON Schema of the data", {}),
    "ce_traceparent": ("W3C trace context", {}),
    "content-type": ("Media type of the data", {"const": CONTENT_TYPE}),
}
_OPTIONAL_HEADERS = frozenset({"ce_causationid", "ce_traceparent"})


def document(examples: Examples, version: str) -> Document:
    """The whole document. `version` is the version of the published language."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "守望 Shouwang events",
            "version": version,
            "description": (
                "各服务之间发布的事件：只含编号、代码、时间和区域，不含姓名、电话、住址和叙述。\n"
                "The events that services publish: ids, codes, times and areas; no names, numbers, addresses or narrative. "
                "CloudEvents 1.0 in Kafka binary mode. Order holds per topic and key; `ce_sequence` is contiguous there. "
                "A consumer applies n + 1 after n, drops what is at or below n, and waits at a gap."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Apache Kafka; topics are created by the service that owns them",
                "variables": {"bootstrap": {"description": "Bootstrap servers", "default": "127.0.0.1:9092"}},
            }
        },
        "channels": {channel_id(topic.name): _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {name: _message(payload, examples.get(name, {})) for name, payload in TYPES.items()},
            "messageTraits": {"cloudevent": _trait()},
            "schemas": _schemas(),
        },
    }


def channel_id(topic: str) -> str:
    """A topic's name as a document key."""
    return topic.replace(".", "_")


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"Published by {topic.owner} alone. Key: {topic.key}.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {payload.TYPE: {"$ref": f"#/components/messages/{payload.TYPE}"} for payload in topic.types},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_days * _DAY_MS},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> Iterator[tuple[str, Document]]:
    for topic in TOPICS:
        yield (
            f"{topic.owner}_sends_{channel_id(topic.name)}",
            _operation("send", topic, topic.types, f"{topic.owner} publishes {topic.name}"),
        )
    for service, wanted in CONSUMERS.items():
        for topic in TOPICS:
            received = [payload for payload in topic.types if payload in wanted]
            if received:
                yield (
                    f"{service}_receives_{channel_id(topic.name)}",
                    _operation("receive", topic, received, f"{service} reacts to events of {topic.owner}"),
                )


def _operation(action: str, topic: Topic, payloads: Sequence[type[Payload]], summary: str) -> Document:
    channel = f"#/channels/{channel_id(topic.name)}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": summary,
        "messages": [{"$ref": f"{channel}/messages/{payload.TYPE}"} for payload in payloads],
    }


def _message(payload: type[Payload], examples: Mapping[str, Document]) -> Document:
    topic = next(topic for topic in TOPICS if payload in topic.types)
    description = (payload.__doc__ or "").strip()
    return {
        "name": payload.TYPE,
        "title": payload.__name__,
        "summary": description.partition("\n")[0],
        "description": description,
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{payload.__name__}"},
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}},
        "examples": [
            {"name": name, "headers": _headers_of(payload, topic, example), "payload": example}
            for name, example in examples.items()
        ],
    }


def _trait() -> Document:
    return {
        "headers": {
            "type": "object",
            "required": [name for name in _HEADERS if name not in _OPTIONAL_HEADERS],
            "properties": {
                name: {"type": "string", "description": text, **more} for name, (text, more) in _HEADERS.items()
            },
        },
        "correlationId": {"location": "$message.header#/ce_correlationid"},
    }


def _headers_of(payload: type[Payload], topic: Topic, example: Document) -> dict[str, str]:
    """The headers such an example would travel with, made by the envelope itself."""
    identity = uuid5(_EXAMPLES, payload.TYPE)
    event = RawEvent(
        id=identity,
        type=payload.TYPE,
        source=topic.owner,
        topic=topic.name,
        key=next((str(example[name]) for name in ("case_id", "report_id", "township") if example.get(name)), "YX"),
        sequence=1,
        time=_EXAMPLE_TIME,
        correlation_id=str(uuid5(_EXAMPLES, "first cause")),
        causation_id=str(uuid5(_EXAMPLES, "cause")),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        value=b"",
    )
    return {name: value.decode() for name, value in event.headers()}


def _schemas() -> Document:
    """Every model once. AsyncAPI's schema dialect is draft 7, which writes a fixed tuple as a list of `items`."""
    models = [(payload, "validation") for payload in TYPES.values()]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]  # the mode is inferred as str
    definitions: Document = _draft_7(found["$defs"])
    return dict(sorted(definitions.items()))


def _draft_7(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {("items" if key == "prefixItems" else key): _draft_7(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_draft_7(value) for value in node]
    return node
