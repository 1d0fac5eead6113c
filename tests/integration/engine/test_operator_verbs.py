"""The operator's verbs as typed: list, retry and skip what is parked; fill the broker again; reset a foreign cursor."""

import argparse

import pytest

from chassis import operations
from chassis.settings import Settings
from chassis.testing import Running
from tests.integration.engine.toy import TOY, Added, Fault


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser()
    operations.add_verbs(top.add_subparsers(dest="verb"))
    return top


async def verb(app: Running, line: str) -> int:
    arguments = parser().parse_args(line.split())
    settings = Settings(database_url=app.database._dsn)
    return await operations.run(arguments.verb, arguments, TOY.name, TOY.handlers, settings)


async def history(app: Running, key: str) -> list[int]:
    async with app.database.reading() as db:
        return list(await db.fetchval("SELECT history FROM tally WHERE key = $1", key) or [])


async def poisoned(app: Running) -> None:
    Fault.poison = {2}
    for amount in (1, 2, 3):
        await app.publish(Added(amount=amount), "k")
    await app.settle()


async def test_a_parked_event_is_listed_with_its_reason_and_retried(
    toy: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await poisoned(toy)
    assert await verb(toy, "parked list") == 0
    listed = capsys.readouterr().out
    assert "upstream.events  k  #2" in listed
    assert "Poison" in listed
    assert "2 parked" in listed
    stream = "--topic upstream.events --key k --by wang"
    assert await verb(toy, f"parked retry {stream}") == 1, "still poison: nothing was applied, and the status says so"
    Fault.poison = set()
    assert await verb(toy, f"parked retry {stream}") == 0
    assert await history(toy, "k") == [1, 2, 3]
    async with toy.database.reading() as db:
        assert await db.fetchval("SELECT resolved_by FROM parked WHERE sequence = 2") == "wang"


async def test_a_skip_needs_a_reason_and_a_name(toy: Running) -> None:
    await poisoned(toy)
    with pytest.raises(SystemExit):
        parser().parse_args(["parked", "skip", "--topic", "upstream.events", "--key", "k", "--by", "wang"])
    assert await verb(toy, "parked skip --topic upstream.events --key k --by wang --reason sent-by-mistake") == 0
    assert await history(toy, "k") == [1, 3]
    assert await verb(toy, "parked skip --topic upstream.events --key k --by wang --reason again") == 1


async def test_replay_sends_everything_again_and_reset_forgets_a_foreign_cursor(toy: Running) -> None:
    for amount in (1, 2):
        await toy.publish(Added(amount=amount), "k")
    await toy.settle()
    before = len(toy.broker.messages("toy.events"))
    assert await verb(toy, "replay") == 0
    assert await toy.relay() == before
    async with toy.database.reading() as db:
        await db.execute("UPDATE relay_cursor SET system_identifier = 42")
    assert await verb(toy, "relay-reset") == 0
    assert await toy.relay() == before
