"""Errors as RFC 9457 `application/problem+json`: a stable code, a title in the reader's language, never a submitted value.

Every refusal of the product passes through here, the framework's own included, so a client meets one shape only.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from chassis.log import current_trace_id, logger, places
from chassis.validation import FieldError, field_errors

__all__ = [
    "FieldError",
    "Problem",
    "answered",
    "conflict",
    "forbidden",
    "install",
    "invalid",
    "not_found",
    "problem_of",
    "refused",
    "unexpected",
]

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"
log = logger(__name__)

TITLES: dict[str, tuple[str, str]] = {
    "bad_request": ("请求有误", "Bad request"),
    "malformed_json": ("请求内容不是有效的 JSON", "The body is not valid JSON"),
    "unknown_parameter": ("含有不认识的参数", "Unknown query parameter"),
    "bad_cursor": ("翻页标记无效，请从第一页重新开始", "The cursor is not valid here; start again from the first page"),
    "bad_if_match": ('If-Match 应为 "v17" 的形式', 'If-Match must look like "v17"'),
    "idempotency_key_required": ("缺少 Idempotency-Key", "Idempotency-Key is required"),
    "idempotency_key_invalid": (
        "Idempotency-Key 应为 1 至 200 个可见字符",
        "Idempotency-Key must be 1 to 200 visible characters",
    ),
    "idempotency_key_reused": (
        "同一 Idempotency-Key 已用于另一请求",
        "This Idempotency-Key was used for another request",
    ),
    "unauthenticated": ("请先登录", "Authentication is required"),
    "invalid_token": ("登录凭证无效或已过期", "The token is invalid or has expired"),
    "forbidden": ("您没有此项权限", "You may not do this"),
    "not_found": ("未找到", "Not found"),
    "method_not_allowed": ("不支持此方法", "Method not allowed"),
    "not_acceptable": ("无法按要求的格式答复", "Not acceptable"),
    "conflict": ("与当前状态冲突", "Conflict with the current state"),
    "busy": ("同一对象正在处理，请稍后重试", "Someone else is changing this; try again shortly"),
    "stale_version": ("内容已被他人更新，请刷新后再试", "It was changed meanwhile; refresh and try again"),
    "too_large": ("请求内容过大", "The body is too large"),
    "unsupported_media_type": ("不支持的内容类型", "Unsupported media type"),
    "invalid": ("有内容填写不正确", "Some fields are not correct"),
    "version_required": ("缺少 If-Match", "If-Match is required"),
    "too_many_requests": ("请求过于频繁，请稍后再试", "Too many requests; try again later"),
    "internal_error": ("系统出错，请凭追踪号联系管理员", "Something failed on our side; quote the trace id"),
    "unavailable": ("服务暂时不可用，请稍后重试", "Temporarily unavailable; try again shortly"),
}
"""Every code of the chassis. Services name their own at the place that raises them."""

_BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    503: "unavailable",
}


class Problem(Exception):
    """A refusal with its answer. `detail` is one text or (Chinese, English); `extra` members carry codes and numbers only."""

    def __init__(
        self,
        status: int,
        code: str,
        title_zh: str,
        title_en: str,
        detail: str | tuple[str, str] = "",
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.title = (title_zh, title_en)
        self.detail = (detail, detail) if isinstance(detail, str) else detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = extra

    def response(self, language: int) -> Response:
        """The answer in one language: 0 = Chinese, 1 = English."""
        body: dict[str, Any] = {
            **self.extra,
            "type": f"/problems/{self.code}",
            "title": self.title[language],
            "status": self.status,
            "code": self.code,
        }
        if self.detail[language]:
            body["detail"] = self.detail[language]
        if self.errors:
            body["errors"] = [
                {"pointer": error.pointer, "code": error.code, "detail": (error.zh, error.en)[language]}
                for error in self.errors
            ]
        body["trace_id"] = current_trace_id()
        headers = {**self.headers, "Content-Language": ("zh-CN", "en")[language]}
        return Response(orjson.dumps(body, default=str), self.status, headers, MEDIA_TYPE)


def known(status: int, code: str, **keywords: Any) -> Problem:
    """A problem of the chassis' own catalogue."""
    zh, en = TITLES[code]
    return Problem(status, code, zh, en, **keywords)


def not_found() -> Problem:
    """404: it does not exist, or this reader may not learn that it does."""
    return known(404, "not_found")


def forbidden(reason: str = "") -> Problem:
    """403 with a stable reason code."""
    return known(403, "forbidden", **({"reason": reason} if reason else {}))


def conflict(code: str, zh: str, en: str, detail: str | tuple[str, str] = "", **extra: Any) -> Problem:
    """409: right request, wrong moment. Say where it stands in `extra`, usually current_state."""
    return Problem(409, code, zh, en, detail, **extra)


def invalid(*errors: FieldError) -> Problem:
    """422: the fields that are wrong and why."""
    return known(422, "invalid", errors=errors)


class Denial(Protocol):
    """A refused decision of the access policy."""

    @property
    def reason(self) -> str: ...
    @property
    def hidden(self) -> bool: ...


def refused(denial: Denial) -> Problem:
    """A denied single resource: 404 when even its existence is hidden from the reader, else 403 with the reason."""
    return not_found() if denial.hidden else forbidden(denial.reason)


def language(request: HTTPConnection) -> int:
    """0 = Chinese unless Accept-Language prefers English over Chinese."""
    best = (0.0, 0)
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag, _, rest = part.strip().partition(";")
        choice = 0 if tag.startswith("zh") else 1 if tag.startswith("en") else None
        if choice is not None:
            best = max(best, (_weight(rest), choice), key=lambda pair: (pair[0], -pair[1]))
    return best[1]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


async def answered(request: Request, problem: Problem) -> Response:
    """The problem in the form of this app: JSON, unless its service replaced `app.state.render_problem` (pages)."""
    response: Response = await request.app.state.render_problem(request, problem)
    return response


async def _as_json(request: Request, problem: Problem) -> Response:
    return problem.response(language(request))


async def unexpected(request: Request, error: Exception) -> Response:
    """500: logged by type and place, told to the client by trace id only."""
    log.error("unexpected_error", error=type(error).__qualname__, places=places(error))
    return await answered(request, known(500, "internal_error"))


def install(app: FastAPI) -> None:
    """Give every error the framework, the database driver or a route can raise its problem answer."""
    app.state.render_problem = _as_json

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, ValueError) and isinstance(error, asyncpg.InterfaceError):
            raise error  # a wrongly typed statement argument is our fault, not the database being away
        return await answered(request, problem_of(error))

    for kind in (Problem, RequestValidationError, HTTPException, *_UNAVAILABLE, *_BUSY):
        app.add_exception_handler(kind, answer)


# Listed one by one: the database being away is the caller's cue to retry, anything else from it is our fault (500).
_UNAVAILABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    OSError,
)
_BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


def busy(error: BaseException) -> bool:
    """Does this database error mean that another transaction holds what this one needs?"""
    return isinstance(error, _BUSY)


def problem_of(error: Exception) -> Problem:
    """The problem that an error of the framework, the database driver or a route amounts to."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return known(400, "malformed_json")
        return invalid(*field_errors(found))
    if isinstance(error, HTTPException):
        return _of_status(error.status_code, error.headers or {})
    if isinstance(error, _BUSY):
        return known(409, "busy", headers={"Retry-After": RETRY_SECONDS})
    log.warning("unavailable", error=type(error).__qualname__)
    return known(503, "unavailable", headers={"Retry-After": RETRY_SECONDS})


def _of_status(status: int, headers: Mapping[str, str]) -> Problem:
    code = _BY_STATUS.get(status)
    if code is not None:
        return known(status, code, headers=headers)
    phrase = HTTPStatus(status).phrase
    return Problem(status, phrase.lower().replace(" ", "_").replace("-", "_"), phrase, phrase, headers=headers)
