"""Reports and findings in, announced levels out."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.testing import Running, running
from contracts.assistance import CaseClosed, VisitRecorded
from contracts.dispatch import ReferralIssued, ResponseRevised, ReturnDecided
from contracts.intake import ReportReceived
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import ChildIntake
from services.risk_scoring.service import SERVICE
from services.risk_scoring.store.tables import Table
from tests.integration.risk_scoring import story
from tests.integration.risk_scoring.story import CASE, KEY, NOW, child, happen, id_of, report, risk

pytestmark = pytest.mark.integration

SAMPLES = yaml.safe_load((Path(__file__).parents[2] / "samples" / "cases.yaml").read_text(encoding="utf-8"))["cases"]


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=NOW + timedelta(minutes=3)) as service:
        yield service


async def test_a_golden_report_is_announced_with_its_score_level_rules_and_reasons(app: Running) -> None:
    sample = next(case for case in SAMPLES if case["id"] == "YX-01")
    said = ChildIntake(
        child_id=id_of("first"),
        case_id=CASE,
        case_number="YX-01",
        concerns=tuple(sample["concerns"]),
        facts=sample["facts"],
        answers=sample["answers"],
    )
    received = datetime.fromisoformat(sample["received_at"])
    told: ReportReceived = report("report 1", said, mandated=True, at=received)
    await happen(app, told)

    [event] = await app.published(RiskAssessed)
    expected = sample["expected"]
    assert (event.cause, event.report_level, event.computed_level) == ("report", expected["report_level"], "red")
    assert event.report == told.report
    assert event.effective_at == received
    assert event.mandated
    assert (event.response_no, event.policy_version, event.instrument) == (1, "2026-11", "risk-v1")
    [one] = event.children
    assert {name: getattr(one, name) for name in ("score", "score_known", "score_upper", "completeness", "band")} == {
        name: expected[name] for name in ("score", "score_known", "score_upper", "completeness", "band")
    }
    assert list(one.fired) == expected["fired"]
    assert sum(reason.points or 0 for reason in one.reasons) == one.score_known
    assert {reason.code for reason in one.reasons if reason.kind == "override"} == {"R1", "R9"}


async def test_reports_of_many_cases_in_one_poll_are_each_scored_once(app: Running) -> None:
    for n in range(30):
        data = report(f"report {n}")
        await app.publish(data.model_copy(update={"case_id": id_of(f"many {n}")}), str(id_of(f"many {n}")))
    await app.settle()
    events = await app.published(RiskAssessed)
    assert {event.case_id for event in events} == {id_of(f"many {n}") for n in range(30)}
    assert len(events) == 30


async def test_the_same_report_delivered_twice_is_announced_once(app: Running) -> None:
    event = await app.publish(report(), KEY)
    await app.settle()
    await app.deliver(event)
    await app.settle()
    assert len(await app.published(RiskAssessed)) == 1


async def test_siblings_are_scored_together_and_the_highest_sets_the_level_of_the_case(app: Running) -> None:
    await happen(app, report("report 1", child(), child("second", facts={"confined": True}, concerns=["H8"])))
    [event] = await app.published(RiskAssessed)
    by_child = {one.child_id: one for one in event.children}
    assert event.report_level == "red"
    assert by_child[id_of("second")].level == "red"
    assert by_child[id_of("first")].level == "orange"
    assert by_child[id_of("first")].fired == ("O7",)


async def test_an_attached_report_is_merged_and_raises_the_level(app: Running) -> None:
    later = NOW + timedelta(hours=5)
    await happen(app, report("report 1", child(answers={"C1": "unknown"}, concerns=["N3"])))
    second = child(concerns=["H1"], facts={"visible_injury": True, "abuser_co_resident": True}, answers={"C1": "weak"})
    await happen(app, report("report 2", second, disposition="attached_to_open_case", at=later))
    first, event = await app.published(RiskAssessed)
    assert (first.report_level, event.report_level) == ("yellow", "orange")
    assert event.report.report_id == id_of("report 2")
    assert event.effective_at == later
    [one] = event.children
    assert set(one.concerns) == {"N3", "H1"}
    assert one.answers["C1"] == "weak"
    assert one.facts["prior_reports_12m"] == 1


async def test_an_attached_report_never_lowers_the_level_in_force(app: Running) -> None:
    await happen(app, report("report 1", child(facts={"violence_in_progress": True})))
    calm = child(facts={"violence_in_progress": False})
    await happen(app, report("report 2", calm, disposition="attached_to_open_case"))
    _, event = await app.published(RiskAssessed)
    assert (event.report_level, event.computed_level) == ("red", "blue")
    assert event.children[0].level == "red"


async def test_a_new_sibling_in_an_attached_report_joins_the_case(app: Running) -> None:
    await happen(app, report())
    await happen(app, report("report 2", child("second"), disposition="attached_to_open_case"))
    _, event = await app.published(RiskAssessed)
    assert [one.child_id for one in event.children] == [id_of("first"), id_of("second")]


async def test_a_mandated_report_keeps_its_floor_when_others_report_later(app: Running) -> None:
    await happen(app, report("report 1", child(concerns=["H11"]), mandated=True))
    await happen(app, report("report 2", child(concerns=["H11"]), disposition="attached_to_open_case"))
    _, event = await app.published(RiskAssessed)
    assert "Y3" in event.children[0].fired
    assert event.mandated


async def test_a_written_assessment_can_raise_the_level_at_once(app: Running) -> None:
    await happen(app, report(), story.response(level="blue"))
    await happen(app, story.findings(facts={"confined": True}))
    _, event = await app.published(RiskAssessed)
    assert (event.cause, event.report_level, event.report) == ("assessment", "red", None)
    assert event.effective_at == NOW + timedelta(hours=1)
    assert event.assessed_by == story.WORKER


async def test_a_written_assessment_reports_a_lower_result_without_lowering(app: Running) -> None:
    await happen(app, report("report 1", child(facts={"confined": True}, concerns=["H8"])), story.response())
    await happen(app, story.findings(facts={"confined": False}))
    _, event = await app.published(RiskAssessed)
    assert (event.report_level, event.computed_level) == ("red", "blue")
    assert (await risk(app))["level"]["code"] == "red"


async def test_a_reopened_case_starts_anew(app: Running) -> None:
    await happen(app, report("report 1", child(facts={"confined": True}, concerns=["H8"])))
    await happen(
        app, report("report 2", child(facts={"days_since_closure": 30}), disposition="case_reopened", response_no=2)
    )
    _, event = await app.published(RiskAssessed)
    assert event.response_no == 2
    assert event.report_level == "yellow"
    assert event.children[0].fired == ("O6",)
    assert event.children[0].concerns == ()


def _closed(response_no: int) -> CaseClosed:
    return CaseClosed(
        case_id=CASE,
        case_number="YX-first",
        township="YX",
        closure_id=id_of("closure"),
        reason="GOAL_MET",
        highest_level="blue",
        proposed_by=story.WORKER,
        decided_by=(story.WORKER,),
        at=NOW + timedelta(days=20),
        response_no=response_no,
    )


async def test_a_closure_that_arrives_after_the_reopening_leaves_the_new_round_open(app: Running) -> None:
    await happen(app, report(), story.response())
    await happen(app, report("report 2", disposition="case_reopened", response_no=2))
    await happen(app, _closed(response_no=1))
    assert (await risk(app))["state"] == "open"
    await happen(app, _closed(response_no=2))
    assert (await risk(app))["state"] == "closed"


async def test_a_report_that_was_attached_while_the_case_closed_opens_it_again(app: Running) -> None:
    await happen(app, report(), story.response(), _closed(response_no=1))
    await happen(app, report("report 2", disposition="attached_to_open_case"))
    assert (await risk(app))["state"] == "open"
    assert len(await app.published(RiskAssessed)) == 2


async def test_a_child_nobody_saw_by_the_first_s5_deadline_is_one_level_higher(app: Running) -> None:
    await happen(app, report(), story.response(level="blue"), story.arrival(child_seen=False))
    await happen(app, story.breach("S5a"), story.breach("S5b", "second deadline"))
    first, event = await app.published(RiskAssessed)
    assert (first.report_level, event.report_level) == ("blue", "yellow")
    assert event.children[0].fired == ("O8",)
    assert event.assessed_by.kind == "system"


async def test_a_child_that_was_seen_is_not_raised_by_a_later_tier_being_late(app: Running) -> None:
    await happen(app, report(), story.response(level="blue"), story.arrival(), story.breach("S5b"))
    assert len(await app.published(RiskAssessed)) == 1


async def test_every_assessment_is_kept_with_inputs_points_reasons_and_labels(app: Running) -> None:
    await happen(app, report("report 1", child(concerns=["H8"], facts={"confined": True})), story.response())
    await happen(app, story.findings(facts={"confined": False}))
    url = f"/api/v1/assessments?case_id={CASE}&limit=1"
    newest = (await app.client.get(url, headers=app.as_(**story.POLICE))).json()
    [shown] = newest["items"]
    assert shown["cause"] == {"code": "assessment", "zh": "评估更新", "en": "an assessment"}
    older = await app.client.get(f"{url}&cursor={newest['next_cursor']}", headers=app.as_(**story.POLICE))
    [first] = older.json()["items"]
    assert older.json()["next_cursor"] is None
    [one] = first["children"]
    assert one["answers"]["A1"] == "none"
    assert one["facts"]["confined"] is True
    rule = next(reason for reason in one["reasons"] if reason["kind"] == "override")
    assert rule["because"] == ["fact:confined"]
    assert rule["text"]["zh"].startswith("捆绑")
    same = await app.client.get(f"/api/v1/assessments/{first['assessment_id']}", headers=app.as_(**story.POLICE))
    assert same.json() == first


READERS = [
    (story.POLICE, 200, True),
    (story.CIVIL_AFFAIRS, 200, True),
    (story.VILLAGE, 200, True),
    (story.LEAGUE, 200, False),
    ({**story.VILLAGE, "villages": ["V02"]}, 404, False),
    ({**story.VILLAGE, "posts": ["grid_member"], "groups": ["V01-G2"]}, 200, False),
    ({"sub": "fi-1", "dept": "finance"}, 404, False),
    ({**story.CIVIL_AFFAIRS, "township": "ZZ"}, 404, False),
    (story.DESK, 200, True),
    ({**story.DESK, "sub": "op-2"}, 200, False),
    ({"sub": "nobody"}, 403, False),
]


@pytest.mark.parametrize(("who", "status", "inputs"), READERS)
async def test_readers_see_what_their_part_in_the_case_allows(
    app: Running, who: dict[str, Any], status: int, inputs: bool
) -> None:
    await happen(app, report("report 1", child(concerns=["N5"])), story.response())
    answer = await app.client.get(f"/api/v1/assessments?case_id={CASE}", headers=app.as_(**who))
    assert answer.status_code == status
    if status == 200:
        [one] = answer.json()["items"][0]["children"]
        assert (one["facts"] is not None, one["answers"] is not None, one["reasons"] is not None) == (inputs,) * 3
        assert one["concerns"][0]["code"] == "N5"


async def test_the_village_does_not_see_a_restricted_case_nor_the_conflicted_unit_its_own(app: Running) -> None:
    hidden = child(concerns=["H2"], facts={"conflict_unit": "school"})
    await happen(app, report("report 1", hidden), story.response(restricted=True, conflict_unit="school"))
    school = {"sub": "sc-1", "dept": "school", "org": "SC1"}
    for who, status in ((story.VILLAGE, 404), (school, 404), (story.POLICE, 200)):
        answer = await app.client.get(f"/api/v1/assessments/cases/{CASE}", headers=app.as_(**who))
        assert answer.status_code == status


async def test_a_department_that_returned_its_task_loses_sight_of_the_case(app: Running) -> None:
    await happen(app, report(), story.response())
    moved = ReturnDecided(
        **story._act(referral_id=id_of("police"), department="police", organisation="PS"),
        upheld=True,
        issued=ReferralIssued(referral_id=id_of("justice"), department="justice", organisation="JU", role="lead"),
    )
    await happen(app, moved)
    for who, status in ((story.POLICE, 404), ({"sub": "ju-1", "dept": "justice"}, 200)):
        answer = await app.client.get(f"/api/v1/assessments/cases/{CASE}", headers=app.as_(**who))
        assert answer.status_code == status


async def test_a_revision_adds_departments_that_may_read(app: Running) -> None:
    await happen(app, report(), story.response())
    await happen(
        app,
        ResponseRevised(
            case_id=CASE,
            case_number="YX-first",
            response_id=id_of("response"),
            township="YX",
            cause="assessment",
            level_before="blue",
            level="yellow",
            restricted=False,
            concerns=(),
            case_lead="police",
            coordinator="civil_affairs",
            referrals=(
                ReferralIssued(referral_id=id_of("fin"), department="finance", organisation="FI", role="assist"),
            ),
            revised_at=NOW,
            policy_version="2026-11",
        ),
    )
    answer = await app.client.get(f"/api/v1/assessments/cases/{CASE}", headers=app.as_(sub="fi-1", dept="finance"))
    assert answer.status_code == 200


async def test_a_preview_scores_what_is_typed_and_stores_nothing(app: Running) -> None:
    body = {"children": [{"concerns": ["H8"], "facts": {"age": 11}, "answers": {}}], "reporter": {"kind": "teacher"}}
    answer = await app.client.post("/api/v1/assessments/preview", json=body, headers=app.as_(**story.DESK))
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["report_level"]["code"] == "red"
    assert shown["mandated"] is True
    assert {rule["code"] for rule in shown["children"][0]["fired"]} == {"R8", "Y1", "Y3"}
    assert await app.published() == []


async def test_a_preview_with_codes_nobody_defined_names_the_field(app: Running) -> None:
    body = {"children": [{"answers": {"A1": "terrible"}}, {"facts": {"shoe_size": 3}}], "reporter": {"kind": "ghost"}}
    answer = await app.client.post("/api/v1/assessments/preview", json=body, headers=app.as_(**story.DESK))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "#/children/0/answers/A1",
        "#/children/1/facts/shoe_size",
        "#/reporter/kind",
    ]


async def test_a_remote_visit_is_no_sighting(app: Running) -> None:
    await happen(app, report(), story.response())
    visit = VisitRecorded(
        case_id=CASE,
        visit_id=id_of("visit"),
        post="grid_head",
        visited_at=NOW + timedelta(days=1),
        child_seen=True,
        in_person=False,
        satisfactory=True,
        by=story.WORKER,
    )
    await happen(app, visit)
    assert (await risk(app))["child_seen_at"] is None
    await happen(app, visit.model_copy(update={"in_person": True}))
    assert datetime.fromisoformat((await risk(app))["child_seen_at"]) == NOW + timedelta(days=1)


async def test_the_migrations_build_the_declared_tables(app: Running) -> None:
    async with app.database.reading() as db:
        rows = await db.fetch(
            "SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns "
            "WHERE table_schema = 'public'"
        )
    built = {(row["table_name"], row["column_name"], row["nullable"]) for row in rows}
    for table in Table.metadata.tables.values():
        declared = {(table.name, column.name, bool(column.nullable)) for column in table.columns}
        assert declared == {entry for entry in built if entry[0] == table.name}
