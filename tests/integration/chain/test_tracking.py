"""A case is tracked from its report until it is closed: who did what when, which clock was met, and what still stands open."""

from datetime import timedelta
from typing import Any

import pytest

from tests.chain import Chain
from tests.integration.chain.journey import (
    CORRECTION_CASE,
    assess_plan_and_tell,
    close,
    closing_request,
    closure_version,
    finish_tasks,
    first_response,
    visit,
)
from tests.integration.chain.steps import CIVIL_AFFAIRS, at, response_of, send, until

pytestmark = pytest.mark.asyncio(loop_scope="package")

RECEIVED = at("2027-03-01T09:00:00+08:00")
CASE: dict[str, Any] = {
    **CORRECTION_CASE,
    "received_at": RECEIVED.isoformat(),
    "child": {"name": "岑小舟", "sex": "male", "birth_date": "2009-12-01"},
}


async def timeline(product: Chain, case_id: str) -> list[dict[str, Any]]:
    """The whole story, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await product.get(CIVIL_AFFAIRS, "intake", f"/api/v1/cases/{case_id}/timeline", limit=20, **cursor)
        items += page["items"]
        if not page["next_cursor"]:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def test_a_case_is_tracked_from_its_report_to_its_closure(product: Chain) -> None:
    await product.set_clock(RECEIVED + timedelta(seconds=5))
    opened = await send(product, CASE)
    case = opened["case_id"]
    await product.set_clock(RECEIVED + timedelta(hours=1))
    await first_response(product, opened, RECEIVED + timedelta(minutes=50), "st010")
    await assess_plan_and_tell(product, opened, CASE["answers"])

    body, version = await closing_request(product, case), await closure_version(product, "st002", case)
    refused = await product.post("st002", "assistance", "/api/v1/closures", body, version=version)
    assert refused.status_code == 409
    open_items = {item["code"] for item in refused.json()["open_items"]}
    assert {"observation", "visits", "no_open_task"} <= open_items, "the list of what is still open"
    assert "summary" not in open_items

    for days in (7, 20):
        await product.set_clock(RECEIVED + timedelta(days=days))
        await visit(product, "st010", case, RECEIVED + timedelta(days=days, hours=-1))
    await finish_tasks(product, case)
    await product.set_clock(RECEIVED + timedelta(days=25))
    await close(product, case)

    async def told() -> list[dict[str, Any]] | None:
        story = await timeline(product, case)
        return story if any(entry["type"] == "case.closed.v1" for entry in story) else None

    story = await until(told, "the closure is not in the timeline")
    _tells_everything(story)

    response = await response_of(product, case)
    assert response["state"] == "closed"
    assert not [clock for clock in response["deadlines"] if clock["state"] == "running"], "every clock has ended"
    for who in ("st101", "st002", "st105"):
        page = await product.get(who, "dispatch", "/api/v1/referrals", case_number=opened["case_number"])
        assert all(item["state"] in ("completed", "ended") for item in page["items"])


def _tells_everything(story: list[dict[str, Any]]) -> None:
    types = [entry["type"] for entry in story]
    steps = (
        "report.received.v1",
        "risk.assessed.v1",
        "response.opened.v1",
        "referral.acknowledged.v1",
        "arrival.reported.v1",
        "safety.confirmed.v1",
        "assessment.recorded.v1",
        "visit.recorded.v1",
        "closure.requested.v1",
        "case.closed.v1",
    )
    assert [types.index(step) for step in steps] == sorted(types.index(step) for step in steps), "in order"
    moments = [at(entry["at"]) for entry in story]
    assert moments == sorted(moments)
    arrivals = [entry for entry in story if entry["type"] == "arrival.reported.v1"]
    assert {entry["actor"]["staff"] for entry in arrivals} == {"ST010", "ST002", "ST101"}, "who"
    met = {clock["step"]: clock for entry in story for clock in entry["deadlines"]}
    assert {"S3", "S4", "S5a", "S5b", "S5c", "S6", "S8", "S13"} <= met.keys(), "which clocks an act met"


async def test_a_department_without_a_part_does_not_learn_that_the_case_exists(product: Chain) -> None:
    await product.set_clock(RECEIVED + timedelta(days=40))
    opened = await send(product, {**CASE, "received_at": (RECEIVED + timedelta(days=40, seconds=-5)).isoformat()})
    await response_of(product, opened["case_id"])
    for who in ("st094", "st015"):
        for service, path in (("intake", "cases"), ("dispatch", "responses")):
            answer = await product.client.get(
                product.url(service, f"/api/v1/{path}/{opened['case_id']}"), headers=await product.login(who)
            )
            assert answer.status_code == 404, (who, path)
