"""The programme: phases, duties, contacts, what was held, and the year in numbers."""

from datetime import datetime
from typing import Any

from chassis.testing import Running
from contracts.directory import PublicityRecorded, TrainingRecorded
from tests.integration.directory.conftest import Headers, LogIn

NOW = datetime.fromisoformat("2026-11-24T10:00:00+08:00")
TRAINING = {
    "topics": ["law", "anti_abduction"], "audience": "guardians", "villages": ["V01"], "held_on": "2026-11-20",
    "headcount": 42,
}  # fmt: skip
POSTER = {"kind": "column", "villages": ["V01", "V02"], "on": "2026-11-21", "hotline_published": True}


async def get(app: Running, path: str, headers: Headers) -> Any:
    answer = await app.client.get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(app: Running, path: str, body: dict[str, Any], headers: Headers, key: str) -> Any:
    return await app.client.post(f"/api/v1/{path}", json=body, headers={**headers, "Idempotency-Key": key})


async def test_what_was_held_is_announced_listed_counted_and_summed_up(app: Running, log_in: LogIn) -> None:
    await app.set_clock(NOW)
    village, clinic, office = await log_in("st002"), await log_in("st096"), await log_in("st088")
    made = await post(app, "trainings", TRAINING, village, "t1")
    assert made.status_code == 201, made.text
    assert made.json()["organiser"] == "V01-VC"
    assert (
        await post(app, "trainings", TRAINING | {"topics": ["law"], "organiser": "YX-JO"}, office, "t2")
    ).status_code == 201
    assert (await post(app, "publicity", POSTER, office, "p1")).status_code == 201
    outreach = {"kind": "medical_outreach", "villages": ["V03"], "on": "2026-11-10", "headcount": 30}
    assert (await post(app, "programme/activities", outreach, clinic, "a1")).status_code == 201
    assert (
        await post(app, "programme/activities", {"kind": "family_care", "on": "2026-10-10"}, office, "a2")
    ).status_code == 201
    trainings = await app.published(TrainingRecorded)
    assert [(one.organiser, one.topics, one.headcount) for one in trainings] == [
        ("V01-VC", ("law", "anti_abduction"), 42),
        ("YX-JO", ("law",), 42),
    ]
    (poster,) = await app.published(PublicityRecorded)
    assert (poster.villages, poster.hotline_published) == (("V01", "V02"), True)

    coverage = await get(app, "trainings/coverage?year=2026", clinic)
    rows = {row["village"]: (row["held"], row["missing"]) for row in coverage["villages"]}
    assert (rows["V01"], rows["V02"]) == ((2, 0), (0, 2))
    assert coverage["topics_missing"] == ["child_rights", "life_skills", "disease_prevention", "self_protection"]
    first = await get(app, "trainings?limit=1", clinic)
    second = await get(app, f"trainings?limit=1&cursor={first['next_cursor']}", clinic)
    assert {first["items"][0]["organiser"], second["items"][0]["organiser"]} == {"V01-VC", "YX-JO"}
    assert (await get(app, "trainings?year=2025", clinic))["items"] == []
    assert len((await get(app, "programme/activities", clinic))["items"]) == 2
    assert [one["kind"] for one in (await get(app, "publicity", clinic))["items"]] == ["column"]

    summary = await get(app, "programme/summary?year=2026", office)
    assert (summary["trainings"], summary["trained_people"]) == (2, 84)
    assert summary["hotline_published_in"] == ["V01", "V02"]
    assert summary["activities"] == {"family_care": 1, "medical_outreach": 1}
    assert (summary["stations"], summary["vacant_posts"]) == (7, 1)
    assert summary["providers"] == {"provider": 1, "volunteer_team": 1}


async def test_a_wrong_record_is_refused_and_each_field_named(app: Running, log_in: LogIn) -> None:
    await app.set_clock(NOW)
    village = await log_in("st002")
    wrong = {
        "topics": ["law", "cooking"], "audience": "dogs", "villages": ["V77"], "held_on": "2026-11-25",
        "headcount": 1, "organiser": "NOBODY",
    }  # fmt: skip
    answer = await post(app, "trainings", wrong, village, "t1")
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/topics/1", "#/audience", "#/villages/0", "#/held_on", "#/organiser",
    }  # fmt: skip
    other = await post(app, "trainings", TRAINING | {"villages": ["V02"]}, village, "t2")
    assert other.status_code == 403
    foreign = await post(app, "trainings", TRAINING | {"organiser": "YX-PS"}, village, "t3")
    assert foreign.status_code == 403
    assert await app.published(TrainingRecorded) == []


async def test_phases_are_the_policys_until_the_township_writes_its_own(app: Running, log_in: LogIn) -> None:
    office = await log_in("st088")
    before = await get(app, "programme/phases", office)
    assert (before["version"], [phase["code"] for phase in before["phases"]]) == (
        0,
        ["preparation", "operation", "summary"],
    )
    assert before["yearly"]["rescreen_months"] == [3, 9]
    phase = {"code": "survey_2027", "label": {"zh": "调查", "en": "Survey"}, "first": "2027-03", "last": "2027-04"}
    path, versioned = "/api/v1/programme/phases", {**office, "If-Match": '"v0"'}
    backwards = {"phases": [phase | {"last": "2027-01"}]}
    refused = await app.client.put(path, json=backwards, headers=versioned)
    assert refused.json()["errors"][0]["pointer"] == "#/phases/0/last"
    written = await app.client.put(path, json={"phases": [phase]}, headers=versioned)
    assert (written.status_code, written.headers["etag"]) == (200, '"v1"'), written.text
    assert [one["code"] for one in (await get(app, "programme/phases", office))["phases"]] == ["survey_2027"]
    assert (await app.client.put(path, json={"phases": [phase]}, headers=versioned)).status_code == 412
    police = {**await log_in("st092"), "If-Match": '"v1"'}
    assert (await app.client.put(path, json={"phases": [phase]}, headers=police)).status_code == 403


async def test_duties_obligations_and_contacts_up_and_down_are_there_to_read(app: Running, log_in: LogIn) -> None:
    police = await log_in("st092")
    duties = (await get(app, "programme/duties?department=police", police))["items"]
    assert [duty["id"] for duty in duties] == [f"D-5.4.{number}" for number in range(1, 7)]
    assert len((await get(app, "programme/guardian-obligations", police))["items"]) >= 6
    contacts = await get(app, "programme/contacts", police)
    assert all(village["responsible"] for village in contacts["villages"])
    assert contacts["villages"][0]["responsible"]["phone"].startswith("***")
    above = {body["code"]: (body["phone"], body["above"]) for body in contacts["superiors"]}
    assert above["county_public_security"] == ("00000070004", ["police"])
    posts = {row["post"]: [person["id"] for person in row["people"]] for row in contacts["township"]}
    assert posts["civil_affairs_supervisor"] == ["ST088"]
