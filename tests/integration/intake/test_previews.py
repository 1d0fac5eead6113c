"""A report as typed so far: the desk asks what the rules would see, and nothing is kept."""

from chassis.testing import Running
from tests.integration.intake.story import AUDITOR, Desk

PATH = "/reports/preview"


async def test_the_checklist_becomes_facts_and_nothing_is_stored(app: Running, desk: Desk) -> None:
    said = {"concerns": ["H5"], "checklist": {"R1": True, "R9": "unknown"}, "facts": {"age": 9}}
    seen = (await desk.post(PATH, said)).json()
    assert (seen["facts"], seen["emergency"]) == ({"age": 9, "life_threatened": True}, True)
    assert (await desk.post(PATH, {"facts": {"age": 30}})).json()["screened"] == "not_a_minor"
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM report") == 0


async def test_what_the_report_would_be_refused_for_is_said_before(desk: Desk) -> None:
    refused = await desk.post(PATH, {"concerns": ["H99"], "answers": {"A1": "purple"}})
    assert refused.status_code == 422
    assert {error["code"] for error in refused.json()["errors"]} == {"unknown_concern", "unknown_option"}
    assert (await desk.post(PATH, {}, AUDITOR)).status_code == 403
