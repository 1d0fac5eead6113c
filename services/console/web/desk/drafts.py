"""What an operator is typing, kept on the server: sealed for one account, the same at every seat and after a restart.

A draft holds what a caller said, so it is never readable in the table: AES-256-GCM under a key derived from DRAFT_KEY for
the account alone, bound to the draft's id. Once its report is sent, words and particulars leave it; codes stay, so that
what becomes known later can be sent as an amendment.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.clock import new_uuid7
from chassis.log import current_traceparent
from chassis.problem import not_found
from chassis.service import Runtime
from chassis.transaction import Cause
from services.console.store import drafts as store
from services.console.store.drafts import DraftRow
from services.console.web.desk.typed import Typed
from services.console.web.page import Page

MASTER = "draft key"
_KEY, _NONCE = 32, 12


@dataclass(slots=True)
class Draft:
    """One call. `sent`: the receipt once its report is sent (`report_id`, numbers, the amendments' next key)."""

    id: UUID
    typed: Typed = field(default_factory=Typed)
    sent: dict[str, Any] | None = None
    started_at: datetime | None = None
    saved_at: datetime | None = None


def master_key(text: str | None) -> bytes:
    """The master key from its setting; a fresh one when there is none. Raises ValueError when it is no 32 bytes."""
    if text is None:
        return secrets.token_bytes(_KEY)
    try:
        key = (
            bytes.fromhex(text.strip())
            if len(text.strip()) == 2 * _KEY
            else base64.b64decode(text.strip(), validate=True)
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != _KEY:
        raise ValueError("DRAFT_KEY must be 32 bytes in base64 or hexadecimal")
    return key


def _box(runtime: Runtime, account: str) -> AESGCM:
    master: bytes = runtime.resources[MASTER]
    return AESGCM(HKDF(SHA256(), _KEY, salt=None, info=f"draft of {account}".encode()).derive(master))


def _seal(runtime: Runtime, account: str, draft: Draft) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    content = orjson.dumps({"typed": draft.typed.values, "sent": draft.sent})
    return nonce + _box(runtime, account).encrypt(nonce, content, draft.id.bytes)


def _open(runtime: Runtime, row: DraftRow) -> Draft | None:
    """None when the key has been replaced: such a draft is lost, as the runbook says."""
    try:
        text = _box(runtime, row.account).decrypt(row.sealed[:_NONCE], row.sealed[_NONCE:], row.id.bytes)
    except InvalidTag:
        return None
    content: Mapping[str, Any] = orjson.loads(text)
    return Draft(row.id, Typed(content["typed"]), content["sent"], row.started_at, row.saved_at)


def _runtime(page: Page) -> Runtime:
    runtime: Runtime = page.request.app.state.runtime
    return runtime


def _cause() -> Cause:
    id_ = new_uuid7()
    return Cause(id_, str(id_), current_traceparent())


async def drafts_of(page: Page) -> list[Draft]:
    """The calls this person is taking down, the first begun first."""
    runtime = _runtime(page)
    async with runtime.database.reading() as db:
        rows = await store.of_account(db, page.subject.account)
    return [draft for row in rows if (draft := _open(runtime, row)) is not None]


async def draft_of(page: Page, id_: UUID) -> Draft:
    """The draft of that id; an empty one when nothing was typed yet."""
    return next((draft for draft in await drafts_of(page) if draft.id == id_), Draft(id_))


async def keep(page: Page, draft: Draft) -> Draft:
    """Keep the draft as it is now. Raises Problem 404 when the id is somebody else's."""
    runtime = _runtime(page)
    async with runtime.database.transaction(_cause()) as tx:
        row = await store.save(tx.db, draft.id, page.subject.account, _seal(runtime, page.subject.account, draft))
    if row is None:
        raise not_found()
    draft.started_at, draft.saved_at = row.started_at, row.saved_at
    return draft


async def discard(page: Page, id_: UUID) -> None:
    """Delete a draft: the call is over."""
    async with _runtime(page).database.transaction(_cause()) as tx:
        await store.discard(tx.db, id_, page.subject.account)


async def forget(runtime: Runtime) -> None:
    """Delete drafts older than a day."""
    async with runtime.database.transaction(_cause()) as tx:
        await store.forget_old(tx.db)
