"""Eligibility advice kept per child; work handed to providers who learn nothing of the case."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.assistance import EligibilityAdvised, MeasureChanged
from services.assistance.service import SERVICE
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    HEALTH,
    KEY,
    LEAGUE,
    POLICE,
    START,
    VILLAGE,
    get,
    id_of,
)
from tests.integration.assistance.working import (
    CHILD,
    FINANCE,
    OTHERS,
    SCHOOL,
    VOLUNTEERS,
    asked,
    command,
    safe,
    step,
    stepped,
    township,
)

pytestmark = pytest.mark.integration


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def advice(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS, **changes: Any) -> Any:
    facts = {
        "birth_date": "2016-05-02",
        "father": {"state": "serving_sentence", "since": "2025-11-01"},
        "mother": {"state": "deported"},
        "grade": 4,
        "dibao": True,
    }
    body = {"case_id": KEY, "child_id": CHILD, "facts": facts, "documents": ["household_register"], **changes}
    return await command(app, "eligibility", who, body)


async def test_advice_is_kept_for_the_child_and_announced_without_anything_personal(app: Running) -> None:
    await safe(app)
    answer = await advice(app)
    assert answer.status_code == 201, answer.text
    by_rule = {one["rule"]["code"]: one for one in answer.json()["items"]}
    assert len(by_rule) == 11
    unsupported = by_rule["E-3"]
    assert (unsupported["result"], unsupported["from_date"]) == ("not_yet", "2026-05-01")
    assert [paper["code"] for paper in unsupported["documents"] if paper["at_hand"]] == ["household_register"]
    assert [one["code"] for one in unsupported["measures"]] == ["UNSUPPORTED_ALLOWANCE"]
    assert by_rule["E-6"]["result"] == "priority"
    assert (by_rule["E-8"]["blocks"], by_rule["E-8"]["from_date"]) == ("work placement", "2032-05-02")
    events = {event.rule: event for event in await app.published(EligibilityAdvised)}
    assert (events["E-3"].result, len(events)) == ("not_yet", 11)
    assert not {"2016-05-02", "2032-05-02", "2025-11-01", "serving_sentence"} & {
        piece for _, value in await app.published() for piece in str(value).split("'")
    }
    async with app.database.reading() as db:
        kept = await db.fetchval("SELECT string_agg(a::text, ' ') FROM eligibility_advice a")
    assert "2016-05-02" not in kept
    later = await advice(app, facts={"birth_date": "2016-05-02", "dibao": False}, rules=["E-6", "E-1"])
    assert {one["rule"]["code"] for one in later.json()["items"]} == {"E-1", "E-6"}
    newest = {
        one["rule"]["code"]: one["result"] for one in (await get(app, f"eligibility?case_id={CASE}")).json()["items"]
    }
    assert (newest["E-6"], newest["E-3"], len(newest)) == ("unknown", "not_yet", 11)


async def test_a_school_reads_and_asks_only_for_the_benefits_it_decides_on(app: Running) -> None:
    await safe(app)
    await advice(app)
    await asked(app, "EDUCATION_AID", "school")
    seen = (await get(app, f"eligibility?case_id={CASE}", SCHOOL)).json()["items"]
    assert {one["rule"]["code"] for one in seen} == {"E-6", "E-7", "E-9"}
    assert (await advice(app, SCHOOL, rules=["E-1"])).json()["reason"] == "own_benefits_only"
    assert len((await advice(app, SCHOOL)).json()["items"]) == 3
    assert (await advice(app, VILLAGE)).status_code == 201
    assert (await advice(app, FINANCE)).status_code == 404
    assert (await get(app, f"eligibility?case_id={CASE}", LEAGUE)).status_code == 403


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"child_id": str(id_of("other"))}, "#/child_id", "unknown_child"),
        ({"rules": ["E-99"]}, "#/rules", "unknown_rule"),
        ({"documents": ["diploma"]}, "#/documents", "unknown_document"),
        ({"facts": {"birth_date": "2030-01-01"}}, "#/facts/birth_date", "not_a_possible_date"),
        ({"facts": {"father": {"state": "bored"}}}, "#/facts/father/state", "unknown_code"),
        ({"facts": {"mother": {"state": "missing", "since": "2030-01-01"}}}, "#/facts/mother/since", "in_the_future"),
        ({"facts": {"name": "x"}}, "#/facts/name", "extra_forbidden"),
    ],
)
async def test_facts_that_cannot_be_name_their_field(
    app: Running, changes: dict[str, Any], pointer: str, code: str
) -> None:
    await safe(app)
    answer = await advice(app, **changes)
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


# Providers -----------------------------------------------------------------------------------------------------------


async def handed_out(app: Running) -> str:
    await township(app)
    await safe(app)
    measure = await asked(app, "YOUTH_MENTORING", "youth_league")
    due = (START + timedelta(days=7)).isoformat()
    await stepped(app, measure, "assign", LEAGUE, {"provider": "PV02", "due_at": due})
    return measure


async def report(app: Running, task: dict[str, Any], who: dict[str, Any] = VOLUNTEERS, **body: Any) -> Any:
    now = (await app.database.now()).isoformat()
    path = f"provider-tasks/{task['task_id']}/report"
    return await command(app, path, who, {"result": "done", "done_at": now, **body}, if_match=f'"v{task["version"]}"')


async def test_a_provider_sees_the_task_and_nothing_of_the_case_or_the_child(app: Running) -> None:
    measure = await handed_out(app)
    answer = await get(app, "provider-tasks", VOLUNTEERS)
    [task] = answer.json()["items"]
    assert task == {
        "task_id": task["task_id"],
        "task": {"code": "YOUTH_MENTORING", "zh": "志愿者走访与青少年服务", "en": "volunteer visits and youth service"},
        "area": "V01",
        "contact": "YL",
        "due_at": "2026-03-09T01:00:00Z",
        "state": "assigned",
        "result": None,
        "reason": None,
        "done_at": None,
        "assigned_at": task["assigned_at"],
        "available_actions": ["report"],
        "version": 1,
    }
    for secret in (KEY, measure, CHILD, "YX-1", "orange", "V01-G2"):
        assert secret not in answer.text
    assert (await get(app, "provider-tasks", OTHERS)).json()["items"] == []
    assert (await report(app, task, OTHERS)).status_code == 404
    for path in (f"measures/{measure}", "measures", f"plans/{CASE}", f"conferences?case_id={CASE}", "budget-lines"):
        assert (await get(app, path, VOLUNTEERS)).status_code == 403
    assert (await get(app, "provider-tasks", POLICE)).status_code == 403


async def test_what_a_provider_reports_is_the_owners_to_confirm(app: Running) -> None:
    measure = await handed_out(app)
    [task] = (await get(app, "provider-tasks", VOLUNTEERS)).json()["items"]
    unexplained = await report(app, task, result="not_done")
    assert unexplained.json()["errors"][0]["code"] == "reason_missing"
    assert (await report(app, task)).json()["state"] == "reported"
    assert (await report(app, {**task, "version": 2})).json()["current_state"] == "reported"
    told = (await app.published(MeasureChanged))[-1]
    assert (told.state, told.reason, told.organisation) == ("requested", "provider_done", "PV02")
    unconfirmed = await step(app, measure, "complete", LEAGUE)
    assert (unconfirmed.status_code, unconfirmed.json()["code"]) == (409, "not_complete")
    assert "confirm_provider" in unconfirmed.json()["available_actions"]
    assert (await step(app, measure, "confirm-provider", HEALTH, {"accept": True})).status_code == 404
    await stepped(app, measure, "confirm-provider", LEAGUE, {"accept": True})
    assert (await stepped(app, measure, "complete", LEAGUE))["provider"] == "PV02"


async def test_work_not_done_comes_back_to_the_owner_who_may_hand_it_out_anew(app: Running) -> None:
    measure = await handed_out(app)
    [task] = (await get(app, "provider-tasks", VOLUNTEERS)).json()["items"]
    assert (await report(app, task, result="not_done", reason="nobody_there")).status_code == 200
    back = await stepped(app, measure, "confirm-provider", LEAGUE, {"accept": False})
    assert (back["provider"], back["provider_state"]) == (None, None)
    body = {"provider": "PV02", "due_at": (START + timedelta(days=9)).isoformat()}
    await stepped(app, measure, "assign", LEAGUE, body)
    await stepped(app, measure, "withdraw-provider", LEAGUE)
    assert (await get(app, "provider-tasks", VOLUNTEERS)).json()["items"] == []
    [rejected] = (await get(app, "provider-tasks?state=rejected", VOLUNTEERS)).json()["items"]
    assert rejected["reason"] == "nobody_there"
    for provider, status in (("PV09", 422), ("PV01", 409)):
        answer = await step(app, measure, "assign", LEAGUE, {**body, "provider": provider})
        assert answer.status_code == status


async def test_an_older_announcement_of_the_township_changes_nothing(app: Running) -> None:
    await township(app)
    await township(app)
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM township_providers") == 1
    assert await app.parked() == 0
