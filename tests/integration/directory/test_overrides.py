"""Overrides of duty rosters, who is on duty when, and the alarm for hours with nobody."""

from datetime import datetime, timedelta
from typing import Any

from chassis.testing import Running
from contracts.directory import RosterGapFound, TownshipPublished
from services.directory.watching import watch_gaps
from tests.integration.directory.conftest import Headers, LogIn

PATH = "/api/v1/rosters/YX-PS"
NOW = datetime.fromisoformat("2026-11-02T09:00:00+08:00")
NOBODY = {"starts_at": "2026-11-04T00:30:00Z", "ends_at": "2026-11-04T09:30:00Z", "staff": [], "reason": "leave"}


async def get(app: Running, path: str, headers: Headers) -> Any:
    answer = await app.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_override_is_announced_shown_and_alarms_daily_while_nobody_is_on_duty(
    app: Running, log_in: LogIn
) -> None:
    await app.set_clock(NOW)
    headers = {**await log_in("st088"), "Idempotency-Key": "o1"}
    made = await app.client.post(f"{PATH}/overrides", json=NOBODY, headers=headers)
    assert made.status_code == 201, made.text
    announced = (await app.published(TownshipPublished))[-1]
    assert [(one.roster, one.staff) for one in announced.overrides] == [("YX-PS", ())]
    vacant_or_empty = await app.published(RosterGapFound)
    gap = next(one for one in vacant_or_empty if one.kind == "empty_shift")
    assert (gap.roster, gap.fallback, gap.repeat_no) == ("YX-PS", ("duty_room",), 0)
    assert gap.starts_at.isoformat() == "2026-11-04T00:30:00+00:00"
    assert {one.post for one in vacant_or_empty if one.kind == "vacant_post"} == {"group_head"}

    covered = await get(app, f"{PATH}/coverage?from=2026-11-04T00:00:00Z&days=1", headers)
    assert [(span["gap"], span["overridden"]) for span in covered["items"]][:2] == [(False, False), (True, True)]
    assert covered["uncovered_minutes"] == 9 * 60
    ahead = await get(app, "/api/v1/alerts/gaps", headers)
    assert ("YX-PS", ["duty_room"]) in [(one["roster"], one["fallback"]) for one in ahead["items"]]

    await watch_gaps(app.process.runtime)
    assert len(await app.published(RosterGapFound)) == len(vacant_or_empty)
    await app.set_clock(NOW + timedelta(days=1, minutes=1))
    await watch_gaps(app.process.runtime)
    again = (await app.published(RosterGapFound))[len(vacant_or_empty) :]
    assert {(one.gap_id, one.repeat_no) for one in again} == {(one.gap_id, 1) for one in vacant_or_empty}

    filled = await app.client.put(
        made.headers["location"], json=NOBODY | {"staff": ["ST093"]}, headers=headers_of(headers)
    )
    assert [person["id"] for person in filled.json()["staff"]] == ["ST093"]
    await app.set_clock(NOW + timedelta(days=3))
    await watch_gaps(app.process.runtime)
    last = (await app.published(RosterGapFound))[len(vacant_or_empty) + len(again) :]
    assert {one.kind for one in last} == {"vacant_post"}


def headers_of(headers: Headers) -> Headers:
    """The same caller without the key of an earlier command."""
    return {name: value for name, value in headers.items() if name != "Idempotency-Key"}


async def test_an_override_decides_who_is_on_duty_until_it_is_removed(app: Running, log_in: LogIn) -> None:
    await app.set_clock(NOW)
    headers = await log_in("st088")
    body = {
        "starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-11-02T09:30:00Z", "staff": ["ST093"], "reason": "swap",
    }  # fmt: skip
    made = await app.client.post(f"{PATH}/overrides", json=body, headers={**headers, "Idempotency-Key": "o1"})
    assert [one["id"] for one in (await get(app, PATH, headers))["on_duty"]] == ["ST093"]
    listed = (await get(app, f"{PATH}/overrides", headers))["items"]
    assert [(one["id"], one["available_actions"]) for one in listed] == [(made.json()["id"], ["replace", "remove"])]
    assert (await get(app, "/api/v1/rosters/YX-HC/overrides", headers))["items"] == []
    elsewhere = made.headers["location"].replace("YX-PS", "YX-HC")
    assert (await app.client.delete(elsewhere, headers=headers)).status_code == 404
    assert (await app.client.delete(made.headers["location"], headers=headers)).status_code == 204
    assert (await get(app, PATH, headers))["on_duty"][0]["id"] == "ST091"
    assert (await app.published(TownshipPublished))[-1].overrides == ()
    assert (await app.client.delete(made.headers["location"], headers=headers)).status_code == 404


async def test_an_impossible_override_is_refused_and_the_field_named(app: Running, log_in: LogIn) -> None:
    await app.set_clock(NOW)
    headers = {**await log_in("st088"), "Idempotency-Key": "o1"}
    stranger = await app.client.post(f"{PATH}/overrides", json=NOBODY | {"staff": ["ST093", "ST999"]}, headers=headers)
    assert stranger.json()["errors"][0]["pointer"] == "#/staff/1"
    past = NOBODY | {"starts_at": "2026-10-01T00:00:00Z", "ends_at": "2026-10-02T00:00:00Z"}
    assert (await app.client.post(f"{PATH}/overrides", json=past, headers=headers)).json()["errors"][0][
        "pointer"
    ] == "#/ends_at"
    backwards = NOBODY | {"ends_at": NOBODY["starts_at"]}
    assert (await app.client.post(f"{PATH}/overrides", json=backwards, headers=headers)).status_code == 422
    police = {**await log_in("st092"), "Idempotency-Key": "o2"}
    assert (await app.client.post(f"{PATH}/overrides", json=NOBODY, headers=police)).status_code == 403
    assert (await app.client.post("/api/v1/rosters/NOWHERE/overrides", json=NOBODY, headers=headers)).status_code == 404
    assert len(await app.published(TownshipPublished)) == 1


async def test_a_roster_left_empty_is_an_alarm_at_once(app: Running, log_in: LogIn) -> None:
    headers = {**await log_in("st088"), "If-Match": '"v1"'}
    await app.client.put("/api/v1/rosters/YX-HC", json={"shifts": []}, headers=headers)
    found = [one for one in await app.published(RosterGapFound) if one.kind == "empty_shift"]
    assert [(one.roster, one.starts_at, one.fallback) for one in found] == [("YX-HC", None, ("police", "duty_room"))]
