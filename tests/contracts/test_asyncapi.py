"""The AsyncAPI document: every reference leads somewhere, and it says of each message what the code does."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft7Validator

from contracts import asyncapi, generate
from contracts.asyncapi_page import page
from contracts.catalogue import TOPICS, TYPES
from contracts.consumers import CONSUMERS

DOCUMENT: dict[str, Any] = json.loads((generate.FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for name, value in node.items():
            if name not in {"examples", "example"}:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_reference_leads_to_something_inside_the_document() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        assert reference.startswith("#/")
        assert resolve(reference)


def test_there_is_a_channel_for_every_topic_with_exactly_its_types() -> None:
    assert {channel["address"]: set(channel["messages"]) for channel in DOCUMENT["channels"].values()} == {
        topic.name: {payload.TYPE for payload in topic.types} for topic in TOPICS
    }


def test_every_owner_sends_and_every_consumer_receives_what_it_handles() -> None:
    received: dict[str, set[str]] = {}
    senders = set()
    for name, operation in DOCUMENT["operations"].items():
        types = {reference["$ref"].rpartition("/")[2] for reference in operation["messages"]}
        channel = set(resolve(operation["channel"]["$ref"])["messages"])
        if operation["action"] == "send":
            senders.add(name.partition("_sends_")[0])
            assert types == channel
        else:
            assert types <= channel
            received.setdefault(name.partition("_receives_")[0], set()).update(types)
    assert senders == {topic.owner for topic in TOPICS}
    assert received == {name: {p.TYPE for p in wanted} for name, wanted in CONSUMERS.items() if wanted}


@pytest.mark.parametrize("type_name", TYPES)
def test_every_message_has_its_payload_key_headers_and_examples_that_fit(type_name: str) -> None:
    message = MESSAGES[type_name]
    headers = resolve(message["traits"][0]["$ref"])["headers"]
    payload = {**resolve(message["payload"]["$ref"]), "components": DOCUMENT["components"]}
    assert message["bindings"]["kafka"]["key"]["type"] == "string"
    assert message["examples"]
    for example in message["examples"]:
        Draft7Validator(payload).validate(example["payload"])
        Draft7Validator(headers).validate(example["headers"])
        assert set(example["headers"]) <= set(headers["properties"])
        assert example["headers"]["ce_type"] == type_name


def test_every_schema_is_a_valid_schema_of_the_documents_dialect() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        assert "prefixItems" not in json.dumps(schema)


class _Page(HTMLParser):
    """What a page loads, and which anchors it has and points to."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img", "iframe", "link", "object", "embed"} or "src" in given:
            self.assets.append(tag)
        self.anchors.add(given.get("id") or "")
        if tag == "a":
            self.links.add(given.get("href") or "")


def test_the_page_loads_nothing_and_its_links_lead_within_it() -> None:
    page = _Page()
    page.feed(generate.PAGE.read_text(encoding="utf-8"))
    assert page.assets == []
    assert {link for link in page.links if link.removeprefix("#") not in page.anchors} == set()
    assert TYPES.keys() <= page.anchors


def test_text_in_the_page_cannot_become_markup() -> None:
    document = asyncapi.document({}, "1.0")
    document["info"]["title"] = "<script>alert(1)</script>"
    assert "<script>" not in page(document)
