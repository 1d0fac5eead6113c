"""Commands over HTTP: done once per Idempotency-Key, only against the version the client saw, answered from the commit.

`run` acts first and stores its reply in the same commit. Only when the act is refused, or a unique index objects, does it
look whether the same command was carried out before, and then replays that reply. Two identical commands at once meet at
the aggregate's lock or at the unique index; the later one rolls back and replays.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

import asyncpg
import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from chassis.clock import NAMESPACE, new_uuid7
from chassis.log import current_traceparent
from chassis.problem import Problem, known
from chassis.transaction import Cause, Transaction

_MEDIA_TYPE = "application/json"
_MAX_KEY = 200

_FIND = "SELECT body_hash, status, body, version, location FROM idempotency WHERE client = $1 AND key = $2"
_STORE = """
INSERT INTO idempotency (client, key, body_hash, status, body, version, location, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a command. `version` becomes the ETag, `location` the address of what was made."""

    status: int
    body: BaseModel | None = None
    version: int | None = None
    location: str | None = None

    def response(self) -> Response:
        """The HTTP answer."""
        return _response(self.status, _plain(self.body), self.version, self.location)


Act = Callable[[Transaction], Awaitable[Reply]]


class Command:
    """One command of one caller: its key, the version it was decided on, and the way to carry it out."""

    def __init__(self, request: Request, idempotency_key: str | None, if_match: str | None) -> None:
        self._request = request
        self.idempotency_key = _key(idempotency_key)
        self.expected_version = None if if_match is None else parse_etag(if_match)

    def require_key(self) -> str:
        """The Idempotency-Key. Raises Problem 400 when the client sent none."""
        if self.idempotency_key is None:
            raise known(400, "idempotency_key_required")
        return self.idempotency_key

    def require_version(self) -> int:
        """The version in If-Match. Raises Problem 428 when the client sent none."""
        if self.expected_version is None:
            raise known(428, "version_required")
        return self.expected_version

    def match(self, current: int, **extra: Any) -> None:
        """Refuse a command decided on an older version: Problem 412 with current_version (and `extra` codes)."""
        if self.require_version() != current:
            headers = {"ETag": etag(current)}
            raise known(412, "stale_version", headers=headers, current_version=current, **extra)

    async def run(self, act: Act, body: BaseModel | None = None) -> Response:
        """Carry out `act` in one transaction, or replay the reply of the same command. `act` may touch nothing but its
        transaction. Raises Problem 422 when the key was used for another request."""
        service: str = self._request.app.state.service
        database = self._request.app.state.runtime.database
        client: str = self._request.state.subject.account
        if self.idempotency_key is None:
            async with database.transaction(_cause(new_uuid7())) as tx:
                reply = await act(tx)
            return reply.response()
        key, digest = self.idempotency_key, self._digest(body)
        try:
            async with database.transaction(_cause(uuid5(NAMESPACE, f"{service}\n{client}\n{key}"))) as tx:
                reply = await act(tx)
                plain = _plain(reply.body)
                stored = (client, key, digest, reply.status, plain, reply.version, reply.location, tx.now)
                await tx.db.execute(_STORE, *stored)
        except (Problem, asyncpg.UniqueViolationError):
            replayed = await self._replay(database, client, key, digest)
            if replayed is None:
                raise
            return replayed
        return _response(reply.status, plain, reply.version, reply.location)

    async def _replay(self, database: Any, client: str, key: str, digest: bytes) -> Response | None:
        async with database.reading() as connection:
            row = await connection.fetchrow(_FIND, client, key)
        if row is None:
            return None
        if row["body_hash"] != digest:
            raise known(422, "idempotency_key_reused")
        response = _response(row["status"], row["body"], row["version"], row["location"])
        response.headers["Idempotency-Replayed"] = "true"
        return response

    def _digest(self, body: BaseModel | None) -> bytes:
        target = f"{self._request.method} {self._request.url.path}\n"
        return hashlib.sha256(target.encode() + (body.model_dump_json().encode() if body else b"")).digest()


async def command(
    request: Request,
    idempotency_key: Annotated[str | None, Header(description="Makes a repeat harmless; any unique text")] = None,
    if_match: Annotated[str | None, Header(description='The version this was decided on, as in `ETag: "v17"`')] = None,
) -> Command:
    """The command headers of a request."""
    return Command(request, idempotency_key, if_match)


CommandOf = Annotated[Command, Depends(command)]


def etag(version: int) -> str:
    """The entity tag of a version: `"v17"`."""
    return f'"v{version}"'


def parse_etag(text: str) -> int:
    """The version of an entity tag. Raises Problem 400 for anything but one strong tag of ours."""
    tag = text.strip()
    if not (tag.startswith('"v') and tag.endswith('"') and tag[2:-1].isascii() and tag[2:-1].isdigit()):
        raise known(400, "bad_if_match")
    return int(tag[2:-1])


def versioned(request: Request, body: BaseModel, version: int) -> Response:
    """A resource with its ETag, or 304 when the client already has this version."""
    tag = etag(version)
    if tag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body.model_dump_json(), 200, {"ETag": tag}, _MEDIA_TYPE)


def _key(text: str | None) -> str | None:
    if text is not None and not (0 < len(text) <= _MAX_KEY and text.isprintable()):
        raise known(400, "idempotency_key_invalid")
    return text


def _cause(id_: UUID) -> Cause:
    return Cause(id=id_, correlation_id=str(id_), traceparent=current_traceparent())


def _plain(body: BaseModel | None) -> Any:
    return None if body is None else body.model_dump(mode="json")


def _response(status: int, plain: Any, version: int | None, location: str | None) -> Response:
    headers = {} if version is None else {"ETag": etag(version)}
    if location is not None:
        headers["Location"] = location
    return Response(
        b"" if plain is None else orjson.dumps(plain), status, headers, _MEDIA_TYPE if plain is not None else None
    )
