"""Handing in a survey (摸底排查): the file, how far it is, what became of each row, and the children it suggests a case for."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser

from chassis.clock import new_uuid7
from services.console.web.names import names_for
from services.console.web.page import Page, page_of
from services.console.web.registers import passed_on
from services.console.web.session import CSRF_HEADER

router = APIRouter(include_in_schema=False)
Reader = Annotated[Page, page_of("survey.read")]
Cursor = Annotated[str, Query(max_length=500)]
UPLOAD = "/registers/surveys"
UPLOAD_BYTES = 17 * 1024 * 1024
"""A survey of ten thousand rows, with room; the owner of surveys says what is too much."""


class _InMemory(MultiPartParser):
    # Larger files would else be spilled to the temporary directory, in the clear.
    spool_max_size = UPLOAD_BYTES


@router.get("/registers/surveys/new")
async def show_upload(page: Annotated[Page, page_of("survey.import")]) -> Response:
    """Where a survey is handed in."""
    return page.show("registers/upload.html", {"key": str(new_uuid7()), "refusal": None})


@router.get("/registers/surveys/template")
async def read_template(page: Reader) -> Response:
    """The empty sheet with its instructions."""
    return passed_on(
        await page.owners.download(
            "intake", "/api/v1/surveys/template", token=page.session.token, language=page.language
        )
    )


@router.post(UPLOAD)
async def upload(page: Annotated[Page, page_of("survey.import")], request: Request) -> Response:
    """Hand the file on. Its rows are taken over in the background."""
    if CSRF_HEADER in request.headers:
        form = await _InMemory(request.headers, request.stream(), max_files=1, max_fields=4).parse()
    else:
        form = await request.form()
    file = form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    answer = await page.owners.upload(
        "intake",
        "/api/v1/surveys",
        content,
        token=page.session.token,
        language=page.language,
        key=str(form.get("key") or new_uuid7()),
    )
    await form.close()
    if answer.ok:
        return page.go(f"{UPLOAD}/{answer.body['survey_id']}")
    content_ = {"key": str(new_uuid7()), "refusal": answer}
    status = 200 if page.fragment else answer.status
    return page.show("registers/upload.html", content_, block="form" if page.fragment else None, status=status)


@router.get("/registers/surveys/{survey_id}")
async def show_survey(
    page: Reader, survey_id: str, state: Annotated[str, Query(max_length=20)] = "", cursor: Cursor = ""
) -> Response:
    """How far it is; then every row with its problems and remedies, and the suggestions."""
    path = f"/api/v1/surveys/{survey_id}"
    survey = (await page.get("intake", path)).must()
    report = await page.get("intake", f"{path}/report", state=state or "refused", cursor=cursor, limit=100)
    suggestions = await page.get("intake", f"{path}/suggestions", limit=100)
    content = {
        "survey": survey,
        "state": state or "refused",
        "rows": report.body["items"] if report.ok else [],
        "cursor": report.body["next_cursor"] if report.ok else None,
        "suggestions": suggestions.body["items"] if suggestions.ok else [],
        "running": survey["finished_at"] is None,
        "names": await names_for(page),
        "key": str(new_uuid7()),
    }
    return page.show("registers/survey.html", content, block="body" if page.fragment else None)


@router.get("/registers/surveys/{survey_id}/report")
async def read_report(
    page: Reader, survey_id: str, form: Annotated[Literal["xlsx", "csv"], Query(alias="format")] = "xlsx"
) -> Response:
    """The report of all rows as a file."""
    return passed_on(
        await page.owners.download(
            "intake",
            f"/api/v1/surveys/{survey_id}/report",
            token=page.session.token,
            language=page.language,
            parameters={"format": form},
        )
    )


@router.post("/registers/surveys/{survey_id}/suggestions/{child}")
async def decide_suggestion(
    page: Annotated[Page, page_of("survey.import")],
    survey_id: str,
    child: str,
    key: Annotated[str, Form(max_length=100)],
    act: Annotated[Literal["open-case", "dismiss"], Form()],
    reason: Annotated[str, Form(max_length=40)] = "no_need",
) -> Response:
    """Open a case for the child, or say why there is no need to."""
    path = f"/api/v1/surveys/{survey_id}/suggestions/{child}/actions/{act}"
    body = {} if act == "open-case" else {"reason": reason}
    answer = (await page.send("intake", path, body, key=key)).must()
    return page.go(f"/cases/{answer['case_id']}" if act == "open-case" else f"{UPLOAD}/{survey_id}")
