"""The generated files say what the payload classes say, and every example is what it claims to be."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts import generate
from contracts.catalogue import TYPES

EXAMPLES = generate.load_examples()
EACH_EXAMPLE = [(type_name, name) for type_name, named in EXAMPLES.items() for name in named]


def test_the_committed_files_are_what_the_generator_would_write() -> None:
    assert list(generate.stale(generate.outputs(EXAMPLES))) == []


def test_a_stale_file_is_reported_with_its_difference() -> None:
    wanted = generate.outputs(EXAMPLES)
    path = generate.SCHEMAS / "case.closed.v1.schema.json"
    wanted[path] = wanted[path].replace('"case_number"', '"case_no"')
    (report,) = generate.stale(wanted)
    assert "contracts/schemas/case.closed.v1.schema.json" in report
    assert '+    "case_no"' in report


def test_a_schema_without_a_type_is_reported() -> None:
    wanted = generate.outputs(EXAMPLES)
    del wanted[generate.SCHEMAS / "case.closed.v1.schema.json"]
    assert list(generate.stale(wanted)) == ["contracts/schemas/case.closed.v1.schema.json: belongs to no type"]


def test_generating_twice_gives_the_same_text() -> None:
    assert generate.outputs(EXAMPLES) == generate.outputs(EXAMPLES)


def test_every_schema_is_itself_a_valid_schema() -> None:
    for payload in TYPES.values():
        Draft202012Validator.check_schema(generate.schema(payload))


def test_every_type_has_an_example() -> None:
    assert EXAMPLES.keys() == TYPES.keys()


@pytest.mark.parametrize(("type_name", "name"), EACH_EXAMPLE)
def test_each_example_fits_its_model_and_its_committed_schema(type_name: str, name: str) -> None:
    example = EXAMPLES[type_name][name]
    TYPES[type_name].model_validate_json(json.dumps(example))
    committed = json.loads((generate.SCHEMAS / f"{type_name}.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(committed, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(example)] == []


@pytest.mark.parametrize(("type_name", "name"), EACH_EXAMPLE)
def test_each_example_names_only_fields_that_exist(type_name: str, name: str) -> None:
    """Consumers ignore unknown fields, so a misspelt one in an example would go unnoticed elsewhere."""
    example = EXAMPLES[type_name][name]
    parsed = json.loads(TYPES[type_name].model_validate_json(json.dumps(example)).model_dump_json())
    assert _names(example) <= _names(parsed)


def _names(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path} | {name for key, inner in value.items() for name in _names(inner, f"{path}/{key}")}
    if isinstance(value, list):
        return {path} | {name for inner in value for name in _names(inner, f"{path}/[]")}
    return {path}


def test_a_missing_example_stops_the_generator() -> None:
    without = {type_name: named for type_name, named in EXAMPLES.items() if type_name != "case.closed.v1"}
    with pytest.raises(generate.Refused, match=r"no example for case\.closed\.v1"):
        generate.check_examples(without)


def test_an_example_that_does_not_fit_stops_the_generator() -> None:
    wrong = {**EXAMPLES, "contact.recorded.v1": {"1": {"disposition": "something else"}}}
    with pytest.raises(generate.Refused, match=r"contact\.recorded\.v1/1"):
        generate.check_examples(wrong)


def test_an_example_of_no_type_stops_the_generator() -> None:
    with pytest.raises(generate.Refused, match="no catalogue"):
        generate.check_examples({**EXAMPLES, "made.up.v1": {}})


def test_an_example_that_is_not_json_stops_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "case.closed.v1").mkdir()
    (tmp_path / "case.closed.v1" / "1.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    with pytest.raises(generate.Refused, match=r"1\.json"):
        generate.load_examples(tmp_path)


def test_a_release_is_never_rewritten() -> None:
    with pytest.raises(generate.Refused, match="never rewritten"):
        generate.release(generate.releases()[-1])
