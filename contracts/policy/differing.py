"""What differs between two policy versions, entry by entry: lists of coded entries are matched by their code, not place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts.policy.model import Policy

IDENTITIES = ("code", "id", "cause", "to")
"""The keys by which entries of a list are told apart."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two versions differ. `path` names entries by their code: `risk.factors[A1].max`."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """Everything that differs, in the order of the file."""
    return tuple(_walk("", plain(old), plain(new)))


def plain(policy: Policy) -> dict[str, Any]:
    """A version as the file writes it, without what was left to its default."""
    return policy.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _walk(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            where = f"{path}.{key}" if path else str(key)
            yield from _entry(where, old, new, key)
    elif (first := _by_identity(old)) is not None and (second := _by_identity(new)) is not None:
        for key in dict.fromkeys((*first, *second)):
            yield from _entry(f"{path}[{key}]", first, second, key)
    elif old != new:
        yield Difference(path, "changed", old, new)


def _entry(path: str, old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> Iterator[Difference]:
    if key not in new:
        yield Difference(path, "removed", before=old[key])
    elif key not in old:
        yield Difference(path, "added", after=new[key])
    else:
        yield from _walk(path, old[key], new[key])


def _by_identity(value: Any) -> dict[str, Any] | None:
    """A list of coded entries by code; None where entries have none, or share one."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    for identity in IDENTITIES:
        if all(isinstance(entry, Mapping) and identity in entry for entry in value):
            named = {str(entry[identity]): entry for entry in value}
            return named if len(named) == len(value) else None
    return None
