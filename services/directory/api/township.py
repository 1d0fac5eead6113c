"""What every route of the directory needs: the caller's township, read from memory or under its lock."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from chassis.auth import guard
from chassis.problem import not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Subject
from services.directory import store
from services.directory.domain.township import Township

Reader = Annotated[Subject, guard("directory.read")]


class Body(BaseModel):
    """A request body: a field nobody declared is an error."""

    model_config = ConfigDict(extra="forbid")


async def read_township(runtime: Any, db: Connection, subject: Subject) -> tuple[int, Township]:
    """The caller's township with its version."""
    found: tuple[int, Township] | None = await runtime.resources["townships"].get(db, subject.township)
    if found is None:
        raise not_found()
    return found


async def lock_township(tx: Transaction, subject: Subject) -> Township:
    """The caller's township, which nobody else changes until this commit."""
    await tx.lock([subject.township])
    township = await store.load_township(tx.db, subject.township)
    if township is None:
        raise not_found()
    return township
