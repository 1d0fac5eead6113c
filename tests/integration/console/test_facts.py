"""The read model says what the owners say, and can be made anew from the archive alone."""

from typing import Any

from services.console.rebuilding import rebuild
from services.console.store.facts import FACTS
from tests.product import Product

CIVIL_AFFAIRS = "st088"
CASES = ("YX-01", "YX-05", "YX-12")


async def _send(town: Product) -> list[str]:
    return [(await town.report(number))["case_id"] for number in CASES]


async def _dump(town: Product) -> dict[str, list[Any]]:
    async with town.console.database.reading() as db:
        return {
            str(table.__tablename__): sorted(
                (tuple(row.items()) for row in await db.fetch(f"SELECT * FROM {table.__tablename__}")), key=str
            )
            for table in FACTS
        }


async def test_facts_equal_what_dispatch_says_and_a_rebuild_gives_the_same(town: Product) -> None:
    cases = await _send(town)
    for case in cases:
        response = (await town.ask(CIVIL_AFFAIRS, "dispatch", "GET", f"/api/v1/responses/{case}")).json()
        async with town.console.database.reading() as db:
            referrals = await db.fetch("SELECT * FROM fact_referral WHERE case_id = $1", case)
            steps = await db.fetch("SELECT * FROM fact_step WHERE case_id = $1 AND met_at IS NULL", case)
            one = await db.fetchrow("SELECT * FROM fact_round WHERE case_id = $1", case)
        assert {(r["department"], r["role"], r["organisation"]) for r in referrals} == {
            (r["department"], r["role"], r["organisation"]) for r in response["referrals"]
        }
        running = {d["deadline_id"]: d["due_at"] for d in response["deadlines"] if d["state"] in {"running", "overdue"}}
        assert {str(s["deadline_id"]): s["due_at"].isoformat().replace("+00:00", "Z") for s in steps} == running
        assert one is not None
        assert (one["level"], one["case_lead"], one["reports"]) == (response["level"], response["case_lead"], 1)

    before = await _dump(town)
    assert await rebuild(town.console.database) > 0
    assert await _dump(town) == before


async def test_every_change_leaves_a_hint_for_the_queues_it_touches(town: Product) -> None:
    case = (await _send(town))[0]
    async with town.console.database.reading() as db:
        rows = await db.fetch("SELECT * FROM hint WHERE case_id = $1 AND kind = 'referral'", case)
        concerned = await db.fetch("SELECT DISTINCT organisation FROM fact_referral WHERE case_id = $1", case)
    assert {organisation for row in rows for organisation in row["organisations"]} == {
        row["organisation"] for row in concerned
    }
