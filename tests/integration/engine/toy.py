"""A service without a field of its own: it adds up numbers per key, so that the engine can be seen alone."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.consumer import NotYet
from chassis.service import Service
from chassis.settings import Settings
from chassis.timers import Fired
from chassis.transaction import Deadline, Transaction
from contracts.access import Subject
from contracts.envelope import Event, Payload


class Added(Payload):
    TYPE = "number.added.v1"
    TOPIC = "upstream.events"
    amount: int


class Totalled(Payload):
    TYPE = "total.changed.v1"
    TOPIC = "toy.events"
    total: int


class Rang(Payload):
    TYPE = "clock.rang.v1"
    TOPIC = "toy.events"
    kind: str
    stage: str
    repeat_no: int
    lateness_seconds: float


class Poison(Exception):
    """What a broken rule raises."""


class Fault:
    """Switches that make the toy's handlers fail."""

    poison: set[int] = set()
    not_yet = False
    bad_clock = ""


async def on_added(events: Sequence[Event], tx: Transaction) -> None:
    if Fault.not_yet:
        raise NotYet("prerequisite")
    if any(event.data.amount in Fault.poison for event in events):
        raise Poison
    totals = await add(tx, {event.key: event.data.amount for event in events})
    for event in events:
        tx.publish(event.key, Totalled(total=totals[event.key]), cause=event)


async def add(tx: Transaction, amounts: Mapping[str, int]) -> dict[str, int]:
    """Add to each key's tally; returns the new totals."""
    await tx.lock(amounts)
    rows = await tx.db.fetch(
        """
        INSERT INTO tally (key, total, history) SELECT a.key, a.amount, ARRAY[a.amount]
        FROM unnest($1::text[], $2::int[]) AS a(key, amount)
        ON CONFLICT (key) DO UPDATE SET total = tally.total + excluded.total, history = tally.history || excluded.history
        RETURNING key, total
        """,
        list(amounts),
        list(amounts.values()),
    )
    return {row["key"]: row["total"] for row in rows}


async def on_fired(fired: Sequence[Fired], tx: Transaction) -> None:
    for one in fired:
        if one.deadline.kind == Fault.bad_clock:
            raise Poison
        tx.publish(
            one.deadline.key,
            Rang(
                kind=one.deadline.kind,
                stage=one.stage,
                repeat_no=one.repeat_no,
                lateness_seconds=one.lateness_seconds,
            ),
            cause=one,
        )


def clock(tx: Transaction, key: str, kind: str, seconds: float, repeat_seconds: int | None = 60) -> Deadline:
    """A deadline with a warning at half time, a breach when due and a second stage a minute later."""
    due = tx.now + timedelta(seconds=seconds)
    return Deadline(
        id=tx.new_id("deadline", key, kind),
        key=key,
        kind=kind,
        anchor_at=tx.now,
        due_at=due,
        plan=(
            (tx.now + timedelta(seconds=seconds / 2), "warn"),
            (due, "breach"),
            (due + timedelta(seconds=60), "second"),
        ),
        repeat_seconds=repeat_seconds,
        policy_version="test",
        detail={"for": key},
    )


class NewNumber(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str
    amount: int


class Total(BaseModel):
    total: int


router = APIRouter(prefix="/api/v1")


@router.post("/numbers")
async def add_number(body: NewNumber, subject: Annotated[Any, guard("number.add")], command: CommandOf) -> Response:
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        total = (await add(tx, {body.key: body.amount}))[body.key]
        tx.publish(body.key, Totalled(total=total))
        return Reply(201, Total(total=total))

    return await command.run(act, body)


TOY = Service(
    name="toy",
    handlers={Added: on_added},
    routers=(router,),
    migrations=Path(__file__).with_name("toy_migrations"),
    settings=Settings,
    subject_of=Subject.from_claims,
    may=lambda subject, action: subject.account != "nobody",
    on_fired=on_fired,
)
