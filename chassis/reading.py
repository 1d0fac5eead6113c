"""What a route may ask for: the running service, and a connection that sees one moment."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
from fastapi import Depends, Request

if TYPE_CHECKING:
    from chassis.service import Runtime


async def runtime_of(request: Request) -> "Runtime":
    """The running service: its settings, database and what its startup made."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def reading(request: Request) -> AsyncIterator[asyncpg.Connection]:
    """A connection for views, given back as soon as the path function has returned.

    All its queries see one moment: an answer put together from several tables never mixes before and after a commit.
    """
    async with (
        request.app.state.runtime.database.reading() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


Reading = Annotated[asyncpg.Connection, Depends(reading, scope="function")]
RuntimeOf = Annotated[Any, Depends(runtime_of)]
