"""Villages and groups as the desk finds them: by name, by number, and by the first letters of their pinyin."""

import os
from dataclasses import dataclass
from functools import lru_cache

os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # 48 MB of idioms that no village needs
os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")

from pypinyin import Style, lazy_pinyin

from services.console.web.names import Names


@dataclass(frozen=True, slots=True)
class Found:
    """A place that can be chosen. `value` is `village` or `village/group`; `letters` is what finds it beside its label."""

    value: str
    label: str
    letters: str


@lru_cache(maxsize=4096)
def letters_of(label: str) -> str:
    """First letters and whole pinyin, in lower case."""
    first = "".join(lazy_pinyin(label, style=Style.FIRST_LETTER))
    return f"{first} {''.join(lazy_pinyin(label))}".lower()


def places_of(names: Names) -> list[Found]:
    """Every village followed by its groups."""
    found = []
    for village, label in names.villages:
        found.append(Found(village, label, letters_of(label)))
        for group, group_label in names.groups.get(village, ()):
            whole = group_label if group_label.startswith(label) else f"{label} {group_label}"
            found.append(Found(f"{village}/{group}", whole, letters_of(whole.replace(" ", ""))))
    return found
