"""A report that names a case: attached while it is open, reopened or linked after it closed, never refused when RED."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.testing import Running
from tests.integration.intake.story import CIVIL, DIRECTOR, HEALTH, SECRETS, Desk, report_body

CLOSED_ON = datetime(2026, 5, 21, 2, tzinfo=UTC)
TWIN = {"name": "彭小妹", "birth_date": "2021-04-04"}


async def closed_case(app: Running, desk: Desk) -> dict[str, object]:
    """A case reported in May and closed on the 21st."""
    await app.set_clock(datetime(2026, 5, 1, tzinfo=UTC))
    answer = await desk.report()
    await app.set_clock(CLOSED_ON + timedelta(minutes=1))
    await desk.close(answer, CLOSED_ON)
    assert (await desk.case(answer["case_id"]))["state"] == "closed"
    return answer


async def test_a_report_attached_by_number_joins_the_open_case_and_its_key(app: Running, desk: Desk) -> None:
    first = await desk.report(child={})
    second = await desk.report(attach_to_case=first["case_number"], facts={"enrolled": True}, answers={})
    event = await desk.announced(second["report_id"])
    assert second["disposition"] == "attached_to_open_case"
    assert (second["case_id"], second["children"][0]["opened"]) == (first["case_id"], False)
    assert event.children[0].facts == {"enrolled": True, "age": 7}
    assert event.response_no == 1
    case = await desk.case(first["case_id"])
    assert [report["report_number"] for report in case["reports"]] == [first["report_number"], second["report_number"]]
    assert (await desk.file(first["case_id"], CIVIL, "name"))["name"]["value"] == SECRETS["name"]


async def test_a_report_on_a_sibling_keeps_the_familys_key_and_finds_its_children_again(
    app: Running, desk: Desk
) -> None:
    first = await desk.report(siblings=[{"child": TWIN}])
    sibling = first["children"][1]
    again = await desk.report(
        attach_to_case=sibling["case_id"], child=TWIN, siblings=[{"child": report_body()["child"]}, {"child": {}}]
    )
    event = await desk.announced(again["report_id"])
    filed = [child["case_id"] for child in again["children"]]
    assert again["case_id"] == first["case_id"] == str(event.case_id)
    assert event.case_number == first["case_number"]
    assert filed[:2] == [sibling["case_id"], first["case_id"]]
    assert again["children"][2]["opened"]
    assert len((await desk.case(first["case_id"]))["linked_cases"]) == 2


async def test_a_sibling_named_outside_the_family_is_refused(desk: Desk) -> None:
    first, other = await desk.report(), await desk.report(child={})
    body = report_body(attach_to_case=first["case_id"], siblings=[{"case": other["case_number"]}])
    answer = await desk.post("/reports", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/siblings/0/case")


async def test_within_ninety_days_the_same_case_reopens_with_the_next_response(app: Running, desk: Desk) -> None:
    before = await closed_case(app, desk)
    await app.set_clock(datetime(2026, 7, 7, 1, tzinfo=UTC))
    again = await desk.report(reopen_case=before["case_number"])
    event = await desk.announced(again["report_id"])
    assert (again["disposition"], again["case_id"], again["response_no"]) == ("case_reopened", before["case_id"], 2)
    assert event.children[0].facts["days_since_closure"] == 47
    case = await desk.case(str(before["case_id"]))
    assert (case["state"], case["response_no"], case["closed_at"]) == ("open", 2, None)


@pytest.mark.parametrize(("days", "counts"), [(91, True), (365, True), (366, False)])
async def test_later_a_new_case_is_opened_that_follows_the_old_one(
    app: Running, desk: Desk, days: int, counts: bool
) -> None:
    before = await closed_case(app, desk)
    await app.set_clock(CLOSED_ON + timedelta(days=days, hours=1))
    again = await desk.report(reopen_case=before["case_id"])
    [child] = (await desk.announced(again["report_id"])).children
    assert again["disposition"] == "case_opened"
    assert again["case_id"] != before["case_id"]
    assert again["children"][0]["child_id"] == before["children"][0]["child_id"]  # type: ignore[index]  # JSON
    assert (child.facts.get("prior_reports_12m"), child.answers.get("E2")) == ((1, "one") if counts else (None, None))
    assert [(link["case_id"], link["relation"]) for link in (await desk.case(again["case_id"]))["linked_cases"]] == [
        (before["case_id"], "follows")
    ]


async def test_a_report_for_a_case_in_the_wrong_state_is_refused_with_that_state(app: Running, desk: Desk) -> None:
    before = await closed_case(app, desk)
    attach = await desk.post("/reports", report_body(attach_to_case=before["case_id"]))
    open_one = await desk.report(child={})
    reopen = await desk.post("/reports", report_body(reopen_case=open_one["case_id"]))
    assert (attach.status_code, attach.json()["code"], attach.json()["current_state"]) == (409, "case_closed", "closed")
    assert (reopen.status_code, reopen.json()["code"], reopen.json()["current_state"]) == (409, "case_open", "open")


async def test_a_red_override_is_accepted_whatever_case_it_names(app: Running, desk: Desk) -> None:
    before = await closed_case(app, desk)
    red = {"facts": {"violence_in_progress": True}}
    unknown = await desk.report(attach_to_case="YX-2020-000009", **red)
    closed = await desk.report(attach_to_case=before["case_id"], **red)
    open_again = await desk.report(reopen_case=before["case_id"], **red)
    assert [answer["disposition"] for answer in (unknown, closed, open_again)] == [
        "case_opened",
        "case_reopened",
        "attached_to_open_case",
    ]


async def test_a_closure_that_was_decided_before_a_report_joined_does_not_close_its_round(
    app: Running, desk: Desk
) -> None:
    first = await desk.report()
    decided = await app.database.now()
    await desk.report(attach_to_case=first["case_id"])
    await desk.close(first, decided)
    assert (await desk.case(first["case_id"]))["state"] == "open"


async def test_closing_a_family_closes_every_childs_case(app: Running, desk: Desk) -> None:
    answer = await desk.report(siblings=[{"child": TWIN}])
    await desk.close(answer, await app.database.now())
    states = [(await desk.case(child["case_id"]))["closure_reason"] for child in answer["children"]]
    assert states == ["GOAL_MET", "GOAL_MET"]


async def test_a_child_who_joins_a_restricted_family_is_as_restricted_as_the_family(desk: Desk) -> None:
    first = await desk.report(concerns=["H2"], facts={"conflict_unit": "health"})
    again = await desk.report(attach_to_case=first["case_id"], siblings=[{"child": TWIN}])
    joined = await desk.case(again["children"][1]["case_id"])
    assert joined["restricted"] is True
    assert (await desk.get(f"/cases/{joined['case_id']}", HEALTH)).status_code == 404


async def test_a_report_that_makes_a_case_restricted_does_so_at_once(desk: Desk) -> None:
    first = await desk.report()
    await desk.report(attach_to_case=first["case_id"], concerns=["H2"])
    assert (await desk.get(f"/cases/{first['case_id']}", DIRECTOR)).status_code == 404
