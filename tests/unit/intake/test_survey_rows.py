"""A survey row is read or refused with what to do about it; hostile files are refused, and cells never run."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from contracts.directory import Group, TownshipPublished, Village
from services.intake.domain.adulthood import adult_on
from services.intake.domain.columns import columns, read_header
from services.intake.domain.places import areas_of
from services.intake.domain.survey import MESSAGES, Reading, RowProblem, Surveyed, read_row
from services.intake.workbooks import (
    MAX_COLUMNS,
    MAX_RATIO,
    Book,
    Unreadable,
    csv_lines,
    escaped,
    read_sheet,
)  # fmt: skip
from tests.samples.golden import POLICY
from tests.samples.surveys import HEADER, id_number, row, workbook

TOWNSHIP = TownshipPublished(
    township="YX",
    version=1,
    villages=(
        Village(code="V01", zone="rural", organisation="V01-VC", director=None, child_director=None, responsible=None),
        Village(code="V06", zone="rural", organisation="V06-VC", director=None, child_director=None, responsible=None),
    ),
    groups=(Group(code="V06-G3", no=3, village="V06", zone="rural", grid="V06-W3"),),
    organisations=(),
    posts={},
    policy_version="2026-11",
    publication_id=UUID(int=1),
)
ON = date(2026, 11, 24)
BORN = date(2015, 3, 8)


def read(villages: set[str] | None = None, **said: Any) -> Surveyed | tuple[RowProblem, ...] | None:
    header = read_header(HEADER, POLICY.policy_version).columns
    return read_row(2, row(**said), Reading(header, areas_of(TOWNSHIP), POLICY, ON, villages))


def codes(found: Surveyed | tuple[RowProblem, ...] | None) -> set[tuple[str, str]]:
    assert isinstance(found, tuple), found
    return {(problem.field, problem.code) for problem in found}


GOOD: dict[str, Any] = {"name": "赵安宁", "birth_date": BORN, "village": "V06", "group": 3}


def test_a_row_becomes_codes_and_particulars() -> None:
    found = read(
        **GOOD, sex="女", concerns="家庭贫困、N3", tags="孤儿", dropout="已辍学", parent_imprisoned="是", C1="nobody"
    )
    assert isinstance(found, Surveyed)
    assert (found.concerns, dict(found.answers)) == (("N5", "N3"), {"C1": "nobody"})
    assert dict(found.facts) == {"parent_imprisoned": True, "age": 11}
    assert dict(found.tags) == {"ORPHAN": None, "DROPOUT": "actual"}
    assert (found.place.group, found.particulars["sex"], found.particulars["birth_date"]) == (
        "V06-G3", "female", "2015-03-08",
    )  # fmt: skip
    assert not found.emergency


def test_a_row_that_tells_of_danger_is_an_emergency() -> None:
    found = read(**GOOD, confined="是")
    assert isinstance(found, Surveyed)
    assert found.emergency


@pytest.mark.parametrize(
    "written", ["2015-03-08", "2015/3/8", "2015.3.8", "2015年3月8日", "20150308", datetime(2015, 3, 8, tzinfo=UTC)]
)
def test_dates_are_read_as_people_write_them(written: object) -> None:
    found = read(**{**GOOD, "birth_date": written})
    assert isinstance(found, Surveyed)
    assert found.birth_date == BORN


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": None}, ("name", "name_missing")),
        ({"village": None, "group": None}, ("village", "village_missing")),
        ({"village": "V99", "group": None}, ("village", "unknown_village")),
        ({"village": "V01"}, ("group", "unknown_group")),
        ({"group": "V06-G9"}, ("group", "unknown_group")),
        ({"birth_date": None}, ("birth_date", "age_missing")),
        ({"birth_date": "2015-02-30"}, ("birth_date", "not_a_date")),
        ({"birth_date": date(2006, 1, 1)}, ("birth_date", "not_a_minor")),
        ({"birth_date": date(2027, 1, 1)}, ("birth_date", "birth_date_in_future")),
        ({"id_number": 330000201503080011}, ("id_number", "number_lost_digits")),
        ({"id_number": "330000201503080011"}, ("id_number", "id_number_wrong")),
        ({"id_number": id_number(date(2014, 1, 1), 1)}, ("birth_date", "contradicts_id_number")),
        ({"concerns": "N5、没有的"}, ("concerns", "unknown_code")),
        ({"sex": "?"}, ("sex", "not_understood")),
        ({"confined": "也许"}, ("confined", "not_understood")),
        ({"school": "校" * 201}, ("school", "too_long")),
    ],
)
def test_what_is_wrong_is_named_by_field_with_a_remedy(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    found = codes(read(**{**GOOD, **changes}))
    assert expected in found
    assert {code for _, code in found} <= MESSAGES.keys()


def test_a_village_hands_in_only_its_own_rows() -> None:
    assert codes(read({"V01"}, **GOOD)) == {("village", "other_village")}


def test_equal_rows_say_the_same_whatever_the_order_of_their_codes() -> None:
    one, other = read(**GOOD, concerns="N3，N5"), read(**{**GOOD, "birth_date": "2015/3/8"}, concerns="N5 N3")
    assert isinstance(one, Surveyed)
    assert isinstance(other, Surveyed)
    assert (one.content, one.told_apart_by) == (other.content, other.told_apart_by)


def test_an_empty_row_is_no_row() -> None:
    assert read(name="  ") is None


def test_every_column_of_the_template_is_known_by_its_header_label_and_code() -> None:
    for column in columns(POLICY.policy_version):
        if column.offered:
            for text in (column.header, column.code):
                assert read_header([text], POLICY.policy_version).columns == (column,)


def test_headers_that_are_unknown_repeated_or_missing_are_named_by_position() -> None:
    header = read_header(["姓名", "name", "张三的档案", None], POLICY.policy_version)
    assert (header.unknown, header.repeated, header.missing) == ((3,), (2,), ("village",))


def test_a_minor_is_18_on_the_birthday_and_an_estimate_never_makes_an_adult() -> None:
    assert adult_on(date(2008, 2, 29), 16, ON, estimated=False) == date(2026, 3, 1)
    assert adult_on(None, 17, ON, estimated=False) == date(2027, 11, 24)
    assert adult_on(None, 17, ON, estimated=True) is None


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_in_the_encodings_chinese_spreadsheets_save(encoding: str) -> None:
    assert read_sheet("姓名,村\r\n赵安,V06\r\n".encode(encoding)) == [["姓名", "村"], ["赵安", "V06"]]


def test_what_a_workbook_holds_is_read_back() -> None:
    rows = [row(**GOOD), row(name="钱乐", village="V01")]
    assert read_sheet(workbook(rows))[1][:5] == [
        "赵安宁",
        None,
        datetime.combine(BORN, datetime.min.time()),
        None,
        "V06",
    ]


def packed(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_entity() -> bytes:
    """A workbook whose sheet declares an external entity."""
    members = unpacked(workbook([row(**GOOD)]))
    name = "xl/worksheets/sheet1.xml"
    evil = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    head, rest = members[name].split(b"?>", 1) if members[name].startswith(b"<?xml") else (b"", members[name])
    members[name] = (head + b"?>" if head else b"") + evil + rest
    return packed(members)


def with_billion_laughs() -> bytes:
    members = unpacked(workbook([row(**GOOD)]))
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    members["xl/workbook.xml"] = laughs + members["xl/workbook.xml"].split(b"?>", 1)[-1]
    return packed(members)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (packed({"bomb.xml": b"\0" * (MAX_RATIO * 1024 * 300)}), "too_large"),
        (packed({f"{n}": b"" for n in range(300)}), "too_large"),
        (packed({"a.txt": b"not a workbook"}), "unreadable_file"),
        (b"PK\x03\x04 nothing", "unreadable_file"),
        (b"\xff\xfe\x00", "unreadable_file"),
        (b"a" * (8 * 1024 * 1024 + 1), "too_large"),
        (b"name,village\n" + b"x,y\n" * 20_001, "too_many_rows"),
        ((",".join("x" * (MAX_COLUMNS + 1))).encode(), "too_many_columns"),
        (with_entity(), "unreadable_file"),
        (with_billion_laughs(), "unreadable_file"),
    ],
    ids=[
        "inflating bomb", "too many members", "zip of something else", "broken zip", "binary", "too many bytes",
        "too many rows", "too many columns", "external entity", "billion laughs",
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_with_a_code(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_sheet(content)
    assert refused.value.code == code


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    written = escaped(text)
    assert isinstance(written, str)
    assert not written.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def lines_of(content: bytes) -> Sequence[Sequence[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+86 13", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_formulas_are_texts_in_both_kinds_of_file(text: str) -> None:
    book = Book()
    book.sheet("x", [[text, 7]])
    sheet = load_workbook(io.BytesIO(book.content()), read_only=True).worksheets[0]
    [[cell, number]] = list(sheet.iter_rows())
    assert (cell.data_type, str(cell.value)[0], number.value) == ("s", "'", 7)
    assert lines_of(csv_lines([[text, 7]]))[0][0].startswith("'")
