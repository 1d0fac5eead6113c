"""The columns of a survey (摸底排查, D-6.1): what a sheet may hold, how a header names it, and how people are told.

Identity columns are fixed; concerns, tags, facts and answers are those of the policy, so a new fact is a new column.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from contracts.policy import Label, Policy, load_policy

Kind = Literal["text", "sex", "date", "number", "village", "group", "concerns", "tags", "state", "yes_no", "choice"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a vault field, a fact, a factor or codes. `choices`: code by what people write, in lower case."""

    code: str
    label: Label
    kind: Kind
    hint: Label
    choices: Mapping[str, str]
    offered: bool = True

    @property
    def header(self) -> str:
        """The header in the template."""
        return f"{self.label.zh}（{self.code}）"


_TEXT = Label(zh="文字，不超过200字", en="text, at most 200 characters")
_IDENTITY: tuple[tuple[str, Label, Kind, Label], ...] = (
    ("name", Label(zh="姓名", en="name"), "text", Label(zh="必填", en="required")),
    ("sex", Label(zh="性别", en="sex"), "sex", Label(zh="男或女", en="男 or 女")),
    (
        "birth_date",
        Label(zh="出生日期", en="birth date"),
        "date",
        Label(zh="如 2015-03-08；与身份证号、年龄至少填一项", en="2015-03-08; or give the ID number or the age"),
    ),
    ("age", Label(zh="年龄", en="age"), "number", Label(zh="周岁；不知出生日期时填", en="full years, when the birth date is not known")),
    ("id_number", Label(zh="身份证号", en="ID number"), "text", Label(zh="18位，单元格设为文本", en="18 characters, the cell as text")),
    ("village", Label(zh="村", en="village"), "village", Label(zh="必填，村代码，如 V01", en="required, the village code")),
    ("group", Label(zh="组", en="group"), "group", Label(zh="组号，如 3", en="the number of the group")),
    ("household", Label(zh="户号", en="household"), "text", Label(zh="同户的写同一个号", en="the same for one household")),
    ("address", Label(zh="住址", en="address"), "text", _TEXT),
    ("phone", Label(zh="本人电话", en="own phone"), "text", _TEXT),
    ("guardian_name", Label(zh="监护人姓名", en="guardian"), "text", _TEXT),
    ("guardian_phone", Label(zh="监护人电话", en="guardian's phone"), "text", _TEXT),
    ("guardian_id_number", Label(zh="监护人身份证号", en="guardian's ID number"), "text", _TEXT),
    ("school", Label(zh="学校班级", en="school and class"), "text", _TEXT),
    ("health", Label(zh="健康情况", en="health"), "text", _TEXT),
    ("disability", Label(zh="残疾情况", en="disability"), "text", _TEXT),
    (
        "concerns",
        Label(zh="困境类型", en="concerns"),
        "concerns",
        Label(zh="代码或名称，多个用顿号或逗号分开", en="codes or names, with commas between"),
    ),
    (
        "tags",
        Label(zh="对象类别", en="target groups"),
        "tags",
        Label(zh="代码或名称，多个用顿号或逗号分开；其余由系统按政策判断", en="codes or names; the rest follows from the policy"),
    ),
    ("dropout", Label(zh="辍学状态", en="dropout state"), "state", Label(zh="疑似、已辍学、已返校", en="suspected, actual, returned")),
)  # fmt: skip
VAULT_FIELDS = (
    "name", "sex", "birth_date", "id_number", "address", "phone", "guardian_name", "guardian_phone",
    "guardian_id_number", "school", "health", "disability",
)  # fmt: skip
"""Columns that go to the vault; all others are codes."""
DROPOUT = "DROPOUT"
_FACTS_OFFERED = (
    "orphan", "de_facto_unsupported", "parent_imprisoned", "parent_released", "disabled", "living_apart_from_guardians",
    "guardian_unreachable", "left_alone", "hukou", "enrolled", "compulsory_stage", "suspected_harm", "visible_injury",
    "guardian_suspected_harmer", "abuser_co_resident", "confined", "child_labour", "self_harm_attempt",
    "trafficking_suspected", "sexual_assault_suspected", "life_threatened",
)  # fmt: skip
_FACTORS_OFFERED = ("A1", "A2", "B2", "B3", "B4", "C1", "C2", "C3", "C4", "D1", "D2", "D3")
_YES_NO: Mapping[str, str] = {
    "是": "yes", "有": "yes", "y": "yes", "yes": "yes", "true": "yes", "1": "yes", "√": "yes", "✓": "yes",
    "否": "no", "无": "no", "没有": "no", "n": "no", "no": "no", "false": "no", "0": "no", "×": "no",
    "不详": "unknown", "不明": "unknown", "unknown": "unknown",
}  # fmt: skip
_SEX: Mapping[str, str] = {"男": "male", "女": "female", "male": "male", "female": "female", "m": "male", "f": "female"}
_STATES: Mapping[str, str] = {
    "疑似": "suspected", "疑似辍学": "suspected", "suspected": "suspected",
    "已辍学": "actual", "辍学": "actual", "actual": "actual",
    "已返校": "returned", "返校": "returned", "复学": "returned", "returned": "returned",
}  # fmt: skip
_HUKOU: Mapping[str, str] = {
    "本镇": "local",
    "本地": "local",
    "外地": "elsewhere",
    "外镇": "elsewhere",
    "无户口": "none",
}


@lru_cache(maxsize=8)
def columns(version: str) -> tuple[Column, ...]:
    """Every column of a policy version, those of the template first."""
    policy = load_policy(version)
    fixed = [Column(code, label, kind, hint, _choices(kind, policy)) for code, label, kind, hint in _IDENTITY]
    return (*fixed, *_facts(policy), *_factors(policy))


@dataclass(frozen=True, slots=True)
class Header:
    """A sheet's header: the column of each position (None: an empty header), and positions nobody knows or that repeat,
    counted from 1. What stood there is not repeated: a sheet without a header begins with a child."""

    columns: tuple[Column | None, ...]
    unknown: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


REQUIRED = ("name", "village")


def read_header(cells: Sequence[object], version: str) -> Header:
    """Which column each header means: by code, by Chinese or English label, or by `标签（code）` of the template."""
    names = _names(version)
    found: list[Column | None] = []
    unknown: list[int] = []
    repeated: list[int] = []
    seen: set[str] = set()
    for position, cell in enumerate(cells, 1):
        text = "" if cell is None else str(cell).strip()
        column = names.get(_key(text)) or names.get(_key(_in_brackets(text)))
        if text and column is None:
            unknown.append(position)
        elif column is not None and column.code in seen:
            repeated.append(position)
        elif column is not None:
            seen.add(column.code)
        found.append(column)
    missing = [code for code in REQUIRED if code not in seen]
    return Header(tuple(found), tuple(unknown), tuple(repeated), tuple(missing))


@lru_cache(maxsize=8)
def _names(version: str) -> Mapping[str, Column]:
    named: dict[str, Column] = {}
    for column in reversed(columns(version)):  # a fixed column wins over a fact with the same label
        for text in (column.label.en, column.label.zh, column.code):
            named[_key(text)] = column
    return named


def _key(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" *＊").casefold()


def _in_brackets(text: str) -> str:
    found = re.search(r"[（(]([A-Za-z0-9_]+)[)）]\s*\*?$", text)
    return found[1] if found else ""


def _choices(kind: Kind, policy: Policy) -> Mapping[str, str]:
    match kind:
        case "sex":
            return _SEX
        case "state":
            return _STATES
        case "concerns":
            return _labelled((c.code, c.label) for c in policy.concerns)
        case "tags":
            return _labelled((t.code, t.label) for t in policy.tags if not t.with_case)
        case _:
            return {}


def _facts(policy: Policy) -> list[Column]:
    found = []
    for name, fact in policy.facts.items():
        if fact.type == "boolean":
            hint = Label(zh="是、否、不详", en="yes, no, unknown")
            found.append(Column(name, fact.label, "yes_no", hint, _YES_NO, name in _FACTS_OFFERED))
        elif fact.type == "enum":
            written = {**{value: value for value in fact.values}, **(_HUKOU if name == "hukou" else {})}
            hint = Label(zh="、".join(written), en=", ".join(fact.values))
            found.append(Column(name, fact.label, "choice", hint, written, name in _FACTS_OFFERED))
    return found


def _factors(policy: Policy) -> list[Column]:
    found = []
    for factor in policy.risk.factors:
        if factor.from_fact is not None:
            continue
        written = _labelled((option.code, option.label) for option in factor.options)
        hint = Label(zh="；".join(o.label.zh for o in factor.options), en="; ".join(o.label.en for o in factor.options))
        written = {**written, "不详": "unknown", "unknown": "unknown"}
        found.append(Column(factor.code, factor.label, "choice", hint, written, factor.code in _FACTORS_OFFERED))
    return found


def _labelled(entries: Iterable[tuple[str, Label]]) -> dict[str, str]:
    return {key.casefold(): code for code, label in entries for key in (label.zh, code)}
