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


def fire(brother: str, sister: str) -> dict[str, Any]:
    """A RED case nobody will react to at first, of children nobody knows yet: else the report would join their case."""
    case = golden_case("YX-10")
    facts = {**case["facts"], "age_estimated": True}
    (younger,) = case["siblings"]
    siblings = [{**younger, "child": {"name": sister}, "facts": {**younger["facts"], "age_estimated": True}}]
    child = {"name": brother, "sex": "male"}
    return {**case, "child": child, "received_at": RECEIVED.isoformat(), "facts": facts, "siblings": siblings}


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
    opened = await send(product, fire("滕望舒", "滕采薇"))
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
    await _the_chain_was_told(product, case, opened["case_number"])
    await _the_story_tells_it(product, case)

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


async def _told(product: Chain, case_id: str, kind: str) -> list[dict[str, Any]]:
    """The messages of a kind in a case's ledger, oldest first."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await product.get("st088", "notification", "/api/v1/notices", case_id=case_id, limit=200, **cursor)
        found += [notice for notice in page["items"] if notice["kind"] == kind]
        if page["next_cursor"] is None:
            return found[::-1]
        cursor = {"cursor": page["next_cursor"]}


async def _the_chain_was_told(product: Chain, case_id: str, number: str) -> None:
    """Each breach in the ledger of those above, a RED one by every channel; what leaves the system names nobody."""

    async def missed() -> dict[str, set[str]] | None:
        channels: dict[str, set[str]] = {}
        for notice in await _told(product, case_id, "deadline_breached"):
            channels.setdefault(notice["recipient"], set()).add(notice["channel"])
        return channels if {"ST025", "ST026", "ST116"} <= set(channels) else None

    channels = await until(missed, "village director, child director and leader were not all told")
    assert channels["ST025"] == channels["ST026"] == channels["ST116"] == {"call", "sms", "app"}
    again = await _told(product, case_id, "deadline_breached_again")
    assert "ST115" in {notice["recipient"] for notice in again}, "the township head"
    by_hand = await _told(product, case_id, "manual_notice")
    second = {(n["recipient"], n["channel"]) for n in by_hand if n["rule"] == "sla.second_breach"}
    assert second == {("county_protection_office", "manual")}

    async def handed_over() -> list[dict[str, Any]] | None:
        lines = await _sink_of(product, number)
        return lines if {line["channel"] for line in lines} >= {"call", "sms", "manual"} else None

    lines = await until(handed_over, "a call, a text message and a notice by hand")
    texts = {line["text"] for line in lines if line["channel"] in ("call", "sms") and line["stands_for"] == 1}
    assert texts == {f"【守望】个案 {number}，等级：红。请登录系统查看。Case {number}, level RED: please log in."}
    assert not [line for line in lines if "滕" in str(line)]


async def _sink_of(product: Chain, number: str) -> list[dict[str, Any]]:
    """What was said by telephone or handed outside about a case."""
    lines = (product.settings.data / "notification-sink.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if number in str(line["text"])]


async def _the_story_tells_it(product: Chain, case_id: str) -> None:
    """The timeline has every stage, and says of each missed deadline that it was missed."""

    async def stages() -> list[dict[str, Any]] | None:
        page = await product.get("st088", "intake", f"/api/v1/cases/{case_id}/timeline", limit=200)
        said = [item for item in page["items"] if item["type"] == "deadline.fired.v1"]
        seen = {item["codes"]["stage"] for item in said}
        return said if {"warn_50", "warn_80", "breach", "second_breach", "repeat", "page_next"} <= seen else None

    said = await until(stages, "not every stage is in the timeline")
    outcomes = {(item["codes"]["stage"], item["deadlines"][0]["outcome"]) for item in said}
    assert ("warn_80", "running") in outcomes
    assert {outcome for stage, outcome in outcomes if stage in ("breach", "second_breach", "repeat")} == {"missed"}


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


async def test_clocks_that_ran_while_dispatch_was_down_all_fire_once_and_tell_their_lateness(product: Chain) -> None:
    start = RECEIVED + timedelta(days=1)
    await product.set_clock(start + timedelta(seconds=5))
    opened = await send(product, {**fire("滕北辰", "滕若兰"), "received_at": start.isoformat()})
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
    for clock in {one["deadline_id"] for one in said}:
        # Of each clock: between clocks the order holds within one batch, and the product's other cases fill several.
        planned = [datetime.fromisoformat(one["planned_at"]) for one in said if one["deadline_id"] == clock]
        assert planned == sorted(planned), "in due order"
    ack = of(said, "S4", "breach")
    assert ack["lateness_seconds"] == pytest.approx(4.8 * 3600, abs=600)


def _local(clock: dict[str, Any]) -> str:
    """When a clock is due, as the wall clock of the township shows it."""
    return datetime.fromisoformat(clock["due_at"]).astimezone(RECEIVED.tzinfo).strftime("%a %m-%d %H:%M")


async def test_a_blue_case_waits_over_the_weekend_and_speaks_on_working_days_only(product: Chain) -> None:
    received = at("2027-02-18T16:00:00+08:00")
    await product.set_clock(received + timedelta(seconds=5))
    case = {**golden_case("YX-19"), "child": {"name": "澹台青"}, "received_at": received.isoformat()}
    opened = await send(product, case)
    clocks = {c["step"]: c for c in (await response_of(product, opened["case_id"]))["deadlines"]}
    assert {step: _local(clocks[step]) for step in ("S4", "S5a", "S5b", "S9")} == {
        "S4": "Fri 02-19 17:30",  # 1 working day
        "S5a": "Tue 02-23 17:30",  # 3, the weekend between
        "S5b": "Thu 02-25 17:30",  # 5
        "S9": "Thu 03-18 17:30",  # 20
    }
    assert clocks["S9"]["provisional"], "the holidays of 2027 are not announced"

    async def by(moment: str, step: str, stage: str) -> list[dict[str, Any]]:
        minutes = (at(moment) - RECEIVED) / timedelta(minutes=1)
        return await after(product, opened["case_id"], minutes, {(step, stage)})

    said = await by("2027-02-19T17:29:00+08:00", "S4", "warn_80")
    assert not [one for one in said if one["stage"] == "breach"], "a minute is left"
    said = await by("2027-02-21T23:00:00+08:00", "S5a", "warn_50")
    missed = {one["department"] for one in said if (one["step"], one["stage"]) == ("S4", "breach")}
    assert missed == {"employment", "village_committee", "civil_affairs", "finance", "youth_league"}
    assert {one["stage"] for one in said} <= {"warn_50", "warn_80", "breach"}, "nobody is pressed on a Sunday"
    said = await by("2027-02-22T17:31:00+08:00", "S4", "second_breach")
    assert of(said, "S4", "second_breach")["targets"][-1] == "township_head"
    assert datetime.fromisoformat(of(said, "S4", "second_breach")["planned_at"]) == at("2027-02-22T17:30:00+08:00")
    assert not [one for one in said if one["step"] == "S5a" and one["stage"] == "breach"]

    async def in_the_app() -> list[dict[str, Any]] | None:
        return await _told(product, opened["case_id"], "deadline_breached_again") or None

    assert {notice["channel"] for notice in await until(in_the_app, "the second level was not told")} == {"app"}
    assert {line["channel"] for line in await _sink_of(product, opened["case_number"])} <= {"manual"}
