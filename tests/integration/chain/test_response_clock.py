"""The response clock through the running services: it warns, breaches, goes up the chain, repeats, and a person's act ends it."""

import json
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from tests.chain import Chain
from tests.integration.chain.steps import act, at, referral, response_of, send, until
from tests.samples.golden import golden_case

pytestmark = pytest.mark.asyncio(loop_scope="package")

RECEIVED = at("2027-02-10T02:00:00+08:00")
"""A Wednesday night: paging must use the night roster."""


def fire() -> dict[str, Any]:
    """A RED case nobody will react to at first."""
    case = golden_case("YX-10")
    facts = {**case["facts"], "age_estimated": True}
    siblings = [{**one, "facts": {**one["facts"], "age_estimated": True}} for one in case["siblings"]]
    return {**case, "received_at": RECEIVED.isoformat(), "facts": facts, "siblings": siblings}


async def fired(product: Chain, case_id: str) -> list[dict[str, Any]]:
    """What the clocks of a case have said, in order."""
    connection = await asyncpg.connect(product.database_of("dispatch"))
    try:
        rows = await connection.fetch(
            "SELECT value FROM outbox WHERE key = $1 AND type = 'deadline.fired.v1' ORDER BY sequence", case_id
        )
    finally:
        await connection.close()
    return [json.loads(row["value"]) for row in rows]


async def after(product: Chain, case_id: str, minutes: float, wanted: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Let the clock show so many minutes after the call and wait until these (step, stage) were announced."""
    await product.set_clock(RECEIVED + timedelta(minutes=minutes))

    async def ask() -> list[dict[str, Any]] | None:
        said = await fired(product, case_id)
        return said if wanted <= {(one["step"], one["stage"]) for one in said} else None

    return await until(ask, f"at {minutes} minutes: {wanted} not announced")


def of(said: list[dict[str, Any]], step: str, stage: str) -> dict[str, Any]:
    return next(one for one in said if (one["step"], one["stage"]) == (step, stage))


async def test_a_red_case_nobody_reacts_to_climbs_the_chain_until_somebody_acts(product: Chain) -> None:
    await product.set_clock(RECEIVED + timedelta(seconds=5))
    opened = await send(product, fire())
    response = await response_of(product, opened["case_id"])
    case = opened["case_id"]

    await after(product, case, 6, {("S4", "warn_50")})
    await after(product, case, 9, {("S4", "warn_80")})
    said = await after(product, case, 11, {("S4", "breach"), ("S4", "page_next")})
    assert not [one for one in said if one["step"] == "S5a" and one["stage"] == "breach"], "30 minutes have not passed"
    await _paged_down_the_roster(product, case)
    said = await after(product, case, 31, {("S5a", "breach"), ("S4", "second_breach")})
    assert set(of(said, "S5a", "breach")["targets"]) == {"village_director", "child_director"}
    assert of(said, "S4", "second_breach")["targets"][0] == "township_head"
    assert of(said, "S4", "second_breach")["external"] == ["county_protection_office"]
    said = await after(product, case, 62, {("S5b", "breach"), ("S5c", "breach"), ("S4", "repeat")})
    assert "grid_head" in of(said, "S5b", "breach")["targets"]
    assert of(said, "S5c", "breach")["targets"] == ["responsible_leader"]

    once = Counter((one["deadline_id"], one["stage"], one["repeat_no"]) for one in said)
    assert set(once.values()) == {1}, "each stage of each clock once"

    police = referral(response, "police")
    await act(product, "st091", police, "acknowledge")
    moment = (RECEIVED + timedelta(minutes=62)).isoformat()
    await act(product, "st091", police, "report-arrival", arrived_at=moment, child_seen=True)
    signed = len([one for one in await fired(product, case) if one["department"] == "police" and one["step"] == "S4"])
    await after(product, case, 125, {("S5a", "repeat")})
    later = await fired(product, case)
    assert len([one for one in later if one["department"] == "police" and one["step"] == "S4"]) == signed, "silent"
    clock = next(c for c in (await response_of(product, case))["deadlines"] if c["step"] == "S5c")
    assert (clock["state"], clock["late_seconds"] > 0) == ("met", True), "late stays late"


async def _paged_down_the_roster(product: Chain, case_id: str) -> None:
    """After the missed signature somebody else is called every five minutes, in the order of the night's roster."""

    async def called(at_least: int) -> list[str] | None:
        page = await product.get("st088", "notification", "/api/v1/notices", case_id=case_id, limit=200)
        paged = [n for n in page["items"] if n["kind"] == "not_acknowledged" and n["channel"] == "call"]
        officers = [n["recipient"] for n in sorted(paged, key=lambda n: n["created_at"])]
        found = [one for one in officers if one in {"ST091", "ST092", "ST093"}]
        return found if len(found) >= at_least else None

    for number, minutes in enumerate((11, 15.5, 20.5), start=1):
        await product.set_clock(RECEIVED + timedelta(minutes=minutes))
        paged = await until(partial(called, number), f"nobody new was called at {minutes} minutes")
    assert paged == ["ST091", "ST092", "ST093"], "behind the first of Tuesday's night, who was told at dispatch"
    lines = (product.settings.data / "notification-sink.jsonl").read_text(encoding="utf-8").splitlines()
    number = (await response_of(product, case_id))["case_number"]
    told = [line for line in map(json.loads, lines) if number in str(line["text"])]
    assert {line["channel"] for line in told} >= {"call", "sms"}


async def test_clocks_that_ran_while_dispatch_was_down_all_fire_once_and_tell_their_lateness(product: Chain) -> None:
    start = RECEIVED + timedelta(days=1)
    await product.set_clock(start + timedelta(seconds=5))
    opened = await send(product, {**fire(), "received_at": start.isoformat()})
    await response_of(product, opened["case_id"])
    await product.kill("dispatch")
    await product.set_clock(start + timedelta(hours=5))

    async def ask() -> list[dict[str, Any]] | None:
        said = await fired(product, opened["case_id"])
        return (
            said if {"S4", "S5a", "S5b", "S5c", "S6"} <= {o["step"] for o in said if o["stage"] == "breach"} else None
        )

    said = await until(ask, "the overdue clocks did not fire after the restart")
    once = Counter((one["deadline_id"], one["stage"], one["repeat_no"]) for one in said)
    assert set(once.values()) == {1}
    planned = [datetime.fromisoformat(one["planned_at"]) for one in said if one["stage"] in ("warn_50", "breach")]
    assert planned == sorted(planned), "in due order"
    ack = of(said, "S4", "breach")
    assert ack["lateness_seconds"] == pytest.approx(4.8 * 3600, abs=600)
