"""Stations and providers: kept, announced without numbers, and logged in to with need-to-know rights only."""

from chassis.testing import Running
from contracts.directory import TownshipPublished
from tests.integration.directory.conftest import PASSWORD, TEXT, LogIn, load_sample

WATCHER = {
    "code": "NW01", "kind": "neighbour_watcher", "label": {"zh": "松岭村一组邻里", "en": "Neighbour of group 1"},
    "area": "V01-G1", "phone": "00000060009",
}  # fmt: skip


async def test_a_provider_logs_in_sees_its_session_and_is_refused_everywhere_else(app: Running, log_in: LogIn) -> None:
    headers = await log_in("pv02")
    session = (await app.client.get("/api/v1/sessions/current", headers=headers)).json()
    assert (session["organisation"], session["posts"], session["department"]) == ("PV02", ["provider"], None)
    assert session["organisation_label"]["en"] == "Yunxi Youth Volunteers"
    desk = (await app.client.get("/api/v1/organisations/YX-CA/desk", headers=headers)).json()
    assert set(desk) == {"code", "label", "desk_phone"}
    for path in (
        "areas", "staff", "organisations", "alerts", "providers", "stations", "accounts", "rosters/YX-PS",
        "trainings", "appraisals", "programme/contacts", "places?query=x",
    ):  # fmt: skip
        assert (await app.client.get(f"/api/v1/{path}", headers=headers)).status_code == 403, path


async def test_a_neighbour_watcher_is_registered_given_an_account_and_ended(app: Running, log_in: LogIn) -> None:
    office, admin = await log_in("st088"), await log_in("admin")
    made = await app.client.post("/api/v1/providers", json=WATCHER, headers={**office, "Idempotency-Key": "p"})
    assert (made.status_code, made.json()["version"]) == (201, 1), made.text
    announced = (await app.published(TownshipPublished))[-1]
    assert [(one.code, one.kind, one.area) for one in announced.providers][-1] == (
        "NW01",
        "neighbour_watcher",
        "V01-G1",
    )
    assert "00000060009" not in announced.model_dump_json()
    seen = (await app.client.get("/api/v1/providers/NW01", headers=await log_in("st092"))).json()
    assert (seen["phone"], seen["phone_masked"]) == ("*********09", True)
    account = {"name": "nw01", "kind": "person", "organisation": "NW01", "posts": ["provider"], "secret": PASSWORD}
    added = await app.client.post("/api/v1/accounts", json=account, headers={**admin, "Idempotency-Key": "a"})
    assert added.status_code == 201, added.text
    session = await log_in("nw01")
    mixed = account | {"name": "nw02", "posts": ["provider", "admin"]}
    refused = await app.client.post("/api/v1/accounts", json=mixed, headers={**admin, "Idempotency-Key": "b"})
    assert refused.json()["errors"][0]["code"] == "unknown_provider"

    await load_sample(app, TEXT.replace("member: ST071, deputy: null", "member: ST071, deputy: ST070"))
    assert (await app.client.get("/api/v1/sessions/current", headers=session)).status_code == 200
    ended = await app.client.delete("/api/v1/providers/NW01", headers={**office, "If-Match": '"v1"'})
    assert ended.status_code == 204
    assert (await app.client.get("/api/v1/sessions/current", headers=session)).status_code == 401
    assert [one.code for one in (await app.published(TownshipPublished))[-1].providers] == ["PV01", "PV02"]
    again = await app.client.post("/api/v1/providers", json=WATCHER, headers={**office, "Idempotency-Key": "q"})
    assert again.json()["code"] == "code_taken"


async def test_a_wrong_provider_is_refused_and_each_field_named(app: Running, log_in: LogIn) -> None:
    headers = {**await log_in("st088"), "Idempotency-Key": "p"}
    wrong = WATCHER | {"area": None, "services": ["NOTHING"]}
    answer = await app.client.post("/api/v1/providers", json=wrong, headers=headers)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/services/0", "#/area"]
    police = {**await log_in("st092"), "Idempotency-Key": "p"}
    assert (await app.client.post("/api/v1/providers", json=WATCHER, headers=police)).status_code == 403
    change = {name: value for name, value in WATCHER.items() if name != "code"} | {"kind": "charity", "area": "V02"}
    stale = await app.client.put("/api/v1/providers/PV01", json=change, headers={**headers, "If-Match": '"v9"'})
    assert stale.status_code == 412
    fresh = await app.client.put(
        "/api/v1/providers/PV01", json=change, headers={**headers, "Idempotency-Key": "r", "If-Match": '"v1"'}
    )
    assert (fresh.json()["kind"], fresh.headers["etag"]) == ("charity", '"v2"')


async def test_a_stations_services_are_edited_and_announced(app: Running, log_in: LogIn) -> None:
    office = await log_in("st088")
    stations = (await app.client.get("/api/v1/stations", headers=office)).json()["items"]
    assert len(stations) == 7
    assert [one["id"] for one in stations[0]["staff"]] == ["ST002", "ST003"]
    body = {"staff": ["ST002"], "services": ["counselling", "temporary_care"]}
    headers = {**office, "If-Match": '"v1"'}
    written = await app.client.put("/api/v1/stations/V01-ST", json=body, headers=headers)
    assert (written.status_code, written.headers["etag"]) == (200, '"v2"'), written.text
    (station, *_) = (await app.published(TownshipPublished))[-1].stations
    assert (station.staff, station.services) == (("ST002",), ("counselling", "temporary_care"))
    read = await app.client.get("/api/v1/stations/V01-ST", headers=office)
    assert (read.json(), read.headers["etag"]) == (written.json(), '"v2"')
    wrong = {"staff": ["ST091"], "services": ["magic"]}
    answer = await app.client.put("/api/v1/stations/V01-ST", json=wrong, headers={**office, "If-Match": '"v2"'})
    assert [error["code"] for error in answer.json()["errors"]] == ["not_of_the_village", "unknown_service"]
