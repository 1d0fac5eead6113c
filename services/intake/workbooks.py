"""Sheets from and for people: hostile files read within limits, and cells written so that no spreadsheet runs them.

Reading: the size is capped at the door, an archive's inflated size before anything is inflated, rows and columns while
they are read; formulas are not evaluated, external entities are refused (defusedxml), external links are not followed.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Literal

from openpyxl import Workbook, load_workbook

Format = Literal["xlsx", "csv"]
MAX_BYTES = 8 * 1024 * 1024
MAX_INFLATED = 96 * 1024 * 1024
MAX_RATIO = 200
MAX_MEMBERS = 200
MAX_ROWS = 20_000
MAX_COLUMNS = 150
MEDIA: dict[Format, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_ZIP = b"PK\x03\x04"
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Cell = str | int | float | date | datetime | None


class Unreadable(ValueError):
    """The file is no sheet we read; `code` says why: unreadable_file, too_large, too_many_rows, too_many_columns, encrypted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def format_of(content: bytes) -> Format:
    """What the file is by its first bytes, whatever its name says."""
    return "xlsx" if content.startswith(_ZIP) else "csv"


def read_sheet(content: bytes) -> list[list[object]]:
    """The cells of the first sheet, row by row, empty rows as empty lists. Raises Unreadable."""
    if len(content) > MAX_BYTES:
        raise Unreadable("too_large")
    rows = _read_xlsx(content) if format_of(content) == "xlsx" else _read_csv(content)
    kept: list[list[object]] = []
    for row in rows:
        if len(kept) > MAX_ROWS:
            raise Unreadable("too_many_rows")
        kept.append(row)
    return kept


def _read_xlsx(content: bytes) -> Iterator[list[object]]:
    _check_archive(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        for row in sheet.iter_rows(max_row=MAX_ROWS + 2, max_col=MAX_COLUMNS + 1, values_only=True):
            cells: list[object] = list(row)
            while cells and cells[-1] is None:
                cells.pop()
            if len(cells) > MAX_COLUMNS:
                raise Unreadable("too_many_columns")
            yield cells
    except Unreadable:
        raise
    except Exception:  # whatever the parser makes of a hostile file, the answer is one
        raise Unreadable("unreadable_file") from None


def _check_archive(content: bytes) -> None:
    """Refuse a bomb before inflating it: an entry cannot inflate beyond the size its directory states."""
    try:
        members = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Unreadable("unreadable_file") from None
    if any(member.flag_bits & 0x1 for member in members):
        raise Unreadable("encrypted")
    inflated = sum(member.file_size for member in members)
    swollen = any(member.file_size > MAX_RATIO * max(member.compress_size, 1024) for member in members)
    if len(members) > MAX_MEMBERS or inflated > MAX_INFLATED or swollen:
        raise Unreadable("too_large")


def _read_csv(content: bytes) -> Iterator[list[object]]:
    if b"\0" in content:
        raise Unreadable("unreadable_file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")  # what a Chinese spreadsheet saves by itself
        except UnicodeDecodeError:
            raise Unreadable("unreadable_file") from None
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            if len(row) > MAX_COLUMNS:
                raise Unreadable("too_many_columns")
            yield [cell or None for cell in row]
    except csv.Error:
        raise Unreadable("unreadable_file") from None


# Writing --------------------------------------------------------------------------------------------------------------


def escaped(value: Cell) -> Cell:
    """A cell that no spreadsheet takes for a formula, in this file or when it is saved as another kind."""
    if not isinstance(value, str):
        return value
    text = "".join(letter for letter in value if letter.isprintable() or letter in "\t\r\n")
    return f"'{text}" if text.lstrip(" ").startswith(_RUNS) else text


def csv_lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows as CSV; the first lines of a file are preceded by `BOM`, so that a spreadsheet reads the Chinese."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([_plain(escaped(cell)) for cell in row] for row in rows)
    return out.getvalue().encode()


BOM = b"\xef\xbb\xbf"


class Book:
    """An XLSX file written row by row: what was written is not kept in memory but in the service's temporary directory
    until `content`, so that directory belongs in memory (docs/architecture/registers.md)."""

    def __init__(self) -> None:
        self._book = Workbook(write_only=True)

    def sheet(self, title: str, rows: Iterable[Sequence[Cell]]) -> None:
        """Add a sheet."""
        sheet = self._book.create_sheet(title)
        for row in rows:
            sheet.append([_plain(escaped(cell)) for cell in row])

    def content(self) -> bytes:
        """The file. Once."""
        out = io.BytesIO()
        self._book.save(out)
        return out.getvalue()


def _plain(value: Cell) -> Cell:
    return value.isoformat() if isinstance(value, datetime) else value
