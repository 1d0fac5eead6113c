"""Policy versions side by side: which one scores a case, the half-yearly rescreen, and what-if."""

import argparse
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.service import Runtime
from chassis.settings import Settings
from chassis.testing import Running, running
from contracts.intake import ReportReceived
from contracts.risk_scoring import ReassessmentOpened, RiskAssessed
from contracts.vocabulary import ChildIntake
from services.risk_scoring import commands, rescreening
from services.risk_scoring.service import SERVICE
from tests.integration.risk_scoring import story
from tests.integration.risk_scoring.story import (
    CASE,
    CIVIL_AFFAIRS,
    NOW,
    SUPERVISOR,
    VILLAGE,
    act,
    child,
    happen,
    id_of,
    report,
    risk,
)
from tests.samples.policies import SECOND, beside_the_shipped_one, written

pytestmark = pytest.mark.integration

HEAVY = {"A1": "moderate", "A2": "now", "A3": "free", "A4": "escalating", "C1": "nobody", "C2": "refuses"}
"""A nine-year-old with these has 49 points and one with C4=one 51: ORANGE by the shipped version, RED by the second."""


@pytest.fixture(autouse=True)
def second_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    written(tmp_path, effective_from="2026-03-01")
    with beside_the_shipped_one(monkeypatch, tmp_path):
        yield


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=NOW + timedelta(hours=1)) as service:
        yield service


def case(name: str, **said: Any) -> ReportReceived:
    """A report that opens a case of its own."""
    kid = ChildIntake(
        child_id=id_of(name), case_id=id_of(f"case {name}"), case_number=f"YX-{name}",
        facts={"age": 9, **said.get("facts", {})}, answers={**story.ZERO_POINTS, **said.get("answers", {})},
    )  # fmt: skip
    return report(f"report {name}", kid).model_copy(update={"case_id": kid.case_id, "case_number": kid.case_number})


async def open_cases(app: Running, *cases: ReportReceived) -> None:
    for one in cases:
        await app.publish(one, str(one.case_id))
    await app.settle()


async def three_cases(app: Running) -> None:
    """One that the second version scores higher, one lower, one alike."""
    await open_cases(
        app,
        case("heavy", answers={**HEAVY, "C4": "one"}),
        case("confined", facts={"confined": True}),
        case("quiet"),
    )


async def get(app: Running, path: str, who: dict[str, Any] = SUPERVISOR) -> Any:
    answer = await app.client.get(f"/api/v1{path}", headers=app.as_(**who))
    assert answer.status_code == 200, answer.text
    return answer.json()


# Which version -------------------------------------------------------------------------------------------------


async def test_a_case_keeps_its_version_until_a_person_reviews_it_and_history_keeps_both(app: Running) -> None:
    heavy = child(answers={**HEAVY, "C4": "one"})
    await happen(app, report("report 1", heavy), story.response())
    assert (await risk(app))["level"]["code"] == "orange"
    await happen(app, story.findings(answers={"C2": "refuses"}))
    assert [one.policy_version for one in await app.published(RiskAssessed)] == ["2026-11", "2026-11"]

    body = {"children": [{"child_id": str(id_of("first")), "answers": {"D1": "strained"}}], "note_id": str(id_of("n"))}
    await app.set_clock(NOW + timedelta(hours=5))
    answer = await act(app, "review", VILLAGE, body)
    assert (answer.status_code, answer.json()["level"]["code"]) == (200, "red"), answer.text
    assert (answer.json()["policy_version"], answer.json()["reviewed_at"] is not None) == (SECOND, True)
    event = (await app.published(RiskAssessed))[-1]
    assert (event.cause, event.policy_version, event.assessed_by.department) == ("review", SECOND, "village_committee")

    history = (await get(app, f"/assessments?case_id={CASE}"))["items"]
    assert [(one["cause"]["code"], one["policy_version"]) for one in history] == [
        ("review", SECOND), ("assessment", "2026-11"), ("report", "2026-11"),
    ]  # fmt: skip
    assert history[0]["reason_note_id"] == str(id_of("n"))
    assert history[0]["reporters"] == [{"kind": "public", "mandated": False, "anonymous": False, "duty_bearing": False}]
    stood = await get(app, f"/assessments/cases/{CASE}/as-of?at=2026-03-24T08:00:00Z")
    assert (stood["policy_version"], stood["children"][0]["answers"]["D1"]) == ("2026-11", "met")
    missing = await app.client.get(
        f"/api/v1/assessments/cases/{CASE}/as-of?at=2020-01-01T00:00:00Z", headers=app.as_(**SUPERVISOR)
    )
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("body", "who", "status"),
    [
        ({"children": [{"child_id": str(id_of("nobody"))}]}, CIVIL_AFFAIRS, 422),
        ({"children": [{"child_id": str(id_of("first")), "facts": {"shoe_size": 4}}]}, CIVIL_AFFAIRS, 422),
        ({}, story.POLICE, 403),
        ({}, story.LEAGUE, 403),
    ],
)
async def test_a_review_that_cannot_be_is_refused(app: Running, body: Any, who: dict[str, Any], status: int) -> None:
    await happen(app, report("report 1", child()), story.response())
    assert (await act(app, "review", who, body)).status_code == status
    assert len(await app.published(RiskAssessed)) == 1


async def test_versions_are_listed_read_and_compared(app: Running) -> None:
    listed = await get(app, "/policies")
    assert [(one["policy_version"], one["in_force"]) for one in listed] == [("2026-11", False), (SECOND, True)]
    one = await get(app, f"/policies/{SECOND}")
    assert one["content"]["risk"]["total"] == 100
    diff = await get(app, f"/policies/2026-11/diff/{SECOND}")
    changed = {entry["path"]: (entry["before"], entry["after"]) for entry in diff["differences"]}
    assert changed["levels[red].score_min"] == (60, 50)
    for path in ("/policies/..%2Fx", "/policies/1999-01", f"/policies/1999-01/diff/{SECOND}"):
        answer = await app.client.get(f"/api/v1{path}", headers=app.as_(**SUPERVISOR))
        assert answer.status_code == 404


# The rescreen ----------------------------------------------------------------------------------------------------


async def run_due(app: Running) -> None:
    runtime: Runtime = app.process.runtime
    await rescreening.rescreen_due(runtime)


async def test_the_rescreen_scores_every_open_case_once_a_month_and_lowers_none(
    app: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescreening, "BATCH", 2)
    await three_cases(app)
    started = await app.client.post("/api/v1/rescreens", headers={**app.as_(**SUPERVISOR), "Idempotency-Key": "march"})
    assert (started.status_code, started.json()["total"], started.json()["done"]) == (202, 3, 0), started.text
    await run_due(app)
    shown = await get(app, f"/rescreens/{started.json()['rescreen_id']}")
    assert (shown["period"], shown["policy_version"], shown["finished_at"] is not None) == ("2026-03", SECOND, True)
    assert (shown["done"], shown["raised"], shown["lower"], shown["tasks"]) == (3, 1, 1, 2)

    screened = {one.case_number: one for one in await app.published(RiskAssessed) if one.cause == "rescreen"}
    assert {number: (one.report_level, one.computed_level) for number, one in screened.items()} == {
        "YX-heavy": ("red", "red"), "YX-confined": ("red", "orange"), "YX-quiet": ("blue", "blue"),
    }  # fmt: skip
    assert {one.policy_version for one in screened.values()} == {SECOND}
    opened = {(one.case_number, one.trigger) for one in await app.published(ReassessmentOpened)}
    assert opened == {("YX-heavy", "scheduled_review"), ("YX-confined", "scheduled_review")}

    await run_due(app)
    again = await app.client.post(
        "/api/v1/rescreens", headers={**app.as_(**SUPERVISOR), "Idempotency-Key": "march again"}
    )
    assert again.json()["rescreen_id"] == started.json()["rescreen_id"]
    assert len([one for one in await app.published(RiskAssessed) if one.cause == "rescreen"]) == 3
    assert len((await get(app, "/rescreens"))["items"]) == 1
    refused = await app.client.post("/api/v1/rescreens", headers={**app.as_(**VILLAGE), "Idempotency-Key": "x"})
    assert refused.status_code == 403


async def test_the_rescreen_starts_itself_in_march_and_september_only(app: Running) -> None:
    await three_cases(app)
    await app.set_clock(NOW + timedelta(days=20))
    await run_due(app)
    assert (await get(app, "/rescreens"))["items"] == []
    await app.set_clock(NOW + timedelta(days=170))
    await run_due(app)
    [run] = (await get(app, "/rescreens"))["items"]
    assert (run["period"], run["started_by"]["kind"], run["done"]) == ("2026-09", "system", 3)


def settings_of(app: Running) -> Settings:
    settings: Settings = app.process.runtime.settings
    return settings


async def test_the_rescreen_command_foretells_without_writing_and_then_runs(
    app: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await three_cases(app)
    assert await commands.rescreen(argparse.Namespace(dry_run=True), settings_of(app)) == 0
    foretold = capsys.readouterr().out
    assert "YX-heavy\torange -> red" in foretold
    assert "YX-quiet" not in foretold
    assert len(await app.published(RiskAssessed)) == 3
    assert await commands.rescreen(argparse.Namespace(dry_run=False), settings_of(app)) == 0
    assert "rescreened 3/3" in capsys.readouterr().out
    assert len(await app.published(RiskAssessed)) == 6


# What if -----------------------------------------------------------------------------------------------------------


async def test_what_if_says_who_would_change_level_and_why_and_writes_nothing(
    app: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await three_cases(app)
    before = await app.published()
    answer = await app.client.post(
        "/api/v1/policies/what-if", json={"policy_version": SECOND}, headers=app.as_(**SUPERVISOR)
    )
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["replayed"], shown["children"], shown["level_changes"], shown["truncated"]) == (3, 3, 2, False)
    changes = {one["case_number"]: one for one in shown["differing"]}
    assert changes["YX-heavy"]["before"]["level"]["code"] == "orange"
    assert changes["YX-heavy"]["after"] == {
        **changes["YX-heavy"]["before"],
        "level": {"code": "red", "zh": "红", "en": "RED"},
    }
    assert [rule["code"] for rule in changes["YX-confined"]["rules_gone"]] == ["R8"]
    matrix = {row["level"]["code"]: row["becomes"] for row in shown["matrix"]}
    assert (matrix["orange"]["red"], matrix["red"]["orange"], matrix["blue"]["blue"]) == (1, 1, 1)

    asked = argparse.Namespace(policy=SECOND, since=date(2026, 3, 24))
    assert await commands.what_if(asked, settings_of(app)) == 0
    printed = capsys.readouterr().out
    assert "orange 51 -> red 51\t分级区间 · bands" in printed
    assert "red 3 -> orange 3\t-R8, +O9" in printed
    assert await app.published() == before

    late = argparse.Namespace(policy=SECOND, since=date(2026, 4, 1))
    assert await commands.what_if(late, settings_of(app)) == 0
    assert "重算 · replayed 0" in capsys.readouterr().out
    assert await commands.what_if(argparse.Namespace(policy="1999-01", since=None), settings_of(app)) == 1


async def test_what_if_is_for_supervisors_and_for_versions_that_exist(app: Running) -> None:
    for who, body, status in (
        (CIVIL_AFFAIRS, {"policy_version": SECOND}, 403),
        (SUPERVISOR, {"policy_version": "1999-01"}, 422),
        (SUPERVISOR, {"policy_version": SECOND, "since": "2026-01-01T00:00:00"}, 422),
    ):
        answer = await app.client.post("/api/v1/policies/what-if", json=body, headers=app.as_(**who))
        assert answer.status_code == status
