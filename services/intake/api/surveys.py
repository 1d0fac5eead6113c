"""Surveys (摸底排查, D-6.1): the template, handing a file in, its progress and report, and what is suggested."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.directory import TownshipPublished
from contracts.policy import Policy
from services.intake.api.access import who
from services.intake.api.on_file import policy_at
from services.intake.bodies import Body, Long, ReasonCode, ReportReply, Short
from services.intake.domain.columns import columns, read_header
from services.intake.domain.survey import MESSAGES
from services.intake.drafting import Office
from services.intake.opening import open_case
from services.intake.store import cases
from services.intake.store import surveys as store
from services.intake.store.surveys import NewSurvey
from services.intake.surveying import seal_rows
from services.intake.views import surveys as views
from services.intake.views.surveys import RowView, SuggestionView, SurveyView
from services.intake.workbooks import (
    BOM,
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_ROWS,
    MEDIA,
    Book,
    Cell,
    Format,
    Unreadable,
    csv_lines,
    format_of,
    read_sheet,
)  # fmt: skip

router = APIRouter(prefix="/api/v1", tags=["surveys"])

UPLOAD = "/api/v1/surveys"
FORM_BYTES = 16 * 1024
"""What a form needs beside its file."""
SUPERVISOR = "civil_affairs_supervisor"
_UNREADABLE = {
    "unreadable_file": ("不是可读的 XLSX 或 CSV 文件", "not a readable XLSX or CSV file"),
    "too_large": ("文件过大或压缩异常", "the file is too large, or inflates beyond reason"),
    "too_many_rows": (f"超过{MAX_ROWS}行，请分批报送", f"more than {MAX_ROWS} rows; hand it in in parts"),
    "too_many_columns": (f"超过{MAX_COLUMNS}列", f"more than {MAX_COLUMNS} columns"),
    "encrypted": ("文件有密码", "the file has a password"),
}


class Upload(BaseModel):
    """What makes two uploads the same command: the content of the file."""

    digest: str


class OpenCaseBody(Body):
    """How the case is reported. `channel` is a code of the policy; left out, it follows from who opens it."""

    channel: Short | None = None
    narrative: Long | None = None


class DismissBody(Body):
    """Why no case is opened: a code, or the id of a note."""

    reason: ReasonCode


class _InMemory(MultiPartParser):
    # Upstream spills larger files to a file of the temporary directory, in the clear.
    spool_max_size = MAX_BYTES + FORM_BYTES


@router.get("/surveys/template")
async def read_survey_template(
    subject: Annotated[Subject, guard("survey.read")], runtime: RuntimeOf, db: Reading
) -> Response:
    """An empty survey sheet with its instructions and the codes of the policy and the township."""
    now = await db.fetchval("SELECT app_now()")
    snapshot = await cases.township(db, subject.township)
    areas = TownshipPublished.model_validate(snapshot) if snapshot else None
    content = await asyncio.to_thread(_template, policy_at(now), areas)
    headers = {"Content-Disposition": 'attachment; filename="survey-template.xlsx"'}
    return Response(content, media_type=MEDIA["xlsx"], headers=headers)


def _template(policy: Policy, areas: TownshipPublished | None) -> bytes:
    offered = [column for column in columns(policy.policy_version) if column.offered]
    book = Book()
    book.sheet("调查表", [[column.header for column in offered]])
    guide: list[Sequence[Cell]] = [("列", "column", "怎么填", "how to fill it")]
    guide += [(column.header, column.label.en, column.hint.zh, column.hint.en) for column in offered]
    book.sheet("说明", guide)
    codes: list[Sequence[Cell]] = [("类别", "代码", "名称", "name")]
    codes += [("困境类型", entry.code, entry.label.zh, entry.label.en) for entry in policy.concerns]
    codes += [("对象类别", tag.code, tag.label.zh, tag.label.en) for tag in policy.tags if not tag.with_case]
    if areas is not None:
        codes += [("村", village.code, None, None) for village in areas.villages]
        codes += [("组", f"{group.village} {group.no}", group.code, None) for group in areas.groups]
    book.sheet("代码", codes)
    problems: list[Sequence[Cell]] = [("代码", "问题", "怎么办", "problem", "what to do")]
    problems += [(code, p.zh, r.zh, p.en, r.en) for code, (p, r) in MESSAGES.items()]
    book.sheet("问题", problems)
    return book.content()


@router.post(
    "/surveys",
    status_code=202,
    response_model=SurveyView,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary", "description": "XLSX or CSV"}},
                    }
                }
            },
        }
    },
)
async def create_survey(
    request: Request, subject: Annotated[Subject, guard("survey.import")], command: CommandOf, runtime: RuntimeOf
) -> Response:
    """Hand in a survey. 202 means its rows are kept; they are taken over in the background, see `links`."""
    command.require_key()
    office: Office = runtime.resources["office"]
    content = await _file(request)
    try:
        sheet = await asyncio.to_thread(read_sheet, content)
    except Unreadable as fault:
        raise invalid(FieldError("#/file", fault.code, *_UNREADABLE[fault.code])) from None

    async def act(tx: Transaction) -> Reply:
        policy = policy_at(tx.now)
        header = read_header(sheet[0] if sheet else [], policy.policy_version)
        errors = [_column(n, "unknown_column", "不认识这一列", "no such column") for n in header.unknown]
        errors += [_column(n, "repeated_column", "这一列重复", "this column repeats") for n in header.repeated]
        errors += [
            FieldError("#/file", "missing_column", f"缺少列 {code}", f"the column {code} is missing")
            for code in header.missing
        ]
        if errors:
            raise invalid(*errors)
        survey_id = tx.new_id("survey")
        key = office.vault.new_key(survey_id)
        rows = await asyncio.to_thread(seal_rows, key, header, sheet[1:])
        if not rows:
            raise invalid(FieldError("#/file", "no_rows", "没有数据行", "there are no rows"))
        survey = NewSurvey(
            survey_id=survey_id,
            township=subject.township,
            format=format_of(content),
            policy_version=policy.policy_version,
            villages=sorted(subject.villages) if subject.department == VILLAGE else None,
            uploaded_by=subject.actor().model_dump(exclude_none=True),
            organisation=subject.organisation,
            uploaded_at=tx.now,
        )
        await store.add_survey(tx.db, survey, key, rows)
        await tx.lock([str(survey_id)])
        tx.audit(str(survey_id), "survey.import", who(subject), {"rows": len(rows), "format": survey.format})
        found = await views.survey(tx.db, survey_id, subject.township)
        assert found is not None
        return Reply(202, found[0], location=found[0].links["self"])

    return await command.run(act, Upload(digest=hashlib.sha256(content).hexdigest()))


def _column(position: int, code: str, zh: str, en: str) -> FieldError:
    return FieldError(f"#/file/columns/{position}", code, f"第{position}列：{zh}", f"column {position}: {en}")


async def _file(request: Request) -> bytes:
    """The one file of the form, kept in memory. Raises Problem 422."""
    wrong = FieldError(
        "#/file", "file_required", "以 multipart/form-data 上传一个文件 file", "upload one file as `file`"
    )
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid(wrong)
    try:
        form = await _InMemory(request.headers, request.stream(), max_files=1, max_fields=1).parse()
    except (MultiPartException, KeyError):
        raise invalid(wrong) from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid(wrong)
        return await file.read()
    finally:
        await form.close()


# Reading --------------------------------------------------------------------------------------------------------------


@router.get("/surveys")
async def list_surveys(
    subject: Annotated[Subject, guard("survey.read")], paging: PageOf, db: Reading
) -> Page[SurveyView]:
    """The surveys of the township, or of the caller's own organisation; the latest first."""
    own = None if _sees_all(subject) else subject.organisation or ""
    found = await views.surveys(db, subject.township, own, paging.after(datetime, UUID), paging.fetch)
    return paging.page(found, lambda survey: (survey.uploaded_at, survey.survey_id))


@router.get("/surveys/{survey_id}")
async def read_survey(survey_id: UUID, subject: Annotated[Subject, guard("survey.read")], db: Reading) -> SurveyView:
    """How far a survey is."""
    return await _readable(db, survey_id, subject)


@router.get("/surveys/{survey_id}/report", response_model=Page[RowView])
async def read_survey_report(
    survey_id: UUID,
    subject: Annotated[Subject, guard("survey.read")],
    paging: PageOf,
    db: Reading,
    state: Literal["staged", "created", "updated", "unchanged", "refused"] | None = None,
    form: Annotated[Literal["json"] | Format, Query(alias="format")] = "json",
) -> Any:
    """What became of each row and what to do about it: as a page, or whole as a file."""
    await _readable(db, survey_id, subject)
    states = None if state is None else [state]
    if form == "json":
        after = paging.after(int)
        found = await views.rows(db, survey_id, states, after[0] if after else None, paging.fetch)
        return paging.page(found, lambda row: (row.row_no,))
    rows = list(_report(await views.rows(db, survey_id, states, None, None)))
    content = await asyncio.to_thread(_book, rows) if form == "xlsx" else BOM + csv_lines(rows)
    headers = {"Content-Disposition": f'attachment; filename="survey-report.{form}"'}
    return Response(content, media_type=MEDIA[form], headers=headers)


def _book(rows: list[Sequence[Cell]]) -> bytes:
    book = Book()
    book.sheet("报告", rows)
    return book.content()


_OUTCOMES = {"staged": "待处理", "created": "新建", "updated": "更新", "unchanged": "未变", "refused": "未收"}


def _report(rows: Sequence[RowView]) -> Iterator[Sequence[Cell]]:
    yield "行号", "结果", "列", "问题", "怎么办", "problem", "what to do"
    for row in rows:
        outcome = _OUTCOMES[row.state]
        for problem in row.problems:
            zh, en = problem.problem, problem.remedy
            yield row.row_no, outcome, problem.field, zh.zh, en.zh, zh.en, en.en
        if not row.problems:
            yield row.row_no, outcome, None, None, None, None, None


def _sees_all(subject: Subject) -> bool:
    return subject.department in {COORDINATOR, GOVERNMENT} or "admin" in subject.posts


async def _readable(db: Connection, survey_id: UUID, subject: Subject) -> SurveyView:
    found = await views.survey(db, survey_id, subject.township)
    if found is None:
        raise not_found()
    view, row = found
    if not _sees_all(subject) and row["organisation"] != (subject.organisation or ""):
        raise not_found()
    return view


# Suggestions ----------------------------------------------------------------------------------------------------------


@router.get("/surveys/{survey_id}/suggestions")
async def list_suggestions(
    survey_id: UUID,
    subject: Annotated[Subject, guard("survey.read")],
    paging: PageOf,
    db: Reading,
    state: Literal["waiting", "open", "opened", "dismissed"] | None = None,
    suggests: Literal["open_case", "fact_finding", "register_only"] | None = None,
) -> Page[SuggestionView]:
    """The children to go through: emergencies first, then suspected harm, then by level. Left out, `state` means those
    still to decide and `suggests` those for which something is suggested."""
    await _readable(db, survey_id, subject)
    now = await db.fetchval("SELECT app_now()")
    policy = policy_at(now)
    ranks = sorted(policy.ranks, key=policy.rank)
    villages = subject.villages if subject.department == VILLAGE else None
    states = [state] if state else ["waiting", "open"]
    wanted = [suggests] if suggests else ["open_case", "fact_finding"]
    after = paging.after(int, UUID)
    found = await views.suggestions(db, survey_id, villages, ranks, states, wanted, after, paging.fetch)
    page = paging.page(found, lambda one: (one[0], one[1].child_id))
    return Page(items=[suggestion for _, suggestion in page.items], next_cursor=page.next_cursor)


@router.post(
    "/surveys/{survey_id}/suggestions/{child_id}/actions/open-case", status_code=201, response_model=ReportReply
)
async def open_case_of_suggestion(
    survey_id: UUID,
    child_id: UUID,
    body: OpenCaseBody,
    subject: Annotated[Subject, guard("report.create")],
    command: CommandOf,
    runtime: RuntimeOf,
) -> Response:
    """Open a case for a surveyed child, the same way as any report."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        await _decidable(tx, survey_id, child_id, subject)
        reply = await open_case(tx, child_id, subject, office, channel=body.channel, narrative=body.narrative)
        case_id = reply.children[0].case_id if reply.children else reply.case_id
        await store.decide_screening(tx.db, child_id, "opened", case_id, who(subject), None, tx.now)
        return Reply(201, reply, location=reply.links["self"])

    return await command.run(act, body)


@router.post("/surveys/{survey_id}/suggestions/{child_id}/actions/dismiss", response_model=SuggestionView)
async def dismiss_suggestion(
    survey_id: UUID,
    child_id: UUID,
    body: DismissBody,
    subject: Annotated[Subject, guard("survey.import")],
    command: CommandOf,
) -> Response:
    """Decide that no case is opened. Where the survey tells of an emergency only a supervisor may."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        row = await _decidable(tx, survey_id, child_id, subject)
        if row["emergency"] and SUPERVISOR not in subject.posts:
            raise forbidden("supervisor_only")
        by = who(subject)
        await store.decide_screening(tx.db, child_id, "dismissed", None, by, body.reason, tx.now)
        await tx.lock([str(survey_id)])
        tx.audit(str(survey_id), "suggestion.dismiss", by, {"child_id": str(child_id), "reason": body.reason})
        decided = {**row, "state": "dismissed", "reason": body.reason, "decided_at": tx.now}
        return Reply(200, SuggestionView(**{name: decided[name] for name in SuggestionView.model_fields}))

    return await command.run(act, body)


async def _decidable(tx: Transaction, survey_id: UUID, child_id: UUID, subject: Subject) -> dict[str, Any]:
    await _readable(tx.db, survey_id, subject)
    row = await store.find_screening(tx.db, survey_id, child_id)
    if row is None or (subject.department == VILLAGE and row["village"] not in subject.villages):
        raise not_found()
    if row["state"] in {"opened", "dismissed"}:
        raise conflict("already_decided", "已作决定", "It was decided already", current_state=row["state"])
    return row
