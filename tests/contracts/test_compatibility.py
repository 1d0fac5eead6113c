"""Old and new versions of the language understand each other: in both directions, within a type's version."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts import generate
from contracts.catalogue import TYPES
from contracts.compatibility import broken_promises

LAST = generate.RELEASED / generate.releases()[-1]
RELEASED_SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((LAST / "schemas").glob("*.json"))
}
RELEASED_EXAMPLES = [
    (path.parent.name, path.stem, path.read_text(encoding="utf-8"))
    for path in sorted((LAST / "examples").glob("*/*.json"))
]
NOW_EXAMPLES = [(t, n, e) for t, named in generate.load_examples().items() for n, e in named.items()]


@pytest.mark.parametrize(("type_name", "name", "text"), RELEASED_EXAMPLES, ids=lambda value: str(value)[:40])
def test_backward_an_event_of_the_last_release_is_read_by_the_models_of_today(
    type_name: str, name: str, text: str
) -> None:
    TYPES[type_name].model_validate_json(text)


@pytest.mark.parametrize(("type_name", "name", "example"), NOW_EXAMPLES, ids=lambda value: str(value)[:40])
def test_forward_an_event_of_today_fits_the_schema_of_the_last_release(
    type_name: str, name: str, example: dict[str, Any]
) -> None:
    if type_name in RELEASED_SCHEMAS:
        Draft202012Validator(RELEASED_SCHEMAS[type_name]).validate(example)


@pytest.mark.parametrize("type_name", RELEASED_SCHEMAS)
def test_no_schema_breaks_what_the_last_release_promised(type_name: str) -> None:
    assert type_name in TYPES, "a released type stays published until nobody needs it"
    assert broken_promises(RELEASED_SCHEMAS[type_name], generate.schema(TYPES[type_name])) == []


# The comparison itself: each of these changes must be noticed -----------------------------------------------------

Change = Callable[[dict[str, Any]], None]


def _remove_field(schema: dict[str, Any]) -> None:
    del schema["properties"]["case_number"]
    schema["required"].remove("case_number")


def _remove_optional_field(schema: dict[str, Any]) -> None:
    del schema["properties"]["transfer_out"]


def _rename_field(schema: dict[str, Any]) -> None:
    schema["properties"]["case_no"] = schema["properties"].pop("case_number")
    schema["required"][schema["required"].index("case_number")] = "case_no"


def _add_required_field(schema: dict[str, Any]) -> None:
    schema["properties"]["urgency"] = {"type": "string"}
    schema["required"].append("urgency")


def _require_an_optional_field(schema: dict[str, Any]) -> None:
    schema["required"].append("conflict_unit")


def _stop_requiring_a_field(schema: dict[str, Any]) -> None:
    schema["required"].remove("level")


def _narrow_a_type(schema: dict[str, Any]) -> None:
    schema["properties"]["response_no"]["type"] = "boolean"


def _forbid_null(schema: dict[str, Any]) -> None:
    schema["properties"]["case_lead"] = {"type": "string"}


def _allow_null(schema: dict[str, Any]) -> None:
    schema["properties"]["township"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def _change_a_format(schema: dict[str, Any]) -> None:
    schema["properties"]["case_id"]["format"] = "uri"


def _add_a_limit(schema: dict[str, Any]) -> None:
    schema["properties"]["township"]["maxLength"] = 2


def _remove_an_enum_value(schema: dict[str, Any]) -> None:
    schema["properties"]["level"]["enum"].remove("blue")


def _add_an_enum_value(schema: dict[str, Any]) -> None:
    schema["properties"]["level"]["enum"].append("purple")


def _free_an_enum(schema: dict[str, Any]) -> None:
    del schema["properties"]["level"]["enum"]


def _change_a_default(schema: dict[str, Any]) -> None:
    schema["properties"]["transfer_out"]["default"] = True


def _remove_a_nested_field(schema: dict[str, Any]) -> None:
    del schema["$defs"]["Place"]["properties"]["group"]


def _require_a_field_of_list_items(schema: dict[str, Any]) -> None:
    schema["$defs"]["ReferralIssued"]["required"].append("because")


def _change_the_items_of_a_list(schema: dict[str, Any]) -> None:
    schema["properties"]["concerns"]["items"] = {"type": "integer"}


def _change_the_values_of_a_map(schema: dict[str, Any]) -> None:
    schema["properties"]["not_created"]["additionalProperties"] = {"type": "integer"}


def _refuse_unknown_fields(schema: dict[str, Any]) -> None:
    schema["additionalProperties"] = False


BREAKING: list[Change] = [
    _remove_field, _remove_optional_field, _rename_field, _add_required_field, _require_an_optional_field,
    _stop_requiring_a_field, _narrow_a_type, _forbid_null, _allow_null, _change_a_format, _add_a_limit,
    _remove_an_enum_value, _add_an_enum_value, _free_an_enum, _change_a_default, _remove_a_nested_field,
    _require_a_field_of_list_items, _change_the_items_of_a_list, _change_the_values_of_a_map, _refuse_unknown_fields,
]  # fmt: skip


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__.strip("_"))
def test_a_change_that_breaks_somebody_is_noticed(change: Change) -> None:
    released = generate.schema(TYPES["response.opened.v1"])
    current = copy.deepcopy(released)
    change(current)
    assert current != released
    assert broken_promises(released, current) != []


def test_a_change_in_a_fixed_tuple_is_noticed() -> None:
    released = generate.schema(TYPES["township.published.v1"])
    current = copy.deepcopy(released)
    pair = next(a for a in current["$defs"]["Organisation"]["properties"]["grades"]["anyOf"] if "prefixItems" in a)
    pair["prefixItems"][1] = {"type": "string"}
    assert broken_promises(released, current) != []


def _add_an_optional_field(schema: dict[str, Any]) -> None:
    schema["properties"]["remind"] = {"type": "boolean", "default": False}


def _add_an_optional_nested_field(schema: dict[str, Any]) -> None:
    schema["$defs"]["Place"]["properties"]["grid"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


def _explain_better(schema: dict[str, Any]) -> None:
    schema["description"] = "said better"
    schema["properties"]["level"]["description"] = "said better"


@pytest.mark.parametrize("change", [_add_an_optional_field, _add_an_optional_nested_field, _explain_better])
def test_an_optional_field_or_a_better_text_breaks_nobody(change: Change) -> None:
    released = generate.schema(TYPES["response.opened.v1"])
    current = copy.deepcopy(released)
    change(current)
    assert broken_promises(released, current) == []


def test_a_recursive_type_is_compared_once_and_ends() -> None:
    tree = {
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
        "$ref": "#/$defs/Node",
    }
    assert broken_promises(tree, copy.deepcopy(tree)) == []
