"""Dry runs, the coverage check and its command, recounting provisional clocks, and pages down the real roster."""

import argparse
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.testing import Running
from contracts.directory import ShiftOverride, TownshipPublished
from contracts.dispatch import DeadlineFired, ResponseOpened, ResponseRevised
from contracts.policy.model import FOLDER
from contracts.rosters import on_duty
from services.directory.domain.reference_file import read_township
from services.directory.domain.snapshot import snapshot
from services.dispatch import coverage, recounting
from tests.integration.dispatch.story import CIVIL, HEALTH, LEADER, POLICE, Story, deliver, opened, person, scored
from tests.samples import golden
from tests.samples.golden import CALENDAR, moment
from tests.unit.dispatch.test_moves import calendar_of

SUPERVISOR = person("civil_affairs", "YX-CA", "civil_affairs_supervisor")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


VERSIONS = count(1000)
"""Each publication has its own number, as in the directory: what is parsed is kept by number."""


def sample(**changes: Any) -> TownshipPublished:
    """The sample township with its rosters."""
    township = read_township((golden.FOLDER / "township.yaml").read_text(encoding="utf-8"))
    return snapshot(township, next(VERSIONS), UUID(int=1)).model_copy(update=changes)


async def with_rosters(app: Running, name: str = "YX-01", **changes: Any) -> Story:
    """A response in the township with its rosters, a second after the report."""
    data = scored(name)
    assert data.report is not None
    await app.set_clock(data.report.received_at + timedelta(seconds=1))
    await deliver(app, sample(**changes), "YX")
    await deliver(app, data, data.case_id)
    return Story(app, data, (await app.published(ResponseOpened))[-1])


async def post(app: Running, who: dict[str, Any], body: dict[str, Any]) -> Any:
    answer = await app.client.post("/api/v1/rehearsals", json=body, headers=app.as_(**who))
    return answer.status_code, answer.json()


# Pages -----------------------------------------------------------------------------------------------------------------


async def test_a_red_referral_nobody_signs_pages_one_person_after_the_other_until_somebody_signs(app: Running) -> None:
    story = await with_rosters(app)
    sent = story.opened.dispatched_at
    for minutes in (10, 15, 20, 25):
        await app.set_clock(sent + minutes * MINUTE + timedelta(seconds=2))
        await app.fire()
    pages = [e for e in await app.published(DeadlineFired) if e.stage == "page_next" and e.department == "police"]
    roster = on_duty(sample(), "YX-PS", sent, CALENDAR.zone)
    assert [(e.repeat_no, e.targets) for e in pages] == [(n, ("police",)) for n in range(4)]
    assert [e.people for e in pages] == [(roster[1],), (roster[2],), (roster[0],), (roster[1],)]
    await story.must(POLICE, "acknowledge")
    await app.fire(HOUR)
    after = [e for e in await app.published(DeadlineFired) if e.stage == "page_next" and e.department == "police"]
    assert after == pages, "the calls stop when somebody signs"


async def test_pages_follow_overrides_and_an_empty_roster_goes_to_police_and_duty_room_then_up(app: Running) -> None:
    received = scored("YX-01").effective_at
    first, second = received + 12 * MINUTE, received + 17 * MINUTE
    overrides = (
        ShiftOverride(roster="YX-HC", starts_at=received, ends_at=first, staff=("ST096", "ST094")),
        ShiftOverride(roster="YX-HC", starts_at=first, ends_at=received + DAY, staff=()),
        *(ShiftOverride(roster=r, starts_at=second, ends_at=received + DAY, staff=()) for r in ("YX-PS", "duty_room")),
    )
    await with_rosters(app, overrides=overrides)
    for minutes in (11, 16, 21):
        await app.set_clock(received + minutes * MINUTE)
        await app.fire()
    pages = [e for e in await app.published(DeadlineFired) if e.stage == "page_next" and e.department == "health"]
    police = on_duty(sample(), "YX-PS", received, CALENDAR.zone)[0]
    room = on_duty(sample(), "duty_room", received, CALENDAR.zone)[0]
    assert [(e.targets, e.people) for e in pages] == [
        (("health",), ("ST094",)),
        (("police", "duty_room"), (police, room)),
        (("responsible_leader",), sample().posts["responsible_leader"]),
    ]


# The dry run -------------------------------------------------------------------------------------------------------------


async def test_a_dry_run_of_a_case_says_what_the_clocks_then_do_and_writes_nothing(app: Running) -> None:
    story = await with_rosters(app)
    async with app.database.reading() as db:
        before = await db.fetch("SELECT * FROM deadline ORDER BY id")
    status, view = await post(app, LEADER, {"case_id": story.key, "repeats": 0, "pages": 1})
    assert status == 200
    async with app.database.reading() as db:
        assert await db.fetch("SELECT * FROM deadline ORDER BY id") == before
    due = story.due("S6") + MINUTE
    await app.set_clock(due)
    await app.fire()
    foretold = {
        (t["step"], t["department"], t["stage"], t["repeat_no"], t["target"], datetime.fromisoformat(t["at"]))
        for t in view["timeline"]
        if datetime.fromisoformat(t["at"]) <= due
    }
    happened = {
        (e.step, e.department, e.stage, e.repeat_no, target, e.planned_at)
        for e in await app.published(DeadlineFired)
        for target in (*e.targets, *e.external)
        if e.stage != "repeat" and (e.stage != "page_next" or e.repeat_no == 0)
    }
    late = {one for one in foretold if one not in happened}
    assert happened <= foretold
    assert late == set(), "what is foretold happens, downtime or not"


async def test_a_dry_run_of_a_report_nobody_made_shows_its_routing_and_who_is_missing(app: Running) -> None:
    await deliver(app, sample(), "YX")
    body = {
        "level": "red", "concerns": ["H1"], "village": "V01", "group": "V01-G2",
        "received_at": "2026-08-05T02:00:00+08:00", "repeats": 1, "pages": 1,
    }  # fmt: skip
    status, view = await post(app, SUPERVISOR, body)
    assert status == 200, view
    assert (view["case_lead"], view["coordinator"], view["level"]) == ("police", "civil_affairs", "red")
    assert view["unanswered"] == []
    first = view["timeline"][0]
    assert (first["stage"], first["at"]) == ("dispatched", "2026-08-04T18:00:00Z")
    assert {t["stage"] for t in view["timeline"]} >= {"warn_50", "breach", "second_breach", "repeat", "page_next"}
    restricted = (await post(app, SUPERVISOR, {"level": "red", "concerns": ["H2"], "village": "V01"}))[1]
    assert restricted["not_created"] == {"S5a": "restricted", "S5b": "restricted"}
    assert "village_committee" not in {r["department"] for r in restricted["referrals"]}
    wrong = (await post(app, SUPERVISOR, {"concerns": ["X9"], "village": "V99", "policy_version": "2026-11"}))[1]
    assert [e["code"] for e in wrong["errors"]] == ["unknown_concern", "level_required", "unknown_village"]
    assert (await post(app, HEALTH, {"level": "red"}))[0] == 403
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM response") == 0
        assert await db.fetchval("SELECT count(*) FROM outbox") == 0


# Coverage ----------------------------------------------------------------------------------------------------------------


async def test_coverage_names_gaps_with_who_is_told_instead(app: Running) -> None:
    day = moment("2026-08-03T00:00:00+08:00")
    nobody = ShiftOverride(roster="YX-HC", starts_at=day + 2 * HOUR, ends_at=day + 5 * HOUR, staff=())
    await app.set_clock(day)
    await deliver(app, sample(overrides=(nobody,)), "YX")
    params: dict[str, str | int] = {"from": "2026-08-03", "days": 7}
    answer = await app.client.get("/api/v1/coverage", params=params, headers=app.as_(**LEADER))
    view = answer.json()
    assert (answer.status_code, view["covered"], view["policy_version"]) == (200, False, "2026-11")
    (gap,) = [gap for gap in view["gaps"] if not gap["covered"]]
    assert (gap["kind"], gap["place"], gap["instead"]) == ("empty_shift", "YX-HC", ["police", "duty_room"])
    assert (gap["starts_at"], gap["ends_at"]) == ("2026-08-02T18:00:00Z", "2026-08-02T21:00:00Z")
    assert (await app.client.get("/api/v1/coverage", headers=app.as_(**HEALTH))).status_code == 403
    unknown = await app.client.get("/api/v1/coverage", params={"policy_version": "1999"}, headers=app.as_(**LEADER))
    assert unknown.json()["errors"][0]["code"] == "unknown_policy_version"


async def test_the_coverage_command_fails_on_gaps_and_takes_a_policy_and_a_township_from_files(
    app: Running, tmp_path: Path
) -> None:
    parser = argparse.ArgumentParser()
    coverage.coverage_arguments(parser)
    settings = app.process.runtime.settings

    async def status(*arguments: str) -> int:
        return await coverage.coverage_command(parser.parse_args(["--from", "2026-08-03", *arguments]), settings)

    assert await status() == 2, "nothing was published yet"
    await deliver(app, sample(), "YX")
    assert await status("--township", "YX", "--days", "7") == 0
    file = tmp_path / "township.json"
    file.write_text(sample(duty_leader=()).model_dump_json(), encoding="utf-8")
    policy = tmp_path / "draft.yaml"
    policy.write_text((FOLDER / "policy-2026-11.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert await status("--publication", str(file), "--policy", str(policy), "--days", "3") == 1


# Provisional clocks --------------------------------------------------------------------------------------------------------


async def test_clocks_of_an_unknown_year_are_counted_again_when_it_is_known_and_passed_ones_stay(app: Running) -> None:
    story = await opened(app, "YX-14")
    s9, s8 = await story.clock("S9"), await story.clock("S8")
    assert s9["provisional"]
    provisional = (await story.get(CIVIL, "/deadlines", provisional=True)).json()["items"]
    assert s9["deadline_id"] in {one["deadline_id"] for one in provisional}
    unknown = await recounting.recount(app.database, CALENDAR)
    assert (unknown.settled, unknown.left > 0) == (0, True)
    known = calendar_of(range(2022, 2028), ["2027-01-01", "2027-01-04", "2027-01-05"])
    found = await recounting.recount(app.database, known)
    assert (found.settled, found.left) == (unknown.left, 0)
    again = await story.clock("S9")
    assert not again["provisional"]
    assert again["due_at"] > s9["due_at"]
    assert (await story.clock("S8"))["due_at"] == s8["due_at"] or s8["provisional"]
    event: ResponseRevised = (await app.published(ResponseRevised))[-1]
    assert (event.cause, event.level_before) == ("calendar", event.level)
    assert s9["deadline_id"] in {str(d.deadline_id) for d in event.deadlines}
    assert (await recounting.recount(app.database, known)).settled == 0
    assert await recounting.recount_command(argparse.Namespace(), app.process.runtime.settings) == 0
    assert date(2027, 1, 4) not in {
        d.due_at.astimezone(CALENDAR.zone).date() for d in event.deadlines if d.step == "S9"
    }
