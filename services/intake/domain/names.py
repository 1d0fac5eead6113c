"""How a name sounds: what two people who heard the same name on the telephone may write down.

Readings come from pypinyin's character table, surnames first by their reading as surnames (单 Shan, 仇 Qiu, 解 Xie). `fold`
makes equal what dialects and ears confuse: zh/z, ch/c, sh/s, n/l, and the endings -n and -ng.
"""

import os
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice, product

os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # 48 MB of idioms that no name needs
os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")

from pypinyin.constants import PINYIN_DICT

SURNAMES: Mapping[str, str] = {
    "单": "shan",
    "仇": "qiu",
    "解": "xie",
    "查": "zha",
    "朴": "piao",
    "区": "ou",
    "曾": "zeng",
    "盖": "ge",
    "翟": "zhai",
    "覃": "qin",
    "乐": "yue",
    "员": "yun",
    "洗": "xian",
    "缪": "miao",
    "折": "she",
    "黑": "he",
    "召": "shao",
    "繁": "po",
    "秘": "bi",
    "种": "chong",
    "乜": "nie",
    "隗": "wei",
    "句": "gou",
    "佴": "nai",
    "祭": "zhai",
    "阚": "kan",
    "卜": "bu",
    "牟": "mu",
    "薄": "bo",
    "不": "fou",
    "角": "jue",
    "能": "nai",
    "都": "du",
}
"""How a character is read when it is a surname, where that is not the first reading of the character table."""
COMPOUND: Mapping[str, tuple[str, ...]] = {
    "尉迟": ("yu", "chi"),
    "万俟": ("mo", "qi"),
    "单于": ("chan", "yu"),
    "长孙": ("zhang", "sun"),
    "澹台": ("tan", "tai"),
    "令狐": ("ling", "hu"),
    "宰父": ("zai", "fu"),
}
"""Surnames of two characters whose reading is not that of their characters."""
GIVEN: Mapping[str, tuple[str, ...]] = {
    "乐": ("le", "yue"),
    "行": ("xing", "hang"),
    "长": ("chang", "zhang"),
    "朝": ("zhao", "chao"),
    "茜": ("qian", "xi"),
    "晟": ("sheng", "cheng"),
    "曾": ("zeng", "ceng"),
    "重": ("zhong", "chong"),
    "传": ("chuan", "zhuan"),
    "柏": ("bai", "bo"),
    "参": ("shen", "can"),
    "盛": ("sheng", "cheng"),
}
"""Characters that given names read in more than one way."""
SOUNDS_STORED, SOUNDS_SOUGHT, READINGS_MAX = 3, 8, 3


def plain(text: str) -> str:
    """Letters and digits only, whatever their width and case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def fold(sound: str) -> str:
    """What ears and dialects tell apart no longer. Works on whole names, so typed pinyin needs no syllables."""
    for heard, kept in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("v", "u"), ("ü", "u"), ("n", "l")):
        sound = sound.replace(heard, kept)
    return sound


def sounds(name: str, *, wide: bool = False) -> tuple[str, ...]:
    """How a name may sound, folded, the likeliest first. `wide`: with rare readings, as for a search."""
    return _joined(name, wide, whole=True)


def initials(name: str, *, wide: bool = False) -> tuple[str, ...]:
    """The first letters of a name's syllables, folded; what is written in Latin letters or digits stays whole."""
    return _joined(name, wide, whole=False)


def _joined(name: str, wide: bool, *, whole: bool) -> tuple[str, ...]:
    letters = plain(name)
    compound = COMPOUND.get(letters[:2], ())
    rest = letters[len(compound) :]
    surname = rest[:1] if not compound else ""
    given = rest[len(surname) :]
    # A character that comes twice in a given name is read the same way twice.
    read = {letter: _given(letter, wide) for letter in given}
    limit = SOUNDS_SOUGHT if wide else SOUNDS_STORED
    heard: dict[str, None] = {}
    for first, *ways in islice(product(_surname(surname, wide), *read.values()), 4 * limit):
        way = dict(zip(read, ways, strict=True))
        parts = (*compound, first, *(way[letter] for letter in given))
        heard[fold("".join(parts)) if whole else _fold_initials("".join(map(_initial, parts)))] = None
    return tuple(islice(filter(None, heard), limit))


def _initial(part: str) -> str:
    return part[:1] if part.isalpha() else part


def _fold_initials(letters: str) -> str:
    return letters.replace("n", "l")


def _surname(letter: str, wide: bool) -> tuple[str, ...]:
    if letter not in SURNAMES:
        return _given(letter, wide) if letter else ("",)
    return tuple(dict.fromkeys((SURNAMES[letter], *_readings(letter)[: READINGS_MAX if wide else 1])))


def _given(letter: str, wide: bool) -> tuple[str, ...]:
    usual = GIVEN.get(letter) or _readings(letter)[:1]
    return tuple(dict.fromkeys((*usual, *_readings(letter)))) if wide else usual


@lru_cache(maxsize=8192)
def _readings(letter: str) -> tuple[str, ...]:
    if letter.isascii():
        return (letter,)
    found: str = PINYIN_DICT.get(ord(letter), "")
    without = (_toneless(reading) for reading in found.split(",") if reading)
    return tuple(islice(dict.fromkeys(without), READINGS_MAX)) or (letter,)


def _toneless(reading: str) -> str:
    marked = unicodedata.normalize("NFD", reading.replace("ü", "v"))
    return "".join(letter for letter in marked if not unicodedata.combining(letter))
