"""A YELLOW case of dropout through the running services: returned and ruled on, paused and resumed, extended, back at school."""

from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from tests.chain import Chain
from tests.integration.chain.desk import CIVIL_AFFAIRS, Desk, opened
from tests.integration.chain.journey import close
from tests.integration.chain.steps import at, due, until
from tests.samples.golden import golden_case

pytestmark = pytest.mark.asyncio(loop_scope="package")

START = at("2024-12-10T09:00:00+08:00")
"""A Tuesday, after the RED case and before the first golden case."""
GRID, DIRECTOR, COLLEAGUE, SCHOOL, JUSTICE, LEAGUE = "st010", "st002", "st089", "st112", "st101", "st105"


async def test_a_yellow_case_of_dropout_is_ruled_on_paused_extended_and_back_at_school(product: Chain) -> None:
    sample = golden_case("YX-14")
    sample = {**sample, "child": {"name": "独孤苗", "sex": "female"}, "place": {"village": "V01", "group": 4}}
    desk = await opened(product, sample, START)
    await _circulated(desk)
    await _returned(desk)
    await _seen(desk)
    await _extended(desk)
    await _paused(desk)
    await _back_at_school(desk, sample["answers"])
    await _closed(desk)
    await _story(desk)


async def _circulated(desk: Desk) -> None:
    """N-7 goes to township, village, youth league and guardian; the county's education bureau is told by hand."""
    connection = await asyncpg.connect(desk.product.database_of("dispatch"))
    try:
        value = await connection.fetchval(
            "SELECT value FROM outbox WHERE key = $1 AND type = 'response.opened.v1'", desk.case
        )
    finally:
        await connection.close()
    owed = {notice["notice"]: notice["bodies"] for notice in orjson.loads(value)["notices"]}
    assert set(owed["N-7"]) == {"township_government", "village_committee", "guardian", "youth_league"}
    assert owed["N-11"] == ["county_education"]
    given = {"body": "county_education", "means": "official_system", "given_at": await desk.now()}
    await desk.do(CIVIL_AFFAIRS, "dispatch", f"responses/{desk.case}/notices/N-11", given)


async def _returned(desk: Desk) -> None:
    """Justice gives its task back with a reason; civil affairs rules, and the women's federation has it."""
    await desk.clock(hours=1)
    why = {"reason": "not_our_duty", "proposed_department": "women_federation"}
    note = await desk.note(JUSTICE, "return_reason")
    returning = await desk.refer(JUSTICE, "justice", "return", note_id=note, **why)
    assert (returning["state"], returning["returns"], returning["buck_passing"]) == ("returning", 1, False)
    ruled = await desk.refer(CIVIL_AFFAIRS, "justice", "decide-return", upheld=True)
    assert (ruled["state"], ruled["ended_reason"]) == ("ended", "returned")
    roles = {one["department"]: one["role"] for one in (await desk.response())["referrals"] if one["state"] != "ended"}
    assert (roles["women_federation"], "justice" in roles) == ("assist", False)
    await desk.everybody("acknowledge", "issued")


async def _seen(desk: Desk) -> None:
    await desk.clock(hours=2)
    seen = {"arrived_at": await desk.now(), "child_seen": True}
    for who, department in ((GRID, "village_committee"), (DIRECTOR, "village_committee"), (SCHOOL, "school")):
        await desk.refer(who, department, "report-arrival", **seen)
    await desk.refer(SCHOOL, "school", "confirm-safety", basis="safety_plan", confirmed_at=seen["arrived_at"])
    await desk.refer(CIVIL_AFFAIRS, "civil_affairs", "notify-guardian")
    await desk.refer(CIVIL_AFFAIRS, "civil_affairs", "give-feedback", report_id=desk.report["report_id"])


async def _extended(desk: Desk) -> None:
    """The youth league asks for a day more before its task expires, and gets it."""
    clocks = (await desk.response())["deadlines"]
    own = next(one for one in clocks if (one["step"], one["department"]) == ("task", "youth_league"))
    until_ = at(own["due_at"]) + timedelta(days=1)
    wish = {"reason": "awaiting_other_unit", "until": until_.isoformat()}
    asked = await desk.do(LEAGUE, "dispatch", f"deadlines/{own['deadline_id']}/extensions", wish)
    path = f"extensions/{asked['extension_id']}/decide"
    granted = await desk.do(CIVIL_AFFAIRS, "dispatch", path, {"granted": True})
    assert (granted["state"], at(granted["granted_until"])) == ("granted", until_)


async def _paused(desk: Desk) -> None:
    """One person proposes a pause, the supervisor approves; when it ends every clock has moved by its working days."""
    path = f"responses/{desk.case}"
    before = due(await desk.response(), "S9")
    await desk.clock(hours=3)
    await desk.do(COLLEAGUE, "dispatch", f"{path}/pause", {"reason": "family_away_confirmed_safe"})
    await desk.do(CIVIL_AFFAIRS, "dispatch", f"{path}/pause/approve")
    await desk.clock(days=2)
    ended = await desk.do(CIVIL_AFFAIRS, "dispatch", f"{path}/resume")
    assert ended["state"] == "ended"
    after = due(await desk.response(), "S9")
    assert before is not None
    assert after is not None
    assert after - before == timedelta(days=2)


async def _back_at_school(desk: Desk, answers: dict[str, str]) -> None:
    """The plan's measure is done when school and guardian have signed, inside its ten working days."""
    await desk.clock(days=3)
    await desk.assessed(answers | {"D2": "ok", "A2": "none", "B3": "none", "C1": "adequate"})
    plan = await desk.get("assistance", f"plans/{desk.case}")
    agreed = {
        "measures": [{"code": "RETURN_TO_SCHOOL", "owner_department": "school", "goal": "education"}],
        "conference": {"held_at": desk.at(days=3, minutes=-1), "attendees": ["ST088", "ST112"]},
    }
    await desk.do(CIVIL_AFFAIRS, "assistance", f"plans/{desk.case}/agree", agreed, version=plan["version"])
    await desk.clock(days=5)
    await desk.measure(SCHOOL, "RETURN_TO_SCHOOL", "confirm", {"party": "school"})
    signed = {"party": "guardian", "note_id": await desk.note(DIRECTOR)}
    await desk.measure(DIRECTOR, "RETURN_TO_SCHOOL", "confirm", signed)
    done = await desk.measure(SCHOOL, "RETURN_TO_SCHOOL", "complete", {"outcome": "achieved"})
    assert (done["state"], done["late_seconds"]) == ("completed", 0)

    async def counted() -> bool | None:
        answer = await desk.product.client.get(
            desk.product.url("console", "/api/v1/indicators"),
            params={"since": START.isoformat(), "kpi": ["K10", "K17"]},
            headers=await desk.product.login(CIVIL_AFFAIRS),
        )
        assert answer.status_code == 200, answer.text
        found = {
            (one["id"], figure["measure"]): figure for one in answer.json()["indicators"] for figure in one["figures"]
        }
        told = found["K10", None]["counted"], found["K10", "returned twice"]["counted"], found["K17", None]["value"]
        return True if told == (1, 0, 100.0) else None

    await until(counted, "the indicators do not tell the return and the pupil back in class")


async def _closed(desk: Desk) -> None:
    await desk.everybody("complete", "acknowledged", outcome="done")
    await desk.lowered("blue")
    for days in (20, 33):
        await desk.clock(days=days)
        await desk.visited(GRID)
    await close(desk.product, desk.case)


async def _story(desk: Desk) -> None:
    items = await desk.told("case.closed.v1", "referral.return-decided.v1", "measure.changed.v1")
    seen = [item["type"] for item in items]
    in_order = (
        "report.received.v1", "response.opened.v1", "notice.given.v1", "referral.returned.v1",
        "referral.return-decided.v1", "referral.acknowledged.v1", "safety.confirmed.v1", "extension.requested.v1",
        "extension.decided.v1", "response.paused.v1", "response.resumed.v1", "plan.agreed.v1", "referral.completed.v1",
        "case.closed.v1",
    )  # fmt: skip
    firsts = [seen.index(name) for name in in_order]
    assert firsts == sorted(firsts)
    moved: dict[str, Any] = {
        item["type"]: {(clock["step"], clock["outcome"]) for clock in item["deadlines"]} for item in items
    }
    assert ("N-11", "met") in moved["notice.given.v1"]
    assert ("S9", "moved") in moved["response.resumed.v1"]
    assert ("task", "moved") in moved["extension.decided.v1"]
