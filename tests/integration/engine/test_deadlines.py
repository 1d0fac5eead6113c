"""Invariants 6, 7: every stage fires once, in due order, from the anchor; ended clocks stay silent; nothing falls silent."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import new_uuid7
from chassis.testing import Running
from chassis.timers import JumpGuard, Timers
from chassis.transaction import Cause
from tests.integration.engine.toy import Fault, Rang, clock, on_fired

SECOND = timedelta(seconds=1)


async def arm(app: Running, key: str, seconds: float, kind: str = "S", repeat: int | None = 60) -> None:
    async with app.database.transaction(Cause(new_uuid7(), key)) as tx:
        await tx.lock([key])
        tx.arm(clock(tx, key, kind, seconds, repeat))


async def end(app: Running, key: str) -> None:
    async with app.database.transaction(Cause(new_uuid7(), key)) as tx:
        await tx.lock([key])
        for deadline in await tx.armed([key]):
            tx.end(deadline.id, "met", tx.now)


async def stages(app: Running) -> list[str]:
    return [r.stage for r in await app.published(Rang)]


async def test_warning_breach_second_level_and_repeats_until_a_person_acts(toy: Running) -> None:
    await arm(toy, "k", 100)
    assert await toy.fire() == 0
    for step, expected in ((51, "warn"), (50, "breach"), (60, "second"), (60, "repeat"), (60, "repeat")):
        assert await toy.fire(step * SECOND) == 1
        assert (await stages(toy))[-1] == expected
    await end(toy, "k")
    assert await toy.fire(3600 * SECOND) == 0


async def test_a_transaction_sees_the_clocks_it_has_armed_and_ended_itself(toy: Running) -> None:
    await arm(toy, "k", 100, kind="old")
    async with toy.database.transaction(Cause(new_uuid7(), "k")) as tx:
        await tx.lock(["k"])
        (old,) = await tx.armed(["k"])
        tx.arm(clock(tx, "k", "new", 50))
        assert [d.kind for d in await tx.armed(["k"])] == ["new", "old"]
        tx.end(old.id, "met", tx.now)
        assert [d.kind for d in await tx.armed(["k"])] == ["new"]


async def test_a_clock_ended_in_time_never_fires(toy: Running) -> None:
    await arm(toy, "k", 100)
    await end(toy, "k")
    assert await toy.fire(1000 * SECOND) == 0


async def test_after_downtime_every_stage_fires_in_due_order_with_its_lateness(toy: Running) -> None:
    for index, seconds in enumerate((300, 100, 200)):
        await arm(toy, f"k{index}", seconds, repeat=None)
    assert await toy.fire(3600 * SECOND) == 9
    rang = await toy.published(Rang)
    lateness = [r.lateness_seconds for r in rang]
    assert lateness == sorted(lateness, reverse=True), "the longest overdue first"
    assert Counter(r.stage for r in rang) == {"warn": 3, "breach": 3, "second": 3}


async def test_missed_repeats_are_folded_into_one_whose_number_tells_the_truth(toy: Running) -> None:
    await arm(toy, "k", 100)
    await toy.fire(101 * SECOND)
    await toy.fire(60 * SECOND)
    await toy.fire(600 * SECOND)
    await toy.fire(60 * SECOND)
    repeats = [r.repeat_no for r in await toy.published(Rang) if r.stage == "repeat"]
    assert repeats == [10, 11], "one for all that were missed, then the next in its turn"


async def test_the_next_stage_counts_from_the_plan_not_from_the_late_firing(toy: Running) -> None:
    await arm(toy, "k", 100)
    await toy.fire(90 * SECOND)
    assert await toy.fire(11 * SECOND) == 1, "breach at 100 s although the warning fired 40 s late"


async def test_many_workers_fire_each_stage_exactly_once(toy: Running) -> None:
    for batch in range(10):
        async with toy.database.transaction(Cause(new_uuid7(), "b")) as tx:
            keys = [f"k{batch}-{n}" for n in range(50)]
            await tx.lock(keys)
            tx.arm(*(clock(tx, key, "S", 10, None) for key in keys))
    await toy.set_clock(await toy.database.now() + timedelta(seconds=12))
    workers = [Timers(toy.database, on_fired) for _ in range(4)]

    async def drain(worker: Timers) -> None:
        for _ in range(200):
            if not await worker.fire_due(40):
                await asyncio.sleep(0.01)

    await asyncio.gather(*(drain(worker) for worker in workers))
    async with toy.database.reading() as db:
        rows = await db.fetch("SELECT key, value::jsonb->>'stage' AS stage, count(*) AS n FROM outbox GROUP BY 1, 2")
    assert len(rows) == 1000
    assert {row["n"] for row in rows} == {1}


async def test_an_act_that_holds_the_key_wins_over_the_firing(toy: Running) -> None:
    timers = toy.process.timers
    assert timers is not None
    await arm(toy, "k", 10)
    await toy.set_clock(await toy.database.now() + timedelta(seconds=6))
    async with toy.database.transaction(Cause(new_uuid7(), "act")) as tx:
        await tx.lock(["k"])
        assert await timers.fire_due() == 0, "the key is busy: tried again on the next tick"
        for deadline in await tx.armed(["k"]):
            tx.end(deadline.id, "met", tx.now)
    assert await timers.fire_due() == 0
    assert await stages(toy) == []


async def test_a_clock_whose_handler_fails_is_held_and_the_others_ring(toy: Running) -> None:
    Fault.bad_clock = "bad"
    await arm(toy, "k1", 10, kind="bad")
    await arm(toy, "k2", 11, kind="good")
    await toy.fire(12 * SECOND)
    assert {r.kind for r in await toy.published(Rang)} == {"good"}
    Fault.bad_clock = ""
    await toy.fire(61 * SECOND)
    assert {r.kind for r in await toy.published(Rang)} == {"good", "bad"}, "it rings once its handler is mended"


async def test_arming_again_moves_a_clock_without_repeating_what_it_fired(toy: Running) -> None:
    await arm(toy, "k", 100)
    await toy.fire(51 * SECOND)
    async with toy.database.transaction(Cause(new_uuid7(), "move")) as tx:
        await tx.lock(["k"])
        (old,) = await tx.armed(["k"])
        sooner = clock(tx, "k", "S", 20)
        tx.arm(
            type(old)(
                id=old.id,
                key="k",
                kind="S",
                anchor_at=sooner.anchor_at,
                due_at=sooner.due_at,
                plan=sooner.plan,
                repeat_seconds=60,
                policy_version="test",
                detail={},
            )
        )
    await toy.fire(21 * SECOND)
    assert await stages(toy) == ["warn", "breach"]


async def test_moving_a_clock_whose_plan_has_run_repeats_nothing_it_already_said(toy: Running) -> None:
    await arm(toy, "k", 10)
    for _ in range(4):
        await toy.fire(61 * SECOND)
    said = [(r.stage, r.repeat_no) for r in await toy.published(Rang)]
    async with toy.database.transaction(Cause(new_uuid7(), "again")) as tx:
        await tx.lock(["k"])
        tx.arm(*await tx.armed(["k"]))
    await toy.fire(61 * SECOND)
    now_said = [(r.stage, r.repeat_no) for r in await toy.published(Rang)]
    assert now_said[: len(said)] == said
    assert len(now_said) == len(set(now_said)) == len(said) + 1


async def test_lateness_of_a_late_act_stays(toy: Running) -> None:
    await arm(toy, "k", 10)
    await toy.fire(15 * SECOND)
    await end(toy, "k")
    async with toy.database.reading() as db:
        row = await db.fetchrow(
            "SELECT state, ended_at > due_at AS late, breached_at IS NOT NULL AS breached FROM deadline"
        )
    assert row is not None
    assert (row["state"], row["late"], row["breached"]) == ("met", True, True)


T0 = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_clock_jump_stops_firing_until_two_samples_agree() -> None:
    guard = JumpGuard()
    assert guard.sample(T0, 0.0)
    assert guard.sample(T0 + timedelta(seconds=1), 1.0)
    assert not guard.sample(T0 + timedelta(hours=1), 2.0)
    assert not guard.sample(T0 + timedelta(hours=1, seconds=1), 3.0)
    assert guard.sample(T0 + timedelta(hours=1, seconds=2), 4.0)


@given(st.lists(st.floats(0.01, 4.0), min_size=1, max_size=50))
def test_a_steady_clock_never_stops_firing(steps: list[float]) -> None:
    guard, elapsed = JumpGuard(), 0.0
    for step in steps:
        elapsed += step
        assert guard.sample(T0 + timedelta(seconds=elapsed), elapsed)
