"""An operator's view of a running service over HTTP: how its engine does, and what could not be applied.

The same acts as the command line's verbs (operations.py), with the operator's account recorded beside each decision.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis import parking, relay
from chassis.auth import guard
from chassis.consumer import Inbox
from chassis.problem import conflict
from chassis.reading import Reading
from chassis.transaction import Connection

PREFIX = "/api/v1/operations"


class ParkedView(BaseModel):
    """One event that could not be applied. Errors are class and code, never text. Later ones of its key wait behind it."""

    topic: str
    key: str | None
    sequence: int | None
    type: str | None
    reason: str
    error_class: str | None
    error_code: str | None
    attempts: int
    parked_at: datetime


class ParkedList(BaseModel):
    """Everything that is parked, oldest first."""

    items: list[ParkedView]


class StreamBody(BaseModel):
    """Which stream: its topic and key."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(max_length=100)
    key: str = Field(max_length=200)


class SkipBody(StreamBody):
    """Leave out the event that blocks a stream, for a reason that is kept with it."""

    reason: str = Field(min_length=3, max_length=500)


class Outcome(BaseModel):
    """How many parked events were applied or skipped."""

    settled: int


class Health(BaseModel):
    """The engine in three numbers (K20): streams that wait, seconds the oldest event waits to be sent, late deadlines."""

    parked: int
    oldest_unsent_seconds: float
    deadlines_overdue: int


async def health_of(db: Connection) -> Health:
    """How the engine of the service with this database does."""
    late = await db.fetchval(
        "SELECT count(*) FROM deadline WHERE state = 'armed' AND fire_at < app_now() - interval '1 minute'"
    )
    items = await parking.open_items(db)
    return Health(
        parked=len({(item.topic, item.key) for item in items}),
        oldest_unsent_seconds=await relay.oldest_unsent_seconds(db),
        deadlines_overdue=late,
    )


async def parked_in(db: Connection) -> ParkedList:
    """What the service with this database could not apply."""
    return ParkedList(
        items=[ParkedView.model_validate(one, from_attributes=True) for one in await parking.open_items(db)]
    )


async def retry(inbox: Inbox, stream: StreamBody, by: str) -> Outcome:
    """Apply what is parked of a stream. Raises Problem 409 when the first of it fails again."""
    applied = await inbox.drain(stream.topic, stream.key, by=by)
    if not applied:
        raise conflict("still_fails", "仍然无法处理，请先解决原因", "It fails again; mend the cause first")
    return Outcome(settled=applied)


async def skip(inbox: Inbox, stream: SkipBody, by: str) -> Outcome:
    """Leave out the event that blocks a stream. Raises Problem 409 when none does."""
    if not await inbox.skip(stream.topic, stream.key, reason=stream.reason, by=by):
        raise conflict("nothing_blocks", "没有需要跳过的事件", "Nothing blocks this stream")
    return Outcome(settled=1)


def operations_router(service: str) -> APIRouter:
    """The routes of one service, below /api/v1/operations/<service>."""
    router = APIRouter(prefix=f"{PREFIX}/{service}", tags=["operations"])

    @router.get("/health")
    async def read_health(_: Annotated[Any, guard("ops.health")], db: Reading) -> Health:
        """How the engine does."""
        return await health_of(db)

    @router.get("/parked")
    async def list_parked(_: Annotated[Any, guard("ops.parked")], db: Reading) -> ParkedList:
        """What could not be applied."""
        return await parked_in(db)

    @router.post("/parked/retry")
    async def retry_parked(request: Request, subject: Annotated[Any, guard("ops.parked")], body: StreamBody) -> Outcome:
        """Try the stream's parked events again, in order. 409 when the first fails again."""
        return await retry(request.app.state.runtime.inbox, body, subject.account)

    @router.post("/parked/skip")
    async def skip_parked(request: Request, subject: Annotated[Any, guard("ops.parked")], body: SkipBody) -> Outcome:
        """Leave out the event that blocks the stream, for a reason."""
        return await skip(request.app.state.runtime.inbox, body, subject.account)

    return router
