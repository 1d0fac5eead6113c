"""Registers as files (XLSX, CSV): the same rows with the same masks as the page, bounded, in pieces, every cell escaped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from uuid import UUID

from chassis.database import Database
from contracts.policy import Policy
from contracts.policy.registers import Register
from services.intake.domain.columns import columns
from services.intake.showing import Reader, Shown, shown_fields
from services.intake.sight import SECTIONS
from services.intake.vault import Vault
from services.intake.views import registers as views
from services.intake.views.registers import Entry, Query
from services.intake.workbooks import BOM, Book, Cell, Format, csv_lines

MAX_SUBJECTS = 20_000
PIECE = 500
SEND_BYTES = 64 * 1024
_HEADINGS = (
    ("subject_id", "对象编号"),
    ("case_number", "个案编号"),
    ("case_state", "个案状态"),
    ("village", "村"),
    ("group", "组"),
    ("age", "年龄"),
    ("level", "等级"),
    ("tags", "对象类别"),
    ("since", "列入时间"),
)
_SECTION_LABELS = {"family": "家庭状况", "school": "学校状况", "community": "社区状况"}
_STATES = {"open": "在办", "closed": "已销号", None: "无个案"}

QueryOf = Callable[[], Query]
"""Makes the register's query anew: each statement binds values of its own."""


def headings(names: Sequence[str], policy: Policy) -> list[Cell]:
    """The first line: Chinese, with the code of the field."""
    labels = {column.code: column.label.zh for column in columns(policy.policy_version)}
    labels |= {name: _SECTION_LABELS[section] for section, name in SECTIONS.items()}
    fixed: list[Cell] = [f"{label}（{code}）" for code, label in _HEADINGS]
    return [*fixed, *(f"{labels.get(name, name)}（{name}）" for name in names)]


def line(entry: Entry, shown: dict[str, Shown], names: Sequence[str], policy: Policy) -> list[Cell]:
    """One child of the register as a line."""
    case = entry.case or {}
    tags = "、".join(
        policy.label("tag", tag).zh + (f"({state})" if state else "") for tag, state in sorted(entry.tags.items())
    )
    fixed: list[Cell] = [
        str(entry.subject_id),
        case.get("case_number"),
        _STATES.get(case.get("state"), case.get("state")),
        entry.village,
        entry.group_code,
        entry.age,
        policy.label("level", entry.level).zh if entry.level else None,
        tags,
        entry.since.isoformat() if entry.since else None,
    ]
    return [*fixed, *(shown[name].value if name in shown else None for name in names)]


async def lines(
    database: Database, query: QueryOf, subjects: Sequence[UUID], reader: Reader, names: Sequence[str], vault: Vault
) -> AsyncIterator[list[list[Cell]]]:
    """The lines of these subjects, a piece at a time."""
    for start in range(0, len(subjects), PIECE):
        async with database.reading() as db:
            entries = await views.entries(db, query(), subjects[start : start + PIECE])
            shown = await shown_fields(db, reader, entries, names, vault)
        yield [line(entry, shown.get(entry.child_id, {}), names, reader.policy) for entry in entries]


async def as_file(
    form: Format, register: Register, heading: list[Cell], pieces: AsyncIterator[list[list[Cell]]]
) -> AsyncIterator[bytes]:
    """The file as it is sent. CSV leaves as it is made; an XLSX is an archive and leaves when it is whole."""
    if form == "csv":
        yield BOM + csv_lines([heading])
        async for piece in pieces:
            yield csv_lines(piece)
        return
    rows = [row async for piece in pieces for row in piece]
    content = await asyncio.to_thread(_book, register.id, heading, rows)
    for chunk in _cut(content):
        yield chunk


def _book(title: str, heading: list[Cell], rows: list[list[Cell]]) -> bytes:
    book = Book()
    book.sheet(title, [heading, *rows])
    return book.content()


def _cut(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), SEND_BYTES):
        yield content[start : start + SEND_BYTES]
