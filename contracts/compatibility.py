"""What may change in a published schema within its version: one rule, an optional field may be added; all else breaks somebody.

Compared are the schemas alone, so old consumers of new events (forward) and new consumers of old events (backward) are
both covered: a field that stops being required fails the old consumer, one that starts fails the old event.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_WORDS = frozenset({"title", "description", "examples", "$id", "$schema", "$defs", "deprecated"})
_OBJECT = frozenset({"type", "properties", "required", "additionalProperties"})


def broken_promises(released: Schema, current: Schema) -> list[str]:
    """Every way in which `current` breaks who relies on `released`, as `path: what`. Empty = compatible both ways."""
    return list(_compare(released, current, _Definitions(released, current), ""))


class _Definitions:
    """Resolves `$ref` on both sides and remembers pairs under comparison, so that recursive types end."""

    def __init__(self, released: Schema, current: Schema) -> None:
        self._old = released.get("$defs", {})
        self._new = current.get("$defs", {})
        self._seen: set[tuple[str, str]] = set()

    def resolve(self, old: Schema, new: Schema) -> tuple[Schema, Schema] | None:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in self._seen:
                return None
            self._seen.add(pair)
        return _target(old, self._old), _target(new, self._new)


def _target(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**definitions[reference.rpartition("/")[2]], **beside}


def _compare(old: Schema, new: Schema, definitions: _Definitions, path: str) -> Iterator[str]:
    resolved = definitions.resolve(old, new)
    if resolved is None:
        return
    old, new = resolved
    where = path or "(root)"
    for keyword in sorted((old.keys() | new.keys()) - _WORDS - _OBJECT - {"anyOf", "items", "prefixItems", "enum"}):
        if old.get(keyword) != new.get(keyword):
            yield f"{where}: {keyword} changed from {old.get(keyword)!r} to {new.get(keyword)!r}"
    yield from _compare_types(old, new, where)
    yield from _compare_enum(old, new, where)
    yield from _compare_object(old, new, definitions, path)
    yield from _compare_nested(old, new, definitions, path)


def _compare_types(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if old.get("type") != new.get("type"):
        yield f"{where}: type changed from {old.get('type')!r} to {new.get('type')!r}"


def _compare_enum(old: Schema, new: Schema, where: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if before is None and after is None:
        return
    if before is None or after is None:
        yield f"{where}: enum {'added' if before is None else 'removed'}"
        return
    for value in [value for value in before if value not in after]:
        yield f"{where}: enum value {value!r} removed"
    for value in [value for value in after if value not in before]:
        yield f"{where}: enum value {value!r} added"


def _compare_object(old: Schema, new: Schema, definitions: _Definitions, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        here = f"{path}/{name}"
        if name not in after:
            yield f"{here}: field removed"
            continue
        if name in was_required and name not in is_required:
            yield f"{here}: no longer required"
        if name in is_required and name not in was_required:
            yield f"{here}: newly required"
        yield from _compare(before[name], after[name], definitions, here)
    for name in sorted((after.keys() - before.keys()) & is_required):
        yield f"{path}/{name}: new field is required"
    closed, closes = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if isinstance(closed, Mapping) and isinstance(closes, Mapping):
        yield from _compare(closed, closes, definitions, f"{path}/*")
    elif closed != closes:
        yield f"{path or '(root)'}: additionalProperties changed"


def _compare_nested(old: Schema, new: Schema, definitions: _Definitions, path: str) -> Iterator[str]:
    if ("items" in old) != ("items" in new):
        yield f"{path}/[]: items {'removed' if 'items' in old else 'added'}"
    elif "items" in old:
        yield from _compare(old["items"], new["items"], definitions, f"{path}/[]")
    for keyword in ("anyOf", "prefixItems"):
        before, after = old.get(keyword, []), new.get(keyword, [])
        if len(before) != len(after):
            yield f"{path or '(root)'}: {keyword} went from {len(before)} to {len(after)} alternatives"
            continue
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            yield from _compare(was, now, definitions, f"{path}({index})")
