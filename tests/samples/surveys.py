"""Invented survey sheets: every child, number and place is made up."""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from openpyxl import Workbook
from stdnum.cn import ric

HEADER = (
    "姓名（name）", "性别（sex）", "出生日期（birth_date）", "身份证号（id_number）", "村（village）", "组（group）", "户号（household）",
    "监护人姓名（guardian_name）", "监护人电话（guardian_phone）", "学校班级（school）", "困境类型（concerns）", "对象类别（tags）",
    "辍学状态（dropout）", "父母服刑（parent_imprisoned）", "捆绑或锁困（confined）", "实际照护（C1）", "就学（D2）",
)  # fmt: skip
SURNAMES, GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "安宁乐然晨曦雨晴文博思远子涵一诺星辰"


def id_number(born: date, serial: int) -> str:
    """A well-formed ID number of an area that does not exist."""
    body = f"330000{born:%Y%m%d}{serial % 1000:03d}"
    return body + ric.calc_check_digit(body)


def row(**said: Any) -> list[Any]:
    """One row by the codes of the columns."""
    codes = [header.split("（")[1].rstrip("）") for header in HEADER]
    unknown = said.keys() - set(codes)
    assert not unknown, unknown
    return [said.get(code) for code in codes]


def many(count: int, villages: Sequence[str]) -> Iterator[list[Any]]:
    """A whole township's survey: mostly ordinary hardship, now and then a child in danger."""
    for n in range(count):
        born = date(2009, 1, 1) + timedelta(days=n * 7 % 5400)
        yield row(
            name=SURNAMES[n % 16] + GIVEN[n // 16 % 18] + GIVEN[n // 288 % 18],
            sex="男" if n % 2 else "女",
            birth_date=born,
            id_number=id_number(born, n),
            village=villages[n % len(villages)],
            group=1,
            household=f"H{n // 2}",
            guardian_name=SURNAMES[n % 16] + "某",
            guardian_phone=f"000{n:08d}",
            school="中心小学",
            concerns="家庭贫困" if n % 3 else "N3、N5",
            parent_imprisoned="是" if n % 50 == 0 else "否",
            confined="是" if n % 500 == 7 else None,
            C1="足够",
            D2="正常/非学龄",
        )


def workbook(rows: Sequence[Sequence[Any]], header: Sequence[Any] = HEADER) -> bytes:
    """The sheet as an XLSX file."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("调查表")
    sheet.append(list(header))
    for one in rows:
        sheet.append(list(one))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(content: bytes, name: str = "survey.xlsx") -> Mapping[str, Any]:
    """The form's file as the test client takes it."""
    return {"file": (name, content, "application/octet-stream")}
