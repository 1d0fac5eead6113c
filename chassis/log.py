"""Logs as JSON lines with the trace they belong to: ids and codes only, no bodies, no query strings, no exception texts.

An exception's text may quote the value that broke it (a database names the duplicate key), so only its type and the
places it passed through are written.
"""

import logging
import re
import secrets
import sys
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import orjson
import structlog
from structlog.types import EventDict, FilteringBoundLogger, Processor

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_trace: ContextVar[tuple[str, str, str] | None] = ContextVar("trace", default=None)


def begin_trace(traceparent: str | None) -> None:
    """Continue the caller's W3C trace in this task, or begin a new one when there is none or it is malformed."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    valid = match is not None and int(match[1], 16) and int(match[2], 16)
    if match is not None and valid:
        _trace.set((match[1], secrets.token_hex(8), match[3]))
    else:
        _trace.set((secrets.token_hex(16), secrets.token_hex(8), "00"))


def current_traceparent() -> str | None:
    """The `traceparent` to hand on with an event or a request; None outside a trace."""
    trace = _trace.get()
    return None if trace is None else f"00-{trace[0]}-{trace[1]}-{trace[2]}"


def current_trace_id() -> str:
    """The trace's id, the one number a caller needs to report a fault. Empty outside a trace."""
    trace = _trace.get()
    return "" if trace is None else trace[0]


def configure(service: str, level: str = "INFO") -> None:
    """Send everything, the libraries' records included, to standard error as one JSON object a line."""

    def name_service(_: Any, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        name_service,
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _plain_exception,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_json],
    )
    stream = _StandardError()
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "httpx", "httpcore"):  # these write addresses with their query strings
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _StandardError(logging.Handler):
    """Writes to whatever standard error is now: it may have been redirected since the start."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def logger(name: str) -> FilteringBoundLogger:
    """A logger. Call it with a snake_case event and ids or codes: `log.info("relay_sent", topic=topic, count=3)`."""
    return cast(FilteringBoundLogger, structlog.stdlib.get_logger(name))


def _add_trace(_: Any, __: str, event: EventDict) -> EventDict:
    trace_id = current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


def _plain_exception(_: Any, __: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        event["places"] = places(error)
    return event


def places(error: BaseException, limit: int = 12) -> list[str]:
    """Where an exception came from, innermost last, as `file:line function`."""
    frames = traceback.extract_tb(error.__traceback__)[-limit:]
    return [f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}" for frame in frames]


def _to_json(_: Any, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str).decode()
