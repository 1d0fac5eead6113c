"""Finds the group a caller means by the name they use for a place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.directory.domain.township import Label, Township

Kind = Literal["place", "landmark", "group", "village"]


@dataclass(frozen=True, slots=True)
class Match:
    """A name and where it lies; `group` is None when only the village is named."""

    kind: Kind
    label: Label
    village: str
    group: str | None
    zone: str


def find_places(township: Township, query: str) -> tuple[Match, ...]:
    """Every name containing `query`, in Chinese or English, capitals and spaces ignored; names that begin with it first."""
    wanted = _plain(query)
    if not wanted:
        return ()
    found = [
        match for match in _names(township) if wanted in _plain(match.label.zh) or wanted in _plain(match.label.en)
    ]
    return tuple(sorted(found, key=lambda match: not _begins(match.label, wanted)))


def _begins(label: Label, wanted: str) -> bool:
    return _plain(label.zh).startswith(wanted) or _plain(label.en).startswith(wanted)


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _names(township: Township) -> Iterator[Match]:
    groups = {group.code: group for group in township.groups}
    for place in township.places:
        group = groups[place.group]
        yield Match("place", place.label, group.village, group.code, group.zone)
    for group in township.groups:
        for landmark in group.landmarks:
            yield Match("landmark", Label(zh=landmark, en=landmark), group.village, group.code, group.zone)
    for group in township.groups:
        yield Match("group", group.label, group.village, group.code, group.zone)
    for village in township.villages:
        yield Match("village", village.label, village.code, None, village.zone)
