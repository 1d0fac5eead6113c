"""Many orders of the same day: whatever the broker, the processes and the clock do, the same cases come out."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.risk_scoring.domain import report_level
from tests.bench.reports import body_of
from tests.samples import golden
from tests.simulation.world import World, contiguous, heads, no_holes, positions, world

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "12"))
CASES = ("YX-01", "YX-02", "YX-04", "YX-07", "YX-16", "YX-21")
START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
"""A Friday morning in Yunxi, so that working-day clocks cross a weekend."""


def bodies() -> dict[str, dict[str, Any]]:
    made = {}
    for number, name in enumerate(CASES):
        body = body_of(golden.golden_case(name), received_at=(START - timedelta(minutes=number)).isoformat())
        for child in (body, *body.get("siblings", ())):
            child["facts"] = {**child["facts"], "age_estimated": True}
        made[name] = body
    return made


async def play(seed: int) -> World:
    """Publish the township, send every report once and some twice, and let chance drive until all is still."""
    async with world(seed, START) as this:
        await this.publish_township()
        answers: dict[str, dict[str, Any]] = {}
        waiting = list(bodies().items())
        this.chance.shuffle(waiting)
        for _ in range(150):
            if waiting and this.chance.random() < 0.2:
                name, body = waiting.pop()
                answers[name] = await this.report(body, f"key-{name}")
                if this.chance.random() < 0.5:
                    assert await this.report(body, f"key-{name}") == answers[name], "a retry is the same report"
            await this.step()
        for name, body in waiting:
            answers[name] = await this.report(body, f"key-{name}")
        await this.settle()
        await _same_as_the_rules(this, answers)
        await _nothing_lost_or_doubled(this)
        return this


async def _same_as_the_rules(this: World, answers: dict[str, dict[str, Any]]) -> None:
    for name, answer in answers.items():
        body = bodies()[name]
        expected = golden.respond_to({**golden.golden_case(name), "received_at": body["received_at"]})
        found = await this.response_of(answer["case_id"])
        assert found["level"] == report_level(expected.assessments, golden.POLICY)
        roles = {r["department"]: r["role"] for r in found["referrals"] if r["state"] != "ended"}
        assert roles == expected.routing.roles
        for step in ("S3", "S5a", "S5b", "S5c", "S6", "S8", "S9", "S13"):
            dues = [datetime.fromisoformat(c["due_at"]) for c in found["deadlines"] if c["step"] == step]
            assert dues == [due for due in (expected.plan.due(step),) if due is not None], (name, step)


async def _nothing_lost_or_doubled(this: World) -> None:
    published: dict[tuple[str, str], int] = {}
    for app in this.apps.values():
        await no_holes(app)
        await contiguous(app)
        published |= await heads(app)
    for app in this.apps.values():
        applied = await positions(app)
        for stream, last in published.items():
            if stream[0] in app.process.service.consumes:
                assert applied.get(stream) == last, (app.process.service.name, stream)
    async with this.apps["dispatch"].database.reading() as db:
        twice = await db.fetch(
            "SELECT case_id, department FROM referral WHERE state <> 'ended' GROUP BY 1, 2 HAVING count(*) > 1"
        )
        assert not twice, "one referral per case and department"
        unwatched = await db.fetchval(
            "SELECT count(*) FROM referral r WHERE r.role IN ('lead', 'assist') AND r.state IN ('issued', 'acknowledged') "
            "AND NOT EXISTS (SELECT 1 FROM deadline d WHERE d.key = r.case_id::text AND d.state = 'armed')"
        )
        assert unwatched == 0, "no open referral without a clock"
        doubled = await db.fetch(
            """
            SELECT value::jsonb->>'deadline_id', value::jsonb->>'stage', value::jsonb->>'repeat_no' FROM outbox
            WHERE type = 'deadline.fired.v1' GROUP BY 1, 2, 3 HAVING count(*) > 1
            """
        )
        assert not doubled, "each stage of each clock fires once"


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_any_order_of_deliveries_crashes_and_clocks_ends_in_the_cases_the_rules_give(seed: int) -> None:
    await play(seed)


async def test_the_faults_really_happen() -> None:
    """A simulation in which nothing goes wrong proves nothing."""
    seen: dict[str, int] = {}
    for seed in range(1000, 1003):
        for fault, count in (await play(seed)).faults.items():
            seen[fault] = seen.get(fault, 0) + count
    assert {"died before commit", "delivered again", "broker refused", "broker wiped"} <= seen.keys()
