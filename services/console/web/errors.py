"""What a browser is shown when something is refused or fails: the same problem as the API's, as a page.

Nobody loses what they typed: a post that htmx sent is answered with a bar above the form, never with another page.
"""

from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from chassis.log import current_trace_id
from chassis.problem import FieldError, Problem, language
from services.console.owners import Answer, OwnerRefused
from services.console.web.page import CONTENT_SECURITY
from services.console.web.rendering import environment
from services.console.web.session import language_of, session_of

API = "/api/"


def install(app: FastAPI) -> None:
    """Answer problems of pages as pages; addresses of the API keep problem+json."""
    app.state.render_problem = _answer
    app.add_exception_handler(OwnerRefused, _pass_on)


async def _answer(request: Request, problem: Problem) -> Response:
    if request.url.path.startswith(API) or "text/html" not in _accepted(request):
        return problem.response(language(request))
    if problem.status == 401:
        return _to_entrance(request)
    # What failed may be the database that knows the session.
    session = await session_of(request) if problem.status < 500 else None
    return shown(request, problem, session.language if session else language_of(request))


async def _pass_on(request: Request, error: Exception) -> Response:
    if not isinstance(error, OwnerRefused):
        raise error
    session = await session_of(request)
    return _refused(request, error.answer, session.language if session else language_of(request))


def _accepted(request: Request) -> str:
    return "text/html" if request.headers.get("hx-request") == "true" else request.headers.get("accept", "")


def _to_entrance(request: Request) -> Response:
    """A page that was open when the session ended keeps its form: the browser is told to open the sign-in dialog."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Trigger": "session-ended", "HX-Reswap": "none"})
    address = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    onward = quote(address, safe="/") if request.method == "GET" else ""
    return RedirectResponse(f"/login?onward={onward}" if onward not in {"", "/"} else "/login", 303)


def _refused(request: Request, answer: Answer, chosen: str) -> Response:
    """What an owner refused, in the owner's words; they are already in the person's language."""
    if answer.status == 401:
        return _to_entrance(request)
    body = answer.body if isinstance(answer.body, dict) else {}
    away = "负责这部分数据的服务暂时没有回答", "The service that owns this data does not answer for the moment"
    title = (str(body["title"]),) * 2 if "title" in body else away
    errors = [
        FieldError(str(e.get("pointer", "")), "", str(e["detail"]), str(e["detail"])) for e in body.get("errors", ())
    ]
    told = Problem(answer.status, answer.code or "refused", *title, str(body.get("detail", "")), errors)
    return shown(request, told, chosen)


def shown(request: Request, problem: Problem, chosen: str) -> Response:
    """The problem as a page, or as a bar for htmx."""
    chinese = 0 if chosen == "zh" else 1
    fragment = request.headers.get("hx-request") == "true"
    html = (
        environment(chosen)
        .get_template("problem.html")
        .render(
            status=problem.status,
            title=problem.title[chinese],
            detail=problem.detail[chinese],
            errors=[(error.zh, error.en)[chinese] for error in problem.errors],
            trace_id=current_trace_id(),
            fragment=fragment,
            language=chosen,
            lacks_right=problem.status == 403 and problem.code != "form_expired",
            address=request.url.path if request.method == "GET" else None,
        )
    )
    headers = {"Content-Security-Policy": CONTENT_SECURITY}
    if fragment:
        headers |= {"HX-Retarget": "#trouble", "HX-Reswap": "innerHTML"}
    return HTMLResponse(html, problem.status, headers)
