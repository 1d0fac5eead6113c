"""Lists by keyset: a page, and a signed cursor to the next one.

A cursor holds the key values of the last row shown. It is signed together with the list's path and filters, so a client
can neither read other rows by forging one nor carry one to another list.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, SecretStr

from chassis.problem import Problem, known

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
_TAG_BYTES = 16

T = TypeVar("T")
Key = str | int | datetime | UUID
_READ: dict[type[Any], Callable[[Any], Any]] = {
    str: str,
    int: int,
    datetime: datetime.fromisoformat,
    UUID: UUID,
}


class Page(BaseModel, Generic[T]):
    """One page of a list. `next_cursor` is null on the last page."""

    items: Sequence[T]
    next_cursor: str | None = None


def encode_cursor(values: Sequence[Key], key: bytes, context: str) -> str:
    """A cursor holding `values`, valid only for `context` (the list it belongs to)."""
    body = orjson.dumps(list(values), default=str)
    return urlsafe_b64encode(_tag(body, key, context) + body).decode().rstrip("=")


def decode_cursor(text: str, key: bytes, context: str) -> list[Any]:
    """The raw values of a cursor. Raises Problem 400 `bad_cursor` when it was not made by `encode_cursor` for this context."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise _bad_cursor() from None
    tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(body, key, context)):
        raise _bad_cursor()
    values: list[Any] = orjson.loads(body)
    return values


def signing_key(secret: SecretStr | None) -> bytes:
    """The key for cursors: the configured one, or one of this process alone."""
    return secret.get_secret_value().encode() if secret else secrets.token_bytes(32)


def _tag(body: bytes, key: bytes, context: str) -> bytes:
    return hmac.new(key, context.encode() + b"\n" + body, hashlib.sha256).digest()[:_TAG_BYTES]


def _bad_cursor() -> Problem:
    return known(400, "bad_cursor")


class PageRequest:
    """What the client asked of a list, and the way to answer it. `fetch` is one more than `limit`: the extra row tells
    whether there is a next page."""

    def __init__(self, limit: int, cursor: str | None, request: Request, response: Response) -> None:
        self.limit = limit
        self.fetch = limit + 1
        self._request = request
        self._response = response
        self._key: bytes = request.app.state.cursor_key
        self._filters = sorted((k, v) for k, v in request.query_params.multi_items() if k not in {"cursor", "limit"})
        self._context = f"{request.url.path}?{urlencode(self._filters)}"
        self._values = decode_cursor(cursor, self._key, self._context) if cursor else None

    def after(self, *types: type[Any]) -> tuple[Any, ...] | None:
        """The key of the row after which this page begins, as values of `types` (str, int, datetime, UUID); None at the top."""
        if self._values is None:
            return None
        if len(self._values) != len(types):
            raise _bad_cursor()
        return tuple(_READ[kind](value) for kind, value in zip(types, self._values, strict=True))

    def page(self, rows: Sequence[T], key: Callable[[T], Sequence[Key]]) -> Page[T]:
        """The page of at most `limit` of `rows`; `key` gives the sort key of a row."""
        items = rows[: self.limit]
        if len(rows) <= self.limit:
            return Page(items=items)
        cursor = encode_cursor(key(items[-1]), self._key, self._context)
        query = urlencode([*self._filters, ("limit", self.limit), ("cursor", cursor)])
        self._response.headers["Link"] = f'<{self._request.url.path}?{query}>; rel="next"'
        return Page(items=items, next_cursor=cursor)


async def page_request(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before")] = None,
) -> PageRequest:
    """The list parameters of a request."""
    return PageRequest(limit, cursor, request, response)


PageOf = Annotated[PageRequest, Depends(page_request)]
