"""What is learned later, and what it means for the others under the roof: amendments, RED siblings of other cases, surveys."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import Running, running
from contracts.intake import ChildSurveyed, ReportReceived
from contracts.risk_scoring import ChildScreened, ReassessmentOpened, RiskAssessed
from contracts.vocabulary import ChildIntake
from services.risk_scoring.service import SERVICE
from tests.integration.risk_scoring import story
from tests.integration.risk_scoring.story import CASE, CIVIL_AFFAIRS, KEY, NOW, act, child, happen, id_of, report, risk

pytestmark = pytest.mark.integration

OTHER = id_of("case cousin")


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=NOW + timedelta(hours=1)) as service:
        yield service


def cousin(facts: dict[str, Any] | None = None, household: Any = None) -> ReportReceived:
    """A report on a child of another case."""
    kid = ChildIntake(
        child_id=id_of("cousin"), case_id=OTHER, case_number="YX-cousin",
        facts={"age": 12, **(facts or {})}, answers=story.ZERO_POINTS,
    )  # fmt: skip
    first = report("report of cousin", kid, household=household)
    return first.model_copy(update={"case_id": OTHER, "case_number": "YX-cousin"})


async def other_happens(app: Running, *payloads: Any) -> None:
    for payload in payloads:
        await app.publish(payload, str(OTHER))
        await app.settle()


async def of_other(app: Running) -> list[RiskAssessed]:
    return [event for event in await app.published(RiskAssessed) if event.case_id == OTHER]


# Amendments ------------------------------------------------------------------------------------------------------


async def test_an_amendment_is_merged_and_scored_and_lowers_nothing(app: Running) -> None:
    await happen(app, report("report 1", child(concerns=["H1"])), story.response())
    await happen(app, story.amendment(child(concerns=["H8"], facts={"confined": True})))
    event = (await app.published(RiskAssessed))[-1]
    assert (event.cause, event.report_level, event.children[0].concerns) == ("amendment", "red", ("H1", "H8"))
    assert (event.effective_at, event.assessed_by) == (NOW + timedelta(minutes=30), story.OPERATOR)
    assert event.children[0].answers["E2"] == "none"

    await happen(app, story.amendment(child(facts={"confined": False}), amendment_id=id_of("amendment 2")))
    event = (await app.published(RiskAssessed))[-1]
    assert (event.report_level, event.computed_level) == ("red", "blue")


async def test_an_amendment_without_facts_scores_nothing_and_one_of_an_earlier_round_is_ignored(app: Running) -> None:
    await happen(app, report("report 1", response_no=2), story.response(response_no=2))
    await happen(app, story.amendment(aspects=("narrative",), response_no=2))
    await happen(app, story.amendment(child(facts={"confined": True}), response_no=1))
    assert len(await app.published(RiskAssessed)) == 1


# Under one roof --------------------------------------------------------------------------------------------------


async def test_a_red_child_lifts_the_other_cases_of_its_household_whatever_made_it_red(app: Running) -> None:
    await other_happens(app, cousin())
    await happen(app, report("report 1", child(), household=(OTHER,)), story.response())
    assert [event.report_level for event in await of_other(app)] == ["blue"]
    await act(app, "raise", CIVIL_AFFAIRS, {"to": "red", "evidence": "R1"})
    lifted = (await of_other(app))[-1]
    assert (lifted.cause, lifted.report_level, lifted.children[0].fired) == ("trigger", "orange", ("O7",))
    assert lifted.assessed_by.kind == "system"
    await happen(app, story.findings(facts={"life_threatened": True}))
    assert len(await of_other(app)) == 2


async def test_the_link_holds_both_ways_and_a_new_case_beside_a_red_one_starts_lifted(app: Running) -> None:
    await happen(app, report("report 1", child(facts={"confined": True})), story.response())
    await other_happens(app, cousin(household=(CASE,)))
    assert [(event.cause, event.report_level) for event in await of_other(app)] == [
        ("report", "blue"), ("trigger", "orange"),
    ]  # fmt: skip
    opened = {(one.case_id, one.trigger) for one in await app.published(ReassessmentOpened)}
    assert (CASE, "new_report") in opened
    assert await app.parked() == 0


async def test_a_red_case_finds_those_that_name_it_though_it_names_nobody(app: Running) -> None:
    await happen(app, report("report 1", child()), story.response())
    await other_happens(app, cousin(household=(CASE,)))
    await happen(app, story.findings(facts={"confined": True}))
    assert (await of_other(app))[-1].report_level == "orange"


async def test_a_household_told_by_an_amendment_lifts_too_and_a_closed_case_is_left_alone(app: Running) -> None:
    await other_happens(app, cousin({"confined": True}))
    await happen(app, report("report 1", child()), story.response())
    await happen(app, story.amendment(household_cases=(OTHER,)))
    assert (await risk(app))["level"]["code"] == "orange"


# Surveys -----------------------------------------------------------------------------------------------------------


def surveyed(n: int, **said: Any) -> ChildSurveyed:
    content: dict[str, Any] = {"facts": {"age": 9}, "answers": story.ZERO_POINTS, **said}
    return ChildSurveyed(
        child_id=id_of(f"surveyed {n}"), survey_id=id_of("survey"), township="YX", policy_version="2026-11",
        by=story.WORKER, at=NOW, **content,
    )  # fmt: skip


async def test_a_survey_is_screened_in_batches_and_each_child_gets_one_answer(app: Running) -> None:
    for n in range(300):
        await app.publish(surveyed(n, facts={"age": 9, "confined": n == 7}), str(id_of(f"surveyed {n}")))
    await app.settle()
    screened = await app.published(ChildScreened)
    assert len({one.child_id for one in screened}) == len(screened) == 300
    [red] = [one for one in screened if one.level == "red"]
    assert (red.child_id, red.fired, red.suggests) == (id_of("surveyed 7"), ("R8",), "open_case")
    assert {one.suggests for one in screened if one is not red} == {"register_only"}


async def test_a_survey_that_shows_an_open_case_in_a_worse_light_calls_for_an_assessment(app: Running) -> None:
    await happen(app, report("report 1", child()), story.response())
    worse = surveyed(1, case_id=CASE, level_in_force="blue", facts={"age": 9, "confined": True})
    same = surveyed(2, case_id=CASE, level_in_force="blue")
    await app.publish(same, KEY)
    await app.settle()
    assert await app.published(ReassessmentOpened) == []
    await app.publish(worse, KEY)
    await app.settle()
    [opened] = await app.published(ReassessmentOpened)
    assert opened.trigger == "on_scene_findings"
    assert (await risk(app))["level"]["code"] == "blue"
