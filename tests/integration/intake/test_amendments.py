"""Amending a report after its dispatch: the desk sends early and finishes later, and everybody open to it hears."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Running
from contracts.intake import ReportAmended
from contracts.policy import load_policy
from tests.integration.intake.story import (
    CIVIL,
    COLLEAGUE,
    DIRECTOR,
    HEALTH,
    NEIGHBOUR,
    OPERATOR,
    POLICE,
    SCHOOL,
    Desk,
)

POLICY = load_policy("2026-11")


async def amended(desk: Desk, report: dict[str, Any], **body: Any) -> dict[str, Any]:
    """An amendment that is accepted; its answer."""
    answer = await desk.post(f"/reports/{report['report_id']}/amendments", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_what_became_known_later_is_announced_in_codes_and_kept_in_the_vault(app: Running, desk: Desk) -> None:
    report = await desk.report()
    await desk.dispatch(report, civil_affairs="lead", police="assist")
    words = "刚才又听见打骂，继父喝了酒"
    child = {
        "concerns": ["H1", "H5"],
        "facts": {"visible_injury": True, "guardian_suspected_harmer": False},
        "answers": {"A1": "severe", "A2": "weeks"},
        "child": {"phone": "00011122233"},
    }
    safe_until = await app.database.now() + timedelta(hours=2)
    answer = await amended(
        desk,
        report,
        children=[child],
        narrative=words,
        safe_until=safe_until.isoformat(),
        reporter={"phone": "00099988877"},
    )
    [event] = await app.published(ReportAmended)
    assert event.aspects == ("facts", "answers", "concerns", "safe_until", "narrative", "reporter", "particulars")
    [changed] = event.children
    assert (changed.concerns, changed.answers) == (("H1",), {"A1": "severe"})
    assert changed.facts == {"visible_injury": True, "safe_until": safe_until.isoformat()}
    assert (event.safe_until, event.place, str(event.note_id)) == (safe_until, None, answer["note_id"])
    assert (event.by.account, event.response_no) == ("op-1", 1)
    outside_the_vault = str(await app.published())
    assert not any(secret in outside_the_vault for secret in (words, "00011122233", "00099988877"))

    file = await desk.case(report["case_id"])
    assert [item["aspects"] for item in file["amendments"]] == [list(event.aspects)]
    assert (await desk.file(report["case_id"], CIVIL, "phone"))["phone"]["value"] == "00011122233"
    note = await desk.get(f"/cases/{report['case_id']}/notes/{answer['note_id']}", POLICE, purpose="task")
    assert note.json()["text"] == words
    story = (await desk.get(f"/cases/{report['case_id']}/timeline", POLICE)).json()["items"]
    [told] = [item for item in story if item["type"] == "report.amended.v1"]
    assert (told["actor"]["account"], told["codes"]["aspects"]) == ("op-1", list(event.aspects))
    assert "children" not in told["codes"]


async def test_only_what_changed_since_the_last_amendment_is_said_again(app: Running, desk: Desk) -> None:
    report = await desk.report()
    await amended(desk, report, children=[{"facts": {"visible_injury": True}}])
    same = await desk.post(
        f"/reports/{report['report_id']}/amendments", {"children": [{"facts": {"visible_injury": True}}]}
    )
    assert [error["code"] for error in same.json()["errors"]] == ["nothing_new"]
    await amended(desk, report, children=[{"facts": {"visible_injury": True, "serious_injury": True}}])
    assert [event.children[0].facts for event in await app.published(ReportAmended)] == [
        {"visible_injury": True},
        {"serious_injury": True},
    ]
    listed = (await desk.get(f"/reports/{report['report_id']}/amendments", CIVIL)).json()["items"]
    assert [item["aspects"] for item in listed] == [["facts"], ["facts"]]


async def test_each_child_of_a_report_is_amended_by_its_own_case(app: Running, desk: Desk) -> None:
    report = await desk.report(siblings=[{"child": {"name": "彭小妹"}, "concerns": ["N1"]}])
    sister = report["children"][1]
    await amended(desk, report, children=[{"case": sister["case_number"], "concerns": ["H4"]}])
    await amended(desk, report, place={"village": "V01", "group": 2})
    first, second = await app.published(ReportAmended)
    assert [(str(child.case_id), child.concerns) for child in first.children] == [(sister["case_id"], ("H4",))]
    assert (second.aspects, second.children, second.place.village) == (("place",), (), "V01")
    assert (await desk.case(sister["case_id"]))["village"] == "V01"


async def test_who_sees_the_case_follows_the_amendment_at_once(desk: Desk) -> None:
    report = await desk.report()
    await desk.dispatch(report, civil_affairs="lead", health="assist", village_committee="assist")
    path = f"/cases/{report['case_id']}"
    assert [(await desk.get(path, who)).status_code for who in (DIRECTOR, NEIGHBOUR, HEALTH)] == [200, 404, 200]
    await amended(desk, report, place={"village": "V01"})
    assert [(await desk.get(path, who)).status_code for who in (DIRECTOR, NEIGHBOUR)] == [404, 200]
    await amended(desk, report, children=[{"concerns": ["H2"], "facts": {"conflict_unit": "health"}}], narrative="保密")
    assert [(await desk.get(path, who)).status_code for who in (DIRECTOR, NEIGHBOUR, HEALTH)] == [404, 404, 404]


WRONG = [
    ({}, "#", "nothing_new"),
    ({"children": [{"case": "YX-2026-999999"}]}, "#/children/0/case", "not_in_report"),
    ({"children": [{"facts": {"nonsense": True}}]}, "#/children/0/facts/nonsense", "unknown_fact"),
    ({"children": [{"concerns": ["Z9"]}]}, "#/children/0/concerns", "unknown_concern"),
    ({"children": [{"answers": {"A1": "mild-ish"}}]}, "#/children/0/answers/A1", "unknown_option"),
    ({"children": [{"facts": {"age": 7}}, {"facts": {"age": 7}}]}, "#/children/1", "named_twice"),
    ({"place": {"village": "V99"}}, "#/place/village", "unknown_village"),
]


async def test_what_is_wrong_with_an_amendment_is_named_field_by_field(app: Running, desk: Desk) -> None:
    report = await desk.report()
    for body, pointer, code in WRONG:
        answer = await desk.post(f"/reports/{report['report_id']}/amendments", body)
        assert answer.status_code == 422, body
        assert (pointer, code) in {(error["pointer"], error["code"]) for error in answer.json()["errors"]}, body
    anonymous = await desk.report(reporter={"kind": "unknown", "anonymous": True}, child={}, concerns=["N1"])
    named = await desk.post(f"/reports/{anonymous['report_id']}/amendments", {"reporter": {"name": "某人"}})
    assert [error["code"] for error in named.json()["errors"]] == ["anonymous_with_name"]
    assert await app.published(ReportAmended) == []


async def test_only_those_with_a_task_amend_and_only_an_open_case(app: Running, desk: Desk) -> None:
    report = await desk.report(concerns=["H3"])
    await desk.dispatch(report, police="lead", health="inform")
    path, body = f"/reports/{report['report_id']}/amendments", {"narrative": "补充"}
    found = [(await desk.post(path, body, who)).status_code for who in (COLLEAGUE, SCHOOL, HEALTH, POLICE, OPERATOR)]
    assert found == [404, 404, 403, 201, 201]
    consultation = await desk.report(concerns=[], facts={"pure_consultation": True}, answers={}, child={})
    refused = await desk.post(f"/reports/{consultation['report_id']}/amendments", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_case")
    await desk.close(report, await app.database.now() + timedelta(hours=1))
    closed = await desk.post(path, body, POLICE)
    assert (closed.status_code, closed.json()["current_state"]) == (409, "closed")


async def test_an_amendment_is_made_once_and_heeds_the_version_it_was_decided_on(app: Running, desk: Desk) -> None:
    report = await desk.report()
    path, body = f"/reports/{report['report_id']}/amendments", {"narrative": "补充"}
    version = (await desk.case(report["case_id"]))["version"]
    assert (await desk.post(path, body, version=version - 1)).status_code == 412
    made = await desk.post(path, body, key="k-1", version=version)
    again = await desk.post(path, body, key="k-1", version=version)
    assert (made.status_code, made.json()) == (again.status_code, again.json())
    assert made.headers["etag"] == f'"v{(await desk.case(report["case_id"]))["version"]}"'
    assert len(await app.published(ReportAmended)) == 1


async def test_a_birth_date_that_comes_later_sets_the_age_anew(app: Running, desk: Desk) -> None:
    report = await desk.report(child={}, facts={"age": 9, "age_estimated": True})
    born = (await app.database.now()).date().replace(year=(await app.database.now()).year - 12, month=1, day=1)
    await amended(desk, report, children=[{"child": {"birth_date": born.isoformat()}}])
    [event] = await app.published(ReportAmended)
    assert event.children[0].facts == {"age": 12}


@pytest.mark.parametrize("later", [False, True])
async def test_a_known_hand_over_time_reaches_the_rules_of_the_response(
    app: Running, desk: Desk, *, later: bool
) -> None:
    until = (await app.database.now() + timedelta(hours=3)).replace(microsecond=0)
    facts = {"guardian_suspected_harmer": False}
    report = await desk.report(facts=facts if later else facts | {"safe_until": until.isoformat()})
    said = (await desk.announced(report["report_id"])).children[0]
    if later:
        await amended(desk, report, safe_until=until.isoformat())
        [event] = await app.published(ReportAmended)
        said = said.model_copy(update={"facts": said.facts | event.children[0].facts})
    circumstances = POLICY.circumstances(concerns=said.concerns, facts=said.facts, answers=said.answers)
    assert circumstances.safe_until == until
    assert isinstance(said.facts["safe_until"], str)
    assert datetime.fromisoformat(said.facts["safe_until"]) == until
