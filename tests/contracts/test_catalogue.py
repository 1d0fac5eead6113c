"""The catalogue as a whole: one owner per topic, nobody announces into the void, no personal data in any field."""

import importlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import services
from contracts.catalogue import TOPICS, TYPES
from contracts.consumers import CONSUMERS, OUTWARD_ONLY
from contracts.envelope import Payload

SERVICES = sorted(path.parent.name for path in Path(services.__path__[0]).glob("*/service.py"))


def test_every_topic_has_one_owner_and_is_named_after_it() -> None:
    assert [topic.name for topic in TOPICS] == [f"{topic.owner}.events" for topic in TOPICS]
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_every_type_lies_in_the_topic_it_names_and_in_no_other() -> None:
    counted = Counter(payload for topic in TOPICS for payload in topic.types)
    assert set(counted.values()) == {1}
    for topic in TOPICS:
        assert {payload.TOPIC for payload in topic.types} == {topic.name}


def test_no_two_classes_share_a_type_and_every_type_carries_its_version() -> None:
    assert len(TYPES) == sum(len(topic.types) for topic in TOPICS)
    assert [name for name in TYPES if not re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*", name)] == []


@pytest.mark.parametrize("name", SERVICES)
def test_the_table_of_consumers_says_what_each_service_handles(name: str) -> None:
    service = importlib.import_module(f"services.{name}.service").SERVICE
    assert {payload.TYPE for payload in CONSUMERS.get(name, ())} == {payload.TYPE for payload in service.handlers}


def test_every_type_is_consumed_or_declared_as_outward_only() -> None:
    consumed = {payload for wanted in CONSUMERS.values() for payload in wanted}
    assert set(TYPES.values()) - consumed - OUTWARD_ONLY.keys() == set()


def test_nothing_is_declared_outward_only_that_a_working_service_needs() -> None:
    internal = {payload for name, wanted in CONSUMERS.items() if name != "console" for payload in wanted}
    assert internal & OUTWARD_ONLY.keys() == set()


def test_no_service_consumes_its_own_topic() -> None:
    own = {topic.owner: topic.name for topic in TOPICS}
    for name, wanted in CONSUMERS.items():
        assert own.get(name) not in {payload.TOPIC for payload in wanted}


# People's data ---------------------------------------------------------------------------------------------------

PERSONAL = frozenset(
    {
        "name", "names", "phone", "mobile", "telephone", "tel", "email", "wechat", "address", "street", "narrative",
        "text", "content", "comment", "remark", "remarks", "description", "note", "notes", "summary", "title",
        "message", "birthday", "born", "birth", "photo", "image", "picture", "contact", "passport", "hukou", "identity",
        "idcard", "password", "latitude", "longitude",
    }
)  # fmt: skip
HARMLESS = {
    "note_id": "the id of a note in the vault",
    "reason_note_id": "the id of a note in the vault",
    "best_interest_note_id": "the id of a note in the vault",
    "first_contact": "whether an arrival was the first to see the child",
}


def models(payload: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A payload's class and every class inside its fields."""
    yield payload
    for field in payload.model_fields.values():
        for inner in _inside(field.annotation):
            yield from models(inner)


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inside(argument)


def personal_fields(payload: type[BaseModel]) -> list[str]:
    """Fields of a payload, nested ones too, whose names sound like personal data."""
    return [
        f"{model.__name__}.{name}"
        for model in models(payload)
        for name in model.model_fields
        if name not in HARMLESS and (set(name.split("_")) & PERSONAL or name.endswith(("id_number", "id_no")))
    ]


@pytest.mark.parametrize("payload", TYPES.values(), ids=TYPES.keys())
def test_no_field_of_an_event_is_named_like_personal_data(payload: type[Payload]) -> None:
    assert personal_fields(payload) == []


def test_a_field_named_like_personal_data_would_be_found_however_deep() -> None:
    class Inner(Payload):
        child_name: str = ""

    class Outer(Payload):
        people: tuple[Inner, ...] | None = None
        guardian_id_number: str = ""
        home_address: str = ""
        note_id: str = ""

    assert personal_fields(Outer) == ["Outer.guardian_id_number", "Outer.home_address", "Inner.child_name"]
