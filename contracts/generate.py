"""Writes what follows from the payload classes: JSON Schemas, the AsyncAPI document and its page; checks the examples.

`python -m contracts.generate` writes; `--check` writes nothing and exits 1 with a diff when the tree is stale;
`--release 1.1` also keeps a copy of schemas and examples that later versions are compared with.
"""

import argparse
import difflib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema

from contracts.asyncapi import Document, Examples, document
from contracts.asyncapi_page import page
from contracts.catalogue import TYPES
from contracts.compatibility import broken_promises
from contracts.envelope import Payload

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
SCHEMAS = FOLDER / "schemas"
EXAMPLES = FOLDER / "examples"
RELEASED = FOLDER / "released"
PAGE = ROOT / "docs" / "asyncapi.html"
DIFF_LINES_MAX = 60


class Refused(Exception):
    """The contracts cannot be published as they are. The message says which file or field and why."""


def schema(payload: type[Payload]) -> Document:
    """The JSON Schema (2020-12) of one event type's data."""
    body = payload.model_json_schema(mode="validation")
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"{payload.TYPE}.schema.json"}
    return {**head, **body}


def load_examples(folder: Path = EXAMPLES) -> dict[str, dict[str, Document]]:
    """The committed examples: type name → example name → payload. Raises Refused for a file that is not JSON."""
    found: dict[str, dict[str, Document]] = {}
    for path in sorted(folder.glob("*/*.json")):
        try:
            found.setdefault(path.parent.name, {})[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Refused(f"{path.relative_to(ROOT)}: {error}") from None
    return found


def check_examples(examples: Examples) -> None:
    """Every type has an example and every example fits its model. Raises Refused naming type, example and fields."""
    if missing := TYPES.keys() - examples.keys():
        raise Refused(f"no example for {', '.join(sorted(missing))} in contracts/examples")
    if unknown := examples.keys() - TYPES.keys():
        raise Refused(f"examples of types that are in no catalogue: {', '.join(sorted(unknown))}")
    for type_name, named in examples.items():
        for name, example in named.items():
            try:
                TYPES[type_name].model_validate_json(json.dumps(example), strict=False)
            except ValidationError as error:
                raise Refused(f"example {type_name}/{name}: {error}") from None


def releases(folder: Path = RELEASED) -> list[str]:
    """The released versions, oldest first."""
    names = (path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def check_promises() -> None:
    """No schema breaks what the last release promised. Raises Refused with every broken promise."""
    known = releases()
    if not known:
        return
    broken = []
    for path in sorted((RELEASED / known[-1] / "schemas").glob("*.schema.json")):
        type_name = path.name.removesuffix(".schema.json")
        if type_name not in TYPES:
            broken.append(f"{type_name}: the type is gone; it stays published until nobody needs it")
            continue
        problems = broken_promises(json.loads(path.read_text(encoding="utf-8")), schema(TYPES[type_name]))
        broken += [f"{type_name} {problem}" for problem in problems]
    if broken:
        listed = "\n  ".join(broken)
        raise Refused(f"release {known[-1]} promised otherwise; make a new version of the type:\n  {listed}")


def outputs(examples: Examples) -> dict[Path, str]:
    """Every generated file with its text."""
    described = document(examples, (releases() or ["1.0"])[-1])
    texts = {SCHEMAS / f"{name}.schema.json": _json(schema(payload)) for name, payload in sorted(TYPES.items())}
    return {**texts, FOLDER / "asyncapi.json": _json(described), PAGE: page(described)}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def stale(wanted: Mapping[Path, str]) -> Iterator[str]:
    """A unified diff for every file that is missing, outdated or left over."""
    for path, text in wanted.items():
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        if present != text:
            name = str(path.relative_to(ROOT))
            lines = difflib.unified_diff(
                present.splitlines(), text.splitlines(), name, f"{name} (generated)", lineterm="", n=2
            )
            shown = list(lines)
            yield "\n".join(
                shown[:DIFF_LINES_MAX] + ([f"... {len(shown)} lines of diff"] if len(shown) > DIFF_LINES_MAX else [])
            )
    for path in sorted(set(SCHEMAS.glob("*")) - wanted.keys()):
        yield f"{path.relative_to(ROOT)}: belongs to no type"


def write(wanted: Mapping[Path, str]) -> None:
    """Bring the tree up to date."""
    for path in set(SCHEMAS.glob("*")) - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def release(version: str) -> None:
    """Keep today's schemas and examples as `version`. Raises Refused when that version was released before."""
    target = RELEASED / version
    if target.exists():
        raise Refused(f"{version} was released; a release is never rewritten")
    shutil.copytree(SCHEMAS, target / "schemas")
    shutil.copytree(EXAMPLES, target / "examples")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 with a diff when the tree is stale")
    parser.add_argument("--release", metavar="VERSION", help="keep schemas and examples as this version")
    chosen = parser.parse_args(arguments)
    try:
        examples = load_examples()
        check_examples(examples)
        check_promises()
        wanted = outputs(examples)
        if chosen.check:
            return _report(list(stale(wanted)))
        write(wanted)
        if chosen.release:
            release(chosen.release)
            write(outputs(examples))
    except Refused as refusal:
        sys.stderr.write(f"契约有误 · contracts refused: {refusal}\n")
        return 1
    return 0


def _report(differences: list[str]) -> int:
    for difference in differences:
        sys.stderr.write(difference + "\n")
    if differences:
        sys.stderr.write(f"{len(differences)} 个文件过期，请运行 make contracts · stale files: run make contracts\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
