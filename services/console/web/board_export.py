"""The board as a workbook and as CSV: one sheet for each widget, the same numbers and the same limits as on the page."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from openpyxl import Workbook

from chassis.http import Reading
from services.console.web.board import LEVELS, Period, View, content_of
from services.console.web.page import Page, page_of
from services.console.web.rendering import Wording, moment, translations

router = APIRouter(include_in_schema=False)
Sheet = tuple[str, Sequence[str], Iterable[Sequence[Any]]]
Widget = Literal["matrix", "villages", "trend", "departments", "attention"]
Code = Annotated[str, Query(max_length=40)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is written."""
    return text


def sheets(content: dict[str, Any], language: str) -> dict[str, Sheet]:
    """Every widget as a table: title, head, rows. Counts too small to show stay hidden here as well."""
    say, word, names = translations(language).gettext, Wording(language), content["names"]
    few = content["few"]

    def shown(count: int) -> Any:
        return f"<{few}" if 0 < count < few else count

    head_rate = [_("按时"), _("到期")]
    return {
        "matrix": (
            say(_("等级 × 环节及时率")),
            [say(h) for h in (_("等级"), _("环节"), *head_rate)],
            [
                (word("level", level), word("step", step), shown(row["on_time"]), shown(row["due"]))
                for (level, step), row in sorted(content["matrix"].items())
            ],
        ),
        "villages": (
            say(_("各村在办")),
            [say(h) for h in (_("村"), _("在办"), _("临期"), _("超时"))],
            [(names.area(t["code"]), shown(t["cases"]), t["soon"], t["late"]) for t in content["villages"]],
        ),
        "trend": (
            say(_("接报趋势")),
            [say(h) for h in (_("时间"), _("等级"), _("件数"))],
            [(row["bucket"], word("level", row["level"]), row["n"]) for row in content["trend"]],
        ),
        "departments": (
            say(_("部门")),
            [say(h) for h in (_("部门"), _("转介"), *head_rate, _("已办结"), _("已退回"), _("现超时"))],
            [
                (
                    word("department", r["department"]),
                    shown(r["issued"]),
                    r["on_time"],
                    r["due"],
                    r["completed"],
                    r["returned"],
                    r["late"],
                )
                for r in content["departments"]
            ],
        ),
        "attention": (
            say(_("需要关注")),
            [say(h) for h in (_("个案"), _("等级"), _("环节"), _("村"), _("单位"), _("时限"), _("升级"))],
            [
                (
                    row["case_number"],
                    word("level", row["level"]),
                    word("step", row["step"]),
                    names.area(row["village"]),
                    names.organisation(row["organisation"]),
                    moment(row["due_at"]),
                    row["escalations"],
                )
                for row in content["attention"]
            ],
        ),
    }


@router.get("/board/export.xlsx")
async def export_board(
    page: Annotated[Page, page_of("indicator.read")],
    db: Reading,
    period: Period = "7d",
    level: Code = "",
    village: Code = "",
    department: Code = "",
) -> Response:
    """The whole board as a workbook."""
    view = View(period, level if level in LEVELS else None, village or None, department or None)
    content = await content_of(page, db, view)
    book = Workbook(write_only=True)
    for title, head, rows in sheets(content, page.language).values():
        sheet = book.create_sheet(title.replace("/", " ")[:31])
        sheet.freeze_panes = "A2"
        sheet.append(list(head))
        for row in rows:
            sheet.append([safe(cell) for cell in row])
    note = book.create_sheet("info")
    note.append([page.subject.account, moment(content["as_of"]), view.address()])
    file = io.BytesIO()
    book.save(file)
    headers = {"Content-Disposition": f'attachment; filename="board-{content["as_of"]:%Y%m%d-%H%M}.xlsx"'}
    return Response(file.getvalue(), media_type=XLSX, headers=headers)


@router.get("/board/export/{widget}.csv")
async def export_widget(
    page: Annotated[Page, page_of("indicator.read")],
    db: Reading,
    widget: Widget,
    period: Period = "7d",
    level: Code = "",
    village: Code = "",
    department: Code = "",
) -> Response:
    """One widget as CSV with a byte-order mark, as spreadsheets want it."""
    view = View(period, level if level in LEVELS else None, village or None, department or None)
    _title, head, rows = sheets(await content_of(page, db, view), page.language)[widget]
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(head)
    written.writerows([safe(cell) for cell in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{widget}.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def safe(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula is written as text."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
