"""A row of a survey (D-6.1, D-4.3.2) read into what the rules know, or the problems that keep it out, each with its remedy.

A row is refused whole: half a child on the register helps nobody, and the corrected file takes it up again. Nothing here
repeats what was written, since a report of problems leaves the vault.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import orjson

from contracts.policy import Label, Policy
from contracts.vocabulary import Fact, Place, Reporter
from services.intake.domain.children import AGE, AGE_ESTIMATED, Said, prepare
from services.intake.domain.columns import DROPOUT, VAULT_FIELDS, Column
from services.intake.domain.matching import birth_of
from services.intake.domain.names import plain
from services.intake.domain.numbers import ZONE
from services.intake.domain.places import Areas, locate

TEXT_MAX = 200
ID_LENGTH = 18
HARM = "suspected_harm"
_SEPARATORS = re.compile(r"[、，,;；\s]+")
_DATE = re.compile(r"^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?$")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one field of a row; `code` is one of `MESSAGES`."""

    field: str
    code: str


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A sound row. `particulars` go to the vault, all else is codes. `tags`: as written, with their states.

    `emergency`: a RED override holds. `suspected_harm`: the policy's condition of that name holds.
    """

    line: int
    particulars: Mapping[str, str]
    birth_date: date | None
    place: Place
    household: str | None
    concerns: tuple[str, ...]
    facts: Mapping[str, Fact]
    answers: Mapping[str, str]
    tags: Mapping[str, str | None]
    emergency: bool
    suspected_harm: bool
    restricted: bool

    @property
    def age(self) -> int | None:
        """Full years on the day of the survey."""
        age = self.facts.get(AGE)
        return age if type(age) is int else None

    @property
    def content(self) -> str:
        """All it says, in one canonical writing: equal rows say the same, whatever file they stand in."""
        said = {
            "particulars": dict(self.particulars),
            "place": self.place.model_dump(),
            "household": self.household,
            "concerns": sorted(self.concerns),
            "facts": dict(self.facts),
            "answers": dict(self.answers),
            "tags": dict(self.tags),
        }
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()

    @property
    def told_apart_by(self) -> str:
        """What makes two rows the same child beside the ID number: name, village and birth date, else the guardian."""
        name = plain(self.particulars["name"])
        other = self.birth_date.isoformat() if self.birth_date else plain(self.particulars.get("guardian_name", ""))
        return f"{name}|{self.place.village or ''}|{other}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What rows are read against. `on`: the day of the survey; `villages`: the only ones its uploader answers for."""

    header: Sequence[Column | None]
    areas: Areas
    policy: Policy
    on: date
    villages: Collection[str] | None = None


def read_row(line: int, cells: Sequence[object], reading: Reading) -> Surveyed | tuple[RowProblem, ...] | None:
    """One row of the sheet; None for an empty one."""
    said: dict[str, object] = {}
    for column, cell in zip(reading.header, cells, strict=False):
        if column is not None and cell is not None and str(cell).strip():
            said[column.code] = cell
    if not said:
        return None
    row = _Row(reading)
    for column in reading.header:
        if column is not None and column.code in said:
            row.take(column, said[column.code])
    return row.child(line)


class _Row:
    """One row while it is read: values by field, problems as they are found."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._texts: dict[str, str] = {}
        self._codes: dict[str, tuple[str, ...]] = {}
        self._facts: dict[str, Fact] = {}
        self._answers: dict[str, str] = {}
        self._birth: date | None = None
        self._problems: list[RowProblem] = []

    def take(self, column: Column, cell: object) -> None:
        """Read one cell as its column says."""
        match column.kind:
            case "date":
                self._birth = self._date(column.code, cell)
            case "number":
                self._age(column.code, cell)
            case "concerns" | "tags":
                self._codes[column.code] = self._list(column, cell)
            case "sex" | "state":
                self._texts[column.code] = self._choice(column, cell)
            case "yes_no":
                written = self._choice(column, cell)
                if written:
                    self._facts[column.code] = {"yes": True, "no": False}.get(written, "unknown")
            case "choice":
                written = self._choice(column, cell)
                if written and column.code in self._reading.policy.facts:
                    self._facts[column.code] = written
                elif written:
                    self._answers[column.code] = written
            case _:
                self._texts[column.code] = self._text(column.code, cell)

    def child(self, line: int) -> Surveyed | tuple[RowProblem, ...]:
        """The child of the row, or everything that is wrong with it."""
        self._check_identity()
        place = self._place()
        reading = self._reading
        said = Said(self._codes.get("concerns", ()), self._facts, self._answers, {}, self._birth)
        received = datetime.combine(reading.on, time(12), ZONE)
        prepared, faults = prepare(
            said, Reporter(kind="village_worker", mandated=True), received, outside=False, policy=reading.policy
        )
        for fault in faults:
            field = fault.pointer.rsplit("/", 1)[-1]
            code = fault.code if fault.code in MESSAGES else "not_understood"
            self._problem("birth_date" if field == "age" else field, code)
        if prepared.screened == "not_a_minor":
            self._problem("birth_date", "not_a_minor")
        if self._problems:
            return tuple(dict.fromkeys(self._problems))
        seen = reading.policy.circumstances(concerns=prepared.concerns, facts=prepared.facts, answers=prepared.answers)
        return Surveyed(
            line=line,
            particulars=self._particulars(),
            birth_date=self._birth,
            place=place,
            household=self._texts.get("household"),
            concerns=prepared.concerns,
            facts=prepared.facts,
            answers=prepared.answers,
            tags=self._tags(),
            emergency=prepared.emergency,
            suspected_harm=reading.policy.holds(HARM, seen),
            restricted=prepared.restricted,
        )

    def _particulars(self) -> dict[str, str]:
        found = {name: text for name in VAULT_FIELDS if (text := self._texts.get(name))}
        return found | ({"birth_date": self._birth.isoformat()} if self._birth else {})

    def _tags(self) -> dict[str, str | None]:
        """The tags of the row; an answered dropout column is the tag with that state."""
        first = {tag.code: next(iter(tag.states), None) for tag in self._reading.policy.tags}
        found = {tag: first[tag] for tag in self._codes.get("tags", ())}
        if state := self._texts.get("dropout"):
            found[DROPOUT] = state
        return found

    def _check_identity(self) -> None:
        if not self._texts.get("name"):
            self._problem("name", "name_missing")
        number = self._texts.get("id_number")
        born = birth_of(number) if number else None
        if number and born is None and len(number) == ID_LENGTH:
            self._problem("id_number", "id_number_wrong")
        if born is not None and self._birth is None:
            self._birth = born
        elif born is not None and born != self._birth:
            self._problem("birth_date", "contradicts_id_number")
        if self._birth is None and AGE not in self._facts:
            self._problem("birth_date", "age_missing")

    def _place(self) -> Place:
        village, group = self._texts.get("village"), self._texts.get("group")
        if not village:
            self._problem("village", "village_missing")
            return Place()
        if self._reading.villages is not None and village not in self._reading.villages:
            self._problem("village", "other_village")
        number: int | str | None = int(group) if group and group.isdecimal() else group
        place, faults = locate(self._reading.areas, village, number, outside=False)
        for fault in faults:
            self._problem(fault.pointer.rsplit("/", 1)[-1], fault.code)
        return place

    # Cells -------------------------------------------------------------------------------------------------------

    def _text(self, field: str, cell: object) -> str:
        if field in {"id_number", "guardian_id_number"} and isinstance(cell, int | float):
            # A spreadsheet keeps fifteen digits of a number: the last three of an ID number are gone.
            self._problem(field, "number_lost_digits")
            return ""
        text = _written(cell)
        if len(text) > TEXT_MAX:
            self._problem(field, "too_long")
        return text

    def _date(self, field: str, cell: object) -> date | None:
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        found = _DATE.match(_written(cell))
        try:
            if found:
                return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            pass  # the thirtieth of February
        self._problem(field, "not_a_date")
        return None

    def _age(self, field: str, cell: object) -> None:
        text = _written(cell).removesuffix("岁")
        if text.isdecimal() and len(text) <= 3:
            self._facts[AGE] = int(text)
            self._facts[AGE_ESTIMATED] = True
        else:
            self._problem(field, "not_a_number")

    def _choice(self, column: Column, cell: object) -> str:
        found = column.choices.get(_written(cell).casefold())
        if found is None:
            self._problem(column.code, "not_understood")
        return found or ""

    def _list(self, column: Column, cell: object) -> tuple[str, ...]:
        found = []
        for part in filter(None, _SEPARATORS.split(_written(cell))):
            code = column.choices.get(part.casefold())
            if code is None:
                self._problem(column.code, "unknown_code")
            else:
                found.append(code)
        return tuple(dict.fromkeys(found))

    def _problem(self, field: str, code: str) -> None:
        self._problems.append(RowProblem(field, code))


def _written(cell: object) -> str:
    """A cell as text: whole numbers without a point, no control characters, widths folded."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, datetime):
        cell = cell.date()
    text = unicodedata.normalize("NFKC", str(cell))
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _message(zh: str, en: str, remedy_zh: str, remedy_en: str) -> tuple[Label, Label]:
    return Label(zh=zh, en=en), Label(zh=remedy_zh, en=remedy_en)


MESSAGES: Mapping[str, tuple[Label, Label]] = {
    "name_missing": _message("缺姓名", "no name", "填写姓名；不知姓名的孩子请直接报告", "write the name; report an unnamed child"),
    "age_missing": _message(
        "不知年龄", "no age", "出生日期、身份证号、年龄至少填一项", "give the birth date, the ID number or the age"
    ),
    "village_missing": _message("缺村", "no village", "填写村代码", "write the village code"),
    "unknown_village": _message("没有这个村", "no such village", "按“代码”表填写村代码", "use a code of the sheet 代码"),
    "other_village": _message("不是本村", "not your village", "由该村自行报送", "that village hands in its own"),
    "unknown_group": _message("没有这个组", "no such group", "填写本村的组号", "write a group of this village"),
    "group_of_another_village": _message("该组不属于这个村", "group of another village", "改正村或组", "correct one of them"),
    "id_number_wrong": _message(
        "身份证号校验不符", "the ID number is not sound", "核对证件后改正，不确定时留空", "check it, or leave it out"
    ),
    "number_lost_digits": _message(
        "身份证号被存为数字，末位已丢失", "stored as a number, digits are lost", "单元格设为文本后重填", "make the cell text"
    ),
    "contradicts_id_number": _message(
        "出生日期与身份证号不符", "birth date and ID number disagree", "核对后改正其中一项", "correct one of them"
    ),
    "not_a_date": _message("不是日期", "not a date", "写成 2015-03-08", "write 2015-03-08"),
    "not_a_number": _message("不是数字", "not a number", "填周岁整数", "full years"),
    "birth_date_in_future": _message("出生日期晚于排查日", "born after the survey", "核对出生日期", "check the birth date"),
    "contradictory_age": _message("年龄与出生日期不符", "age and birth date disagree", "留空年龄", "leave the age out"),
    "not_a_minor": _message("已满18周岁", "18 or older", "不列入排查表；需帮助时转相关部门", "not for this survey"),
    "not_understood": _message("看不懂所填内容", "not understood", "按“说明”表的写法填写", "write it as the sheet 说明 says"),
    "unknown_code": _message("没有这个代码或名称", "no such code or name", "按“代码”表填写", "use the sheet 代码"),
    "too_long": _message("超过200字", "more than 200 characters", "缩短；详情写入个案记录", "shorten it; details go to the case"),
    "duplicate_row": _message(
        "与前面的行是同一孩子", "the same child as an earlier row", "合并成一行", "make one row of them"
    ),
    "identity_erased": _message("该档案已销毁", "the file was erased", "联系民政办", "ask civil affairs"),
}  # fmt: skip
"""What each problem means and what to do about it, in both languages."""


def described(problem: RowProblem) -> dict[str, Any]:
    """A problem for people."""
    message, remedy = MESSAGES[problem.code]
    return {"field": problem.field, "code": problem.code, "problem": message, "remedy": remedy}
