"""Reading the township, and changing its duty rosters."""

from datetime import datetime
from typing import Any

from chassis.auth import unguarded
from chassis.http import create_app
from chassis.testing import Running
from contracts.directory import TownshipPublished
from services.directory.service import SERVICE
from tests.integration.directory.conftest import LogIn

NIGHT = {"weekday": 0, "starts": "17:30", "ends": "08:30", "staff": ["ST093", "ST091"]}


async def get(app: Running, path: str, headers: dict[str, str]) -> Any:
    answer = await app.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_areas_are_a_tree_with_an_etag(app: Running, log_in: LogIn) -> None:
    headers = await log_in("st127")
    answer = await app.client.get("/api/v1/areas", headers=headers)
    assert [len(area["groups"]) for area in answer.json()["items"]] == [5, 4, 3, 6, 5, 4, 5]
    again = await app.client.get("/api/v1/areas", headers={**headers, "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_organisations_can_be_narrowed_to_a_department_or_a_kind(app: Running, log_in: LogIn) -> None:
    headers = await log_in("st127")
    schools = await get(app, "/api/v1/organisations?department=school", headers)
    outside = await get(app, "/api/v1/organisations?kind=outside_body", headers)
    assert [unit["code"] for unit in schools["items"]] == ["YX-SCH1", "YX-SCH2"]
    assert len(outside["items"]) == 16
    assert outside["items"][0]["desk_phone"] == "00000070001"


async def test_phones_are_open_to_the_own_unit_and_the_administrator_only(app: Running, log_in: LogIn) -> None:
    shown = {
        name: (await get(app, "/api/v1/staff/ST091", await log_in(name)))["phone"]
        for name in ("st092", "admin", "st088")
    }
    assert shown == {"st092": "00000000091", "admin": "00000000091", "st088": "*********91"}


async def test_unknown_staff_and_rosters_are_not_found(app: Running, log_in: LogIn) -> None:
    headers = await log_in("st088")
    for path in ("/api/v1/staff/ST999", "/api/v1/rosters/NOWHERE"):
        assert (await app.client.get(path, headers=headers)).status_code == 404


async def test_a_place_a_caller_names_leads_to_its_group(app: Running, log_in: LogIn) -> None:
    found = await get(app, "/api/v1/places?query=菜市场", await log_in("st127"))
    assert found["items"][0] | {"label": None} == {
        "kind": "place",
        "label": None,
        "village": "V07",
        "group": "V07-G2",
        "zone": "town",
    }


async def test_the_roster_shows_who_has_the_night(app: Running, log_in: LogIn) -> None:
    headers = await log_in("st088")
    await app.set_clock(datetime.fromisoformat("2026-11-03T03:00:00+08:00"))
    roster = await get(app, "/api/v1/rosters/YX-PS", headers)
    assert [person["id"] for person in roster["on_duty"]] == ["ST092", "ST093", "ST091"]
    assert roster["available_actions"] == ["write"]


async def test_a_new_roster_is_announced_with_its_night_shift(app: Running, log_in: LogIn) -> None:
    headers = {**await log_in("st088"), "If-Match": '"v1"'}
    answer = await app.client.put("/api/v1/rosters/YX-PS", json={"shifts": [NIGHT]}, headers=headers)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"v2"')
    announced = (await app.published(TownshipPublished))[-1]
    units = {unit.code: unit for unit in announced.organisations}
    assert [shift.model_dump(mode="json") for shift in units["YX-PS"].shifts] == [NIGHT]
    assert announced.version == 2
    alerts = await get(app, "/api/v1/alerts", headers)
    gap = {"kind": "roster_gap", "post": None, "place": "YX-PS", "minutes": (7 * 24 - 15) * 60}
    assert gap in alerts["items"]


async def test_a_stale_or_impossible_roster_changes_nothing(app: Running, log_in: LogIn) -> None:
    headers = await log_in("st088")
    stranger = {"shifts": [NIGHT | {"staff": ["ST093", "ST999"]}]}
    fresh = {**headers, "If-Match": '"v1"'}
    stale = {**headers, "If-Match": '"v9"'}
    assert (await app.client.put("/api/v1/rosters/YX-PS", json={"shifts": [NIGHT]}, headers=stale)).status_code == 412
    refused = await app.client.put("/api/v1/rosters/YX-PS", json=stranger, headers=fresh)
    assert refused.json()["errors"][0]["pointer"] == "#/shifts/0/staff/1"
    late = await app.client.put("/api/v1/rosters/YX-PS", json={"shifts": [NIGHT | {"ends": "24:00"}]}, headers=fresh)
    assert late.status_code == 422
    assert len(await app.published(TownshipPublished)) == 1


async def test_a_department_may_read_but_not_write_rosters(app: Running, log_in: LogIn) -> None:
    headers = {**await log_in("st092"), "If-Match": '"v1"'}
    assert (await app.client.get("/api/v1/rosters/YX-PS", headers=headers)).json()["available_actions"] == []
    answer = await app.client.put("/api/v1/rosters/YX-PS", json={"shifts": []}, headers=headers)
    assert answer.status_code == 403


async def test_no_route_of_the_directory_is_open_by_accident(app: Running) -> None:
    assert unguarded(create_app(SERVICE, app.process.runtime)) == []
